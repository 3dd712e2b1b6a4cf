"""What several planes look at of a workload, each once a run, under the key that its docstring names.

A service runs a task definition that ECS names; a job's is the newest active revision of its family, as RunTask takes
it. Every observer hands on a fact, `Missing` or `Unobserved`, and raises for our own bugs alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

from pytest_substrate.adapters.aws import ecr as read_ecr
from pytest_substrate.adapters.aws import ecs as read_ecs
from pytest_substrate.adapters.files import open_regular
from pytest_substrate.model.aws import ecs
from pytest_substrate.model.aws.registry import RegistryImage
from pytest_substrate.model.observation import Missing, Unobserved
from pytest_substrate.model.release_record import LONGEST, InvalidRecord, ReleaseRecord, parse_record

if TYPE_CHECKING:
    from pytest_substrate.model.declaration import Job, Service
    from pytest_substrate.planes.plane import Context

T = TypeVar("T")


def workload(context: Context, subject: str) -> Service | Job:
    """The declared service or job that a subject (`service/NAME`, `job/NAME`) names."""
    kind, name = subject.split("/")[:2]
    declared: Service | Job = (context.declaration.service if kind == "service" else context.declaration.job)[name]
    return declared


def observe_service(context: Context, service: str) -> ecs.ServiceState | Missing | Unobserved:
    """A declared service, looked up with all others of its ECS cluster. Key `ecs/services/ECS-CLUSTER`."""
    declared = context.declaration.service
    cluster, wanted = declared[service].ecs_cluster, declared[service].ecs_service
    names = sorted({other.ecs_service for other in declared.values() if other.ecs_cluster == cluster})
    states = seen(
        context,
        f"ecs/services/{cluster}",
        ecs.ServiceStates | Missing | Unobserved,
        lambda: read_ecs.read_services(context.target.client("ecs"), cluster, names),
    )
    if not isinstance(states, ecs.ServiceStates):
        return states
    found = next((state for state in states.services if state.name == wanted), None)
    return found or Missing(what=wanted, code=ecs.MISSING, operation="ecs:DescribeServices")


def observe_definition(context: Context, service: str, arn: str) -> ecs.TaskDefinition | Missing | Unobserved:
    """A task definition with the addresses that the service's bootstrap variable holds in it.

    Key `ecs/task-definition/SERVICE/ARN`: what is kept of a definition depends on the service that it is read for.
    """
    messaging = context.declaration.service[service].messaging
    return observe_task_definition(context, f"{service}/{arn}", arn, [messaging.bootstrap_env] if messaging else [])


def observe_live_definition(context: Context, service: str) -> ecs.TaskDefinition | Missing | Unobserved:
    """What the service starts new tasks from; `Missing` where the service is, or names none."""
    state = observe_service(context, service)
    if not isinstance(state, ecs.ServiceState):
        return state
    if state.task_definition_arn is None:
        return Missing(what=f"the task definition of {state.name}", operation="ecs:DescribeServices")
    return observe_definition(context, service, state.task_definition_arn)


def observe_workload_definition(context: Context, subject: str) -> ecs.TaskDefinition | Missing | Unobserved:
    """What a service or a job starts its next task from. Key of a job's `ecs/task-definition/job/NAME`."""
    kind, name = subject.split("/")[:2]
    if kind == "service":
        return observe_live_definition(context, name)
    return observe_task_definition(context, subject, context.declaration.job[name].task_definition)


def observe_task_definition(
    context: Context, key: str, named: str, wiring: Sequence[str] = ()
) -> ecs.TaskDefinition | Missing | Unobserved:
    """A task definition by ARN or family, with the addresses in the variables of `wiring`. Key
    `ecs/task-definition/KEY`.
    """
    return seen(
        context,
        f"ecs/task-definition/{key}",
        ecs.TaskDefinition | Missing | Unobserved,
        lambda: read_ecs.read_task_definition(context.target.client("ecs"), named, wiring),
    )


def observe_tasks(context: Context, service: str) -> ecs.Tasks | Missing | Unobserved:
    """The tasks of a declared service that should run. Key `ecs/tasks/SERVICE`."""
    declared = context.declaration.service[service]
    return seen(
        context,
        f"ecs/tasks/{service}",
        ecs.Tasks | Missing | Unobserved,
        lambda: read_ecs.read_tasks(context.target.client("ecs"), declared.ecs_cluster, declared.ecs_service),
    )


def observe_record(context: Context, artifact: str) -> ReleaseRecord | InvalidRecord | Missing | Unobserved:
    """The release record of a declared artifact. Key `release/record/ARTIFACT`."""
    return seen(
        context,
        f"release/record/{artifact}",
        ReleaseRecord | InvalidRecord | Missing | Unobserved,
        lambda: _read_record(context, artifact),
    )


def _read_record(context: Context, artifact: str) -> ReleaseRecord | InvalidRecord | Missing | Unobserved:
    name = context.declaration.artifact[artifact].record
    if name is None:
        return Missing(what=f"the release record of artifact/{artifact}, which declares none")
    try:
        with open_regular(context.target.records / name) as file:
            content = file.read(LONGEST + 1)
    except FileNotFoundError:
        return Missing(what=name)
    except OSError as error:
        return Unobserved(reason="unreadable", detail=f"{name}: {error.strerror}")
    if len(content) > LONGEST:
        return InvalidRecord(name=name, problem=f"is longer than {LONGEST} bytes")
    return parse_record(content, name=name)


def observe_image(context: Context, repository: str, digest: str) -> RegistryImage | Missing | Unobserved:
    """An image by digest, as the account's registry has it. Key `ecr/image/REPOSITORY/DIGEST`."""
    account = context.declaration.account
    return seen(
        context,
        f"ecr/image/{repository}/{digest}",
        RegistryImage | Missing | Unobserved,
        lambda: read_ecr.read_image(context.target.client("ecr"), account, repository, digest),
    )


def observe_released_image(context: Context, artifact: str) -> RegistryImage | Missing | Unobserved:
    """The image that an artifact's release record names. Key as `observe_image`."""
    record = observe_record(context, artifact)
    if not isinstance(record, ReleaseRecord):
        return Unobserved(reason="not-asked", detail="no release record names a digest")
    return observe_image(context, context.declaration.artifact[artifact].repository, record.digest)


def seen(context: Context, key: str, kind: object, read: Callable[[], T]) -> T:
    """The run's one observation under `key`."""
    return context.observations.observe(key, kind, read).value
