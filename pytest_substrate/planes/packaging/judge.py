"""From a check of the packaging plane and a subject to a diagnosis: what is observed for it, and who judges that."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

from pytest_substrate.model.aws.ecs import ServiceState
from pytest_substrate.model.diagnosis import Diagnosis, inconclusive
from pytest_substrate.model.facts import line
from pytest_substrate.model.observation import Missing, Unobserved
from pytest_substrate.model.outcome import Outcome
from pytest_substrate.model.release_record import ReleaseRecord
from pytest_substrate.model.subjects import name_of, workloads
from pytest_substrate.model.unseen import unseen
from pytest_substrate.planes.packaging import observe
from pytest_substrate.planes.packaging.diagnose.ending import with_ending
from pytest_substrate.planes.packaging.diagnose.imported import diagnose_imported
from pytest_substrate.planes.packaging.diagnose.pending import Workload, diagnose_pending
from pytest_substrate.planes.packaging.diagnose.released import (
    diagnose_in_registry,
    diagnose_pinned,
    diagnose_running,
)
from pytest_substrate.planes.packaging.diagnose.rollout import Steady, diagnose_rollout, diagnose_steady
from pytest_substrate.planes.packaging.diagnose.stops import diagnose_stops
from pytest_substrate.planes.plane import Context
from pytest_substrate.planes.workloads import (
    observe_record,
    observe_released_image,
    observe_service,
    observe_tasks,
    observe_workload_definition,
    workload,
)


def judge(check: str, subject: str, context: Context) -> Diagnosis:
    """Observe what the check needs of the subject, and judge it. KeyError for a check that isn't of this plane."""
    return _JUDGES[check](context, subject)


def _judge_pinned(context: Context, subject: str) -> Diagnosis:
    declared = workload(context, subject)
    return diagnose_pinned(
        observe_workload_definition(context, subject),
        observe_record(context, declared.artifact),
        container=declared.container,
        repository=context.declaration.artifact[declared.artifact].repository,
    )


def _judge_in_registry(context: Context, subject: str) -> Diagnosis:
    """By what the registry says of the digest; where that is well, by what is found on the way to its files."""
    declared = workload(context, subject)
    listed = diagnose_in_registry(
        observe_released_image(context, declared.artifact),
        observe_workload_definition(context, subject),
        observe_record(context, declared.artifact),
    )
    if listed.outcome is not Outcome.PASS:
        return listed
    return _of_contents("PKG-020", context, subject).with_facts(listed.facts)


def _of_contents(check: str, context: Context, subject: str) -> Diagnosis:
    seen = observe.observe_contents(context, subject)
    if isinstance(seen, Unobserved):
        return unseen(seen, "the image's contents")
    if isinstance(seen, Missing):
        return inconclusive("not-asked", f"the image was not read: there is no {line(seen.what, 120)}")
    found = seen.diagnoses.get(check) or inconclusive("not-asked", "the image could not be read to its end (PKG-020)")
    record = observe_record(context, workload(context, subject).artifact)
    return found.with_facts({"image_digest": record.digest if isinstance(record, ReleaseRecord) else None})


def _judge_contents(check: str) -> Callable[[Context, str], Diagnosis]:
    return lambda context, subject: _of_contents(check, context, subject)


def _judge_imports(context: Context, subject: str) -> Diagnosis:
    """By the files; where the contract says so, by a task as well."""
    files = _of_contents("PKG-080", context, subject)
    artifact = workload(context, subject).artifact
    if context.declaration.artifact[artifact].contract.imports_at is None:
        return files
    return diagnose_imported(files, observe.observe_imports(context, subject))


def _judge_running(context: Context, subject: str) -> Diagnosis:
    service = name_of(subject)
    declared = context.declaration.service[service]
    return diagnose_running(
        observe_tasks(context, service),
        observe.observe_newest_revision(context, service),
        observe_released_image(context, declared.artifact),
        observe_record(context, declared.artifact),
        container=declared.container,
    )


def _judge_rollout(context: Context, subject: str) -> Diagnosis:
    service = name_of(subject)
    declared, deployments = context.declaration.service[service], observe.observe_deployments(context, service)
    found = diagnose_rollout(
        observe_service(context, service),
        deployments,
        observe.observe_newest_revision(context, service),
        min_running=declared.min_running,
    )
    if not declared.steady_minutes:
        return found
    tasks = observe_tasks(context, service)
    return diagnose_steady(found, deployments, Steady(minutes=declared.steady_minutes, tasks=tasks, now=context.now))


def _judge_stops(context: Context, subject: str) -> Diagnosis:
    of_service = subject.startswith("service/")
    found = diagnose_stops(
        observe.observe_stops(context, subject),
        observe.observe_deployments(context, name_of(subject)) if of_service else None,
        observe_workload_definition(context, subject),
        container=workload(context, subject).container,
    )
    group, stream, at = (found.facts.get(name) for name in ("log_group", "log_stream", "at"))
    if not (isinstance(group, str) and isinstance(stream, str) and isinstance(at, str)):
        return found
    until = datetime.fromisoformat(at)
    return with_ending(found, observe.observe_ending(context, group=group, stream=stream, until=until))


def _judge_plan(context: Context, subject: str) -> Diagnosis:
    path = observe.plan_file(context)
    command = f"substrate plan {shlex.quote(observe.shown(path)) if path is not None else 'PLAN.json'}"
    others = [_known_as(context, other) for other in workloads(context.declaration) if other != subject]
    return diagnose_pending(observe.observe_plan(context), _known_as(context, subject), others, command=command)


def _known_as(context: Context, subject: str) -> Workload:
    """What a plan calls a workload; a service's family is that of its live task definition, where it can be seen."""
    name = name_of(subject)
    if not subject.startswith("service/"):
        return Workload(service=None, family=context.declaration.job[name].task_definition)
    state = observe_service(context, name)
    arn = state.task_definition_arn if isinstance(state, ServiceState) else None
    family = arn.rpartition("/")[2].partition(":")[0] if arn is not None else None
    return Workload(service=context.declaration.service[name].ecs, family=family)


_JUDGES: Final[Mapping[str, Callable[[Context, str], Diagnosis]]] = {
    "PKG-010": _judge_pinned,
    "PKG-020": _judge_in_registry,
    "PKG-030": _judge_running,
    "PKG-040": _judge_rollout,
    "PKG-050": _judge_stops,
    "PKG-080": _judge_imports,
    "PKG-120": _judge_plan,
    **{check: _judge_contents(check) for check in ("PKG-060", "PKG-070", "PKG-090", "PKG-100")},
}
