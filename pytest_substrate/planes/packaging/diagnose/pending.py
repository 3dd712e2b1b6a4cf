"""PKG-120: what a pending infrastructure plan would do to a workload. Pure.

A service or a task definition of the plan concerns the declared workload that it is. Everything else (a secret, a key,
a role) may be shared with workloads that the plan doesn't know: it concerns all. So does what is nobody's here.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from pytest_substrate.model.diagnosis import Diagnosis, inconclusive, passed, violated
from pytest_substrate.model.facts import admitted, line, number_of
from pytest_substrate.model.observation import Missing, Unobserved
from pytest_substrate.model.outcome import Outcome
from pytest_substrate.planes.packaging.diagnose.telling import names
from pytest_substrate.planes.packaging.plan.pending import InvalidPlan, PendingChange, PendingPlan

Seen: TypeAlias = "PendingPlan | InvalidPlan | Missing | Unobserved"

_WORST_FIRST: Final = (Outcome.VIOLATION, Outcome.INCONCLUSIVE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """By which names a plan may know a workload: its ECS service (`CLUSTER/NAME`), its family; None: none, unknown."""

    service: str | None
    family: str | None


def diagnose_pending(plan: Seen, mine: Workload, others: Collection[Workload], *, command: str) -> Diagnosis:
    """PKG-120 of one workload among the declared `others`; `command` shows the whole plan."""
    if isinstance(plan, Missing):
        return violated("plan-missing", f"a plan has to be judged, and there is none: {line(plan.what, 200)}")
    if isinstance(plan, InvalidPlan):
        return violated("plan-malformed", f"{line(plan.name, 120)} is not the JSON of a plan: {line(plan.problem)}")
    if isinstance(plan, Unobserved):
        return inconclusive("plan-unreadable", f"the plan can't be read: {line(plan.detail or plan.reason)}")
    red = [change for change in plan.red if concerns(change, mine, others)]
    if not red:
        leaves = "the plan leaves what this workload runs with alone"
        elsewhere = f"; {number_of(len(plan.red), 'red change')} of other workloads" if plan.red else ""
        return passed(f"{leaves}{elsewhere}", total=plan.total)
    first = min(red, key=lambda change: _WORST_FIRST.index(change.diagnosis.outcome))
    more = f" (and {len(red) - 1} more)" if len(red) > 1 else ""
    told = replace(first.diagnosis, message=f"{first.address}: {first.diagnosis.message}{more}", next=command)
    resources = names("resources", (change.address for change in red))
    return told.with_facts(
        {
            "count": len(red),
            "total": plan.total,
            "resources": resources,
            "resource": admitted("resource", red[0].address),
        }
    )


def concerns(change: PendingChange, mine: Workload, others: Collection[Workload]) -> bool:
    """Whether a red change is about a workload; also where that can't be ruled out."""
    if change.service is not None:
        return change.service == mine.service or change.service not in {other.service for other in others}
    if change.family is not None:
        theirs = {other.family for other in others}
        return mine.family in (None, change.family) or change.family not in theirs
    return True
