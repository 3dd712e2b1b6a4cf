"""The operations that the packaging plane needs beside the others, as part of the one table (`operations.OPERATIONS`).

A stopped task is described as a running one is; ECS keeps it for about an hour
(https://docs.aws.amazon.com/AmazonECS/latest/developerguide/stopped-task-errors.html).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pytest_substrate.model.aws import registry, rollout
from pytest_substrate.model.aws.operation import Operation

_DEFINITION: Final = "taskDefinition"
_CONTAINER: Final = f"{_DEFINITION}.containerDefinitions[]"

ARTIFACT_READS: Final[Mapping[str, tuple[str, ...]]] = {
    "ecs:DescribeTaskDefinition": (
        f"{_DEFINITION}.runtimePlatform.cpuArchitecture",
        f"{_DEFINITION}.runtimePlatform.operatingSystemFamily",
        f"{_CONTAINER}.image",
        f"{_CONTAINER}.entryPoint[]",
        f"{_CONTAINER}.command[]",
        f"{_CONTAINER}.workingDirectory",
        f"{_CONTAINER}.restartPolicy.enabled",
        f"{_CONTAINER}.logConfiguration.logDriver",
        f"{_CONTAINER}.logConfiguration.options",
    ),
    "ecs:DescribeTasks": (
        "tasks[].group",
        "tasks[].stoppedAt",
        "tasks[].containers[].healthStatus",
    ),
    "ecs:DescribeServiceRevisions": (
        "serviceRevisions[].serviceRevisionArn",
        "failures[].arn",
        "failures[].reason",
    ),
}
"""What the plane reads of operations that others use too."""

ARTIFACT_OPERATIONS: Final[Mapping[str, Operation]] = {
    "ecs:ListServiceDeployments": Operation(
        permissions=("ecs:ListServiceDeployments",),
        sends=("cluster", "service"),
        reads=(
            "serviceDeployments[].serviceDeploymentArn",
            "serviceDeployments[].createdAt",
            "serviceDeployments[].startedAt",
            "serviceDeployments[].finishedAt",
            "serviceDeployments[].targetServiceRevisionArn",
            "serviceDeployments[].status",
        ),
        values={"serviceDeployments[].status": (*rollout.UNDER_WAY, *rollout.FAILED, *rollout.ENDED_WELL)},
        missing=("ClusterNotFoundException", "ServiceNotFoundException"),
        token="nextToken",
    ),
    "ecr:DescribeImages": Operation(
        permissions=("ecr:DescribeImages",),
        sends=("registryId", "repositoryName", "imageIds"),
        reads=(
            "imageDetails[].imageDigest",
            "imageDetails[].imageTags[]",
            "imageDetails[].imageManifestMediaType",
            "imageDetails[].imagePushedAt",
            "imageDetails[].imageStatus",
        ),
        values={"imageDetails[].imageStatus": (registry.ACTIVE, registry.ARCHIVED)},
        missing=("ImageNotFoundException", "RepositoryNotFoundException"),
        token="nextToken",
    ),
    "ecr:BatchGetImage": Operation(
        permissions=("ecr:BatchGetImage",),
        sends=("registryId", "repositoryName", "imageIds", "acceptedMediaTypes"),
        reads=(
            "images[].imageId.imageDigest",
            "images[].imageManifest",
            "images[].imageManifestMediaType",
            "failures[].imageId.imageDigest",
            "failures[].failureCode",
        ),
        values={"failures[].failureCode": (registry.NOT_FOUND,)},
        missing=("RepositoryNotFoundException",),
    ),
}
"""By `service:Operation`, botocore's name of each."""
