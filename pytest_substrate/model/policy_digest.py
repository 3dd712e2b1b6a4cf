"""One digest over policy documents, so that a ledger sees that one of them is another. Pure.

The order of keys and the white space of a document mean nothing; its name counts.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable


def canonical(document: str) -> object:
    """A document without what means nothing in it; as it is, where it is no JSON."""
    try:
        return json.loads(document)
    except ValueError:
        return document


def digest_of(named: Iterable[tuple[str, object]]) -> str:
    """`sha256:…` over named documents in their canonical form, whatever their order."""
    text = json.dumps(sorted(named, key=lambda one: one[0]), sort_keys=True, separators=(",", ":"))
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"
