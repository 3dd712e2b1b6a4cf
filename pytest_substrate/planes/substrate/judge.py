"""From SUB-010 and an ECS cluster to a diagnosis."""

from __future__ import annotations

from pytest_substrate.model.diagnosis import Diagnosis
from pytest_substrate.model.subjects import name_of
from pytest_substrate.planes.plane import Context
from pytest_substrate.planes.substrate.diagnose import diagnose_services
from pytest_substrate.planes.substrate.observe import observe_cluster


def judge(check: str, subject: str, context: Context) -> Diagnosis:
    """Observe and judge; KeyError for a check that isn't of this plane."""
    if check != "SUB-010":
        raise KeyError(check)
    name = name_of(subject)
    declaration = context.declaration
    return diagnose_services(
        observe_cluster(context, name),
        name=name,
        declared={service.ecs_service for service in declaration.service.values() if service.ecs_cluster == name},
        ignored={entry.ecs.partition("/")[2] for entry in declaration.ignored if entry.ecs.partition("/")[0] == name},
    )
