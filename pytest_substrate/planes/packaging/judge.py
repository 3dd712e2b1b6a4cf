"""From a check of the packaging plane and a subject to a diagnosis: what is observed for it, and who judges that."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from pytest_substrate.model.diagnosis import Diagnosis
from pytest_substrate.model.subjects import name_of
from pytest_substrate.planes.packaging import observe
from pytest_substrate.planes.packaging.diagnose.released import (
    diagnose_in_registry,
    diagnose_pinned,
    diagnose_running,
)
from pytest_substrate.planes.packaging.diagnose.rollout import diagnose_rollout
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
    declared = workload(context, subject)
    return diagnose_in_registry(
        observe_released_image(context, declared.artifact),
        observe_workload_definition(context, subject),
        observe_record(context, declared.artifact),
    )


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
    return diagnose_rollout(
        observe_service(context, service),
        observe.observe_deployments(context, service),
        observe.observe_newest_revision(context, service),
        min_running=context.declaration.service[service].min_running,
    )


def _judge_stops(context: Context, subject: str) -> Diagnosis:
    of_service = subject.startswith("service/")
    return diagnose_stops(
        observe.observe_stops(context, subject),
        observe.observe_deployments(context, name_of(subject)) if of_service else None,
        observe_workload_definition(context, subject),
        container=workload(context, subject).container,
    )


_JUDGES: Final[Mapping[str, Callable[[Context, str], Diagnosis]]] = {
    "PKG-010": _judge_pinned,
    "PKG-020": _judge_in_registry,
    "PKG-030": _judge_running,
    "PKG-040": _judge_rollout,
    "PKG-050": _judge_stops,
}
