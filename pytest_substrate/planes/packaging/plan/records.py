"""The records of a judged plan: PKG-120 for each resource address. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC
from typing import Final

from pytest_substrate.model.check import Check
from pytest_substrate.model.outcome import Outcome, Vantage
from pytest_substrate.model.record import Record
from pytest_substrate.planes.packaging.checks import CHECKS
from pytest_substrate.planes.packaging.plan.judge import WHOLE, Judged

CHECK: Final[Check] = next(check for check in CHECKS if check.id == "PKG-120")


def subject_of(address: str) -> str:
    """`resource/ADDRESS`; `plan` is the plan itself."""
    return address if address == WHOLE else f"resource/{address}"


def records_of(judged: Sequence[Judged], *, next_command: str | None = None) -> tuple[Record, ...]:
    """A record for each address, in order; a red change that is allowed is WAIVED."""
    return tuple(_record(one, next_command or CHECK.next) for one in judged)


def _record(one: Judged, command: str) -> Record:
    diagnosis = one.diagnosis
    outcome, facts = diagnosis.outcome, dict(diagnosis.facts)
    if one.allowed_until is not None:
        facts |= {
            "waived_outcome": outcome.value,
            "expires_at": one.allowed_until.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        outcome = Outcome.WAIVED
    return Record(
        check=CHECK.id,
        plane=CHECK.plane,
        subject=subject_of(one.address),
        outcome=outcome,
        layer=diagnosis.layer or CHECK.layer,
        cause=diagnosis.cause,
        message=diagnosis.message,
        facts=facts,
        next=None if outcome.green else diagnosis.next or command,
        vantage=Vantage.HERE,
        duration_ms=0.0,
    )
