"""What a task that did not start says of the reason, as a slug. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pytest_substrate.model.aws.stop_reason import failure_in
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


_OF_CONTAINER: Final = {StartFailure.OUT_OF_MEMORY, StartFailure.NO_INTERPRETER, StartFailure.CONTAINER_NOT_STARTED}
"""What ends a task that ECS had counted as started."""


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
