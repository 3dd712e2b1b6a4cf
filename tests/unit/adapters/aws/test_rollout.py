"""Deployments, revisions and stopped tasks, read into facts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.stub import Stubber

from pytest_substrate.adapters.aws.rollout import read_deployments, read_revision, read_stops
from pytest_substrate.model.aws.ecs import ContainerImage
from pytest_substrate.model.aws.instant import Instant
from pytest_substrate.model.aws.rollout import ContainerEnd, ServiceDeployments, ServiceRevision, Stop, Stops
from pytest_substrate.model.observation import Missing, Unobserved

PREFIX = "arn:aws:ecs:eu-west-2:111122223333"
REVISION = f"{PREFIX}:service-revision/main/ingest/7"
DIGEST = "sha256:" + "a" * 64
THEN = datetime(2026, 3, 1, 12, 0, 0, 250_000, tzinfo=UTC)
Stubs = Callable[[str], tuple[Any, Stubber]]


def task(number: int, **parts: object) -> dict[str, Any]:
    """A stopped task as DescribeTasks answers it."""
    return {
        "taskArn": f"{PREFIX}:task/main/{number}",
        "taskDefinitionArn": f"{PREFIX}:task-definition/ingest:7",
        "lastStatus": "STOPPED",
        "stopCode": "EssentialContainerExited",
        "stoppedReason": "Essential container in task exited",
        "stoppedAt": THEN + timedelta(seconds=number),
        "containers": [{"name": "app", "exitCode": 1}],
        **parts,
    }


def test_deployments_newest_first(stub: Stubs) -> None:
    """Pages are read to their end, and the newest deployment comes first."""
    client, stubber = stub("ecs")
    old = {"serviceDeploymentArn": "d/1", "status": "SUCCESSFUL", "createdAt": THEN, "finishedAt": THEN}
    new = {"serviceDeploymentArn": "d/2", "status": "IN_PROGRESS", "createdAt": THEN + timedelta(days=1)}
    asked = {"cluster": "main", "service": "ingest"}
    stubber.add_response("list_service_deployments", {"serviceDeployments": [old], "nextToken": "more"}, asked)
    stubber.add_response("list_service_deployments", {"serviceDeployments": [new]}, {**asked, "nextToken": "more"})
    found = read_deployments(client, "main", "ingest")
    assert isinstance(found, ServiceDeployments)
    assert [("d/2", None), ("d/1", Instant.of(THEN))] == [(one.arn, one.finished) for one in found.deployments]


def test_revision(stub: Stubs) -> None:
    """The digests of a revision's images, by container; one that ECS did not resolve is left out."""
    client, stubber = stub("ecs")
    images = [{"containerName": "app", "image": "r/i", "imageDigest": DIGEST}, {"containerName": "side", "image": "s"}]
    row = {"serviceRevisionArn": REVISION, "taskDefinition": "d:7", "containerImages": images}
    stubber.add_response("describe_service_revisions", {"serviceRevisions": [row]}, {"serviceRevisionArns": [REVISION]})
    found = read_revision(client, REVISION)
    assert (
        ServiceRevision(
            arn=REVISION, task_definition_arn="d:7", images=(ContainerImage(container="app", digest=DIGEST),)
        )
        == found
    )
    assert DIGEST == found.digest_of("app")
    assert found.digest_of("side") is None


def test_a_revision_that_is_gone(stub: Stubs) -> None:
    """ECS names it among the failures; an answer with neither is none."""
    client, stubber = stub("ecs")
    gone = {"serviceRevisions": [], "failures": [{"arn": REVISION, "reason": "MISSING"}]}
    stubber.add_response("describe_service_revisions", gone)
    stubber.add_response("describe_service_revisions", {"serviceRevisions": []})
    operation = "ecs:DescribeServiceRevisions"
    assert Missing(what=REVISION, code="MISSING", operation=operation) == read_revision(client, REVISION)
    unseen = read_revision(client, REVISION)
    assert isinstance(unseen, Unobserved)
    assert "malformed" == unseen.reason


def test_stops(stub: Stubs) -> None:
    """The last stop comes first; a task that is still ending is no stop yet."""
    client, stubber = stub("ecs")
    arns = [f"{PREFIX}:task/main/{number}" for number in range(3)]
    asked = {"cluster": "main", "serviceName": "ingest", "desiredStatus": "STOPPED"}
    stubber.add_response("list_tasks", {"taskArns": arns}, asked)
    tasks = [task(0), task(1), task(2, lastStatus="STOPPING")]
    stubber.add_response("describe_tasks", {"tasks": tasks}, {"cluster": "main", "tasks": arns})
    found = read_stops(client, "main", service="ingest")
    assert isinstance(found, Stops)
    assert arns[1::-1] == [stop.task_arn for stop in found.stops]
    end = ContainerEnd(name="app", exit_code=1, reason=None, health=None)
    assert (end,) == found.stops[0].containers


def test_stops_of_a_family(stub: Stubs) -> None:
    """A job's tasks are found by the family of its task definition."""
    client, stubber = stub("ecs")
    asked = {"cluster": "main", "family": "oracle", "desiredStatus": "STOPPED"}
    stubber.add_response("list_tasks", {"taskArns": []}, asked)
    assert Stops(stops=()) == read_stops(client, "main", family="oracle")


def test_a_run_that_is_known_and_not_listed_yet(stub: Stubs) -> None:
    """Described with the others; what it was given instead of its definition's is told by container, without words."""
    client, stubber = stub("ecs")
    arn = f"{PREFIX}:task/main/0"
    stubber.add_response("list_tasks", {"taskArns": []})
    given = {"containerOverrides": [{"name": "app", "command": ["true"]}, {"name": "side"}]}
    stubber.add_response("describe_tasks", {"tasks": [task(0, overrides=given)]}, {"cluster": "main", "tasks": [arn]})
    found = read_stops(client, "main", family="oracle", also=[arn])
    assert isinstance(found, Stops)
    assert [(arn, ("app",))] == [(stop.task_arn, stop.commanded) for stop in found.stops]


def test_a_stop_keeps_what_ecs_says(stub: Stubs) -> None:
    """Stop code, reason, exit code and health are told as they are, and no environment."""
    client, stubber = stub("ecs")
    end = {"name": "app", "exitCode": 137, "reason": "OutOfMemoryError: killed", "healthStatus": "UNHEALTHY"}
    stubber.add_response("list_tasks", {"taskArns": ["t"]})
    stubber.add_response("describe_tasks", {"tasks": [task(0, containers=[end], createdAt=THEN)]})
    found = read_stops(client, "main", service="ingest")
    assert isinstance(found, Stops)
    assert (
        Stop(
            task_arn=f"{PREFIX}:task/main/0",
            task_definition_arn=f"{PREFIX}:task-definition/ingest:7",
            code="EssentialContainerExited",
            reason="Essential container in task exited",
            created=Instant.of(THEN),
            stopped=Instant.of(THEN),
            containers=(
                ContainerEnd(name="app", exit_code=137, reason="OutOfMemoryError: killed", health="UNHEALTHY"),
            ),
        )
        == found.stops[0]
    )
