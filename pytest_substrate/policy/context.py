"""What a request tells about itself: values by condition key, whose names have no letter case."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Protocol, TypeAlias


class Missing(Enum):
    """Why there is no value."""

    ABSENT = "absent"
    """The request does not have the key."""
    UNKNOWN = "unknown"
    """The request may have it or not, with any value."""
    UNKNOWN_VALUE = "unknown value"
    """The request has it, its value is not known."""


Lookup: TypeAlias = tuple[str, ...] | Missing
"""The values of a key (at least one; several for a multivalued key), or why there are none."""


class Context(Protocol):
    """Anything that knows a request's condition keys."""

    def lookup(self, key: str) -> Lookup:
        """What the request holds under `key`, in whatever letter case it is written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """A context of given values; `otherwise` says (for a key in lower case) why another one has none."""

    values: Mapping[str, tuple[str, ...]]
    """By key in lower case: see `given`."""
    otherwise: Callable[[str], Missing]

    def lookup(self, key: str) -> Lookup:
        """As `Context.lookup`."""
        name = key.lower()
        found = self.values.get(name)
        return self.otherwise(name) if found is None else found


def given(pairs: Iterable[tuple[str, str]], otherwise: Callable[[str], Missing]) -> Given:
    """A context of `(key, value)` pairs: a key that stands twice has several values."""
    values: dict[str, tuple[str, ...]] = {}
    for key, value in pairs:
        values[key.lower()] = (*values.get(key.lower(), ()), value)
    return Given(values=values, otherwise=otherwise)
