"""The rule for task definitions: another image, other secrets, another role. Pure.

A new revision with the same images and secrets is green, whatever its size, environment or order; so is one that is
taken away, as what runs goes on (a service that would run something else is red by itself). A new address of a family
that exists is a new revision of it; of a new family, nothing runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from pytest_substrate.planes.packaging.plan.change import Action, Change, Resource
from pytest_substrate.planes.packaging.plan.containers import containers, wording
from pytest_substrate.planes.packaging.plan.finding import (
    IMAGE,
    KEEP,
    OVERWRITTEN,
    READERS,
    SECRET,
    Finding,
    verb,
)
from pytest_substrate.planes.packaging.plan.names import revision_of
from pytest_substrate.planes.packaging.plan.sensitive import sensitive_change
from pytest_substrate.planes.packaging.plan.values import any_true, same

if TYPE_CHECKING:
    from pytest_substrate.planes.packaging.plan.surroundings import Surroundings

_TEXT: Final = "container_definitions"
_ROLES: Final = ("task_role_arn", "execution_role_arn")


def definition(change: Change, among: Surroundings) -> Finding | None:
    """`aws_ecs_task_definition`."""
    if change.action is Action.DELETE:
        return None
    if change.action is Action.CREATE:
        last = _last_of_family(change, among)
        return None if last is None else compared(last.values, change)
    return compared(change.before, change) or sensitive_change(change, aside=frozenset({_TEXT}))


def compared(now: Mapping[str, Any], change: Change) -> Finding | None:
    """What is wrong with the revision that a change makes, where `now` is the one that runs."""
    roles = tuple(name for name in _ROLES if change.is_unknown(name) or not same(now.get(name), change.after.get(name)))
    if change.is_unknown(_TEXT):
        return _finding(change, IMAGE, "images and secrets that are known only after apply", (_TEXT,))
    if not same(now.get(_TEXT), change.after.get(_TEXT)) and (found := _containers(now, change)) is not None:
        return found
    if roles:
        return _finding(change, READERS, "another role", roles)
    if _volume_secrets(now.get("volume")) != _volume_secrets(change.after.get("volume")):
        return _finding(change, SECRET, "another secret for a volume", ("volume",))
    return None


def _containers(now: Mapping[str, Any], change: Change) -> Finding | None:
    before, after = containers(now.get(_TEXT)), containers(change.after.get(_TEXT))
    if before is None or after is None:
        return _finding(change, IMAGE, "container definitions that can't be compared", (_TEXT,))
    if before.keys() != after.keys():
        return _finding(change, IMAGE, "other containers", (_TEXT,))
    if any(before[name].image != after[name].image for name in before):
        return _finding(change, IMAGE, "another image", (_TEXT,))
    if any(before[name].secrets != after[name].secrets for name in before):
        return _finding(change, SECRET, "other secrets", (_TEXT,))
    if _is_sensitive(change) and wording(now.get(_TEXT)) != wording(change.after.get(_TEXT)):
        return _finding(change, OVERWRITTEN, "another sensitive value", (_TEXT,))
    return None


def _is_sensitive(change: Change) -> bool:
    marks = (change.before_sensitive, change.after_sensitive)
    return any(any_true(mark.get(_TEXT)) if isinstance(mark, Mapping) else mark is True for mark in marks)


def _last_of_family(change: Change, among: Surroundings) -> Resource | None:
    """The newest revision of the family that exists under another address."""
    family = change.becomes("family")
    others = [
        other
        for other in among.of_type(change.type)
        if other.mode == "managed" and family is not None and other.values.get("family") == family
    ]
    return max(others, key=lambda other: (revision_of(other.text("arn")) or ("", 0))[1], default=None)


def _volume_secrets(volumes: Any) -> list[str]:
    """Every `credentials_parameter` in a tree of blocks."""
    if isinstance(volumes, Mapping):
        own = volumes.get("credentials_parameter")
        inner = [secret for value in volumes.values() for secret in _volume_secrets(value)]
        return sorted([*inner, own] if isinstance(own, str) and own else inner)
    if isinstance(volumes, list):
        return sorted(secret for item in volumes for secret in _volume_secrets(item))
    return []


def _finding(change: Change, cause: str, what: str, attributes: tuple[str, ...]) -> Finding:
    return Finding(
        cause=cause,
        what=f"{verb(change)} the task definition with {what}",
        mend=KEEP.format(", ".join(attributes)),
        attributes=attributes,
    )
