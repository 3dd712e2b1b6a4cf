"""The rules for services: what they would run, and whether they would be gone; and for image repositories. Pure.

Any new task definition makes its service's `task_definition` unknown. So an unknown one is as red as the definition
that the configuration refers to, and red where that can't be told.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from pytest_substrate.planes.packaging.plan.change import Action, Change
from pytest_substrate.planes.packaging.plan.configuration import Configuration, Target
from pytest_substrate.planes.packaging.plan.definitions import compared, definition
from pytest_substrate.planes.packaging.plan.finding import IMAGE, KEEP, MOVED, REMOVED, SECRET, Finding, goes, verb
from pytest_substrate.planes.packaging.plan.names import revision_of
from pytest_substrate.planes.packaging.plan.sensitive import sensitive_change

if TYPE_CHECKING:
    from pytest_substrate.planes.packaging.plan.surroundings import Surroundings

_POINTER: Final = "task_definition"
_DEFINITION: Final = "aws_ecs_task_definition"


def service(change: Change, among: Surroundings) -> Finding | None:
    """`aws_ecs_service`: gone, or with another definition."""
    if change.action is Action.CREATE:
        return None
    if goes(change):
        return Finding(cause=REMOVED, what=f"{verb(change)} a service", mend=MOVED)
    options = "service_connect_configuration"
    if change.changes(options) and _secret_options(change.before.get(options)) != _secret_options(
        change.after.get(options)
    ):
        return _repointed(change, SECRET, "other secrets of its log driver", options)
    return task_set(change, among)


def task_set(change: Change, among: Surroundings) -> Finding | None:
    """`aws_ecs_task_set`: with another definition; what a service shares with it."""
    if change.action not in (Action.UPDATE, Action.REPLACE):
        return None
    return _pointer(change, among) or sensitive_change(change)


def repository(change: Change, _: Surroundings) -> Finding | None:
    """`aws_ecr_repository`: gone, with the images in service."""
    if not goes(change):
        return sensitive_change(change)
    return Finding(cause=REMOVED, what=f"{verb(change)} an image repository with its images", mend=MOVED)


def _pointer(change: Change, among: Surroundings) -> Finding | None:
    if not change.changes(_POINTER):
        return None
    if change.is_unknown(_POINTER):
        return _unknown_pointer(change, among)
    was, becomes = change.before.get(_POINTER), change.after.get(_POINTER)
    if revision_of(was) is not None and revision_of(was) == revision_of(becomes):
        return None
    return _repointed(change, IMAGE, "another task definition", _POINTER)


def _unknown_pointer(change: Change, among: Surroundings) -> Finding | None:
    resolution = among.configuration.resolve(change.resource, _POINTER)
    targets = _definitions(resolution.targets, among)
    found, _ = among.referred(change.resource, _POINTER, _DEFINITION)
    found = [other for other in found if other.resource.mode == "managed"]
    found += among.admitted(targets)
    if not found:
        return _repointed(change, IMAGE, "a task definition that is known only after apply", _POINTER)
    for other in found:
        if other.deferred or other.action in (Action.OTHER, Action.DELETE, Action.FORGET):
            return _repointed(change, IMAGE, "a task definition that can't be told", _POINTER)
        pending = other.action in (Action.CREATE, Action.UPDATE, Action.REPLACE)
        found_there = definition(other, among) if pending else None
        if found_there is not None or not _follows(change, other, among):
            cause = IMAGE if found_there is None else found_there.cause
            return _repointed(change, cause, f"what {other.address} becomes", _POINTER)
    return None


def _follows(change: Change, other: Change, among: Surroundings) -> bool:
    """Whether the definition is the next revision of what the service runs, or holds the same images and secrets."""
    was = change.was(_POINTER)
    runs = revision_of(was)
    own = revision_of(other.was("arn"))
    if was is None or (runs is not None and runs == own) or (runs is None and was == other.was("family")):
        return True
    current = among.definition_of(was)
    return current is not None and compared(current.values, other) is None


def _definitions(targets: frozenset[Target], among: Surroundings) -> frozenset[Target]:
    """The definitions behind data sources of definitions."""
    found: set[Target] = set()
    configuration: Configuration = among.configuration
    for target in targets:
        if target.mode == "data" and target.type == _DEFINITION:
            for read in among.admitted([target]):
                found |= configuration.resolve(read.resource, _POINTER).targets
    return frozenset(target for target in found if target.mode == "managed" and target.type == _DEFINITION)


def _secret_options(value: Any) -> list[Any]:
    """Every `secret_option` in a tree of blocks."""
    if isinstance(value, Mapping):
        inner = [option for item in value.values() for option in _secret_options(item)]
        return [*inner, value["secret_option"]] if value.get("secret_option") else inner
    if isinstance(value, list):
        return [option for item in value for option in _secret_options(item)]
    return []


def _repointed(change: Change, cause: str, what: str, attribute: str) -> Finding:
    return Finding(
        cause=cause,
        what=f"{verb(change)} the service to run {what}"
        if cause == IMAGE
        else f"{verb(change)} the service with {what}",
        mend=KEEP.format(attribute),
        attributes=(attribute,),
    )
