"""What a story is made of. A chapter is one change, made as people make it, and what the ladder must say of it then.

A chapter's change is a generator like a fault's: it changes something through the platform's public API, yields, and
undoes it. Changes stand on each other, so that a mend comes after what it mends; all are undone at the end of the
story, the last one first. What came out is found by the same checks that everyone runs, and never written by a chapter.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pytest_substrate.model.outcome import Layer, Plane

if TYPE_CHECKING:
    from pytest_substrate.embedded.faults import Breaker
    from pytest_substrate.embedded.platform.platform import Platform
    from pytest_substrate.model.facts import FactValue


@dataclass(frozen=True, slots=True, kw_only=True)
class Red:
    """A rung that must be violated: its layer and cause, and what its record must hold beside."""

    check: str
    layer: Layer
    cause: str
    subject: str | None = None
    """Whose rung it is; any subject's where there is one alone."""
    facts: Mapping[str, FactValue] = field(default_factory=dict)
    says: tuple[str, ...] = ()
    """Words of its message or of its next command."""
    logs: str | None = None
    """Words of the last lines of the log stream that the record names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Same:
    """A fact of a rung that every chapter must find as the first one did: what a mend must leave alone."""

    check: str
    subject: str
    fact: str
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Chapter:
    """One change, in a line, and what must come of it: the first red rung and others behind it; none is READY."""

    title: str
    change: str
    apply: Breaker
    expects: tuple[Red, ...] = ()
    taken_back: bool = False
    """Whether the change is undone before the next chapter: a fix that was none."""
    plan: str | None = None
    """A pending plan below the platform's folder, which is judged in the place of the ladder."""

    def applied(self, platform: Platform) -> contextlib.AbstractContextManager[None]:
        """A context in which the change is made; leaving it undoes it."""
        return contextlib.contextmanager(self.apply)(platform)


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """An incident, told on one plane from its first red to READY."""

    incident: str
    title: str
    plane: Plane
    chapters: tuple[Chapter, ...]
    variants: Mapping[str, tuple[Chapter, ...]] = field(default_factory=dict)
    same: tuple[Same, ...] = ()
