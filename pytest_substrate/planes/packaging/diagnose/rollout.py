"""PKG-040: the newest deployment of a service has settled. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TypeAlias

from pytest_substrate.model.aws.ecs import ServiceState, Tasks
from pytest_substrate.model.aws.instant import text_of
from pytest_substrate.model.aws.rollout import (
    ENDED_WELL,
    ROLLED_BACK,
    UNDER_WAY,
    ServiceDeployment,
    ServiceDeployments,
    ServiceRevision,
)
from pytest_substrate.model.diagnosis import Diagnosis, inconclusive, passed, violated
from pytest_substrate.model.facts import FactValue, admitted, line, number_of
from pytest_substrate.model.observation import Missing, Unobserved
from pytest_substrate.model.outcome import Outcome
from pytest_substrate.model.unseen import unseen

Service: TypeAlias = ServiceState | Missing | Unobserved
Deployments: TypeAlias = ServiceDeployments | Missing | Unobserved
Revision: TypeAlias = ServiceRevision | Missing | Unobserved | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Steady:
    """How long things have to stand: `tasks` are those that run now, `now` is the run's time."""

    minutes: int
    tasks: Tasks | Missing | Unobserved
    now: datetime


def diagnose_steady(rollout: Diagnosis, deployments: Deployments, steady: Steady) -> Diagnosis:
    """PKG-040 with a declared window: the newest deployment ended, and each running task began, before it.

    So a task that crashed within the window and was replaced is seen by the one that replaced it, also where ECS has
    forgotten it. A scale-out looks alike: what isn't proven steady is INCONCLUSIVE, and no violation.
    """
    if rollout.outcome is not Outcome.PASS or not steady.minutes:
        return rollout
    if isinstance(steady.tasks, Unobserved):
        return unseen(steady.tasks, "the running tasks")
    if isinstance(steady.tasks, Missing):
        return violated("service-missing", f"ECS knows nothing of {line(steady.tasks.what, 100)}")
    begun = steady.now - timedelta(minutes=steady.minutes)
    known = deployments.deployments if isinstance(deployments, ServiceDeployments) else ()
    newest = known[0] if known else None
    finished = newest.finished if newest is not None else None
    facts: dict[str, FactValue] = {"since": text_of(finished), "total": len(steady.tasks.tasks)}
    window = f"the declared {number_of(steady.minutes, 'minute')}"
    if newest is not None and (finished is None or finished.at > begun):
        return inconclusive("not-steady", f"the newest deployment hasn't stood for {window}").with_facts(facts)
    young = [task for task in steady.tasks.tasks if task.started is None or task.started.at > begun]
    if young:
        told = f"{number_of(len(young), 'running task')} began within {window}, after the newest deployment"
        arns = [task.arn for task in young if admitted("running_task_arns", task.arn) is not None]
        return inconclusive("not-steady", told, running_task_arns=arns[:20]).with_facts(facts)
    message = f"{rollout.message}, and all have for {window}"
    return replace(rollout, message=message).with_facts(facts)


def diagnose_rollout(service: Service, deployments: Deployments, revision: Revision, *, min_running: int) -> Diagnosis:
    """Whether the newest service deployment is SUCCESSFUL, brought what the service starts from, and enough tasks run.

    `revision` is what that deployment was to bring, None where there is no deployment. ECS remembers deployments for
    90 days: of an older one, and where another controller deploys, the service's own list speaks.
    """
    if isinstance(service, Unobserved):
        return unseen(service, "the service")
    if isinstance(service, Missing):
        return violated("service-missing", f"there is no active service {line(service.what, 100)}")
    if isinstance(deployments, Unobserved):
        return unseen(deployments, f"the deployments of {service.name}")
    facts: dict[str, FactValue] = {
        "running": service.running,
        "desired": service.desired,
        "pending": service.pending,
        "task_definition_arn": admitted("task_definition_arn", service.task_definition_arn),
    }
    known = deployments.deployments if isinstance(deployments, ServiceDeployments) else ()
    found = _newest(service, known[0], revision) if known else _own_list(service)
    return (found or _counted(service, min_running)).with_facts(facts)


def _newest(service: ServiceState, newest: ServiceDeployment, revision: Revision) -> Diagnosis | None:
    facts: dict[str, FactValue] = {
        "deployment_arn": admitted("deployment_arn", newest.arn),
        "state": admitted("state", newest.status),
        "created_at": text_of(newest.created),
    }
    told = f"the newest deployment of {service.name} is {line(newest.status, 40)}"
    if newest.status in UNDER_WAY:
        return violated("deployment-in-progress", told).with_facts(facts)
    if newest.status == ROLLED_BACK:
        return violated("rolled-back", f"{told}: an earlier revision runs").with_facts(facts)
    if newest.status not in ENDED_WELL:
        return violated("deployment-failed", told).with_facts(facts)
    if isinstance(revision, Unobserved):
        return unseen(revision, "the revision of the newest deployment")
    brought = revision.task_definition_arn if isinstance(revision, ServiceRevision) else None
    if brought != service.task_definition_arn:
        return violated(
            "other-revision",
            f"the newest deployment brought {_short(brought)}, and {service.name} starts from "
            f"{_short(service.task_definition_arn)}",
        ).with_facts(facts)
    return None


def _own_list(service: ServiceState) -> Diagnosis | None:
    """What DescribeServices lists: one deployment alone, COMPLETED, has settled."""
    if service.deploying:
        return violated("deployment-in-progress", f"{service.name} has {len(service.deployments)} deployments")
    rollout = service.deployments[0].rollout if service.deployments else None
    if rollout == "FAILED":
        return violated("deployment-failed", f"the deployment of {service.name} is FAILED")
    if rollout != "COMPLETED":
        return inconclusive("no-deployment", f"ECS knows no deployment of {service.name}, and not how its rollout went")
    return None


def _counted(service: ServiceState, min_running: int) -> Diagnosis:
    if service.running < max(min_running, service.desired):
        wanted = f"{service.desired} are desired" if service.desired > min_running else f"{min_running} are declared"
        return violated("too-few-running", f"{number_of(service.running, 'task')} of {service.name} run; {wanted}")
    return passed(f"the newest deployment of {service.name} succeeded; {number_of(service.running, 'task')} run")


def _short(arn: str | None) -> str:
    return "nothing" if arn is None else line(arn.rpartition("/")[2], 100)
