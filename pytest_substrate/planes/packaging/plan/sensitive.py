"""The rule for every other resource: a sensitive attribute whose value would change. Pure.

A mark alone is no change: `before_sensitive` and `after_sensitive` mark each sensitive attribute, changed or not. A
write-only value never appears; the number beside it (`…_wo_version`) does, and tells that it would be written anew.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from pytest_substrate.planes.packaging.plan.change import Action, Change
from pytest_substrate.planes.packaging.plan.finding import KEEP, MOVED, OVERWRITTEN, Finding, goes, verb
from pytest_substrate.planes.packaging.plan.values import (
    LABELS,
    any_true,
    is_nothing,
    marked,
    overwritten,
    same,
    unknown_where_marked,
)

if TYPE_CHECKING:
    from pytest_substrate.planes.packaging.plan.surroundings import Surroundings

_WRITE_ONLY: Final = "_wo_version"
_MANAGED: Final = ("manage_master_user_password", "manage_master_password")
"""Where RDS and Redshift take a password over, and give it a new value."""

_IN_STATE_ALONE: Final = ("random_", "tls_", "time_", "null_", "terraform_data")
"""Types that live in the state and nowhere else: what is deleted there is forgotten, and harms nothing."""


def any_resource(change: Change, _: Surroundings) -> Finding | None:
    """The rule."""
    return sensitive_change(change)


def sensitive_change(change: Change, *, aside: frozenset[str] = frozenset()) -> Finding | None:
    """A sensitive value that would change, in attributes other than those `aside`."""
    if change.action is Action.CREATE:
        return None
    if change.action is Action.DELETE:
        return _deleted(change)
    attributes = tuple(name for name in _rewritten(change) if name not in aside)
    if not attributes:
        return None
    return Finding(
        cause=OVERWRITTEN,
        what=f"{verb(change)} it with another sensitive value",
        mend=KEEP.format(", ".join(attributes)),
        attributes=attributes,
    )


def changed_sensitive(change: Change) -> Iterator[str]:
    """The attributes whose sensitive part has another value afterwards, or one that is unknown."""
    for name in _marked_names(change):
        before, after = change.before.get(name), change.after.get(name)
        mark_before, mark_after = _of(change.before_sensitive, name), _of(change.after_sensitive, name)
        unknown = _of(change.unknown, name)
        views = ((mark_before, mark_after), (mark_before, mark_before), (mark_after, mark_after))
        differ = [not same(marked(before, one), marked(after, other)) for one, other in views]
        moved = differ[0] and any(overwritten(before, after, marks) for marks in (mark_before, mark_after))
        told = not same(before, after) and (all(differ) or moved)
        if told or any(unknown_where_marked(unknown, mark) for mark in (mark_before, mark_after)):
            yield name


def _rewritten(change: Change) -> Iterator[str]:
    yield from changed_sensitive(change)
    for name in sorted({*change.before, *change.after}):
        if name.endswith(_WRITE_ONLY):
            given = not is_nothing(change.before.get(name)) or not is_nothing(change.after.get(name))
            if change.changes(name) or (given and change.action is Action.REPLACE):
                yield name
        elif name in _MANAGED and change.changes(name) and not _is_off(change, name):
            yield name


def _is_off(change: Change, name: str) -> bool:
    return change.before.get(name) in (None, False) and change.after.get(name) in (None, False)


def _deleted(change: Change) -> Finding | None:
    if change.type.startswith(_IN_STATE_ALONE):
        return None
    attributes = tuple(
        name
        for name in _marked_names(change)
        if not is_nothing(marked(change.before.get(name), _of(change.before_sensitive, name)))
    )
    if not attributes or not goes(change):
        return None
    return Finding(cause=OVERWRITTEN, what="deletes what holds a sensitive value", mend=MOVED, attributes=attributes)


def _marked_names(change: Change) -> list[str]:
    names = {*change.before, *change.after, *(change.unknown if isinstance(change.unknown, Mapping) else ())}
    return [
        name
        for name in sorted(names - LABELS)
        if any_true(_of(change.before_sensitive, name)) or any_true(_of(change.after_sensitive, name))
    ]


def _of(marks: Any, name: str) -> Any:
    """The marks of one attribute; one mark may stand for all of them."""
    return marks.get(name) if isinstance(marks, Mapping) else marks
