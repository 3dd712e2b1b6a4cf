"""A declared job, started as it is and followed to its end: the proof that no older run can give."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from pytest_substrate.adapters.aws.answer import NoAnswer
from pytest_substrate.adapters.aws.job_logs import read_span
from pytest_substrate.adapters.aws.twins import TwinCalls
from pytest_substrate.model.aws.job_log import StreamSpan
from pytest_substrate.model.aws.role import is_role
from pytest_substrate.model.facts import line
from pytest_substrate.model.job_run import JobRun
from pytest_substrate.model.observation import Missing, Unobserved
from pytest_substrate.model.probe_run import StartFailure
from pytest_substrate.targets.data_probing import launch_of
from pytest_substrate.targets.twin.classify import refused_by_answer, refused_by_error, stopped
from pytest_substrate.targets.twin.live import container_of
from pytest_substrate.targets.twin.plan import RUN_TAG, STARTED_BY
from pytest_substrate.targets.twin.run import BEFORE_RUNNING, PASSING, Clock

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_substrate.model.declaration.workloads import Job
    from pytest_substrate.targets.control_plane import ControlPlaneTarget
    from pytest_substrate.targets.twin.pace import Pace

_SAY_S: Final = 10.0


def run_job(target: ControlPlaneTarget, name: str) -> JobRun:
    """See `Target.run_job`; ValueError for a job that declares no rerun."""
    job = target.declaration.job[name]
    if job.rerun is None:
        raise ValueError(f"job {name} declares no rerun")
    run = Rerun(
        calls=TwinCalls(target.client),
        client=target.client,
        name=name,
        job=job,
        account=target.declaration.account,
        run_id=target.run_id,
        deadline_s=job.rerun.deadline_s,
        pace=target.pace,
        progress=target.progress,
    )
    return run.go()


@dataclass(slots=True, kw_only=True)
class Rerun:
    """One run of a job. `go` is called once; what it started is stopped in every outcome but its own end."""

    calls: TwinCalls
    client: Callable[..., Any]
    name: str
    job: Job
    account: str
    run_id: str
    deadline_s: int
    pace: Pace
    progress: Callable[[str], None]
    clock: Clock = field(default_factory=Clock)
    _known: JobRun = field(init=False)
    _asked: bool = field(default=False, init=False)
    """Whether RunTask may have been carried out."""
    _region: str | None = field(default=None, init=False)
    """Where it logs; None is the declared region."""
    _said_s: float = field(default=0.0, init=False)

    def go(self) -> JobRun:
        """What became of it."""
        self._known = JobRun(deadline_s=self.deadline_s)
        try:
            self._attempt()
        except NoAnswer as none:
            told = none.observation
            self._failed(refused_by_error(told), getattr(told, "detail", None) or "")
            self._known = replace(self._known, code=told.code, operation=told.operation)
        finally:
            if self._asked and not self._known.ended:
                self._stop()
        if self._known.task_arn is not None and self._known.failure is None:
            self._known = replace(self._known, span=self._span())
        return self._known

    def _attempt(self) -> None:
        definition, _ = self.calls.definition(self.job.task_definition)
        role = definition.get("taskRoleArn")
        if not role or not is_role(str(role), self.account, self.job.task_role):
            return self._failed(StartFailure.OTHER_ROLE, f"the task definition names {role or 'no task role'}")
        container = container_of(definition, self.job.container)
        if container is None:
            return self._failed(StartFailure.CONTAINER_MISSING, f"it has no container {self.job.container}")
        self.progress(f"running job {self.name}, for at most {self.deadline_s} s")
        request = {
            "cluster": self.job.ecs_cluster,
            "taskDefinition": definition["taskDefinitionArn"],
            "count": 1,
            "startedBy": self._started_by,
            "clientToken": uuid.uuid4().hex,
            "tags": [{"key": RUN_TAG, "value": self.run_id}],
            **launch_of(definition, self.job.network),
        }
        self._asked = True
        task, failures = self.calls.run(request)
        if task is None:
            self._asked = False
            return self._failed(refused_by_answer(failures), "; ".join(failures))
        arn = str(task["taskArn"])
        group, stream = self._log(container, arn)
        self._known = replace(self._known, task_arn=arn, log_group=group, log_stream=stream)
        return self._follow()

    @property
    def _started_by(self) -> str:
        """By which it is found where RunTask's answer was lost; no other task of the run has it."""
        return f"{STARTED_BY}{self.run_id}/{self.name}"[:128]

    def _log(self, container: Mapping[str, Any], task_arn: str) -> tuple[str | None, str | None]:
        """Its log group and stream; none where it logs elsewhere, or without a prefix."""
        configured = container.get("logConfiguration") or {}
        options = configured.get("options") or {}
        group, prefix = options.get("awslogs-group"), options.get("awslogs-stream-prefix")
        if configured.get("logDriver") != "awslogs" or not group or not prefix:
            return None, None
        self._region = options.get("awslogs-region")
        stream = f"{prefix}/{self.job.container}/{task_arn.rpartition('/')[2]}"
        return str(group), stream

    def _follow(self) -> None:
        began = self.clock.monotonic()
        while True:
            task = self._look()
            status = str(task.get("lastStatus", ""))
            elapsed = self.clock.monotonic() - began
            if status == "STOPPED":
                self._known = replace(self._known, ended=True)
                end = stopped(task, self.job.container)
                never_ran = end.failure is not None and task.get("startedAt") is None
                return self._failed(end.failure, end.reason or "") if never_ran and end.failure else None
            if elapsed > self.deadline_s:
                if status in BEFORE_RUNNING:
                    return self._failed(StartFailure.TIMEOUT, f"it was {status or 'unknown'} after {elapsed:.0f} s")
                return None
            if elapsed - self._said_s >= _SAY_S:
                self._said_s = elapsed
                self.progress(f"running job {self.name}: its task is {status or 'PROVISIONING'} ({elapsed:.0f} s)")
            self.clock.sleep(self.pace.poll_s)

    def _look(self) -> Mapping[str, Any]:
        """The task; empty where ECS doesn't know it yet, or did not answer this once."""
        try:
            found = self.calls.tasks(self.job.ecs_cluster, [self._known.task_arn or ""])
        except NoAnswer as none:
            if isinstance(none.observation, Unobserved) and none.observation.reason in PASSING:
                return {}
            raise
        return found[0] if found else {}

    def _stop(self) -> None:
        """It is ours: a run that nobody waits for would be the next check's last one."""
        cluster = self.job.ecs_cluster
        try:
            arn = self._known.task_arn
            for task in [arn] if arn else self.calls.tasks_started_by(cluster, self._started_by):
                self.calls.stop(cluster, task, "the check's deadline is over, or the check has ended")
        except NoAnswer:
            self._known = replace(self._known, stop_failed=True)

    def _span(self) -> StreamSpan | Missing | Unobserved | None:
        """What it logged, once no more comes: two looks that agree, or the time that lines need on their way."""
        group, stream = self._known.log_group, self._known.log_stream
        if group is None or stream is None:
            return None
        client = self.client("logs") if self._region is None else self.client("logs", self._region)
        until = self.clock.monotonic() + self.pace.log_s
        before: StreamSpan | Missing | Unobserved | None = None
        while True:
            seen = read_span(client, group, stream)
            settled = isinstance(seen, StreamSpan) and seen.lines > 0 and seen == before
            if settled or self.clock.monotonic() > until:
                return seen
            before = seen
            self.clock.sleep(self.pace.poll_s)

    def _failed(self, failure: StartFailure, detail: str) -> None:
        self._known = replace(self._known, failure=failure, detail=line(detail) or None)
