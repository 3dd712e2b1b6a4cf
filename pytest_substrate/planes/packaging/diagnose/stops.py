"""PKG-050: no crash loop. Pure.

ECS keeps a stopped task for about an hour, with a stop code, a reason, and each container's exit code
(https://docs.aws.amazon.com/AmazonECS/latest/developerguide/stopped-task-error-codes.html). A stop counts unless ECS, a
person or the platform below explains it: a deployment or a scale-in, StopTask, a Spot interruption, a host that went
away. A failed health check counts, though ECS calls it initiated by the scheduler, as it calls a scale-in.

Of a service, the tasks of its newest deployment count, as those before are what it replaced. Of a job, the runs after
its last one that ended well count, as a failure that a later run made good is over.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from pytest_substrate.model.aws.ecs import Container, TaskDefinition
from pytest_substrate.model.aws.instant import Instant, text_of
from pytest_substrate.model.aws.rollout import ContainerEnd, ServiceDeployments, Stop, Stops
from pytest_substrate.model.aws.stop_reason import failure_in
from pytest_substrate.model.diagnosis import Diagnosis, inconclusive, passed, violated
from pytest_substrate.model.facts import FactValue, admitted, line, number_of
from pytest_substrate.model.observation import Missing, Unobserved
from pytest_substrate.model.probe_run import StartFailure
from pytest_substrate.model.unseen import unseen

Seen: TypeAlias = Stops | Missing | Unobserved
Deployments: TypeAlias = ServiceDeployments | Missing | Unobserved | None
Definition: TypeAlias = TaskDefinition | Missing | Unobserved

CRASHED: Final = "container-crashed"
ENDED: Final = "container-ended"
MEMORY: Final = "killed-for-memory"
NOT_STARTED: Final = "start-failed"
UNHEALTHY: Final = "health-check-failed"

_MEANINGS: Final = {
    CRASHED: "a container ended with an error",
    ENDED: "a container of the service ended by itself, with 0",
    MEMORY: "a container was killed for its memory",
    NOT_STARTED: "the task stopped before its containers ran",
    UNHEALTHY: "the task was stopped as unhealthy",
}
_EXPLAINED: Final = {"UserInitiated", "SpotInterruption", "TerminationNotice", "InfrastructureHealth"}
_HEALTH: Final = re.compile(r"failed .{0,40}health check", re.IGNORECASE)
_OUTSIDE: Final = {StartFailure.CAPACITY, StartFailure.QUOTA, StartFailure.THROTTLED}
"""Why a task may not start that says nothing of the workload."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Crash:
    cause: str
    stop: Stop
    end: ContainerEnd | None


def diagnose_stops(stops: Seen, deployments: Deployments, definition: Definition, *, container: str) -> Diagnosis:
    """Whether no task of the workload stopped unexplained.

    `deployments` is None for a job, whose tasks may end with 0.
    """
    if isinstance(stops, Missing):
        return violated("service-missing", f"ECS knows nothing of {line(stops.what, 100)}")
    for seen, what in ((stops, "the stopped tasks"), (deployments, "the deployments"), (definition, "the definition")):
        if isinstance(seen, Unobserved):
            return unseen(seen, what)
    return _judged(stops, deployments, definition, container)


def _judged(stops: Seen, deployments: Deployments, definition: Definition, container: str) -> Diagnosis:
    known = stops.stops if isinstance(stops, Stops) else ()
    since = _last_good_run(known, container) if deployments is None else _since(deployments)
    counted = [stop for stop in known if not _replaced(stop, since)]
    crashes = [crash for stop in counted if (crash := _crash(stop, container, job=deployments is None)) is not None]
    facts: dict[str, FactValue] = {"total": len(counted), "count": len(crashes), "since": text_of(since)}
    found = definition.container(container) if isinstance(definition, TaskDefinition) else None
    if crashes:
        return _told(crashes, found).with_facts(facts)
    if found is not None and found.restarts:
        told = f"{container} is restarted inside its task, and ECS does not say how often"
        return inconclusive("restarts-unseen", told).with_facts(facts)
    return passed(f"no unexplained stop ({number_of(len(counted), 'stopped task')} in about an hour)").with_facts(facts)


def _since(deployments: Deployments) -> Instant | None:
    known = deployments.deployments if isinstance(deployments, ServiceDeployments) else ()
    return known[0].created if known else None


def _last_good_run(stops: Sequence[Stop], container: str) -> Instant | None:
    """When the last run of a job began that ended by itself, every container of it with 0."""
    good = (
        stop.created
        for stop in stops
        if stop.code == "EssentialContainerExited"
        and any(end.name == container and end.exit_code == 0 for end in stop.containers)
        and _crash(stop, container, job=True) is None
    )
    return max((created for created in good if created is not None), key=lambda created: created.at, default=None)


def _replaced(stop: Stop, since: Instant | None) -> bool:
    return since is not None and stop.created is not None and stop.created.before(since)


def _crash(stop: Stop, container: str, *, job: bool) -> _Crash | None:
    """What a stop comes to; None where it is explained."""
    text = " ".join(filter(None, [stop.reason, *(end.reason for end in stop.containers)]))
    mine = next((end for end in stop.containers if end.name == container), None)
    failed = next((end for end in (mine, *stop.containers) if end is not None and end.exit_code), mine)
    if _HEALTH.search(text):
        return _Crash(cause=UNHEALTHY, stop=stop, end=failed)
    if stop.code in _EXPLAINED or stop.code == "ServiceSchedulerInitiated":
        return None
    known = failure_in(text)
    if known is StartFailure.OUT_OF_MEMORY:
        return _Crash(cause=MEMORY, stop=stop, end=failed)
    if stop.code == "TaskFailedToStart" or (known is not None and failed is None):
        return None if known in _OUTSIDE else _Crash(cause=NOT_STARTED, stop=stop, end=failed)
    if failed is None or not failed.exit_code:
        return None if job else _Crash(cause=ENDED, stop=stop, end=mine)
    return _Crash(cause=CRASHED, stop=stop, end=failed)


def _group(crash: _Crash) -> str:
    """What a stop is counted among: what kept it from starting, or its cause and its exit code."""
    if crash.cause == NOT_STARTED:
        known = failure_in(f"{crash.stop.reason} {crash.end.reason if crash.end else ''}")
        return crash.cause if known is None else known.value
    code = crash.end.exit_code if crash.end is not None else None
    return f"{crash.cause} (exit code {code})" if code and crash.cause == CRASHED else crash.cause


def _told(crashes: Sequence[_Crash], container: Container | None) -> Diagnosis:
    """By the last one, which is the first in the list; the others are counted by their causes."""
    last = crashes[0]
    others = Counter(_group(crash) for crash in crashes)
    told = f"{number_of(len(crashes), 'task')} stopped unexplained; at last {_MEANINGS[last.cause]}"
    if last.end is not None and last.end.exit_code:
        told += f" (exit code {last.end.exit_code})"
    elif last.cause == NOT_STARTED and (last.stop.reason or last.end):
        told += f": {line(last.stop.reason or (last.end and last.end.reason), 120)}"
    if len(others) > 1:
        told += "; " + ", ".join(f"{number} {group}" for group, number in others.most_common())
    stop = last.stop
    group, stream = None, None
    if container is not None and container.log_group and container.log_prefix and last.cause != NOT_STARTED:
        group = admitted("log_group", container.log_group)
        task = stop.task_arn.rpartition("/")[2]
        stream = admitted("log_stream", f"{container.log_prefix}/{container.name}/{task}")
    known = failure_in(f"{stop.reason} {last.end.reason if last.end else ''}")
    return violated(
        last.cause,
        told,
        task_arn=admitted("task_arn", stop.task_arn),
        task_definition_arn=admitted("task_definition_arn", stop.task_definition_arn),
        at=text_of(stop.stopped),
        stop_code=admitted("stop_code", stop.code),
        stop_reason=None if stop.reason is None else line(stop.reason),
        exit_code=None if last.end is None else last.end.exit_code,
        reason=None if known is None else known.value,
        log_group=group,
        log_stream=stream,
    )
