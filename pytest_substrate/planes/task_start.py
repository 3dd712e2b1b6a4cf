"""What a task that did or did not start says of itself: the meaning of each way to fail, and the task's facts. Pure.

For every plane that sends a probe; `model.probe_run.StartFailure` names the ways.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from pytest_substrate.model.facts import FactValue, admitted, line
from pytest_substrate.model.outcome import Layer
from pytest_substrate.model.probe_run import ProbeRun, StartFailure


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """What a start failure means, and the layer that is at fault where it is proven."""

    meaning: str
    layer: Layer = Layer.RUNTIME


WAYS_TO_FAIL: Final[Mapping[StartFailure, Way]] = {
    StartFailure.SECRET_NOT_READABLE: Way(
        meaning="the execution role may not read an injected secret, or not use its key", layer=Layer.AUTHORIZATION
    ),
    StartFailure.SECRET_MISSING: Way(
        meaning="an injected secret, parameter, version or JSON key does not exist", layer=Layer.WIRING
    ),
    StartFailure.IMAGE_NOT_PULLED: Way(meaning="the image is not there, or can't be fetched", layer=Layer.ARTIFACT),
    StartFailure.IMAGE_NOT_AUTHORIZED: Way(
        meaning="the execution role may not pull the image", layer=Layer.AUTHORIZATION
    ),
    StartFailure.LOG_GROUP_MISSING: Way(
        meaning="the log group does not exist, or the container's log options don't suit", layer=Layer.WIRING
    ),
    StartFailure.LOG_STREAM_NOT_AUTHORIZED: Way(
        meaning="the execution role may not make the log group or a stream in it, or not write there",
        layer=Layer.AUTHORIZATION,
    ),
    StartFailure.NETWORK_NOT_ATTACHED: Way(
        meaning="the task's network interface could not be provisioned", layer=Layer.NETWORK
    ),
    StartFailure.TASK_OFFLINE: Way(
        meaning="the task could not reach the registry, Secrets Manager or CloudWatch", layer=Layer.NETWORK
    ),
    StartFailure.VOLUME_NOT_MOUNTED: Way(meaning="a volume of the container could not be attached or mounted"),
    StartFailure.NO_INTERPRETER: Way(meaning="the image has no python3, and no interpreter image is declared"),
    StartFailure.CONTAINER_NOT_STARTED: Way(meaning="the container runtime refused to start the container"),
    StartFailure.ROLE_NOT_ASSUMABLE: Way(
        meaning="ECS may not assume the task role or the execution role", layer=Layer.IDENTITY
    ),
    StartFailure.OUT_OF_MEMORY: Way(meaning="the container was killed for its memory limit"),
    StartFailure.TWIN_DIFFERS: Way(meaning="the twin differs from the live task definition where it must not"),
    StartFailure.CAPACITY: Way(meaning="there was no capacity in the cluster, the subnet or the zone"),
    StartFailure.QUOTA: Way(meaning="a quota of the account is used up"),
    StartFailure.THROTTLED: Way(meaning="the service had too many requests"),
    StartFailure.ACCESS_DENIED: Way(meaning="the observer may not do what sending a probe needs"),
    StartFailure.TIMEOUT: Way(meaning="the task was not running by the deadline"),
    StartFailure.SERVICE_MISSING: Way(meaning="ECS has no active service of the declared name"),
    StartFailure.CONTAINER_MISSING: Way(meaning="the task definition has no container of the declared name"),
    StartFailure.IMAGE_UNRESOLVED: Way(
        meaning="neither a service revision nor a running task tells the image's digest"
    ),
    StartFailure.NO_LOG_GROUP: Way(meaning="the container has no awslogs group, and [probe] log_group names none"),
    StartFailure.OTHER_ROLE: Way(
        meaning="its task definition names another task role than the declared (MSG-060), so none was sent"
    ),
    StartFailure.NAME_TAKEN: Way(meaning="the container already has a variable of the name that the probe needs"),
    StartFailure.NOT_IMPLEMENTED: Way(meaning="the target lacks an operation that sending a probe needs"),
    StartFailure.TASK_FAILED: Way(meaning="the task stopped before it ran, for a reason that none of the others names"),
    StartFailure.UNREACHABLE: Way(meaning="the control plane did not answer"),
    StartFailure.MALFORMED: Way(meaning="the control plane's answer could not be read, or it refused the request"),
}
"""Every way in which a start can fail; a test holds that none is left out."""


def run_facts(run: ProbeRun) -> dict[str, FactValue]:
    """The task that carried a probe, and how it ended: what is told wherever its words can't be read."""
    return {
        "task_arn": admitted("task_arn", run.task_arn),
        "stop_code": admitted("stop_code", run.stop_code),
        "stop_reason": run.stop_reason and line(run.stop_reason),
        "exit_code": run.exit_code,
        "log_group": admitted("log_group", run.log_group),
        "log_stream": admitted("log_stream", run.log_stream),
    }
