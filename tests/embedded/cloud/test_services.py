"""Services: deployments, revisions, rollouts, crash loops."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError


@pytest.fixture(scope="module")
def definition(account: Any) -> str:
    """A definition whose tasks stay up."""
    return str(account.define("served", secrets=[]))


@pytest.fixture
def service(account: Any, definition: str, request: pytest.FixtureRequest) -> Iterator[str]:
    """A settled service of two tasks."""
    name = f"s{abs(hash(request.node.name)) % 10**8}"
    account.create_service(name, definition)
    account.settled(name)
    yield name
    account.end_service(name)


def test_the_first_deployment_is_told(account: Any, service: str, definition: str) -> None:
    """A deployment is SUCCESSFUL once its tasks are steady, and targets a revision with its images' digests."""
    told = account.service(service)
    deployment = account.ecs.describe_service_deployments(serviceDeploymentArns=[told["currentServiceDeployment"]])
    revision = account.ecs.describe_service_revisions(serviceRevisionArns=[told["currentServiceRevisions"][0]["arn"]])

    one, held = deployment["serviceDeployments"][0], revision["serviceRevisions"][0]
    assert (deployment["failures"], revision["failures"]) == ([], [])
    assert one["status"] == "SUCCESSFUL"
    assert one["createdAt"] <= one["finishedAt"]
    assert one["targetServiceRevision"]["arn"] == held["serviceRevisionArn"]
    assert one["targetServiceRevision"]["runningTaskCount"] == 2
    assert held["taskDefinition"] == definition
    assert (
        held["networkConfiguration"]["awsvpcConfiguration"]["subnets"]
        == account.network["awsvpcConfiguration"]["subnets"]
    )
    image = f"{account.repository}@{account.digest}"
    assert held["containerImages"] == [{"containerName": "app", "image": image, "imageDigest": account.digest}]


def test_tasks_are_started_by_their_deployment(account: Any, service: str) -> None:
    """A service's tasks name the deployment that started them, and belong to the service's group."""
    told = account.service(service)
    arns = account.ecs.list_tasks(cluster="main", serviceName=service)["taskArns"]
    tasks = account.ecs.describe_tasks(cluster="main", tasks=arns)["tasks"]

    assert len(tasks) == 2
    assert {task["startedBy"] for task in tasks} == {told["deployments"][0]["id"]}
    assert {task["group"] for task in tasks} == {f"service:{service}"}
    assert {task["containers"][0]["imageDigest"] for task in tasks} == {account.digest}


def test_a_forced_deployment_replaces_every_task(account: Any, service: str) -> None:
    """New tasks are up before old ones go; both deployments are listed, the newest first."""
    before = set(account.ecs.list_tasks(cluster="main", serviceName=service)["taskArns"])
    account.ecs.update_service(cluster="main", service=service, forceNewDeployment=True)
    lowest = 2

    def replaced() -> bool:
        nonlocal lowest
        lowest = min(lowest, account.service(service)["runningCount"])
        return not before & set(account.ecs.list_tasks(cluster="main", serviceName=service)["taskArns"])

    account.eventually(replaced)
    account.settled(service)
    listed = account.ecs.list_service_deployments(cluster="main", service=service)["serviceDeployments"]
    stopped = account.eventually(
        lambda: [
            task
            for task in account.ecs.describe_tasks(cluster="main", tasks=sorted(before))["tasks"]
            if task["lastStatus"] == "STOPPED"
        ]
    )

    assert lowest == 2
    assert [row["status"] for row in listed] == ["SUCCESSFUL", "SUCCESSFUL"]
    assert listed[0]["createdAt"] > listed[1]["createdAt"]
    assert stopped[0]["stopCode"] == "ServiceSchedulerInitiated"
    assert stopped[0]["stoppedReason"].startswith("Scaling activity initiated by (deployment ecs-svc/")


def test_a_stopped_task_is_replaced(account: Any, service: str) -> None:
    """A service's task that a user stops is replaced at once."""
    arn = account.ecs.list_tasks(cluster="main", serviceName=service)["taskArns"][0]
    account.ecs.stop_task(cluster="main", task=arn)

    account.eventually(
        lambda: len(set(account.ecs.list_tasks(cluster="main", serviceName=service)["taskArns"]) - {arn}) == 2
    )


def test_a_crash_loop_backs_off_and_rolls_back(account: Any, service: str, definition: str) -> None:
    """A deployment whose tasks crash is broken off and rolled back, its restarts have pauses, and both are told."""
    bad = account.define("served-badly", secrets=[], command=["need", "nothing_of_the_kind"])
    breaker = {"enable": True, "rollback": True, "thresholdConfiguration": {"type": "COUNT", "value": 3}}
    started = time.monotonic()
    account.ecs.update_service(
        cluster="main",
        service=service,
        taskDefinition=bad,
        deploymentConfiguration={"deploymentCircuitBreaker": breaker},
    )
    newest = account.service(service)["currentServiceDeployment"]

    def rolled_back() -> dict[str, Any] | None:
        told: dict[str, Any] = account.ecs.describe_service_deployments(serviceDeploymentArns=[newest])
        one: dict[str, Any] = told["serviceDeployments"][0]
        return one if one["status"] == "ROLLBACK_SUCCESSFUL" else None

    one = account.eventually(rolled_back, 40.0)
    told = account.service(service)
    failed = account.ecs.list_tasks(cluster="main", family="served-badly", desiredStatus="STOPPED")["taskArns"]
    task = account.ecs.describe_tasks(cluster="main", tasks=failed[:1])["tasks"][0]

    assert time.monotonic() - started > 1.0
    assert one["deploymentCircuitBreaker"]["status"] == "TRIGGERED"
    assert one["rollback"]["serviceRevisionArn"] == one["sourceServiceRevisions"][0]["arn"]
    assert "circuit breaker" in one["rollback"]["reason"]
    assert told["taskDefinition"] == definition
    assert told["runningCount"] == 2
    assert (task["stopCode"], task["containers"][0]["exitCode"]) == ("EssentialContainerExited", 1)
    assert account.lines(task)[-1] == "ModuleNotFoundError: No module named 'nothing_of_the_kind'"


def test_a_crash_loop_without_a_breaker_goes_on_with_pauses(account: Any) -> None:
    """Without a circuit breaker the deployment stays in progress and restarts ever more slowly."""
    bad = account.define("served-badly", secrets=[], command=["need", "nothing_of_the_kind"])
    account.create_service("looping", bad, desiredCount=1)
    time.sleep(3.0)
    crashed = account.ecs.list_tasks(cluster="main", family="served-badly", desiredStatus="STOPPED")["taskArns"]
    deployment = account.ecs.list_service_deployments(cluster="main", service="looping")["serviceDeployments"][0]
    account.end_service("looping")

    mine = account.ecs.describe_tasks(cluster="main", tasks=crashed)["tasks"]
    assert 2 <= sum(task["group"] == "service:looping" for task in mine) <= 4
    assert deployment["status"] == "IN_PROGRESS"


def test_a_tag_is_resolved_once_for_a_deployment(account: Any) -> None:
    """All tasks of a deployment run what the tag named at its start, whatever it names later."""
    first = account.push({"/app/ingest.py": b"import time\nwhile True:\n    time.sleep(1)\n"}, tag="moving")
    definition = account.define("by-tag", secrets=[], image=f"{account.repository}:moving")
    account.create_service("by-tag", definition, desiredCount=1)
    account.settled("by-tag")
    second = account.push({"/app/ingest.py": b"import time\nwhile True:\n    time.sleep(2)\n"}, tag="moving")

    def digests() -> set[str]:
        arns = account.ecs.list_tasks(cluster="main", serviceName="by-tag")["taskArns"]
        tasks = account.ecs.describe_tasks(cluster="main", tasks=arns)["tasks"] if arns else []
        return {task["containers"][0].get("imageDigest", "") for task in tasks if task["lastStatus"] == "RUNNING"}

    account.ecs.update_service(cluster="main", service="by-tag", desiredCount=2)
    account.settled("by-tag")
    assert digests() == {first}
    account.ecs.update_service(cluster="main", service="by-tag", forceNewDeployment=True)
    account.eventually(lambda: digests() == {second})
    account.end_service("by-tag")


def test_what_is_not_there_is_told(account: Any) -> None:
    """Deployments and revisions that are not there are failures; a service that is not there is an error."""
    arn = "arn:aws:ecs:eu-west-2:111122223333:service-deployment/main/none/1"

    deployments = account.ecs.describe_service_deployments(serviceDeploymentArns=[arn])

    assert deployments["failures"] == [{"arn": arn, "reason": "MISSING"}]
    with pytest.raises(ClientError, match="Service not found"):
        account.ecs.list_service_deployments(cluster="main", service="none")
