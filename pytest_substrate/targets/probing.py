"""The three vantages of a probe, for any target: a task of its own, a running container, this process."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from pytest_substrate.adapters.aws.answer import NoAnswer
from pytest_substrate.adapters.aws.twins import TwinCalls
from pytest_substrate.model.facts import line
from pytest_substrate.model.observation import Unobserved
from pytest_substrate.model.outcome import TargetKind, Vantage
from pytest_substrate.model.probe_run import ProbeRun, StartFailure
from pytest_substrate.model.transcript import EXPECTED_ENV, ProbeRequest
from pytest_substrate.targets.port import TargetError
from pytest_substrate.targets.twin.classify import refused_by_error
from pytest_substrate.targets.twin.clean import sweep
from pytest_substrate.targets.twin.live import Live, read_live, same_runtime
from pytest_substrate.targets.twin.plan import NoTwin, TwinPlan
from pytest_substrate.targets.twin.run import Clock, TwinRun, expiry, run_seconds

if TYPE_CHECKING:
    from pytest_substrate.model.data_transcript import DataRequest
    from pytest_substrate.model.declaration.workloads import Job, Messaging, Service
    from pytest_substrate.model.import_transcript import ImportRequest
    from pytest_substrate.targets.control_plane import ControlPlaneTarget

    Request: TypeAlias = ProbeRequest | DataRequest | ImportRequest

NOT_THE_RUNTIME: Final = "not-the-runtime"
"""The reason of a transcript that was not even asked for: on AWS, this process is never the runtime."""


def probe(target: ControlPlaneTarget, service: str, request: ProbeRequest) -> ProbeRun:
    """Run the probe at the target's vantage."""
    if target.vantage is Vantage.EXEC:
        return run_in_container(target, service, _without_expected(request), target.source())
    if target.vantage is Vantage.HERE:
        return run_here(target, _without_expected(request), target.source())
    calls = TwinCalls(target.client)
    declared = target.declaration.service[service]
    expected: str | None = None

    def look() -> Live | NoTwin:
        nonlocal expected
        found = read_live(calls, declared.ecs_cluster, declared.ecs_service, declared.container)
        expected = _expected_arn(calls, declared.messaging) if request.expected_env else None
        return found

    live = look_at(target, calls, declared.ecs_cluster, look)
    if isinstance(live, ProbeRun):
        return live
    asked = request if expected is not None else _without_expected(request)
    return send_twin(
        target, calls, live, asked, name=service, workload=declared, source=target.source(), expected=expected
    )


def look_at(
    target: ControlPlaneTarget, calls: TwinCalls, cluster: str, look: Callable[[], Live | NoTwin]
) -> Live | ProbeRun:
    """What `look` reads of a workload, else the probe that can't be sent. What ended runs left is swept before."""
    try:
        _sweep(target, calls, cluster)
        live = look()
    except NoAnswer as none:
        told = none.observation
        failed = _failed(refused_by_error(told), getattr(told, "detail", None) or "")
        return replace(failed, code=told.code, operation=told.operation)
    return _failed(live.failure, live.detail) if isinstance(live, NoTwin) else live


def send_twin(
    target: ControlPlaneTarget,
    calls: TwinCalls,
    live: Live,
    request: Request,
    *,
    name: str,
    workload: Service | Job,
    source: str,
    expected: str | None = None,
) -> ProbeRun:
    """Run a program in a task of a twin of the workload, whose family ends in `name`."""
    plan = TwinPlan(
        service=name,
        container=workload.container,
        image_digest=live.image_digest,
        source=source,
        argument=request.to_json(),
        region=target.declaration.region,
        run_id=target.run_id,
        expires=expiry(request, target.pace, Clock().now()),
        log_group=target.declaration.probe.log_group,
        expected_arn=expected,
        interpreter_image=target.declaration.probe.interpreter_image,
        task_role=(target.declaration.account, workload.task_role),
    )
    run = TwinRun(calls=calls, live=live, plan=plan, request=request, pace=target.pace, progress=target.progress)
    return run.send()


def group_of(target: ControlPlaneTarget, service: str) -> tuple[str, ...]:
    """See `Target.probe_group`. Nothing is asked of the control plane where no other service could belong."""
    declared = target.declaration.service
    own = declared[service].messaging
    role = declared[service].task_role
    alike = [
        name
        for name, other in declared.items()
        if own is not None and other.task_role == role and _alike(own, other.messaging)
    ]
    if len(alike) < 2 or own is None or target.vantage is not Vantage.TASK:
        return (service,)
    calls = TwinCalls(target.client)
    variables = _variables(own)
    found: dict[str, Live] = {}
    for name in alike:
        other = declared[name]
        try:
            live = read_live(calls, other.ecs_cluster, other.ecs_service, other.container)
        except NoAnswer:
            continue
        if isinstance(live, Live):
            found[name] = live
    mine = found.get(service)
    if mine is None:
        return (service,)
    container = declared[service].container
    return tuple(
        name
        for name in declared
        if name in found and same_runtime(mine, found[name], (container, declared[name].container), variables)
    )


def _alike(one: Messaging, other: Messaging | None) -> bool:
    free = {"topics": one.topics, "group": one.group}
    return other is not None and one == other.model_copy(update=free)


def _variables(messaging: Messaging) -> tuple[str, ...]:
    """The variables that a request about this messaging reads."""
    credential, settings = messaging.credential, messaging.client.settings
    named = [messaging.bootstrap_env]
    if credential is not None:
        named += [name for name in (credential.env, credential.username_env, credential.password_env) if name]
    named += [
        name
        for name in (
            settings.api_version_env,
            settings.ca_file_env,
            settings.cert_file_env,
            settings.key_file_env,
        )
        if name
    ]
    return tuple(named)


def _expected_arn(calls: TwinCalls, messaging: Messaging | None) -> str | None:
    """The declared secret's whole ARN; None where there is no such secret (MSG-010 says so)."""
    if messaging is None or messaging.credential is None:
        return None
    return calls.secret_arn(messaging.credential.secret)


def _sweep(target: ControlPlaneTarget, calls: TwinCalls, cluster: str) -> None:
    """Once a process; what can't be swept is no reason against a probe."""
    with target.lock:
        first, target.swept = not target.swept, True
    if not first:
        return
    try:
        swept = sweep(calls, cluster, Clock().now())
    except NoAnswer as none:
        target.progress(f"twins of ended runs could not be swept: {getattr(none.observation, 'reason', 'missing')}")
        return
    if swept:
        target.progress(f"removed {len(swept)} expired twins of ended runs")


def run_in_container(target: ControlPlaneTarget, service: str, request: Request, source: str) -> ProbeRun:
    """Run a program inside a running container of a declared service."""
    command = ["python3", "-c", source, request.to_json()]
    target.progress(f"probing {service} inside a running container")
    try:
        task = target.running_task(service)
        known = _facts_of(target, service, task)
        done = target.execute_in(task, service, command, deadline_s=run_seconds(request))
    except TargetError as error:
        return ProbeRun(
            vantage=Vantage.EXEC,
            transcript=Unobserved(reason=StartFailure.NOT_IMPLEMENTED.value, detail=line(error)),
            start_failure=StartFailure.NOT_IMPLEMENTED,
            detail=line(error),
        )
    run = _of_output(Vantage.EXEC, done.stdout, done.exit_code, request)
    return replace(known, transcript=run.transcript, exit_code=run.exit_code)


def _facts_of(target: ControlPlaneTarget, service: str, task: Mapping[str, Any]) -> ProbeRun:
    """What ECS says of a running task; its roles are those of its task definition, where that can be read."""
    container = target.declaration.service[service].container
    arn = task.get("taskDefinitionArn")
    try:
        definition, _ = TwinCalls(target.client).definition(str(arn))
    except NoAnswer:
        definition = {}
    mine: Mapping[str, Any] = next((one for one in task.get("containers") or () if one.get("name") == container), {})
    started = task.get("startedAt")
    return ProbeRun(
        vantage=Vantage.EXEC,
        transcript=Unobserved(reason="not-asked"),
        task_arn=task.get("taskArn"),
        task_definition_arn=arn,
        task_role_arn=definition.get("taskRoleArn"),
        execution_role_arn=definition.get("executionRoleArn"),
        image_digest=mine.get("imageDigest"),
        started_at=None if started is None else started.astimezone(UTC),
    )


def run_here(target: ControlPlaneTarget, request: Request, source: str) -> ProbeRun:
    """Run a program beside this process; never on AWS, where that would be no proof."""
    if target.kind is TargetKind.AWS:
        why = "on AWS, what this process sees proves nothing of the runtime"
        return ProbeRun(vantage=Vantage.HERE, transcript=Unobserved(reason=NOT_THE_RUNTIME, detail=why))
    command = [sys.executable, "-I", "-c", source, request.to_json()]
    try:
        done = subprocess.run(
            command, capture_output=True, stdin=subprocess.DEVNULL, timeout=run_seconds(request), check=False,
            env=dict(os.environ),
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return ProbeRun(vantage=Vantage.HERE, transcript=Unobserved(reason="timeout", detail="the probe did not end"))
    return _of_output(Vantage.HERE, done.stdout, done.returncode, request)


def _of_output(vantage: Vantage, stdout: bytes, exit_code: int, request: Request) -> ProbeRun:
    lines = stdout.decode("utf-8", "replace").splitlines()
    return ProbeRun(vantage=vantage, transcript=request.read(lines), exit_code=exit_code)


def _without_expected(request: ProbeRequest) -> ProbeRequest:
    """Only a twin brings the reference that a received credential is compared with."""
    return replace(request, expected_env=None) if request.expected_env == EXPECTED_ENV else request


def _failed(failure: StartFailure, detail: str) -> ProbeRun:
    told = line(detail) or None
    return ProbeRun(
        vantage=Vantage.TASK,
        transcript=Unobserved(reason=failure.value, detail=told),
        start_failure=failure,
        detail=told,
    )
