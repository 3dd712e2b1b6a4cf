"""What a plane offers to the gate: its checks, and a pure-at-heart way from a check and a subject to a diagnosis.

The context carries everything that a diagnosis may rest on; whatever needs I/O goes through `Context.observe`, so
that one observation serves all checks and all xdist workers, and failures are shared like values.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

from pytest_substrate.model.diagnosis import Diagnosis
from pytest_substrate.model.observation import Observed
from pytest_substrate.model.outcome import Vantage

if TYPE_CHECKING:
    from pytest_substrate.model.declaration import Declaration
    from pytest_substrate.targets.port import Target

T = TypeVar("T")


class Observations(Protocol):
    """The shared store of observations: one file in the run's base temp, used by every worker."""

    def observe(self, key: str, kind: object, read: Callable[[], T]) -> Observed[T]:
        """The observation kept under `key`, or what `read` returns now, kept for everyone.

        `kind` is the type expression that `read` returns (`Cluster | Missing | Unobserved`), by which it is written as
        JSON and read again. Exactly one process reads; the others wait, with a deadline.
        """


def never_known(_subject: str, _fact: str, _value: str) -> datetime | None:
    """Of a run without a ledger."""
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What a plane judges with. `now` is taken once a run (UTC): a diagnosis never asks the clock."""

    declaration: Declaration
    target: Target
    observations: Observations
    vantage: Vantage
    now: datetime
    run_id: str
    plan: Path | None = None
    """The infrastructure plan that the run was given; None where it was given none."""
    known_since: Callable[[str, str, str], datetime | None] = never_known
    """Since when the ledger has shown this value of a subject's `CHECK fact` without a break; None where it doesn't."""


class Judge(Protocol):
    """A plane's way from a check and a subject to a diagnosis (`planes/<plane>/__init__.py: diagnose`)."""

    def __call__(self, check: str, subject: str, context: Context) -> Diagnosis: ...
