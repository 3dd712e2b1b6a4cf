"""Changing the service as a team does: a new revision of its task definition, a deployment, a wait until it settled."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Final

from pytest_substrate.embedded.platform import names
from pytest_substrate.embedded.platform.platform import wait_until

if TYPE_CHECKING:
    from pytest_substrate.embedded.platform.platform import Platform

Definition = dict[str, Any]

_ANSWER_ONLY = (
    "taskDefinitionArn",
    "revision",
    "status",
    "requiresAttributes",
    "compatibilities",
    "registeredAt",
    "registeredBy",
    "deregisteredAt",
    "deleteRequestedAt",
)
"""What DescribeTaskDefinition adds and RegisterTaskDefinition does not take (botocore's model)."""
_SUPERVISOR: Final = """\
import runpy, sys, time
while True:
    try:
        runpy.run_module("ingest", run_name="__main__")
    except Exception as error:
        print("ended:", type(error).__name__, file=sys.stderr, flush=True)
    time.sleep(2)
"""


@contextlib.contextmanager
def deployed(platform: Platform, change: Callable[[Definition], None]) -> Iterator[None]:
    """The service on a revision that `change` made of its present one; back on the present one afterwards."""
    with registered(platform, change):
        await_deployment(platform)
        yield


@contextlib.contextmanager
def registered(platform: Platform, change: Callable[[Definition], None]) -> Iterator[None]:
    """As `deployed`, for a revision whose tasks may never run: nobody waits until they do."""
    ecs = platform.client("ecs")
    service = ecs.describe_services(cluster=names.ECS_CLUSTER, services=[names.SERVICE])["services"][0]
    before = service["taskDefinition"]
    definition = ecs.describe_task_definition(taskDefinition=before)["taskDefinition"]
    for field in _ANSWER_ONLY:
        definition.pop(field, None)
    change(definition)
    changed = ecs.register_task_definition(**definition)["taskDefinition"]["taskDefinitionArn"]
    try:
        begin_deployment(platform, changed)
        yield
    finally:
        deploy(platform, before)
        ecs.deregister_task_definition(taskDefinition=changed)


def deploy(platform: Platform, task_definition: str | None = None) -> None:
    """Deploy a revision, or the present one anew, and wait until only its tasks run."""
    begin_deployment(platform, task_definition)
    await_deployment(platform)


def begin_deployment(platform: Platform, task_definition: str | None = None) -> None:
    """Deploy a revision, or the present one anew, and wait for nothing."""
    wanted = {"taskDefinition": task_definition} if task_definition else {}
    platform.client("ecs").update_service(
        cluster=names.ECS_CLUSTER, service=names.SERVICE, forceNewDeployment=True, **wanted
    )


def await_deployment(platform: Platform, *, deadline_s: float = 30.0) -> None:
    """Until the service's newest deployment is the only one and all its tasks run."""
    ecs = platform.client("ecs")

    def settled() -> bool:
        service = ecs.describe_services(cluster=names.ECS_CLUSTER, services=[names.SERVICE])["services"][0]
        return (
            len(service["deployments"]) == 1
            and service["deployments"][0].get("rolloutState", "COMPLETED") == "COMPLETED"
            and service["runningCount"] == service["desiredCount"]
            and service["pendingCount"] == 0
        )

    wait_until(settled, what=f"the deployment of service {names.SERVICE}", deadline_s=deadline_s)


def container(definition: Definition) -> dict[str, Any]:
    """The service's own container in a task definition."""
    return next(one for one in definition["containerDefinitions"] if one["name"] == names.CONTAINER)


def supervise(definition: Definition) -> None:
    """Let the service's program be started again in its container whenever it ends, so that ECS sees no task stop."""
    container(definition)["entryPoint"] = ["python", "-c", _SUPERVISOR]


def set_variable(definition: Definition, name: str, value: str) -> None:
    """Give the service's container an environment variable, or another value for it."""
    environment = container(definition)["environment"]
    environment[:] = [one for one in environment if one["name"] != name] + [{"name": name, "value": value}]


def stopped_tasks(platform: Platform) -> list[dict[str, Any]]:
    """The tasks of the service that have stopped, as long as ECS remembers them."""
    ecs = platform.client("ecs")
    chosen = {"cluster": names.ECS_CLUSTER, "serviceName": names.SERVICE, "desiredStatus": "STOPPED"}
    arns = ecs.list_tasks(**chosen)["taskArns"]
    tasks = ecs.describe_tasks(cluster=names.ECS_CLUSTER, tasks=arns)["tasks"] if arns else []
    return [task for task in tasks if task["lastStatus"] == "STOPPED"]
