"""Since when a ledger has shown a fact as it is now."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path

from pytest_substrate.evidence.chain import Line, RunLine, Scope, read_chain


def read_known_since(path: Path, scope: Mapping[str, str], what: tuple[str, str, str]) -> datetime | None:
    """`known_since` of the ledger at `path`, for `what` (subject, `CHECK fact`, value); None where it can't be read, or
    its chain is broken: then nobody can tell which of its lines are true.
    """
    try:
        chain = read_chain(path.read_bytes())
    except OSError:
        return None
    if chain.broken is not None:
        return None
    subject, fact, value = what
    where = Scope.model_validate_json(json.dumps(dict(scope)))
    return known_since(chain.lines, where, subject=subject, fact=fact, value=value)


def known_since(
    lines: Iterable[tuple[int, Line]], scope: Scope, *, subject: str, fact: str, value: str
) -> datetime | None:
    """When the first run ended of those that, one after the other, saw this value of `CHECK fact`; None where the last
    one that looked saw another, or none has looked. A run that didn't look says nothing.
    """
    since: datetime | None = None
    for _, line in lines:
        if not isinstance(line, RunLine) or line.scope != scope:
            continue
        seen = line.facts.get(subject, {}).get(fact)
        if seen == value:
            since = since or line.at
        elif seen is not None:
            since = None
    return since
