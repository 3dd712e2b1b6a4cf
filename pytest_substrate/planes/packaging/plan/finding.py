"""What a rule finds wrong with a change, in words that hold no value of the plan."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from pytest_substrate.planes.packaging.plan.change import Action, Change

if TYPE_CHECKING:
    from pytest_substrate.planes.packaging.plan.surroundings import Surroundings

OVERWRITTEN: Final = "credential-overwritten"
READERS: Final = "readers-changed"
SECRET: Final = "secret-repointed"
IMAGE: Final = "image-repointed"
REMOVED: Final = "service-removed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A change that is red: the cause, what would happen, the attributes that say so, and what to do instead."""

    cause: str
    what: str
    mend: str
    attributes: tuple[str, ...] = ()


Rule: TypeAlias = "Callable[[Change, Surroundings], Finding | None]"
"""Judges a change of one type that exists or would exist; never asked of `no-op`, `read` and `forget`."""

MOVED: Final = "a `moved` block if it only has another address, a `removed` block with destroy = false to let it be"
KEEP: Final = "put the present value into the configuration, or ignore_changes = [{}] if it is kept elsewhere"

_VERBS: Final = {
    Action.CREATE: "creates",
    Action.UPDATE: "updates",
    Action.DELETE: "deletes",
    Action.REPLACE: "replaces",
}


def verb(change: Change) -> str:
    """What the plan does, as a word of a sentence."""
    return _VERBS.get(change.action, "changes")


def goes(change: Change) -> bool:
    """Whether what exists would be gone afterwards, at least for a while."""
    return change.action in (Action.DELETE, Action.REPLACE)
