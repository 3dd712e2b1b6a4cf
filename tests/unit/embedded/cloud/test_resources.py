"""The resources on which AWS authorizes a call."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_substrate.embedded.cloud.resources import (
    Place,
    ecs_keys,
    ecs_resources,
    kafka_resources,
    kafka_topic_checks,
    logs_resources,
)

_HERE = Place(region="eu-west-2", account="111122223333")
_ECS = "arn:aws:ecs:eu-west-2:111122223333"
_LOGS = "arn:aws:logs:eu-west-2:111122223333"
_CLUSTER = "arn:aws:kafka:eu-west-2:111122223333:cluster/spine/4a1f-2"


@pytest.mark.parametrize(
    ("action", "body", "expected"),
    [
        ("DescribeServices", {"cluster": "main", "services": ["a", "b"]}, ("service/main/a", "service/main/b")),
        ("UpdateService", {"cluster": f"{_ECS}:cluster/main", "service": "a"}, ("service/main/a",)),
        ("CreateService", {"serviceName": "a"}, ("service/default/a",)),
        ("DescribeTasks", {"cluster": "main", "tasks": ["t", f"{_ECS}:task/main/u"]}, ("task/main/t", "task/main/u")),
        ("StopTask", {"cluster": "main", "task": "t1"}, ("task/main/t1",)),
        ("RunTask", {"cluster": "main", "taskDefinition": "ingest"}, ("task-definition/ingest:7",)),
        ("RunTask", {"taskDefinition": "ingest:3"}, ("task-definition/ingest:3",)),
        ("RegisterTaskDefinition", {"family": "ingest"}, ("task-definition/ingest:8",)),
        ("DeleteTaskDefinitions", {"taskDefinitions": ["a:1", "b:2"]}, ("task-definition/a:1", "task-definition/b:2")),
        ("DescribeClusters", {"clusters": ["main"]}, ("cluster/main",)),
        ("ListTasks", {"cluster": "main"}, ("container-instance/main/*",)),
        ("ListServices", {"cluster": "main"}, ("service/main/*",)),
        ("DescribeServiceRevisions", {"serviceRevisionArns": [f"{_ECS}:service-revision/main/a/1"]},
         ("service-revision/main/a/1",)),
        ("TagResource", {"resourceArn": f"{_ECS}:task/main/t"}, ("task/main/t",)),
    ],
)  # fmt: skip
def test_an_ecs_call_is_authorized_on_what_it_names(
    action: str, body: dict[str, Any], expected: tuple[str, ...]
) -> None:
    """Each resource that an ECS call names is one to authorize."""
    found = ecs_resources(action, body, _HERE, lambda family: f"{family}:7")

    assert tuple(f"{_ECS}:{each}" for each in expected) == found


@pytest.mark.parametrize("action", ["DescribeTaskDefinition", "ListTaskDefinitions", "DeregisterTaskDefinition"])
def test_calls_without_resource_level_permissions_need_the_star(action: str) -> None:
    """Some calls of ECS can only be allowed on every resource."""
    assert ecs_resources(action, {"taskDefinition": "ingest:1", "familyPrefix": "ingest"}, _HERE) == ("*",)


def test_the_cluster_is_a_condition_key() -> None:
    """A policy may narrow a call by its cluster, however the call names it."""
    expected = {"ecs:cluster": f"{_ECS}:cluster/main"}

    assert expected == ecs_keys({"cluster": "main"}, _HERE)
    assert expected == ecs_keys({"cluster": f"{_ECS}:cluster/main"}, _HERE)
    assert ecs_keys({}, _HERE) == {}


@pytest.mark.parametrize("tail", ["", "/bootstrap-brokers", "/nodes", "/topics/events.raw/partitions"])
def test_an_msk_call_is_authorized_on_its_cluster(tail: str) -> None:
    """The cluster's whole ARN is the resource, from either version of the API."""
    assert kafka_resources(f"/v1/clusters/{_CLUSTER}{tail}") == (_CLUSTER,)
    assert kafka_resources(f"/api/v2/clusters/{_CLUSTER}") == (_CLUSTER,)
    assert kafka_resources("/v1/clusters") == ("*",)


def test_the_topic_api_needs_the_data_plane_too() -> None:
    """Describing a topic asks for three permissions of the data plane, listing for two, other calls for none."""
    topic = _CLUSTER.replace(":cluster/", ":topic/") + "/events.raw"

    described = kafka_topic_checks(f"/v1/clusters/{_CLUSTER}/topics/events.raw/partitions")
    listed = kafka_topic_checks(f"/v1/clusters/{_CLUSTER}/topics")

    assert described == (
        ("kafka-cluster:Connect", _CLUSTER),
        ("kafka-cluster:DescribeTopic", topic),
        ("kafka-cluster:DescribeTopicDynamicConfiguration", topic),
    )
    assert [action for action, _ in listed] == ["kafka-cluster:Connect", "kafka-cluster:DescribeTopic"]
    assert kafka_topic_checks(f"/v1/clusters/{_CLUSTER}/nodes") == ()


@pytest.mark.parametrize(
    ("action", "body", "expected"),
    [
        ("GetLogEvents", {"logGroupName": "/a", "logStreamName": "s/1"}, f"{_LOGS}:log-group:/a:log-stream:s/1"),
        ("FilterLogEvents", {"logGroupName": "/a"}, f"{_LOGS}:log-group:/a:log-stream:"),
        ("FilterLogEvents", {"logGroupIdentifier": f"{_LOGS}:log-group:/a:*"}, f"{_LOGS}:log-group:/a:log-stream:"),
        ("DescribeLogGroups", {"logGroupNamePrefix": "/ecs"}, f"{_LOGS}:log-group::log-stream:"),
        ("ListTagsForResource", {"resourceArn": f"{_LOGS}:log-group:/ecs/a"}, f"{_LOGS}:log-group:/ecs/a"),
        ("DescribeQueries", {}, "*"),
    ],
)  # fmt: skip
def test_a_logs_call_is_authorized_on_the_group_or_stream(action: str, body: dict[str, str], expected: str) -> None:
    """Policies for a group end in `:*`, as what is compared ends in a log stream."""
    assert logs_resources(action, body, _HERE) == (expected,)
