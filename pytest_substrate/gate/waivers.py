"""Waivers: which stand at a given time, and which are themselves a reason to refuse the run. Pure.

A waiver's form and its pair are settled when the declaration is read (`gate.declared`); here comes what only a time
can settle. Both are judged before any call is made, and a declaration made in another way is judged in full.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from pytest_substrate.gate.required import ON_REQUEST
from pytest_substrate.model.check import Pair

if TYPE_CHECKING:
    from pytest_substrate.model.declaration import Declaration, Waiver
    from pytest_substrate.model.facts import FactValue

_CHECK: Final = re.compile(r"[A-Z]{3}-\d{3}")


@dataclass(frozen=True, slots=True, kw_only=True)
class WaiverProblem:
    """Why a waiver makes the run red: a slug (`malformed`, `expired`, `unheld-pair`) and one line with the mend."""

    reason: str
    pair: Pair
    message: str


def waiver_problems(declaration: Declaration, held: Collection[Pair], now: datetime) -> tuple[WaiverProblem, ...]:
    """Every waiver that is malformed, has expired by `now` (with a time zone), or is for a pair outside `held`."""
    return tuple(
        problem for waiver in declaration.waiver if (problem := _problem(waiver, frozenset(held), now)) is not None
    )


def standing(declaration: Declaration, now: datetime) -> dict[Pair, Waiver]:
    """The waivers that stand at `now`, by their pair."""
    return {
        Pair(waiver.check, waiver.subject): waiver
        for waiver in declaration.waiver
        if waiver.expires.tzinfo is not None and now < waiver.expires
    }


def covers(waiver: Waiver, facts: Mapping[str, FactValue]) -> bool:
    """Whether a waiver bears what a red record is about: one that names resources bears a plan's change of these alone.

    A record tells a bounded number of resources; where it doesn't tell all of them, it isn't covered.
    """
    if not waiver.resources:
        return True
    told = facts.get("resources")
    whole = isinstance(told, (list, tuple)) and len(told) == facts.get("count")
    return whole and isinstance(told, (list, tuple)) and set(told) <= set(waiver.resources)


def _problem(waiver: Waiver, held: frozenset[Pair], now: datetime) -> WaiverProblem | None:
    pair = Pair(waiver.check, waiver.subject)
    said = f"the waiver of {waiver.check} for {waiver.subject}"
    misshapen = _misshapen(waiver)
    if misshapen is not None:
        return WaiverProblem(reason="malformed", pair=pair, message=f"{said} {misshapen}")
    if now >= waiver.expires:
        ended = waiver.expires.isoformat().replace("+00:00", "Z")
        return WaiverProblem(
            reason="expired", pair=pair, message=f"{said} ended at {ended}; mend the check, or renew the waiver"
        )
    if pair not in held:
        return WaiverProblem(
            reason="unheld-pair",
            pair=pair,
            message=f"{said} is for a pair that the declaration doesn't hold; drop it (`substrate checks` lists all)",
        )
    return None


def _misshapen(waiver: Waiver) -> str | None:
    """What is wrong with its form, and the mend, behind its name."""
    blank = [name for name in ("subject", "owner", "ticket", "reason") if not getattr(waiver, name).strip()]
    if blank:
        return f"names no {blank[0]}; add it"
    if _CHECK.fullmatch(waiver.check) is None or "*" in waiver.subject:
        return "is for more than one pair; name one"
    if waiver.expires.tzinfo is None:
        return "expires without a time zone; add one"
    if waiver.resources and waiver.check not in ON_REQUEST:
        return f"names resources of a plan; drop them, or waive {', '.join(sorted(ON_REQUEST))}"
    return None
