"""What the packaging plane looks at beside `planes.workloads`, each once a run, under the key its docstring names.

Every observer hands on a fact, `Missing` or `Unobserved`, and raises for our own bugs alone.
"""

from __future__ import annotations

import os
import secrets as random
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from packaging.requirements import Requirement

from pytest_substrate.adapters.aws import rollout
from pytest_substrate.adapters.aws.ecr_source import EcrSource
from pytest_substrate.adapters.aws.last_lines import read_last_lines
from pytest_substrate.adapters.files import read_file
from pytest_substrate.adapters.registry.cache import ImageCache
from pytest_substrate.model.aws.ecs import Container, TaskDefinition
from pytest_substrate.model.aws.rollout import ServiceDeployments, ServiceRevision, Stops
from pytest_substrate.model.diagnosis import Diagnosis, violated
from pytest_substrate.model.errors import BadInput
from pytest_substrate.model.image import Descriptor, ImageConfig, Platform
from pytest_substrate.model.import_transcript import ImportRequest
from pytest_substrate.model.observation import Missing, Unobserved
from pytest_substrate.model.probe_run import ProbeRun
from pytest_substrate.model.release_record import ReleaseRecord
from pytest_substrate.planes.packaging.diagnose.ending import LogEnding, ending_of
from pytest_substrate.planes.packaging.diagnose.released import platform_of
from pytest_substrate.planes.packaging.image.alike import Alike, alike
from pytest_substrate.planes.packaging.image.contents import Contents, Contract, contents_of
from pytest_substrate.planes.packaging.image.facts import ImageFacts
from pytest_substrate.planes.packaging.image.observe import observe_image
from pytest_substrate.planes.packaging.instrument import CHECKS, diagnose_image
from pytest_substrate.planes.packaging.lock import Lock, read_lock
from pytest_substrate.planes.packaging.lock.reading import LONGEST_LOCK, MEND
from pytest_substrate.planes.packaging.plan.foreign import SHOW
from pytest_substrate.planes.packaging.plan.pending import InvalidPlan, PendingPlan, pending
from pytest_substrate.planes.packaging.plan.reading import LONGEST_PLAN, read_plan
from pytest_substrate.planes.plane import Context
from pytest_substrate.planes.workloads import observe_record, observe_workload_definition, seen, workload

if TYPE_CHECKING:
    from pytest_substrate.model.declaration import Contract as Declared

LOCKED: Final = ("PKG-060", "PKG-070", "PKG-090")
"""The checks that judge by the distributions of the contract, its lock's among them."""


def observe_deployments(context: Context, service: str) -> ServiceDeployments | Missing | Unobserved:
    """The deployments of a declared service. Key `ecs/deployments/SERVICE`."""
    declared = context.declaration.service[service]
    return seen(
        context,
        f"ecs/deployments/{service}",
        ServiceDeployments | Missing | Unobserved,
        lambda: rollout.read_deployments(context.target.client("ecs"), declared.ecs_cluster, declared.ecs_service),
    )


def observe_newest_revision(context: Context, service: str) -> ServiceRevision | Missing | Unobserved | None:
    """What the newest deployment was to bring; None where there is none. Key `ecs/revision/ARN`."""
    deployments = observe_deployments(context, service)
    known = deployments.deployments if isinstance(deployments, ServiceDeployments) else ()
    arn = known[0].revision_arn if known else None
    if arn is None:
        return None
    return seen(
        context,
        f"ecs/revision/{arn}",
        ServiceRevision | Missing | Unobserved,
        lambda: rollout.read_revision(context.target.client("ecs"), arn),
    )


def observe_stops(context: Context, subject: str) -> Stops | Missing | Unobserved:
    """The stopped tasks of a service, or of a job's family. Key `ecs/stops/SUBJECT`."""
    kind, name = subject.split("/")
    if kind == "service":
        service = context.declaration.service[name]
        cluster, chosen = service.ecs_cluster, {"service": service.ecs_service}
    else:
        job = context.declaration.job[name]
        cluster, chosen = job.ecs_cluster, {"family": job.task_definition}
    return seen(
        context,
        f"ecs/stops/{subject}",
        Stops | Missing | Unobserved,
        lambda: rollout.read_stops(context.target.client("ecs"), cluster, **chosen),
    )


def plan_file(context: Context) -> Path | None:
    """The infrastructure plan of this run: the one that it was given, else the declared one."""
    declared = context.declaration.plan
    return context.plan or (context.target.records / declared.file if declared is not None else None)


def observe_plan(context: Context) -> PendingPlan | InvalidPlan | Missing | Unobserved:
    """The infrastructure plan, read and judged once; no value of it is kept. Key `plan`."""
    return seen(context, "plan", PendingPlan | InvalidPlan | Missing | Unobserved, lambda: _plan(context))


def _plan(context: Context) -> PendingPlan | InvalidPlan | Missing | Unobserved:
    path = plan_file(context)
    if path is None:
        return Missing(what="neither declared nor given by --substrate-plan")
    name = shown(path)
    if not os.path.lexists(path):
        return Missing(what=name)
    try:
        data = read_file(path, mend=SHOW, where=name, most=LONGEST_PLAN)
    except BadInput as error:
        return Unobserved(reason="unreadable", detail=str(error))
    try:
        return pending(read_plan(data, name=name), name=name, now=context.now)
    except BadInput as error:
        return InvalidPlan(name=name, problem=f"{error.where.removeprefix(name).lstrip(': ')} {error.what}".strip())


def shown(path: Path) -> str:
    """A path as a person names it here."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def observe_ending(context: Context, *, group: str, stream: str, until: datetime) -> LogEnding | Missing | Unobserved:
    """How the log of a stopped task ends; none of its lines is kept. Key `logs/ending/GROUP/STREAM`."""
    return seen(
        context,
        f"logs/ending/{group}/{stream}",
        LogEnding | Missing | Unobserved,
        lambda: read_last_lines(context.target.client("logs"), group, stream, until=until, read=ending_of),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What the image of a workload comes to, check by check; a whole image is too much to hand to another process."""

    diagnoses: dict[str, Diagnosis]
    alike: Alike | None = None
    """How a twin imports as the workload does; None where it can't, for which `unlike` is the reason."""
    unlike: str | None = None


def observe_contents(context: Context, subject: str) -> Judged | Missing | Unobserved:
    """The released image as the workload starts it, read once and judged. Key `image/SUBJECT`.

    What layers of a digest hold is read once by all runs of this user, and believed while ECR still gives the layers.
    """
    return seen(context, f"image/{subject}", Judged | Missing | Unobserved, lambda: _judged(context, subject))


def _judged(context: Context, subject: str) -> Judged | Missing | Unobserved:
    declared = workload(context, subject)
    definition, record = observe_workload_definition(context, subject), observe_record(context, declared.artifact)
    if not isinstance(definition, TaskDefinition):
        return definition
    if not isinstance(record, ReleaseRecord):
        return Unobserved(reason="not-asked", detail="no release record names a digest")
    artifact = context.declaration.artifact[declared.artifact]
    source = EcrSource(
        context.target.client("ecr"), account=context.declaration.account, repository=artifact.repository
    )
    wanted = platform_of(definition)
    platform = Platform(os=wanted.system, architecture=wanted.architecture)
    found = observe_image(source, Descriptor(digest=record.digest), platform, ImageCache.of_user())
    if isinstance(found, ImageFacts):
        found = replace(found, config=_as_started(found.config, definition.container(declared.container)))
    contents = contents_of(found) if isinstance(found, ImageFacts) else found
    lock = lock_in(context, artifact.contract)
    contract = _contract(artifact.contract, lock if isinstance(lock, Lock) else None)
    judged = {check: diagnose_image(check, contents, contract) for check in CHECKS}
    if isinstance(lock, Diagnosis) and judged["PKG-060"] is not None:
        judged |= dict.fromkeys(LOCKED, lock)
    start = alike(contents) if isinstance(contents, Contents) else "the image wasn't read"
    return Judged(
        diagnoses={check: diagnosis for check, diagnosis in judged.items() if diagnosis is not None},
        alike=start if isinstance(start, Alike) else None,
        unlike=start if isinstance(start, str) else None,
    )


def observe_imports(context: Context, subject: str) -> ProbeRun | Unobserved:
    """How the declared imports end in a task of the workload. Key `import-probe/SUBJECT`."""
    seen_inside = observe_contents(context, subject)
    start = seen_inside.alike if isinstance(seen_inside, Judged) else None
    if start is None:
        why = seen_inside.unlike if isinstance(seen_inside, Judged) else "the image wasn't read"
        return Unobserved(reason="not-asked", detail=why)
    contract = context.declaration.artifact[workload(context, subject).artifact].contract
    request = ImportRequest(nonce=random.token_hex(16), modules=contract.imports, first=start.first, flags=start.flags)
    return seen(
        context,
        f"import-probe/{subject}",
        ProbeRun | Unobserved,
        lambda: context.target.probe_imports(subject, request),
    )


def lock_in(context: Context, declared: Declared) -> Lock | Diagnosis | None:
    """The lock of a contract, where it names one; what is wrong with it where it can't be used."""
    if declared.lock is None:
        return None
    path = context.target.records / declared.lock
    if not os.path.lexists(path):
        return violated("lock-missing", f"the contract's lock file isn't there: {declared.lock}")
    try:
        return read_lock(read_file(path, mend=MEND, where=declared.lock, most=LONGEST_LOCK), name=declared.lock)
    except BadInput as error:
        return violated("lock-unusable", f"{error.where}: {error.what}")


def _as_started(config: ImageConfig, container: Container | None) -> ImageConfig:
    """The image's configuration with what the task definition says instead; an entry point of its own drops CMD."""
    if container is None:
        return config
    entry, command = config.entrypoint, config.command
    if container.entry_point:
        entry, command = container.entry_point, ()
    if container.command:
        command = container.command
    folder = container.working_directory or config.working_dir
    return replace(config, entrypoint=entry, command=command, working_dir=folder)


def _contract(declared: Declared, lock: Lock | None) -> Contract:
    return Contract(
        lock=lock,
        distributions=tuple(Requirement(text) for text in declared.distributions),
        imports=declared.imports,
        python=declared.python,
        labels=declared.labels,
    )
