"""Faults of what goes with every plane."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_substrate.embedded.faults import fault
from pytest_substrate.embedded.platform import names
from pytest_substrate.embedded.platform.platform import Platform
from pytest_substrate.model.outcome import Layer

_NAME = "reporting"


@fault(
    "undeclared-service",
    check="SUB-010",
    layer=Layer.DECLARATION,
    cause="undeclared-service",
    breaks="another service runs in the ECS cluster, which nobody declared",
)
def undeclared_service(platform: Platform) -> Iterator[None]:
    """It shares the declared service's task definition."""
    ecs = platform.client("ecs")
    ecs.create_service(
        cluster=names.ECS_CLUSTER,
        serviceName=_NAME,
        taskDefinition=names.SERVICE,
        desiredCount=0,
        launchType="FARGATE",
        networkConfiguration={
            "awsvpcConfiguration": {"subnets": names.SUBNETS, "securityGroups": names.SECURITY_GROUPS}
        },
    )
    try:
        yield
    finally:
        ecs.delete_service(cluster=names.ECS_CLUSTER, service=_NAME, force=True)
