"""The operations that sending a probe needs, as part of the one table (`operations.OPERATIONS`).

A task definition is handed on whole from DescribeTaskDefinition to RegisterTaskDefinition, as a twin must not lose what
this project has no word for; so its path here is the structure itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pytest_substrate.model.aws.operation import Operation

_LAUNCH: Final = (
    "launchType",
    "capacityProviderStrategy",
    "platformVersion",
    "networkConfiguration",
)

MORE_READS: Final[Mapping[str, tuple[str, ...]]] = {
    "ecs:DescribeServices": (
        *(f"services[].{name}" for name in _LAUNCH),
        *(f"services[].taskSets[].{name}" for name in _LAUNCH),
        "services[].placementConstraints",
        "services[].currentServiceRevisions[].arn",
        "services[].deployments[].volumeConfigurations",
    ),
    "ecs:DescribeTaskDefinition": ("taskDefinition", "tags[].key", "tags[].value"),
    "ecs:DescribeTasks": (
        "tasks[].stopCode",
        "tasks[].stoppedReason",
        "tasks[].containers[].name",
        "tasks[].containers[].exitCode",
        "tasks[].containers[].reason",
        "tasks[].containers[].imageDigest",
    ),
}
"""What sending a probe reads beyond the planes, of operations that both use."""

MORE_SENDS: Final[Mapping[str, tuple[str, ...]]] = {
    "ecs:DescribeTaskDefinition": ("include",),
    "ecs:ListTasks": ("family", "startedBy"),
}

PROBE_OPERATIONS: Final[Mapping[str, Operation]] = {
    "ecs:DescribeServiceRevisions": Operation(
        permissions=("ecs:DescribeServiceRevisions",),
        sends=("serviceRevisionArns",),
        reads=(
            "serviceRevisions[].taskDefinition",
            "serviceRevisions[].containerImages[].containerName",
            "serviceRevisions[].containerImages[].imageDigest",
        ),
    ),
    "ecs:RegisterTaskDefinition": Operation(
        permissions=("ecs:RegisterTaskDefinition", "ecs:TagResource", "iam:PassRole"),
        sends=("family", "containerDefinitions", "volumes", "tags"),
        reads=("taskDefinition",),
        writes=True,
    ),
    "ecs:RunTask": Operation(
        permissions=("ecs:RunTask", "ecs:TagResource", "iam:PassRole"),
        sends=(
            "cluster",
            "taskDefinition",
            "count",
            "startedBy",
            "clientToken",
            "tags",
            "placementConstraints",
            "volumeConfigurations",
            *_LAUNCH,
        ),
        reads=("tasks[].taskArn", "failures[].reason", "failures[].detail"),
        writes=True,
    ),
    "ecs:StopTask": Operation(
        permissions=("ecs:StopTask",),
        sends=("cluster", "task", "reason"),
        writes=True,
    ),
    "ecs:DeregisterTaskDefinition": Operation(
        permissions=("ecs:DeregisterTaskDefinition",),
        sends=("taskDefinition",),
        writes=True,
    ),
    "ecs:DeleteTaskDefinitions": Operation(
        permissions=("ecs:DeleteTaskDefinitions",),
        sends=("taskDefinitions",),
        reads=("failures[].arn", "failures[].reason"),
        writes=True,
    ),
    "ecs:ListTaskDefinitionFamilies": Operation(
        permissions=("ecs:ListTaskDefinitionFamilies",),
        sends=("familyPrefix", "status"),
        reads=("families[]",),
        token="nextToken",
    ),
    "ecs:ListTaskDefinitions": Operation(
        permissions=("ecs:ListTaskDefinitions",),
        sends=("familyPrefix", "status"),
        reads=("taskDefinitionArns[]",),
        values={"status": ("ACTIVE", "INACTIVE")},
        token="nextToken",
    ),
    "logs:GetLogEvents": Operation(
        permissions=("logs:GetLogEvents",),
        sends=("logGroupName", "logStreamName", "startFromHead", "nextToken"),
        reads=("events[].message", "nextForwardToken"),
        missing=("ResourceNotFoundException",),
    ),
}

CAPABILITY_OPERATIONS: Final[Mapping[str, Operation]] = {
    name: Operation(permissions=(name,))
    for name in (
        "ecs:ListClusters",
        "kafka:ListClusters",
        "kms:ListKeys",
        "logs:DescribeLogGroups",
        "secretsmanager:ListSecrets",
    )
}
"""Asked of endpoints that are not AWS alone: whether the service is there at all. On AWS nobody needs the right."""
