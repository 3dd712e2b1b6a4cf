"""Facts of ECS: services, their task definitions without environment values, and their running tasks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pytest_substrate.model.aws.instant import Instant

ACTIVE: Final = "ACTIVE"
INACTIVE: Final = "INACTIVE"
PRIMARY: Final = "PRIMARY"
RUNNING: Final = "RUNNING"
STOPPED: Final = "STOPPED"
IN_PROGRESS: Final = "IN_PROGRESS"
MISSING: Final = "MISSING"
"""The reason in `failures[]` for something that does not exist."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wiring:
    """The value of a declared bootstrap variable, taken apart: addresses are kept, what is none is only counted."""

    variable: str
    endpoints: tuple[str, ...]
    malformed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Injection:
    """An entry of a container's `secrets`: the variable, and the ARN or name that it comes from."""

    variable: str
    value_from: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """A container of a task definition. Environment values are not kept, but for the declared wiring's addresses."""

    name: str
    variables: tuple[str, ...] = ()
    """The names in `environment`, as often as they stand there."""
    wirings: tuple[Wiring, ...] = ()
    injections: tuple[Injection, ...] = ()
    environment_files: bool = False
    """Whether files in S3, which are not read, may set more variables."""
    image: str | None = None
    entry_point: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    """What the definition runs instead of the image's own words; empty where it leaves these."""
    working_directory: str | None = None
    restarts: bool = False
    """Whether ECS restarts the container in place, inside its task."""
    log_group: str | None = None
    log_prefix: str | None = None
    """Of the awslogs driver: a task's stream is `PREFIX/CONTAINER/TASK-ID`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskDefinition:
    """One revision of a task definition."""

    arn: str
    containers: tuple[Container, ...]
    task_role_arn: str | None = None
    execution_role_arn: str | None = None
    architecture: str | None = None
    """`X86_64` or `ARM64`; None where the definition does not say, which ECS takes for X86_64."""
    system: str | None = None
    """`LINUX` or a family of Windows; None is LINUX."""
    compatibilities: tuple[str, ...] = ()
    """The launch types that it was registered for."""

    def container(self, name: str) -> Container | None:
        """The container of that name."""
        return next((container for container in self.containers if container.name == name), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """A deployment of a service, as DescribeServices lists it; `rollout` exists for rolling deployments only."""

    id: str
    status: str
    task_definition_arn: str | None
    rollout: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceState:
    """A service; `task_definition_arn` is what it starts new tasks from."""

    arn: str
    name: str
    status: str
    task_definition_arn: str | None
    desired: int
    running: int
    pending: int
    deployments: tuple[Deployment, ...] = ()

    @property
    def deploying(self) -> bool:
        """Whether tasks of an older deployment may still be replaced."""
        return len(self.deployments) > 1 or any(deployment.rollout == IN_PROGRESS for deployment in self.deployments)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceStates:
    """The declared services of one ECS cluster; `missing` are the names that the cluster doesn't have."""

    services: tuple[ServiceState, ...]
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class EcsCluster:
    """An ECS cluster and the names of all services that run in it (those that ECS calls INACTIVE are gone)."""

    name: str
    status: str
    services: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerImage:
    """A container and the digest of its image, as ECS resolved it."""

    container: str
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskState:
    """A task that should run. ECS creates it PENDING and fetches its secrets before `started`, when it is RUNNING."""

    arn: str
    task_definition_arn: str
    last_status: str
    created: Instant | None
    started: Instant | None
    images: tuple[ContainerImage, ...] = ()
    """Which digest each container's image was resolved to; a container that has pulled none yet is left out."""

    def digest_of(self, container: str) -> str | None:
        """The digest that the container runs, None where ECS does not tell."""
        return next((image.digest for image in self.images if image.container == container), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tasks:
    """All tasks of a service that should run."""

    tasks: tuple[TaskState, ...]
