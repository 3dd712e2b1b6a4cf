"""How values of a plan compare. None of them is ever shown.

Terraform and OpenTofu write `false`, `{}` and `[false]` where nothing is unknown or sensitive: only a `true` leaf
counts.
Providers tell null, "", [] and {} apart without meaning it, so these are one and the same: nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

LABELS: Final = frozenset({"tags", "tags_all"})
"""Attributes that never hold a credential, whatever their values."""


def any_true(marks: Any) -> bool:
    """Whether a tree of marks has a `true` leaf."""
    if isinstance(marks, Mapping):
        return any(any_true(mark) for mark in marks.values())
    if isinstance(marks, list):
        return any(any_true(mark) for mark in marks)
    return marks is True


def is_nothing(value: Any) -> bool:
    """Null, an empty text or an empty collection."""
    return value is None or value in ("", [], {})


def same(one: Any, other: Any) -> bool:
    """Whether two values are equal; empty ones are, and `true` is not 1."""
    if is_nothing(one) or is_nothing(other):
        return is_nothing(one) and is_nothing(other)
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return all(same(one.get(key), other.get(key)) for key in {*one, *other})
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


def same_members(one: Any, other: Any) -> bool:
    """As `same`, for sets: in any order."""
    if isinstance(one, list) and isinstance(other, list):
        return same(sorted(one, key=canonical), sorted(other, key=canonical))
    return same(one, other)


def same_document(one: Any, other: Any) -> bool:
    """Whether two texts hold the same policy: JSON in any order and spacing, one item as good as a list of it."""
    if same(one, other):
        return True
    return same(_policy(one), _policy(other))


def canonical(value: Any) -> str:
    """A text that is equal for equal values."""
    return json.dumps(value, sort_keys=True)


def marked(value: Any, marks: Any) -> Any:
    """The part of a value that the marks call sensitive, None where they call nothing so.

    Items of a list that hold nothing sensitive are left out: a block that comes or goes beside them is no change.
    """
    if marks is True:
        return value
    if isinstance(marks, Mapping) and isinstance(value, Mapping):
        parts = {key: marked(value.get(key), mark) for key, mark in marks.items()}
        return {key: part for key, part in parts.items() if not is_nothing(part)} or None
    if isinstance(marks, list) and isinstance(value, list):
        items = [marked(item, mark) for item, mark in zip(value, marks, strict=False)]
        return [item for item in items if not is_nothing(item)] or None
    return None


def overwritten(before: Any, after: Any, marks: Any) -> bool:
    """Whether another value takes the place of one, where the marks of one side call it sensitive.

    A mark comes or goes with where a value comes from (a variable, a literal), so that it may stand on one side alone.
    Blocks of a list are compared where none came or went.
    """
    if marks is True:
        return not is_nothing(before) and not is_nothing(after) and not same(before, after)
    if isinstance(marks, Mapping) and isinstance(before, Mapping) and isinstance(after, Mapping):
        return any(overwritten(before.get(key), after.get(key), mark) for key, mark in marks.items())
    if isinstance(marks, list) and isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        return any(map(overwritten, before, after, marks))
    return False


def unknown_where_marked(unknown: Any, marks: Any) -> bool:
    """Whether something that is marked as sensitive is unknown until apply."""
    if unknown is True:
        return any_true(marks)
    if marks is True:
        return any_true(unknown)
    if isinstance(unknown, Mapping) and isinstance(marks, Mapping):
        return any(unknown_where_marked(unknown.get(key), mark) for key, mark in marks.items())
    if isinstance(unknown, list) and isinstance(marks, list):
        return any(map(unknown_where_marked, unknown, marks))
    return False


def _policy(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return _plain(json.loads(value))
    except (ValueError, RecursionError):
        return value


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        items = sorted((_plain(item) for item in value), key=canonical)
        return items[0] if len(items) == 1 else items
    return value
