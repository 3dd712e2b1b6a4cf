"""Nothing is left behind: the clean-up after one probe, and the sweep of what dead runs left.

The two never meet: the clean-up touches what bears its own run's id, the sweep what has expired.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from pytest_substrate.adapters.aws.answer import NoAnswer
from pytest_substrate.adapters.aws.twins import TwinCalls
from pytest_substrate.targets.twin.plan import FAMILY_PREFIX, RUN_TAG, STARTED_BY, TwinPlan, expired

_REASON: Final = "the probe has ended"
_STATUSES: Final = ("ACTIVE", "INACTIVE")


@dataclass(slots=True)
class Trace:
    """How far a probe came. An interrupt may fall between a call and its answer: then a thing was begun, its ARN is not
    known, and it is found by the run's id."""

    registering: bool = False
    twin_arn: str | None = None
    running: bool = False
    task_arn: str | None = None
    ended: bool = False


def clean_up(calls: TwinCalls, cluster: str, plan: TwinPlan, trace: Trace) -> tuple[str, ...]:
    """Stop the task and remove the twin, each whatever becomes of the other; the ARNs of what is left.

    An interrupt in a step repeats the step once and is raised at the end.
    """
    left: list[str] = []
    raised: list[BaseException] = []
    steps: list[tuple[str, Callable[[], None]]] = []
    if trace.running and not trace.ended:
        steps.append((trace.task_arn or "a task", lambda: _stop(calls, cluster, plan, trace)))
    if trace.registering:
        steps.append((trace.twin_arn or plan.family, lambda: _remove(calls, plan, trace)))
    for what, step in steps:
        for _ in range(2):
            try:
                step()
            except NoAnswer:
                left.append(what)
            except BaseException as error:  # noqa: BLE001  raised again below, when the other steps are done
                raised.append(error)
                continue
            break
        else:
            left.append(what)
    if raised:
        raise raised[0]
    return tuple(left)


def _stop(calls: TwinCalls, cluster: str, plan: TwinPlan, trace: Trace) -> None:
    known = [trace.task_arn] if trace.task_arn else calls.tasks_started_by(cluster, f"{STARTED_BY}{plan.run_id}")
    for arn in known:
        calls.stop(cluster, arn, _REASON)


def _remove(calls: TwinCalls, plan: TwinPlan, trace: Trace) -> None:
    if trace.twin_arn:
        calls.remove(trace.twin_arn)
        return
    for arn in calls.revisions(plan.family, "ACTIVE"):
        if calls.definition(arn)[1].get(RUN_TAG) == plan.run_id:
            calls.remove(arn)


def sweep(calls: TwinCalls, cluster: str, now: datetime) -> tuple[str, ...]:
    """Stop and remove the expired twins that dead runs left in the account, and their tasks in the ECS cluster.

    Their ARNs; raises `NoAnswer` where it may not look or remove.
    """
    swept: list[str] = []
    families = dict.fromkeys(family for status in _STATUSES for family in calls.families(FAMILY_PREFIX, status))
    for family in families:
        for status in _STATUSES:
            for arn in calls.revisions(family, status):
                if expired(calls.definition(arn)[1], now):
                    for task in calls.tasks_of_family(cluster, family):
                        if task.get("taskDefinitionArn") == arn:
                            calls.stop(cluster, str(task["taskArn"]), _REASON)
                    calls.remove(arn, active=status == "ACTIVE")
                    swept.append(arn)
    return tuple(swept)
