"""A moment as a service gave it, with its precision, and the only comparison that a verdict may rest on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Instant:
    """A time in UTC and whether it was cut to whole seconds.

    Services that keep milliseconds give 1 time in 1,000 without a fraction; such a one counts as cut. That costs an
    undecided comparison within its second and never a wrong one.
    """

    at: datetime
    whole_second: bool

    def __post_init__(self) -> None:
        if self.at.tzinfo is None:
            raise ValueError("a moment without a time zone can't be compared")
        object.__setattr__(self, "at", self.at.astimezone(UTC))

    @classmethod
    def of(cls, time: datetime) -> Instant:
        """The moment, its precision told from its fraction."""
        return cls(at=time, whole_second=time.microsecond == 0)

    def order(self, other: Instant) -> int | None:
        """-1, 0 or 1 for before, equal, after; None where a cut one lies in the other's second."""
        if (self.whole_second or other.whole_second) and _second(self) == _second(other):
            return None
        return (self.at > other.at) - (self.at < other.at)

    def before(self, other: Instant) -> bool:
        """Certainly earlier."""
        return self.order(other) == -1

    def not_before(self, other: Instant) -> bool:
        """Certainly at the same moment or later."""
        order = self.order(other)
        return order is not None and order >= 0

    def text(self) -> str:
        """ISO 8601 with `Z`, at the precision that was given."""
        spec = "seconds" if self.whole_second else "microseconds" if self.at.microsecond % 1000 else "milliseconds"
        return self.at.isoformat(timespec=spec).replace("+00:00", "Z")


def _second(instant: Instant) -> datetime:
    return instant.at.replace(microsecond=0)


def text_of(instant: Instant | None) -> str | None:
    """Its text, None where there is none."""
    return None if instant is None else instant.text()
