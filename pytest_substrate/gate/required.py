"""The denominator: which checks a declaration demands of which subjects. Pure, and the same wherever it is asked.

Order: the substrate's own rungs, then plane by plane. Within a plane, subject by subject in the order in which its
ladder first meets them; a topic's rungs stand in the ladder of the service that holds it, where the ladder has them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, Final

from pytest_substrate.model.check import Pair
from pytest_substrate.model.errors import BadInput
from pytest_substrate.model.outcome import DEMANDABLE, Plane
from pytest_substrate.model.subjects import holder
from pytest_substrate.planes.catalogue import catalogue, checks_of

if TYPE_CHECKING:
    from pytest_substrate.model.declaration import Declaration


ON_REQUEST: Final[frozenset[str]] = frozenset({"PKG-120"})
"""Checks that are asked for only where a run is given what they judge (an infrastructure plan), or where the
declaration names it.
"""


def required_on_request(declaration: Declaration) -> frozenset[str]:
    """The checks of `ON_REQUEST` that every run of this declaration has to answer for."""
    return frozenset({"PKG-120"}) if declaration.plan is not None else frozenset()


def check_set(declaration: Declaration) -> tuple[Pair, ...]:
    """Every pair that the declaration holds, in order, whatever a run demands and whatever is not applicable."""
    return tuple(pair for plane in (Plane.SUBSTRATE, *DEMANDABLE) for pair in _pairs(declaration, plane))


def applicable(
    declaration: Declaration, planes: Iterable[Plane] = DEMANDABLE, *, asked: Collection[str] = ()
) -> tuple[Pair, ...]:
    """The pairs of these planes and of the substrate, in order, without what is declared not applicable.

    `asked` are the checks of `ON_REQUEST` that this run asks for, beside those that the declaration requires; the
    others of them are left out.
    For what shows or collects: a plane about which the declaration says nothing just adds nothing. A verdict rests on
    `required_pairs`.
    """
    chosen = frozenset(planes)
    gone = {Pair(entry.check, entry.subject) for entry in declaration.not_applicable}
    left = ON_REQUEST - frozenset(asked) - required_on_request(declaration)
    wanted = (Plane.SUBSTRATE, *(plane for plane in DEMANDABLE if plane in chosen)) if chosen else ()
    return tuple(
        pair for plane in wanted for pair in _pairs(declaration, plane) if pair not in gone and pair.check not in left
    )


def required_pairs(
    declaration: Declaration, planes: Iterable[Plane], *, asked: Collection[str] = ()
) -> tuple[Pair, ...]:
    """The pairs that a run which demands `planes` must answer for; `asked` as in `applicable`.

    BadInput where the declaration holds nothing for a demanded plane: a plane without pairs would be green unproven.
    """
    demanded = frozenset(planes) - {Plane.SUBSTRATE}
    pairs = applicable(declaration, demanded, asked=asked)
    proven = {catalogue()[pair.check].plane for pair in pairs}
    for plane in DEMANDABLE:
        if plane in demanded and plane not in proven:
            raise BadInput(
                plane.value,
                "the declaration holds nothing that this plane would check",
                "declare it, or don't demand the plane",
            )
    return pairs


def check_set_digest(pairs: Iterable[Pair]) -> str:
    """`sha256:…` over the pairs, whatever their order: the hash that evidence holds and a verifier recomputes."""
    listed = sorted([pair.check, pair.subject] for pair in pairs)
    return "sha256:" + hashlib.sha256(json.dumps(listed, separators=(",", ":")).encode()).hexdigest()


def _pairs(declaration: Declaration, plane: Plane) -> tuple[Pair, ...]:
    ladders: dict[str, list[Pair]] = {}
    for check in checks_of(plane):
        for subject in check.subjects(declaration):
            ladders.setdefault(holder(subject), []).append(Pair(check.id, subject))
    return tuple(pair for ladder in ladders.values() for pair in ladder)
