"""Three-valued truth (Kleene): what a statement says when some of what it asks for is not known."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum


class Truth(IntEnum):
    """FALSE < UNKNOWN < TRUE, so that `min` is AND and `max` is OR."""

    FALSE = 0
    UNKNOWN = 1
    TRUE = 2

    @staticmethod
    def of(value: bool) -> Truth:
        """A known truth."""
        return Truth.TRUE if value else Truth.FALSE

    @property
    def negated(self) -> Truth:
        """NOT."""
        return Truth(2 - self)


def all_of(truths: Iterable[Truth]) -> Truth:
    """AND; of nothing TRUE."""
    return min(truths, default=Truth.TRUE)


def any_of(truths: Iterable[Truth]) -> Truth:
    """OR; of nothing FALSE."""
    return max(truths, default=Truth.FALSE)
