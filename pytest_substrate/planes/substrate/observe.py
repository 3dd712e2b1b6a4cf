"""What goes with every plane is seen once: the services of an ECS cluster."""

from __future__ import annotations

from pytest_substrate.adapters.aws import ecs as read
from pytest_substrate.model.aws.ecs import EcsCluster
from pytest_substrate.model.observation import Missing, Unobserved
from pytest_substrate.planes.plane import Context


def observe_cluster(context: Context, name: str) -> EcsCluster | Missing | Unobserved:
    """The ECS cluster and all its services. Key `ecs/cluster/NAME`."""
    return context.observations.observe(
        f"ecs/cluster/{name}",
        EcsCluster | Missing | Unobserved,
        lambda: read.read_cluster(context.target.client("ecs"), name),
    ).value
