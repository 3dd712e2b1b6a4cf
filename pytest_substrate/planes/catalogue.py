"""Every check of every plane, complete from the start: ids are permanent, and a waiver may name any of them.

Which planes can be judged is another matter (`BUILT`): demanding one that can't is an error, never a green.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from functools import cache
from types import MappingProxyType, ModuleType
from typing import TYPE_CHECKING, Final, cast

from pytest_substrate.model.check import Check
from pytest_substrate.model.outcome import Plane

if TYPE_CHECKING:
    from pytest_substrate.model.diagnosis import Diagnosis
    from pytest_substrate.planes.plane import Context, Judge

ROOMS: Final[Mapping[Plane, str]] = {
    Plane.SUBSTRATE: "substrate",
    Plane.RELEASE: "release",
    Plane.MESSAGING: "messaging",
    Plane.PACKAGING: "packaging",
    Plane.DATA: "data",
    Plane.DRIFT: "drift",
}
"""Where each plane lives, in the order of the ladder."""

BUILT: Final[frozenset[Plane]] = frozenset(
    {Plane.SUBSTRATE, Plane.RELEASE, Plane.MESSAGING, Plane.PACKAGING, Plane.DATA}
)
"""The planes whose checks can be judged."""


@cache
def catalogue() -> Mapping[str, Check]:
    """Every check by its id, plane by plane in ladder order; ValueError where an id stands for two checks."""
    found: dict[str, Check] = {}
    for room in ROOMS.values():
        for check in cast("tuple[Check, ...]", _module(room, "checks").CHECKS):
            if check.id in found:
                raise ValueError(f"{check.id} stands for two checks")
            found[check.id] = check
    return MappingProxyType(found)


def checks_of(plane: Plane) -> tuple[Check, ...]:
    """A plane's checks in ladder order."""
    return tuple(check for check in catalogue().values() if check.plane is plane)


def judge_of(plane: Plane) -> Judge:
    """The plane's judge, imported now; LookupError for a plane that isn't built."""
    if plane not in BUILT:
        raise LookupError(f"{plane.value} is not built")
    return cast("Judge", _module(ROOMS[plane], "judge").judge)


def diagnose_with(context: Context) -> Callable[[str, str], Diagnosis]:
    """How any check is judged of any subject in this run: what a `Ladder` asks."""

    def diagnose(check: str, subject: str) -> Diagnosis:
        return judge_of(catalogue()[check].plane)(check, subject, context)

    return diagnose


def _module(room: str, name: str) -> ModuleType:
    return importlib.import_module(f"pytest_substrate.planes.{room}.{name}")
