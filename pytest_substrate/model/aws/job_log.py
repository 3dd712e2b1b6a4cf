"""Facts of a job's log: the streams of its runs, and the AWS denials in them; no line of it."""

from __future__ import annotations

from dataclasses import dataclass

from pytest_substrate.model.aws.instant import Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedDenial:
    """One refusal that a run logged, as far as the line says; `None` and `unknown` for the rest."""

    at: Instant
    principal: str | None
    action: str | None
    resource: str | None
    effect: str
    source: str
    policy: str | None

    @property
    def what(self) -> tuple[str | None, str | None]:
        """By which two runs' denials are the same."""
        return self.action, self.resource


@dataclass(frozen=True, slots=True, kw_only=True)
class RunLog:
    """The stream of one run; its name ends in the task's id."""

    stream: str
    newest: Instant
    denials: tuple[LoggedDenial, ...] = ()

    @property
    def task_id(self) -> str:
        """The task that wrote it."""
        return self.stream.rpartition("/")[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamSpan:
    """How many lines a stream has, and the times of the first and the last; no line of it."""

    lines: int
    first: Instant | None = None
    last: Instant | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobLog:
    """The newest runs' streams in a group, the newest first; older ones are not read."""

    group: str
    runs: tuple[RunLog, ...]
