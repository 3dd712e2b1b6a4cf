"""How the probes of data and of imports reach a workload, a service or a job: as a twin of what starts its tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pytest_substrate.adapters.aws.twins import TwinCalls
from pytest_substrate.model.facts import line
from pytest_substrate.model.observation import Unobserved
from pytest_substrate.model.outcome import Vantage
from pytest_substrate.model.probe_run import ProbeRun, StartFailure
from pytest_substrate.probe.bundle import import_source
from pytest_substrate.targets.probing import NOT_THE_RUNTIME, look_at, run_here, run_in_container, send_twin
from pytest_substrate.targets.twin.live import Live, container_of, read_live
from pytest_substrate.targets.twin.plan import NoTwin

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_substrate.model.data_transcript import DataRequest
    from pytest_substrate.model.declaration.workloads import Job, Network
    from pytest_substrate.model.import_transcript import ImportRequest
    from pytest_substrate.targets.control_plane import ControlPlaneTarget

JOB_PREFIX: Final = "job-"
"""Of the family of a job's twin, after the prefix of every twin."""


def probe_data(target: ControlPlaneTarget, workload: str, request: DataRequest) -> ProbeRun:
    """See `Target.probe_data`."""
    return _probe(target, workload, request, target.data_source())


def probe_imports(target: ControlPlaneTarget, workload: str, request: ImportRequest) -> ProbeRun:
    """See `Target.probe_imports`. What this process imports says nothing of an image, on whichever target."""
    if target.vantage is Vantage.HERE:
        told = "what this process imports says nothing of an image"
        return ProbeRun(vantage=Vantage.HERE, transcript=Unobserved(reason=NOT_THE_RUNTIME, detail=told))
    return _probe(target, workload, request, import_source())


def _probe(target: ControlPlaneTarget, workload: str, request: DataRequest | ImportRequest, source: str) -> ProbeRun:
    kind, _, name = workload.partition("/")
    if target.vantage is Vantage.HERE:
        return run_here(target, request, source)
    if target.vantage is Vantage.EXEC:
        return run_in_container(target, name, request, source) if kind == "service" else _not_in_a_job(name)
    calls = TwinCalls(target.client)
    if kind == "service":
        service = target.declaration.service[name]
        live = look_at(
            target,
            calls,
            service.ecs_cluster,
            lambda: read_live(calls, service.ecs_cluster, service.ecs_service, service.container),
        )
        if isinstance(live, ProbeRun):
            return live
        return send_twin(target, calls, live, request, name=name, workload=service, source=source)
    job = target.declaration.job[name]
    found = look_at(target, calls, job.ecs_cluster, lambda: read_job(calls, job))
    if isinstance(found, ProbeRun):
        return found
    return send_twin(target, calls, found, request, name=f"{JOB_PREFIX}{name}", workload=job, source=source)


def read_job(calls: TwinCalls, job: Job) -> Live | NoTwin:
    """What the job's next run would be: the newest active revision of its family, started in the declared network.

    Raises `NoAnswer`. Its image has to be pinned: what a tag means is only settled when a run begins, so that a probe
    might prove another image than the one that the next run gets.
    """
    definition, _ = calls.definition(job.task_definition)
    item = container_of(definition, job.container)
    if item is None:
        detail = f"the task definition has no container {job.container}"
        return NoTwin(failure=StartFailure.CONTAINER_MISSING, detail=detail)
    digest = str(item.get("image", "")).partition("@")[2]
    if not digest:
        detail = f"the container {job.container} is not pinned by digest (PKG-010)"
        return NoTwin(failure=StartFailure.IMAGE_UNRESOLVED, detail=detail)
    return Live(
        cluster=job.ecs_cluster,
        definition=definition,
        launch=launch_of(definition, job.network),
        volumes=(),
        image_digest=digest,
    )


def launch_of(definition: Mapping[str, Any], network: Network) -> dict[str, Any]:
    """How RunTask starts it: on Fargate where the definition is for that, else as the ECS cluster does by default."""
    launch: dict[str, Any] = {}
    if "FARGATE" in (definition.get("requiresCompatibilities") or ()):
        launch["launchType"] = "FARGATE"
    if definition.get("networkMode") == "awsvpc":
        where = {"subnets": list(network.subnets), "securityGroups": list(network.security_groups)}
        launch["networkConfiguration"] = {"awsvpcConfiguration": where}
    return launch


def _not_in_a_job(name: str) -> ProbeRun:
    told = line(f"no container of job {name} is kept running: use --substrate-vantage task")
    return ProbeRun(
        vantage=Vantage.EXEC,
        transcript=Unobserved(reason=StartFailure.NOT_IMPLEMENTED.value, detail=told),
        start_failure=StartFailure.NOT_IMPLEMENTED,
        detail=told,
    )
