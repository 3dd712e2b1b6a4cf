"""What became of a job that a check started itself: how far its task came, and where it logged."""

from __future__ import annotations

from dataclasses import dataclass

from pytest_substrate.model.aws.job_log import StreamSpan
from pytest_substrate.model.observation import Missing, Unobserved
from pytest_substrate.model.probe_run import StartFailure


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRun:
    """One run, from RunTask to its end or its deadline. How it ended is what ECS then says of its task.

    `failure` is None where the task ran, or ended: a task that never came so far has a reason there.
    """

    deadline_s: int
    task_arn: str | None = None
    ended: bool = False
    """Whether it ended by itself before the deadline; else it was stopped."""
    stop_failed: bool = False
    """Whether it may still run, as it could not be stopped."""
    failure: StartFailure | None = None
    detail: str | None = None
    """One line about the failure."""
    code: str | None = None
    """The service's own error code, where a call was refused."""
    operation: str | None = None
    log_group: str | None = None
    log_stream: str | None = None
    span: StreamSpan | Missing | Unobserved | None = None
    """What it logged, by number and time."""
