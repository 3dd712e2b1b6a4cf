"""Node ids on the command line that name no rung: told before anything starts, each with the right form."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Final

from pytest_substrate.model.errors import BadInput

if TYPE_CHECKING:
    from pytest_substrate.model.check import Check
    from pytest_substrate.running.plan import Plan

_FORM: Final = "FILE::PLANE::CHECK[SUBJECT], each / of the subject written -"
_RUNG: Final = re.compile(r"([A-Z]{3}-\d{3})(\[.*)?")


def refuse_without_plane(argument: str, name: str, checks: Mapping[str, Check]) -> None:
    """BadInput where the part of a node id that should name a plane names a check."""
    rung = _RUNG.fullmatch(name)
    if rung is not None:
        check = checks.get(rung[1])
        plane = "PLANE" if check is None else check.plane.value
        right = f"{argument.partition('::')[0]}::{plane}::{name}"
        raise BadInput(argument, f"a node id is {_FORM}", f"write '{right}'")


def refuse_unknown(plan: Plan, arguments: Iterable[str]) -> None:
    """BadInput for a node id of the declaration that no rung of this run has. A check alone stands for all of its."""
    rungs = [(plane.value, pair) for plane, pairs in plan.modules.items() for pair in pairs]
    known = {(plane, name) for plane, pair in rungs for name in (pair.node_name, pair.check)}
    for argument in arguments:
        file, *parts = argument.split("::")
        if len(parts) < 2 or (parts[0], "::".join(parts[1:])) in known:
            continue
        check = parts[1].partition("[")[0]
        alike = [pair.node_name for plane, pair in rungs if plane == parts[0] and pair.check == check]
        close = difflib.get_close_matches(parts[1].replace("/", "-"), alike, n=1, cutoff=0.0)
        if close:
            mend = f"write '{file}::{parts[0]}::{close[0]}'"
        else:
            mend = f"`pytest --collect-only -q {file}::{parts[0]}` lists what there is"
        raise BadInput(argument, f"no rung of {plan.source.name} has this node id, which is {_FORM}", mend)
