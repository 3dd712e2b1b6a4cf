"""`substrate checks`: what a declaration demands, check by check and subject by subject. No call is made."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from pytest_substrate.cli.declared import add_declaration, find_declaration
from pytest_substrate.gate.required import (
    ON_REQUEST,
    applicable,
    check_set,
    check_set_digest,
    required_on_request,
    required_pairs,
)
from pytest_substrate.gate.waivers import waiver_problems
from pytest_substrate.model.check import Check, Pair
from pytest_substrate.model.outcome import DEMANDABLE, Plane
from pytest_substrate.planes.catalogue import BUILT, catalogue

if TYPE_CHECKING:
    from pytest_substrate.model.declaration import Declaration, Waiver

HELP: Final = "what the declaration demands"
SCHEMA: Final = "substrate.checks/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    """One pair as it is shown: `state` is demanded, waived, not-applicable, or on-request (not demanded by itself)."""

    check: Check
    subject: str
    state: str
    note: str


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    add_declaration(parser)
    parser.add_argument(
        "--plane",
        metavar="PLANE",
        action="append",
        choices=[plane.value for plane in DEMANDABLE],
        help="only this plane and what goes with it; repeatable; default: all of them",
    )
    parser.add_argument("--format", choices=("text", "json"), default="text")


def run(options: argparse.Namespace) -> int:
    """Print it; 1 where a waiver stands in the way of any run, else 0."""
    found = find_declaration(options)
    declaration = found.declaration
    named = [Plane(word) for word in options.plane or ()]
    planes = named or list(DEMANDABLE)
    required = required_pairs(declaration, planes) if named else applicable(declaration, planes)
    problems = waiver_problems(declaration, check_set(declaration), datetime.now(UTC))
    lines = list(_lines(declaration, planes))
    digest = check_set_digest(required)
    if options.format == "json":
        print(json.dumps(_json(declaration, found.name, lines, digest), indent=2, ensure_ascii=False))
    else:
        print("\n".join(_text(declaration, found.name, lines, digest)))
    for problem in problems:
        print(f"{found.name}: {problem.message}", file=sys.stderr)
    return 1 if problems else 0


def _lines(declaration: Declaration, planes: Sequence[Plane]) -> Iterator[_Line]:
    """Every pair of these planes, with what the declaration makes of it."""
    reasons = {Pair(entry.check, entry.subject): entry.reason for entry in declaration.not_applicable}
    waivers = {Pair(entry.check, entry.subject): entry for entry in declaration.waiver}
    for pair in check_set(declaration):
        check = catalogue()[pair.check]
        if check.plane is not Plane.SUBSTRATE and check.plane not in planes:
            continue
        if pair in reasons:
            state, note = "not-applicable", reasons[pair]
        elif pair in waivers:
            state, note = "waived", _waiver(waivers[pair])
        elif pair.check in ON_REQUEST - required_on_request(declaration):
            state, note = "on-request", "only where a run is given what it judges"
        else:
            state, note = "demanded", ""
        yield _Line(check=check, subject=pair.subject, state=state, note=note)


def _waiver(waiver: Waiver) -> str:
    until = waiver.expires.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return f"until {until} by {waiver.owner} ({waiver.ticket}): {waiver.reason}"


def _text(declaration: Declaration, name: str, lines: Sequence[_Line], digest: str) -> Iterator[str]:
    yield f"{name} · {declaration.environment} · {declaration.account}/{declaration.region}"
    wide = max((len(line.subject) for line in lines), default=0)
    plane: Plane | None = None
    for line in lines:
        if line.check.plane is not plane:
            plane = line.check.plane
            yield ""
            yield plane.value if plane in BUILT else f"{plane.value}   not built yet: demanding it is an error"
        said = line.check.statement if line.state == "demanded" else f"[{_shown(line.state)}: {line.note}]"
        yield f"  {line.check.id}  {line.subject:<{wide}}  {line.check.layer.value:<13}  {said}"
    yield ""
    counted = {
        state: sum(line.state == state for line in lines) for state in ("waived", "not-applicable", "on-request")
    }
    demanded = len(lines) - counted["not-applicable"] - counted["on-request"]
    rest = "".join(f", {number} {_shown(state)}" for state, number in counted.items() if number)
    yield f"{demanded} demanded{rest}"
    yield f"check set {digest}"


def _shown(state: str) -> str:
    return state.replace("-", " ")


def _json(declaration: Declaration, name: str, lines: Sequence[_Line], digest: str) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "declaration": name,
        "environment": declaration.environment,
        "account": declaration.account,
        "region": declaration.region,
        "check_set": digest,
        "planes": {plane.value: plane in BUILT for plane in Plane if any(line.check.plane is plane for line in lines)},
        "checks": [
            {
                "check": line.check.id,
                "plane": line.check.plane.value,
                "subject": line.subject,
                "layer": line.check.layer.value,
                "statement": line.check.statement,
                "state": line.state,
                "note": line.note or None,
            }
            for line in lines
        ],
    }
