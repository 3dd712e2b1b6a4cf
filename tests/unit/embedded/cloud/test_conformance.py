"""The hook that holds answers against botocore's models."""

from __future__ import annotations

import datetime as dt
from typing import Any

import boto3
import pytest

from pytest_substrate.embedded.cloud.conformance import differences

_NOW = dt.datetime.now(dt.UTC)


@pytest.mark.parametrize(
    ("task", "expected"),
    [
        ({"taskArn": "arn", "createdAt": _NOW, "stopCode": "UserInitiated"}, []),
        ({"taskArn": 7}, ["it.taskArn: int instead of string"]),
        ({"createdAt": "today"}, ["it.createdAt: str instead of timestamp"]),
        ({"enableExecuteCommand": 1}, ["it.enableExecuteCommand: int instead of boolean"]),
        ({"version": True}, ["it.version: bool instead of long"]),
        ({"containers": [{"exitCode": "0"}]}, ["it.containers[0].exitCode: str instead of integer"]),
    ],
)
def test_types_are_found(task: dict[str, object], expected: list[str]) -> None:
    """A value of another type than the model's is a difference, at its place."""
    assert expected == differences(_shape("ecs", "Task"), task, "it")


def test_foreign_enum_values_are_found() -> None:
    """A value that the model does not list is a difference."""
    found = differences(_shape("ecs", "Task"), {"stopCode": "Whatever"}, "it")

    assert len(found) == 1
    assert found[0].startswith("it.stopCode: 'Whatever' is none of TaskFailedToStart")


def test_missing_required_members_are_found() -> None:
    """A member that the model requires and the answer lacks is a difference."""
    found = differences(_shape("kafka", "BrokerNodeGroupInfo"), {"InstanceType": "kafka.m5.large"}, "it")

    assert found == ["it: ClientSubnets is missing"]


def _shape(service: str, name: str) -> object:
    session: Any = boto3.Session(region_name="eu-west-2")
    return session.client(service, aws_access_key_id="x", aws_secret_access_key="x").meta.service_model.shape_for(name)
