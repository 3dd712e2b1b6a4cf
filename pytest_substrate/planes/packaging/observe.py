"""What the packaging plane looks at beside `planes.workloads`, each once a run, under the key its docstring names.

Every observer hands on a fact, `Missing` or `Unobserved`, and raises for our own bugs alone.
"""

from __future__ import annotations

from pytest_substrate.adapters.aws import rollout
from pytest_substrate.model.aws.rollout import ServiceDeployments, ServiceRevision, Stops
from pytest_substrate.model.observation import Missing, Unobserved
from pytest_substrate.planes.plane import Context
from pytest_substrate.planes.workloads import seen


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
