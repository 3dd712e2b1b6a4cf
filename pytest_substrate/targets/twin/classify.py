"""What a task that did not start says of the reason, as a slug. Pure; the texts are those of ECS and of its agent."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pytest_substrate.model.observation import Missing, Unobserved
from pytest_substrate.model.probe_run import StartFailure


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopped:
    """How a task ended: what ECS says of the task, and of the container that matters."""

    failure: StartFailure | None
    """None where the container had started."""
    code: str | None
    reason: str | None
    exit_code: int | None


_OFFLINE: Final = r"connection issue|i/o timeout|dial tcp|request canceled|no such host|network is unreachable"
_DENIED: Final = r"accessdenied|not authorized|unauthorized|403 forbidden|denied"
_ABSENT: Final = r"not ?found|can.t find|does not exist|json key|invalid ssm parameters|marked for deletion|no value"
_RULES: Final[tuple[tuple[str, StartFailure], ...]] = (
    (r"you.?ve reached the limit|exceed\w* (the )?(limit|quota)|limitexceeded|vcpu limit", StartFailure.QUOTA),
    (r"insufficientfreeaddresses|capacity is unavailable|insufficient ?(instance)?capacity", StartFailure.CAPACITY),
    (r"no container instances were found|^resource:\w|^agent\b|^attribute\b", StartFailure.CAPACITY),
    (r"toomanyrequests|too many requests|throttl|rate exceeded", StartFailure.THROTTLED),
    (r"unable to assume the role|not authorized to perform: sts:assumerole", StartFailure.ROLE_NOT_ASSUMABLE),
    (r"network interface", StartFailure.NETWORK_NOT_ATTACHED),
    (r"efs utils|cannotcreatevolume|failed to mount|ebs volume|volume attachment", StartFailure.VOLUME_NOT_MOUNTED),
    (rf"(pull|retriev|registry|logger|log stream|secret).*({_OFFLINE})", StartFailure.TASK_OFFLINE),
    (rf"(ecr:|ecr registry auth|pull image|cannotpull).*({_DENIED})", StartFailure.IMAGE_NOT_AUTHORIZED),
    (r"cannotpull|pull image manifest|manifest unknown|failed to resolve ref", StartFailure.IMAGE_NOT_PULLED),
    (rf"(log ?group|log stream|logger args|logging driver).*({_DENIED})", StartFailure.LOG_STREAM_NOT_AUTHORIZED),
    (r"log ?group|log stream|logger args|logging driver", StartFailure.LOG_GROUP_MISSING),
    (rf"(secret|ssm|asm|parameter|kms).*({_DENIED})", StartFailure.SECRET_NOT_READABLE),
    (rf"(secret|ssm|asm|parameter).*({_ABSENT})", StartFailure.SECRET_MISSING),
    (r"outofmemory", StartFailure.OUT_OF_MEMORY),
    (r"python3.*(not found|no such file)|exec: .*ld-linux.*(not found|no such file)", StartFailure.NO_INTERPRETER),
    (r"cannotstart|cannotcreate|oci runtime|runc create", StartFailure.CONTAINER_NOT_STARTED),
)
"""The first that is found in the text, in lower case. What starves comes before what is refused, as a refusal for a
quota is worded like one for rights; registries before secrets, as the agent fetches both in one step."""


_OF_CONTAINER: Final = {StartFailure.OUT_OF_MEMORY, StartFailure.NO_INTERPRETER, StartFailure.CONTAINER_NOT_STARTED}
"""What ends a task that ECS had counted as started."""


def failure_in(text: str) -> StartFailure | None:
    """The slug of a reason, None where no rule knows it."""
    flat = " ".join(text.lower().split())
    return next((failure for pattern, failure in _RULES if re.search(pattern, flat)), None)


def stopped(task: Mapping[str, Any], container: str) -> Stopped:
    """How a stopped task ended."""
    mine: Mapping[str, Any] = next((item for item in task.get("containers") or () if item.get("name") == container), {})
    reasons = [str(part) for part in (mine.get("reason"), task.get("stoppedReason")) if part]
    code, exit_code = task.get("stopCode"), mine.get("exitCode")
    known = next((failure for reason in reasons if (failure := failure_in(reason)) is not None), None)
    ran = code != "TaskFailedToStart" and (exit_code is not None or task.get("startedAt") is not None)
    failure = known if known in _OF_CONTAINER else None if ran else known or StartFailure.TASK_FAILED
    if code == "SpotInterruption":
        failure = StartFailure.CAPACITY
    return Stopped(failure=failure, code=code, reason=". ".join(dict.fromkeys(reasons)) or None, exit_code=exit_code)


def refused_by_answer(failures: Sequence[str]) -> StartFailure:
    """Why RunTask started nothing: the reasons in its answer."""
    return next((known for text in failures if (known := failure_in(text)) is not None), StartFailure.TASK_FAILED)


_BY_REASON: Final[Mapping[str, StartFailure]] = {
    "access-denied": StartFailure.ACCESS_DENIED,
    "throttled": StartFailure.THROTTLED,
    "not-implemented": StartFailure.NOT_IMPLEMENTED,
    "refused": StartFailure.MALFORMED,
    "malformed": StartFailure.MALFORMED,
    "sdk-error": StartFailure.MALFORMED,
}


def refused_by_error(observation: Unobserved | Missing) -> StartFailure:
    """Why a call was refused: by the observer's rights, by a text that says more, or for want of an answer."""
    if isinstance(observation, Missing):
        return StartFailure.MALFORMED
    if observation.reason == "refused" and observation.detail and (known := failure_in(observation.detail)):
        return known
    return _BY_REASON.get(observation.reason, StartFailure.UNREACHABLE)
