"""The calls that send a probe: paged, read as ECS answers them, refusals as observations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.stub import Stubber

from pytest_substrate.adapters.aws.answer import NoAnswer
from pytest_substrate.adapters.aws.twins import TwinCalls
from pytest_substrate.model.observation import Unobserved

PREFIX = "arn:aws:ecs:eu-west-2:111122223333"
Stubs = Callable[[str], tuple[Any, Stubber]]


def calls_of(client: Any) -> TwinCalls:
    """The calls over one client, whatever service or region is asked for."""
    return TwinCalls(lambda service, region=None: client)


def test_families_are_read_to_the_last_page(stub: Stubs) -> None:
    """A sweep that sees one page would leave the rest for ever."""
    client, stubber = stub("ecs")
    asked = {"familyPrefix": "substrate-probe-", "status": "ACTIVE"}
    stubber.add_response("list_task_definition_families", {"families": ["a"], "nextToken": "t"}, asked)
    stubber.add_response("list_task_definition_families", {"families": ["b"]}, asked | {"nextToken": "t"})
    assert ["a", "b"] == calls_of(client).families("substrate-probe-", "ACTIVE")


def test_a_log_is_read_from_its_beginning_to_its_end(stub: Stubs) -> None:
    """The forward token that comes again, or a page without events, is the end."""
    client, stubber = stub("logs")
    asked = {"logGroupName": "/ecs/ingest", "logStreamName": "s", "startFromHead": True}
    stubber.add_response("get_log_events", {"events": [{"message": "1"}], "nextForwardToken": "f/1"}, asked)
    more = asked | {"nextToken": "f/1"}
    stubber.add_response("get_log_events", {"events": [{"message": "2"}], "nextForwardToken": "f/1"}, more)
    assert ["1", "2"] == calls_of(client).log_lines("/ecs/ingest", "s", "eu-west-2")


def test_a_stream_that_is_not_there_yet_has_no_lines(stub: Stubs) -> None:
    """A task's stream comes with its first line."""
    client, stubber = stub("logs")
    stubber.add_client_error("get_log_events", "ResourceNotFoundException", http_status_code=400)
    assert [] == calls_of(client).log_lines("/ecs/ingest", "s", "eu-west-2")


def test_a_definition_that_ecs_does_not_delete_is_told(stub: Stubs) -> None:
    """DeleteTaskDefinitions refuses in its answer."""
    client, stubber = stub("ecs")
    arn = f"{PREFIX}:task-definition/substrate-probe-ingest:1"
    stubber.add_response("deregister_task_definition", {}, {"taskDefinition": arn})
    refused = {"failures": [{"arn": arn, "reason": "ACCESS_DENIED"}]}
    stubber.add_response("delete_task_definitions", refused, {"taskDefinitions": [arn]})
    with pytest.raises(NoAnswer) as raised:
        calls_of(client).remove(arn)
    assert isinstance(raised.value.observation, Unobserved)
    assert "ACCESS_DENIED" == raised.value.observation.detail


def test_the_digest_of_running_tasks_is_that_of_the_live_definition_alone(stub: Stubs) -> None:
    """Tasks of an older deployment run another image."""
    client, stubber = stub("ecs")
    live, old = (f"{PREFIX}:task-definition/ingest:{number}" for number in (7, 6))
    tasks = [
        {
            "taskArn": f"{PREFIX}:task/main/{number}",
            "taskDefinitionArn": definition,
            "lastStatus": "RUNNING",
            "containers": [container],
        }
        for number, (definition, container) in enumerate(
            [
                (live, {"name": "app", "imageDigest": "sha256:a"}),
                (live, {"name": "side", "imageDigest": "sha256:s"}),
                (old, {"name": "app", "imageDigest": "sha256:o"}),
                (live, {"name": "app"}),
            ]
        )
    ]
    stubber.add_response("list_tasks", {"taskArns": [task["taskArn"] for task in tasks]})
    stubber.add_response("describe_tasks", {"tasks": tasks})
    assert {"sha256:a"} == calls_of(client).running_digests("main", "ingest", live, "app")


def test_a_service_that_ecs_keeps_as_inactive_is_none(stub: Stubs) -> None:
    """It can still be described for a while after its deletion."""
    client, stubber = stub("ecs")
    stubber.add_response("describe_services", {"services": [{"serviceName": "ingest", "status": "INACTIVE"}]})
    assert None is calls_of(client).service("main", "ingest")


def test_a_cluster_that_is_not_there_has_no_service(stub: Stubs) -> None:
    """ECS says so with an error."""
    client, stubber = stub("ecs")
    stubber.add_client_error("describe_services", "ClusterNotFoundException", http_status_code=400)
    assert None is calls_of(client).service("main", "ingest")


def test_a_secret_that_is_not_there_has_no_arn(stub: Stubs) -> None:
    """Then no reference goes with the probe; MSG-010 says what is wrong."""
    client, stubber = stub("secretsmanager")
    stubber.add_client_error("describe_secret", "ResourceNotFoundException", http_status_code=400)
    assert None is calls_of(client).secret_arn("AmazonMSK_ingest")


def test_a_refusal_of_run_task_without_an_exception_is_read(stub: Stubs) -> None:
    """With its reason and its detail."""
    client, stubber = stub("ecs")
    stubber.add_response("run_task", {"tasks": [], "failures": [{"reason": "RESOURCE:CPU", "detail": "none left"}]})
    assert (None, ("RESOURCE:CPU none left",)) == calls_of(client).run({"taskDefinition": "x"})
