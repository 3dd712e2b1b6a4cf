"""What every target has in common: an AWS-shaped control plane, asked as the observer, and the three vantages.

A target hands out clients of one identity, the observer: the declared role, else the caller. It never falls back from
the one to the other. What differs between targets is the way there (`Way`), the caller's credentials, the guard's
reasons, and whether a command can be run in a container.
"""

from __future__ import annotations

import functools
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_substrate.adapters.aws.session import AwsSession
from pytest_substrate.evidence.redaction import Net
from pytest_substrate.model.observation import Unobserved
from pytest_substrate.model.outcome import TargetKind, Vantage
from pytest_substrate.probe.bundle import data_source
from pytest_substrate.targets.guard import Expected, Who, judge_identity
from pytest_substrate.targets.port import Completed, Refusal, TargetError

if TYPE_CHECKING:
    from pytest_substrate.model.data_transcript import DataRequest
    from pytest_substrate.model.declaration import Declaration
    from pytest_substrate.model.import_transcript import ImportRequest
    from pytest_substrate.model.job_run import JobRun
    from pytest_substrate.model.probe_run import ProbeRun
    from pytest_substrate.model.transcript import ProbeRequest
    from pytest_substrate.targets.ci import CiJob, JobWay
    from pytest_substrate.targets.twin.pace import Pace


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What a target is made with, whichever it is."""

    declaration: Declaration
    vantage: Vantage
    run_id: str
    progress: Callable[[str], None]
    source: Callable[[], str]
    """The probe's program."""
    data_source: Callable[[], str] = data_source
    """The data probe's program."""
    secrets: Net = field(default_factory=Net, repr=False)
    home: Path = Path()
    """The folder of the declaration."""


class ControlPlaneTarget:
    """Implements `targets.port.Target` but for `guard`; the base of the three targets."""

    kind: TargetKind

    def __init__(self, setting: Setting, *, caller: AwsSession, pace: Pace) -> None:
        self.declaration = setting.declaration
        self.vantage = setting.vantage
        self.run_id = setting.run_id
        self.progress = setting.progress
        self.home = setting.home
        self.source = setting.source
        self.data_source = setting.data_source
        self.secrets = setting.secrets
        self.pace = pace
        self.swept = False
        """Whether this process has swept expired twins."""
        self.lock = threading.Lock()
        self._learnt: set[tuple[str, str]] = set()
        """The containers whose secrets are in the net, by task and service."""
        observer = setting.declaration.observer
        self._caller = caller
        self._observer = (
            caller if observer is None else caller.as_role(observer.role, name=f"substrate-{setting.run_id[:36]}")
        )
        self._who: Who | None = None

    def client(self, service: str, region: str | None = None) -> Any:
        """See the port. `region` where a thing lies elsewhere than declared (a log group may)."""
        return self._observer.client(service, region)

    @property
    def ca_file(self) -> str | None:
        """See the port."""
        return None

    @property
    def records(self) -> Path:
        """See the port."""
        return self.home

    @functools.cached_property
    def ci(self) -> CiJob:
        """See the port."""
        from pytest_substrate.targets.ci import CiJob

        release = self.declaration.release
        if release is None:
            raise ValueError("the declaration has no [release]")
        return CiJob(release, way=self.job_way(), anyone=self._caller.without_identity(), known=self.secrets.add)

    def job_way(self) -> JobWay:
        """How this target reaches the CI job: it runs in it."""
        from pytest_substrate.targets.ci import JobWay

        return JobWay(environment=lambda: os.environ)

    def describe(self) -> Mapping[str, Any]:
        """See the port. `observer` is None where STS did not tell."""
        if self._who is None:
            told = _who(self._observer)
            self._who = None if isinstance(told, Unobserved) else told
        return {
            "kind": self.kind.value,
            "account": self.declaration.account,
            "region": self.declaration.region,
            "environment": self.declaration.environment,
            "observer": None if self._who is None else self._who.arn,
            "observer_role": self.expected().observer,
            "vantage": self.vantage.value,
        }

    def probe(self, service: str, request: ProbeRequest) -> ProbeRun:
        """See the port."""
        from pytest_substrate.targets.probing import probe

        return probe(self, service, request)

    def probe_data(self, workload: str, request: DataRequest) -> ProbeRun:
        """See the port."""
        from pytest_substrate.targets.data_probing import probe_data

        return probe_data(self, workload, request)

    def run_job(self, name: str) -> JobRun:
        """See the port."""
        from pytest_substrate.targets.job_running import run_job

        return run_job(self, name)

    def probe_imports(self, workload: str, request: ImportRequest) -> ProbeRun:
        """See the port."""
        from pytest_substrate.targets.data_probing import probe_imports

        return probe_imports(self, workload, request)

    def probe_group(self, service: str) -> tuple[str, ...]:
        """See the port."""
        from pytest_substrate.targets.probing import group_of

        return group_of(self, service)

    def execute(self, service: str, command: Sequence[str], *, deadline_s: float) -> Completed:
        """See the port."""
        task = self.running_task(service)
        self._learn_secrets(task, service)
        return self.execute_in(task, service, command, deadline_s=deadline_s)

    def running_task(self, service: str) -> Mapping[str, Any]:
        """The task, as ECS describes it, in which `execute` runs; TargetError where there is none."""
        raise TargetError(
            f"service {service}: the {self.kind.value} target can't run a command in a container yet, only the "
            "embedded target can; use --substrate-vantage task"
        )

    def execute_in(
        self, task: Mapping[str, Any], service: str, command: Sequence[str], *, deadline_s: float
    ) -> Completed:
        """Run a command in the service's container of that task."""
        raise TargetError(
            f"{task.get('taskArn')}: the {self.kind.value} target can't run {command[0]} in {service} "
            f"(within {deadline_s:g} s)"
        )

    def _learn_secrets(self, task: Mapping[str, Any], service: str) -> None:
        """Let the net know what this task's container was given, once."""
        from pytest_substrate.targets.injected import injected_secrets

        container = (str(task.get("taskArn")), service)
        if container in self._learnt:
            return

        def execute(command: Sequence[str], deadline_s: float) -> Completed:
            return self.execute_in(task, service, command, deadline_s=deadline_s)

        for secret in injected_secrets(self.client, execute, self.declaration.service[service], task):
            self.secrets.add(secret)
        self._learnt.add(container)

    def close(self) -> None:
        """See the port. Clients hold nothing that must be given back."""

    def expected(self) -> Expected:
        """What the guard compares with."""
        declaration = self.declaration
        observer = declaration.observer
        return Expected(
            environment=declaration.environment,
            account=declaration.account,
            region=declaration.region,
            observer=None if observer is None else observer.role,
            proxy=declaration.target.proxy,
            ca_bundle=declaration.target.ca_bundle,
        )

    def judge_who(self) -> tuple[Refusal, ...]:
        """Ask STS who caller and observer are, and judge it."""
        caller = _who(self._caller)
        observer: Who | Unobserved | None = None
        if not isinstance(caller, Unobserved) and self._observer is not self._caller:
            observer = _who(self._observer)
        told = caller if self._observer is self._caller else observer
        self._who = told if isinstance(told, Who) else None
        return judge_identity(caller, observer, self.expected())


def _who(session: AwsSession) -> Who | Unobserved:
    told = session.caller()
    return told if isinstance(told, Unobserved) else Who(arn=told.arn, account=told.account)
