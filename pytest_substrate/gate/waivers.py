"""Waivers: which stand at a given time, and which are themselves a reason to refuse the run. Pure.

A waiver's form and its pair are settled when the declaration is read (`gate.declared`); here comes what only a time
can settle. Both are judged before any call is made, and a declaration made in another way is judged in full.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from pytest_substrate.model.check import Pair

if TYPE_CHECKING:
    from pytest_substrate.model.declaration import Declaration, Waiver

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


def _problem(waiver: Waiver, held: frozenset[Pair], now: datetime) -> WaiverProblem | None:
    pair = Pair(waiver.check, waiver.subject)
    said = f"the waiver of {waiver.check} for {waiver.subject}"
    blank = [name for name in ("subject", "owner", "ticket", "reason") if not getattr(waiver, name).strip()]
    if blank:
        return WaiverProblem(reason="malformed", pair=pair, message=f"{said} names no {blank[0]}; add it")
    if _CHECK.fullmatch(waiver.check) is None or "*" in waiver.subject:
        return WaiverProblem(reason="malformed", pair=pair, message=f"{said} is for more than one pair; name one")
    if waiver.expires.tzinfo is None:
        return WaiverProblem(reason="malformed", pair=pair, message=f"{said} expires without a time zone; add one")
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
