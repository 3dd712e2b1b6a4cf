"""How the diagnoses of an image tell several findings in one line and as facts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from pytest_substrate.model.diagnosis import Diagnosis, passed
from pytest_substrate.model.facts import FactValue, admitted

MOST: Final = 20
"""How many names of one kind a record carries."""


def first_of(findings: Sequence[str]) -> str:
    """The first finding, and how many more there are."""
    more = f" (and {len(findings) - 1} more)" if len(findings) > 1 else ""
    return f"{findings[0]}{more}"


def names(fact: str, values: Iterable[str]) -> list[str] | None:
    """Names that the image chose, as far as a fact may hold them; None where there are none."""
    found = [value for value in dict.fromkeys(values) if admitted(fact, value) is not None]
    return found[:MOST] or None


def does_not_apply(why: str, **facts: FactValue) -> Diagnosis:
    """There is nothing in this image that the check could be about."""
    return passed(f"does not apply: {why}", applicable=False, **facts)
