"""ECS's answers, read into facts in batches and pages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import moto
import pytest
from botocore.stub import Stubber
from hypothesis import given
from hypothesis import strategies as st

from pytest_substrate.adapters.aws.ecs import read_cluster, read_services, read_task_definition, read_tasks
from pytest_substrate.model.aws.ecs import (
    Container,
    EcsCluster,
    Injection,
    ServiceState,
    ServiceStates,
    TaskDefinition,
    Tasks,
    TaskState,
    Wiring,
)
from pytest_substrate.model.aws.instant import Instant
from pytest_substrate.model.observation import Missing, Unobserved

PREFIX = "arn:aws:ecs:eu-west-2:111122223333"
THEN = datetime(2026, 3, 1, 12, 0, 0, 250_000, tzinfo=UTC)
Stubs = Callable[[str], tuple[Any, Stubber]]


def service(name: str, **parts: object) -> dict[str, Any]:
    """A service as DescribeServices answers it."""
    return {
        "serviceArn": f"{PREFIX}:service/main/{name}",
        "serviceName": name,
        "status": "ACTIVE",
        "taskDefinition": f"{PREFIX}:task-definition/{name}:7",
        "desiredCount": 2,
        "runningCount": 2,
        "pendingCount": 0,
        **parts,
    }


def state(name: str, **parts: Any) -> ServiceState:
    """The fact of that service."""
    fields: dict[str, Any] = {
        "arn": f"{PREFIX}:service/main/{name}",
        "name": name,
        "status": "ACTIVE",
        "task_definition_arn": f"{PREFIX}:task-definition/{name}:7",
        "desired": 2,
        "running": 2,
        "pending": 0,
    }
    return ServiceState(**{**fields, **parts})


class TestServices:
    """DescribeServices takes ten names a call, and says in `failures` what it doesn't have."""

    def test_batches_of_ten(self, stub: Stubs) -> None:
        """Twelve services are two calls, and each is found."""
        client, stubber = stub("ecs")
        names = [f"s{number}" for number in range(12)]
        for batch in (names[:10], names[10:]):
            answer = {"services": [service(name) for name in reversed(batch)]}
            stubber.add_response("describe_services", answer, {"cluster": "main", "services": batch})
        found = read_services(client, "main", names)
        assert isinstance(found, ServiceStates)
        assert set(names) == {state.name for state in found.services}

    def test_missing_and_inactive_services(self, stub: Stubs) -> None:
        """A MISSING failure and an INACTIVE service are both gone."""
        client, stubber = stub("ecs")
        answer = {
            "services": [service("a"), service("b", status="INACTIVE")],
            "failures": [{"arn": f"{PREFIX}:service/main/c", "reason": "MISSING"}],
        }
        stubber.add_response("describe_services", answer)
        found = read_services(client, "main", ["a", "b", "c"])
        assert ServiceStates(services=(state("a"),), missing=("c", "b")) == found

    def test_another_failure_is_not_observed(self, stub: Stubs) -> None:
        """A failure that proves no absence leaves everything open."""
        client, stubber = stub("ecs")
        stubber.add_response("describe_services", {"failures": [{"arn": "a", "reason": "SOMETHING ELSE"}]})
        found = read_services(client, "main", ["a"])
        assert isinstance(found, Unobserved)
        assert ("refused", "SOMETHINGELSE") == (found.reason, found.code)

    def test_a_service_that_the_answer_passes_over(self, stub: Stubs) -> None:
        """Neither described nor failed: the answer is malformed, and no service is taken for missing."""
        client, stubber = stub("ecs")
        stubber.add_response("describe_services", {"services": [service("a")]})
        found = read_services(client, "main", ["a", "b"])
        assert isinstance(found, Unobserved)
        assert "malformed" == found.reason

    def test_deployments_and_task_sets(self, stub: Stubs) -> None:
        """A rolling deployment in progress is seen; with task sets, the primary one names the task definition."""
        client, stubber = stub("ecs")
        rolling = [
            {"id": "ecs-svc/2", "status": "PRIMARY", "taskDefinition": "b:8", "rolloutState": "IN_PROGRESS"},
            {"id": "ecs-svc/1", "status": "ACTIVE", "taskDefinition": "b:7"},
        ]
        sets = [
            {"id": "ts/1", "status": "ACTIVE", "taskDefinition": "c:1"},
            {"id": "ts/2", "status": "PRIMARY", "taskDefinition": "c:2"},
        ]
        outside = service("c", taskSets=sets)
        del outside["taskDefinition"]
        stubber.add_response(
            "describe_services", {"services": [service("a"), service("b", deployments=rolling), outside]}
        )
        found = read_services(client, "main", ["a", "b", "c"])
        assert isinstance(found, ServiceStates)
        assert [False, True, True] == [state.deploying for state in found.services]
        assert "c:2" == found.services[2].task_definition_arn

    def test_missing_cluster(self, stub: Stubs) -> None:
        """ClusterNotFoundException proves that the ECS cluster isn't there."""
        client, stubber = stub("ecs")
        stubber.add_client_error("describe_services", "ClusterNotFoundException")
        assert isinstance(read_services(client, "main", ["a"]), Missing)


class TestCluster:
    """An ECS cluster with all its services."""

    def test_all_pages_and_batches(self, stub: Stubs) -> None:
        """Services of every page are described ten a call; INACTIVE ones are left out."""
        client, stubber = stub("ecs")
        names = [f"s{number}" for number in range(11)]
        arns = [f"{PREFIX}:service/main/{name}" for name in names]
        stubber.add_response(
            "describe_clusters", {"clusters": [{"clusterName": "main", "status": "ACTIVE"}]}, {"clusters": ["main"]}
        )
        stubber.add_response("list_services", {"serviceArns": arns[:6], "nextToken": "2"}, {"cluster": "main"})
        stubber.add_response("list_services", {"serviceArns": arns[6:]}, {"cluster": "main", "nextToken": "2"})
        gone = service(names[0], status="INACTIVE")
        stubber.add_response("describe_services", {"services": [gone, *map(service, names[1:10])]})
        stubber.add_response("describe_services", {"services": [service(names[10])]})
        assert EcsCluster(name="main", status="ACTIVE", services=tuple(names[1:])) == read_cluster(client, "main")

    def test_missing_and_inactive_cluster(self, stub: Stubs) -> None:
        """A MISSING failure proves the absence; an INACTIVE cluster is not asked for services."""
        client, stubber = stub("ecs")
        stubber.add_response(
            "describe_clusters", {"failures": [{"arn": f"{PREFIX}:cluster/main", "reason": "MISSING"}]}
        )
        stubber.add_response("describe_clusters", {"clusters": [{"clusterName": "main", "status": "INACTIVE"}]})
        assert Missing(what="main", code="MISSING", operation="ecs:DescribeClusters") == read_cluster(client, "main")
        assert EcsCluster(name="main", status="INACTIVE", services=()) == read_cluster(client, "main")

    def test_an_empty_answer_proves_nothing(self, stub: Stubs) -> None:
        """Neither a cluster nor a failure: not observed."""
        client, stubber = stub("ecs")
        stubber.add_response("describe_clusters", {})
        assert isinstance(read_cluster(client, "main"), Unobserved)


class TestTaskDefinition:
    """A task definition without what no check may see."""

    def definition(self, stub: Stubs, *containers: dict[str, Any], wiring: tuple[str, ...] = ("BROKERS",)) -> Any:
        """What is read of a definition with these containers."""
        client, stubber = stub("ecs")
        answer = {"taskDefinition": {"taskDefinitionArn": "app:7", "containerDefinitions": list(containers)}}
        stubber.add_response("describe_task_definition", answer, {"taskDefinition": "app:7"})
        return read_task_definition(client, "app:7", wiring)

    def test_names_injections_and_wiring(self, stub: Stubs) -> None:
        """Names of variables, what is injected, and the addresses of the declared variable."""
        found = self.definition(
            stub,
            {
                "name": "app",
                "environment": [
                    {"name": "BROKERS", "value": "b-1:9096,nonsense"},
                    {"name": "DEBUG", "value": "hunter2"},
                ],
                "secrets": [{"name": "CREDENTIAL", "valueFrom": "arn:x"}],
                "environmentFiles": [{"type": "s3", "value": "arn:aws:s3:::bucket/file.env"}],
            },
            {"name": "proxy"},
        )
        expected = TaskDefinition(
            arn="app:7",
            containers=(
                Container(
                    name="app",
                    variables=("BROKERS", "DEBUG"),
                    wirings=(Wiring(variable="BROKERS", endpoints=("b-1:9096",), malformed=1),),
                    injections=(Injection(variable="CREDENTIAL", value_from="arn:x"),),
                    environment_files=True,
                ),
                Container(name="proxy"),
            ),
        )
        assert expected == found

    def test_an_unset_value_is_wired_to_nothing(self, stub: Stubs) -> None:
        """A variable without a value has no address."""
        found = self.definition(stub, {"name": "app", "environment": [{"name": "BROKERS"}]})
        assert Wiring(variable="BROKERS", endpoints=(), malformed=1) == found.containers[0].wirings[0]


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), min_size=8).filter(lambda text: not text.isspace()))
def test_no_environment_value_is_kept(value: str) -> None:
    """Whatever stands in the environment, a value is not in the fact: of a wired one, addresses alone."""

    class Client:
        def describe_task_definition(self, **_: object) -> dict[str, Any]:
            environment = [{"name": "PASSWORD", "value": f"<{value}>"}, {"name": "BROKERS", "value": f"<{value}>"}]
            container = {"name": "app", "environment": environment}
            return {"taskDefinition": {"taskDefinitionArn": "app:7", "containerDefinitions": [container]}}

    found = read_task_definition(Client(), "app:7", ["BROKERS"])
    assert isinstance(found, TaskDefinition)
    assert f"<{value}>" not in repr(found)
    assert all(not wiring.endpoints or "," in value for wiring in found.containers[0].wirings)


class TestTasks:
    """ListTasks in pages, DescribeTasks a hundred a call."""

    def task(self, number: int, **parts: object) -> dict[str, Any]:
        """A task as DescribeTasks answers it."""
        return {
            "taskArn": f"t{number}",
            "taskDefinitionArn": "app:7",
            "lastStatus": "RUNNING",
            "createdAt": THEN,
            **parts,
        }

    def test_pages_and_batches(self, stub: Stubs) -> None:
        """150 tasks of two pages are described in two calls, their times at the service's precision."""
        client, stubber = stub("ecs")
        arns = [f"t{number}" for number in range(150)]
        request = {"cluster": "main", "serviceName": "ingest", "desiredStatus": "RUNNING"}
        stubber.add_response("list_tasks", {"taskArns": arns[:100], "nextToken": "2"}, request)
        stubber.add_response("list_tasks", {"taskArns": arns[100:]}, {**request, "nextToken": "2"})
        for batch in (range(100), range(100, 150)):
            answer = {"tasks": [self.task(number) for number in batch]}
            stubber.add_response(
                "describe_tasks", answer, {"cluster": "main", "tasks": [f"t{number}" for number in batch]}
            )
        found = read_tasks(client, "main", "ingest")
        assert isinstance(found, Tasks)
        assert arns == [task.arn for task in found.tasks]
        assert Instant(at=THEN, whole_second=False) == found.tasks[0].created
        assert found.tasks[0].started is None

    def test_a_task_that_ended_meanwhile(self, stub: Stubs) -> None:
        """A task that is MISSING when it is described has ended, and no longer runs."""
        client, stubber = stub("ecs")
        stubber.add_response("list_tasks", {"taskArns": ["t1", "t2"]})
        failures = [{"arn": f"{PREFIX}:task/main/t2", "reason": "MISSING"}]
        stubber.add_response("describe_tasks", {"tasks": [self.task(1, startedAt=THEN)], "failures": failures})
        moment = Instant(at=THEN, whole_second=False)
        running = TaskState(
            arn="t1", task_definition_arn="app:7", last_status="RUNNING", created=moment, started=moment
        )
        assert Tasks(tasks=(running,)) == read_tasks(client, "main", "ingest")

    def test_a_task_that_the_answer_passes_over(self, stub: Stubs) -> None:
        """A task that is neither described nor failed could be a stale one: not observed."""
        client, stubber = stub("ecs")
        stubber.add_response("list_tasks", {"taskArns": ["t1", "t2"]})
        stubber.add_response("describe_tasks", {"tasks": [self.task(1)]})
        assert isinstance(read_tasks(client, "main", "ingest"), Unobserved)

    def test_missing_service(self, stub: Stubs) -> None:
        """ServiceNotFoundException proves the absence."""
        client, stubber = stub("ecs")
        stubber.add_client_error("list_tasks", "ServiceNotFoundException")
        assert isinstance(read_tasks(client, "main", "ingest"), Missing)


class TestOnMoto:
    """The same readers on an emulator's whole answers."""

    @pytest.fixture
    def ecs(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
        """Moto's ECS with a cluster."""
        monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
        with moto.mock_aws():
            client = boto3.client("ecs", region_name="eu-west-2", aws_access_key_id="a", aws_secret_access_key="b")
            client.create_cluster(clusterName="main")
            yield client

    def test_many_services(self, ecs: Any) -> None:
        """Twenty-three services are all seen, by list and by name."""
        container = {
            "name": "app",
            "image": "x",
            "memory": 128,
            "environment": [{"name": "BROKERS", "value": "b:9096"}],
        }
        made = ecs.register_task_definition(family="app", containerDefinitions=[container])
        names = [f"s{number}" for number in range(23)]
        for name in names:
            ecs.create_service(cluster="main", serviceName=name, taskDefinition="app", desiredCount=0)
        cluster = read_cluster(ecs, "main")
        assert isinstance(cluster, EcsCluster)
        assert set(names) == set(cluster.services)
        states = read_services(ecs, "main", [*names, "absent"])
        assert isinstance(states, ServiceStates)
        assert ("absent",) == states.missing
        arn = made["taskDefinition"]["taskDefinitionArn"]
        assert {arn} == {state.task_definition_arn for state in states.services}
        definition = read_task_definition(ecs, arn, ["BROKERS"])
        assert isinstance(definition, TaskDefinition)
        assert ("b:9096",) == definition.containers[0].wirings[0].endpoints
        assert Tasks(tasks=()) == read_tasks(ecs, "main", "s1")

    def test_missing_cluster(self, ecs: Any) -> None:
        """An ECS cluster that isn't there."""
        assert isinstance(read_cluster(ecs, "absent"), Missing)
