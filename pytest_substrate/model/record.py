"""A record: one check's outcome for one subject, and the report that holds many. Their JSON is a contract."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pytest_substrate.model.facts import FactValue
from pytest_substrate.model.outcome import Layer, Outcome, Plane, Vantage, Verdict

REPORT_SCHEMA = "substrate.report/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What is known of one check and one subject; `duration_ms` counts the reading and the judging."""

    check: str
    plane: Plane
    subject: str
    outcome: Outcome
    layer: Layer
    cause: str | None
    message: str
    facts: Mapping[str, FactValue] = field(default_factory=dict)
    next: str | None
    vantage: Vantage
    duration_ms: float

    def to_json(self) -> dict[str, Any]:
        """The contract's form, keys in its order."""
        return {
            "check": self.check,
            "plane": self.plane.value,
            "subject": self.subject,
            "outcome": self.outcome.value,
            "layer": self.layer.value,
            "cause": self.cause,
            "message": self.message,
            "facts": dict(self.facts),
            "next": self.next,
            "vantage": self.vantage.value,
            "duration_ms": round(self.duration_ms, 1),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Record:
        """The inverse of `to_json`; KeyError, TypeError or ValueError for anything else."""
        return cls(
            check=data["check"],
            plane=Plane(data["plane"]),
            subject=data["subject"],
            outcome=Outcome(data["outcome"]),
            layer=Layer(data["layer"]),
            cause=data["cause"],
            message=data["message"],
            facts=dict(data["facts"]),
            next=data["next"],
            vantage=Vantage(data["vantage"]),
            duration_ms=float(data["duration_ms"]),
        )


def first_red(records: Sequence[Record]) -> Record | None:
    """The first VIOLATION in the order of the ladder, else the first INCONCLUSIVE, else the first red of any kind."""
    for outcome in (Outcome.VIOLATION, Outcome.INCONCLUSIVE, Outcome.NOT_REACHED):
        for record in records:
            if record.outcome is outcome:
                return record
    return None


def report_json(target: Mapping[str, Any], records: Sequence[Record]) -> dict[str, Any]:
    """A report as every instrument prints it. An empty report is NOT READY: nothing proven is nothing ready."""
    red = first_red(records)
    ready = bool(records) and red is None
    return {
        "schema": REPORT_SCHEMA,
        "target": dict(target),
        "records": [record.to_json() for record in records],
        "first_red": red and {"check": red.check, "subject": red.subject, "layer": red.layer.value, "cause": red.cause},
        "verdict": (Verdict.READY if ready else Verdict.NOT_READY).value,
    }


def exit_code(records: Sequence[Record]) -> int:
    """0 all green, 1 something is violated, 10 undecided or nothing at all (the design's exit codes)."""
    if any(record.outcome is Outcome.VIOLATION for record in records):
        return 1
    return 0 if records and all(record.outcome.green for record in records) else 10
