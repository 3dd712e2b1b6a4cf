"""Facts of how a service came to run what it runs: its deployments, its revisions, and the tasks that stopped."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pytest_substrate.model.aws.ecs import ContainerImage
from pytest_substrate.model.aws.instant import Instant

ENDED_WELL: Final = ("SUCCESSFUL",)
UNDER_WAY: Final = (
    "PENDING",
    "IN_PROGRESS",
    "STOP_REQUESTED",
    "ROLLBACK_REQUESTED",
    "ROLLBACK_IN_PROGRESS",
)
ROLLED_BACK: Final = "ROLLBACK_SUCCESSFUL"
FAILED: Final = ("STOPPED", ROLLED_BACK, "ROLLBACK_FAILED")
"""The statuses of a service deployment, as the API knows them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceDeployment:
    """One service deployment. `finished` is None while it goes on."""

    arn: str
    status: str
    revision_arn: str | None
    created: Instant | None
    finished: Instant | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceDeployments:
    """The deployments of a service that ECS remembers, the newest first."""

    deployments: tuple[ServiceDeployment, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceRevision:
    """What one deployment was to bring: a task definition, and the digests its images had when it began."""

    arn: str
    task_definition_arn: str | None
    images: tuple[ContainerImage, ...]

    def digest_of(self, container: str) -> str | None:
        """The digest of the container's image, None where ECS does not tell."""
        return next((image.digest for image in self.images if image.container == container), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerEnd:
    """How a container of a stopped task ended. `reason` is the agent's own words, which name no value of the task."""

    name: str
    exit_code: int | None
    reason: str | None
    health: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """A task that stopped, and why ECS says it did."""

    task_arn: str
    task_definition_arn: str
    code: str | None
    """`EssentialContainerExited`, `TaskFailedToStart`, `ServiceSchedulerInitiated`, …"""
    reason: str | None
    created: Instant | None
    stopped: Instant | None
    containers: tuple[ContainerEnd, ...]
    images: tuple[ContainerImage, ...] = ()
    """Which digest each container's image was resolved to."""
    task_role_arn: str | None = None
    """The role that this one run was given instead of its task definition's."""
    commanded: tuple[str, ...] = ()
    """The containers that this one run gave another command."""

    def digest_of(self, container: str) -> str | None:
        """The digest that the container ran, None where ECS does not tell."""
        return next((image.digest for image in self.images if image.container == container), None)

    def end_of(self, container: str) -> ContainerEnd | None:
        """How the container ended."""
        return next((end for end in self.containers if end.name == container), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stops:
    """The stopped tasks that ECS still remembers, of a service or of a job's family."""

    stops: tuple[Stop, ...]
