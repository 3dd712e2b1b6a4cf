"""What a policy admits by GitHub's customised subjects: any organization may choose the same claims for its own.

So whom such a subject leaves out is told by the claims that it names: owner and repository by name or id keep strangers
out, a workflow, an environment or an actor do not.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Final

from pytest_substrate.policy.asked import FRESH, FRESH_ID, Asked, filled
from pytest_substrate.policy.claim_pairs import OWNER, THING, Pairs, Values, pairs_of

_PULL_REQUEST: Final = {"ref": "refs/pull/7/merge", "event_name": "pull_request", "ref_type": "branch"}


def too_wide(asked: Asked) -> Iterator[str]:
    """Codes of what a statement admits by its customised subjects, the widest of owner and repository alone."""
    own = f"{asked.issuer.url.lower()}:{asked.provider.subject}"
    named = [value for one in asked.statement.conditions if one.key.lower() == own for value in one.values]
    every = [pairs for value in dict.fromkeys(named) if (pairs := pairs_of(value)) is not None]
    strangers, things = asked.provider.strangers, asked.provider.things
    for pairs in every:
        if any(asked.admits_subject(one, strangers) for one in _subjects(pairs, _stranger(pairs))):
            yield "subject-unbound"
            continue
        similar = _similar(pairs)
        if similar and any(asked.admits_subject(one, strangers) for one in _subjects(pairs, similar)):
            yield "subject-unbound"
        if any(asked.admits_subject(one, things) for one in _subjects(pairs, _neighbour(pairs))):
            yield "owner-wide"
        elif all(any(map(asked.admits_subject, _subjects(pairs, context))) for context in _contexts()):
            yield "repository-wide"
    for pairs in every:
        values = dict(pairs)
        if set(values) & {"environment", "context"}:
            continue  # a job with an environment is not known by its event
        if any(map(asked.admits_subject, _subjects(pairs, _PULL_REQUEST))):
            yield "pull-request-admitted"


def _subjects(pairs: Pairs, changed: Values) -> Iterator[str]:
    """Subjects of these keys with some values changed; where a pattern leaves keys open, with several there."""
    ref = changed.get("ref", f"refs/heads/{FRESH}")
    tails = ("", f":ref:{ref}", f":repository:{FRESH}/{FRESH}:ref:{ref}", f":environment:{FRESH}")
    is_open = any(value.endswith("*") for _, value in pairs)
    for tail in tails if is_open else ("",):
        texts = []
        for key, value in pairs:
            told = changed.get(key)
            text = told if told is not None else filled(value.removesuffix(":*"), FRESH, FRESH)
            texts.append(f"{key}:{text}{tail if value.endswith('*') else ''}")
        yield ":".join(texts)


def _stranger(pairs: Pairs) -> dict[str, str]:
    """Nothing of the named owner or repository."""
    return {key: _fresh(key) for key, _ in pairs if key in OWNER | THING}


def _fresh(key: str) -> str:
    if key.endswith("_id"):
        return FRESH_ID
    return f"{FRESH}/{FRESH}" if key in THING else FRESH


def _similar(pairs: Pairs) -> dict[str, str]:
    """An owner whose name or id begins as the named one's."""
    found = {}
    for key, value in pairs:
        name = filled(value.removesuffix(":*"), FRESH)
        if key in OWNER:
            found[key] = f"{name}9" if key.endswith("_id") else f"{name}{FRESH}"
        elif key in THING and not key.endswith("_id"):
            owner, _, thing = name.partition("/")
            found[key] = f"{owner}{FRESH}/{thing or FRESH}"
    return found


def _neighbour(pairs: Pairs) -> dict[str, str]:
    """Another repository of the named owner."""
    found = {}
    for key, value in pairs:
        if key in THING:
            owner = filled(value.removesuffix(":*"), FRESH).partition("/")[0]
            found[key] = FRESH_ID if key.endswith("_id") else f"{owner}/{FRESH}"
    return found


def _contexts() -> Sequence[Values]:
    """Another branch, another tag and another environment."""
    branch = {"ref": f"refs/heads/{FRESH}", "ref_type": "branch", "environment": FRESH}
    return tuple(dict(itertools.chain(branch.items(), more.items())) for more in ({}, _TAG))


_TAG: Final = {"ref": f"refs/tags/{FRESH}", "ref_type": "tag"}
