"""What a run keeps of a judged plan: its red addresses, and whose service or family each is. Pure; no other value."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from pytest_substrate.model.diagnosis import Diagnosis
from pytest_substrate.model.outcome import Outcome
from pytest_substrate.planes.packaging.plan.change import Change, Plan
from pytest_substrate.planes.packaging.plan.judge import judge_plan
from pytest_substrate.planes.packaging.plan.surroundings import DEFINITION, SERVICE

_CLUSTER: Final = re.compile(r"(?:arn:aws[a-z-]*:ecs:[^:]*:[^:]*:cluster/)?([A-Za-z0-9_-]{1,255})")
_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,255}")


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingChange:
    """A red address. `service` is the ECS service that it is (`CLUSTER/NAME`), `family` the task definition's.

    Both are None for everything that several workloads may share, and where the plan doesn't tell.
    """

    address: str
    diagnosis: Diagnosis
    service: str | None = None
    family: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingPlan:
    """A plan as a run judges it: the file, how many addresses it has, and those that are red, in its order."""

    name: str
    total: int
    red: tuple[PendingChange, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class InvalidPlan:
    """A file that is no plan: what is wrong, in a line that holds no value of it."""

    name: str
    problem: str


def pending(plan: Plan, *, name: str, now: datetime) -> PendingPlan:
    """A plan judged at a time (aware)."""
    judged = judge_plan(plan, now=now)
    changes: dict[str, list[Change]] = {}
    for change in plan.changes:
        changes.setdefault(change.address, []).append(change)
    red = (
        PendingChange(
            address=one.address,
            diagnosis=one.diagnosis,
            service=_one(_service(change) for change in changes.get(one.address, ())),
            family=_one(_family(change) for change in changes.get(one.address, ())),
        )
        for one in judged
        if one.diagnosis.outcome is not Outcome.PASS
    )
    return PendingPlan(name=name, total=len(judged), red=tuple(red))


def _one(found: Any) -> str | None:
    """The name that all changes of an address agree on."""
    names: Sequence[str | None] = list(dict.fromkeys(found))
    return names[0] if len(names) == 1 else None


def _service(change: Change) -> str | None:
    if change.type != SERVICE or change.resource.mode != "managed":
        return None
    cluster, name = _text(_CLUSTER, change.before.get("cluster")), _text(_NAME, change.before.get("name"))
    return f"{cluster}/{name}" if cluster is not None and name is not None else None


def _family(change: Change) -> str | None:
    return _text(_NAME, change.before.get("family")) if change.type == DEFINITION else None


def _text(pattern: re.Pattern[str], value: object) -> str | None:
    found = pattern.fullmatch(value) if isinstance(value, str) else None
    return found[found.lastindex or 0] if found is not None else None
