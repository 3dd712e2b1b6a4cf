"""Runs that ECS forgot, read from the events that EventBridge left in a log group."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.stub import ANY, Stubber

from pytest_substrate.adapters.aws.task_events import DAYS, read_past_stops
from pytest_substrate.model.aws.rollout import Stops
from pytest_substrate.model.observation import Missing

GROUP = "/aws/events/ecs"
NOW = datetime(2026, 3, 1, tzinfo=UTC)
DIGEST = "sha256:" + "a" * 64
PREFIX = "arn:aws:ecs:eu-west-2:111122223333"
Stubs = Callable[[str], tuple[Any, Stubber]]


def event(number: int = 1, **parts: Any) -> dict[str, str]:
    """A line of the group: the event of a stopped task, in the form that the ECS Developer Guide prints."""
    detail = {
        "clusterArn": f"{PREFIX}:cluster/main",
        "containers": [{"name": "app", "exitCode": 0, "lastStatus": "STOPPED", "imageDigest": DIGEST}],
        "createdAt": "2026-02-27T21:06:41.258Z",
        "desiredStatus": "STOPPED",
        "group": "family:oracle",
        "lastStatus": "STOPPED",
        "overrides": {"containerOverrides": [{"name": "app"}]},
        "startedAt": "2026-02-27T21:06:47.012Z",
        "stopCode": "EssentialContainerExited",
        "stoppedAt": "2026-02-27T21:07:01.5Z",
        "stoppedReason": "Essential container in task exited",
        "taskArn": f"{PREFIX}:task/main/{number}",
        "taskDefinitionArn": f"{PREFIX}:task-definition/oracle:3",
        "version": 4,
        **parts,
    }
    told = {"version": "0", "detail-type": "ECS Task State Change", "source": "aws.ecs", "detail": detail}
    return {"logStreamName": "e", "message": json.dumps(told)}


def read(stub: Stubs, *spans: list[dict[str, str]]) -> Any:
    """What is read where the spans hold these lines, the newest span first."""
    client, stubber = stub("logs")
    for lines in spans:
        asked = {"logGroupName": GROUP, "startTime": ANY, "endTime": ANY, "filterPattern": ANY}
        stubber.add_response("filter_log_events", {"events": lines}, asked)
    return read_past_stops(client, GROUP, cluster="main", family="oracle", account="111122223333", now=NOW)


def test_a_run_as_an_event_tells_it(stub: Stubs) -> None:
    """End, image, role and times; the newest span that holds a run is the last that is asked for."""
    commands = [{"name": "app", "command": ["true"]}, {"name": "sidecar"}, 3]
    overrides = {"taskRoleArn": "arn:aws:iam::111122223333:role/adhoc", "containerOverrides": commands}
    found = read(stub, [], [event(overrides=overrides)])
    assert isinstance(found, Stops)
    (stop,) = found.stops
    end = stop.end_of("app")
    assert end is not None
    assert (0, DIGEST, f"{PREFIX}:task/main/1") == (end.exit_code, stop.digest_of("app"), stop.task_arn)
    assert ("app",) == stop.commanded
    assert stop.created is not None
    assert ("2026-02-27T21:06:41.258Z", "arn:aws:iam::111122223333:role/adhoc") == (
        stop.created.text(),
        stop.task_role_arn,
    )


def test_an_event_that_comes_twice(stub: Stubs) -> None:
    """Of one task, the highest version counts, whatever the order."""
    failed = [{"name": "app", "exitCode": 1}]
    found = read(stub, [event(containers=failed, version=5), event(), event(2)])
    ends = {stop.task_arn[-1]: stop.end_of("app").exit_code for stop in found.stops}
    assert {"1": 1, "2": 0} == ends


@pytest.mark.parametrize(
    "parts",
    [
        {"lastStatus": "RUNNING"},
        {"clusterArn": f"{PREFIX}:cluster/other"},
        {"taskDefinitionArn": f"{PREFIX}:task-definition/not-oracle:3"},
        {"taskDefinitionArn": "arn:aws:ecs:eu-west-2:444455556666:task-definition/oracle:3"},
        {"taskArn": None},
    ],
)
def test_what_is_no_run_of_the_job(parts: dict[str, Any], stub: Stubs) -> None:
    """Another cluster, family or account, or a task that runs."""
    assert Stops(stops=()) == read(stub, [event(**parts)], *[[]] * (len(DAYS) - 1))


def test_lines_that_are_no_events(stub: Stubs) -> None:
    """Whatever else is written to the group is passed over, and odd values are none."""
    other = [{"message": text} for text in (" ", "{", "[1]", '{"detail": 3}', "[" * 5000)]
    odd = event(containers=[3, {"name": "app", "exitCode": True}], createdAt="yesterday", version="x")
    (stop,) = read(stub, [*other, odd]).stops
    assert (None, None, None) == (stop.created, stop.end_of("app").exit_code, stop.digest_of("app"))


def test_a_group_that_is_not_there(stub: Stubs) -> None:
    """A proven absence."""
    client, stubber = stub("logs")
    stubber.add_client_error("filter_log_events", "ResourceNotFoundException")
    found = read_past_stops(client, GROUP, cluster="main", family="oracle", account="111122223333", now=NOW)
    assert isinstance(found, Missing)
