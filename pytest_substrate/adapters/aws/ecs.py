"""What ECS says of services, task definitions and running tasks: paged, in batches, `failures[]` looked at."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any, Final

from pytest_substrate.adapters.aws.answer import Answer, NoAnswer, answered, ask, ask_pages
from pytest_substrate.model.aws import ecs as facts
from pytest_substrate.model.aws.address import addresses
from pytest_substrate.model.observation import Missing, Unobserved

SERVICES_A_CALL: Final = 10
"""The most that DescribeServices takes."""
TASKS_A_CALL: Final = 100
"""The most that DescribeTasks takes."""


@answered
def read_cluster(client: Any, name: str) -> facts.EcsCluster:
    """An ECS cluster with the names of all its services, whoever made them. Of one that isn't ACTIVE, no service."""
    answer = ask(client, "ecs:DescribeClusters", what=name, clusters=[name])
    found = answer.parts("clusters")
    if not found and missing_of(answer, "ecs:DescribeClusters"):
        raise NoAnswer(Missing(what=name, code=facts.MISSING, operation="ecs:DescribeClusters"))
    if len(found) != 1:
        raise NoAnswer(Unobserved(reason="malformed", operation="ecs:DescribeClusters", detail="not one cluster"))
    status = found[0].text("status")
    listed = _list_services(client, name) if status == facts.ACTIVE else []
    states = _describe_services(client, name, listed)
    return facts.EcsCluster(
        name=found[0].text("clusterName"), status=status, services=tuple(state.name for state in states.services)
    )


def _list_services(client: Any, cluster: str) -> list[str]:
    pages = ask_pages(client, "ecs:ListServices", what=cluster, cluster=cluster)
    return [arn.rpartition("/")[2] for page in pages for arn in page.texts("serviceArns")]


@answered
def read_services(client: Any, cluster: str, names: Sequence[str]) -> facts.ServiceStates:
    """The named services of one ECS cluster; one that ECS keeps as INACTIVE is gone."""
    return _describe_services(client, cluster, names)


def _describe_services(client: Any, cluster: str, names: Sequence[str]) -> facts.ServiceStates:
    found: list[facts.ServiceState] = []
    missing: list[str] = []
    for batch in _batches(names, SERVICES_A_CALL):
        answer = ask(client, "ecs:DescribeServices", what=cluster, cluster=cluster, services=batch)
        missing += missing_of(answer, "ecs:DescribeServices")
        for service in map(_service, answer.parts("services")):
            if service.status == facts.INACTIVE:
                missing.append(service.name)
            else:
                found.append(service)
    silent = set(names) - {service.name for service in found} - set(missing)
    if silent:
        raise NoAnswer(
            Unobserved(
                reason="malformed",
                operation="ecs:DescribeServices",
                detail=f"the answer says nothing of {', '.join(sorted(silent))}",
            )
        )
    return facts.ServiceStates(services=tuple(found), missing=tuple(missing))


def _service(service: Answer) -> facts.ServiceState:
    task_sets = service.parts("taskSets")
    primary = [task_set for task_set in task_sets if task_set.text_or_none("status") == facts.PRIMARY]
    # with task sets (CODE_DEPLOY, EXTERNAL) the primary one says what runs; the service itself may name none
    starts_from = primary[0].text_or_none("taskDefinition") if primary else service.text_or_none("taskDefinition")
    rolling = [
        facts.Deployment(
            id=deployment.text("id"),
            status=deployment.text("status"),
            task_definition_arn=deployment.text_or_none("taskDefinition"),
            rollout=deployment.text_or_none("rolloutState"),
        )
        for deployment in service.parts("deployments")
    ]
    sets = [
        facts.Deployment(
            id=task_set.text("id"),
            status=task_set.text("status"),
            task_definition_arn=task_set.text_or_none("taskDefinition"),
            rollout=None,
        )
        for task_set in task_sets
    ]
    return facts.ServiceState(
        arn=service.text("serviceArn"),
        name=service.text("serviceName"),
        status=service.text("status"),
        task_definition_arn=starts_from,
        desired=service.number("desiredCount"),
        running=service.number("runningCount"),
        pending=service.number("pendingCount"),
        deployments=tuple(rolling or sets),
    )


@answered
def read_task_definition(client: Any, arn: str, wiring: Collection[str]) -> facts.TaskDefinition:
    """One revision. Of its environment, names alone are kept; of the variables in `wiring` also the addresses."""
    answer = ask(client, "ecs:DescribeTaskDefinition", what=arn, taskDefinition=arn).part("taskDefinition")
    return facts.TaskDefinition(
        arn=answer.text("taskDefinitionArn"),
        containers=tuple(_container(container, wiring) for container in answer.parts("containerDefinitions")),
        task_role_arn=answer.text_or_none("taskRoleArn"),
        execution_role_arn=answer.text_or_none("executionRoleArn"),
        architecture=answer.part("runtimePlatform").text_or_none("cpuArchitecture"),
        system=answer.part("runtimePlatform").text_or_none("operatingSystemFamily"),
        compatibilities=answer.texts("requiresCompatibilities"),
    )


def _container(container: Answer, wiring: Collection[str]) -> facts.Container:
    environment = container.parts("environment")
    wirings = []
    for variable in environment:
        name = variable.text("name")
        if name in wiring:
            endpoints, malformed = addresses(variable.text_or_none("value") or "")
            wirings.append(facts.Wiring(variable=name, endpoints=endpoints, malformed=malformed))
    log = container.part("logConfiguration")
    options = log.mapping("options") if log.text_or_none("logDriver") == "awslogs" else {}
    return facts.Container(
        name=container.text("name"),
        variables=tuple(variable.text("name") for variable in environment),
        wirings=tuple(wirings),
        injections=tuple(
            facts.Injection(variable=secret.text("name"), value_from=secret.text("valueFrom"))
            for secret in container.parts("secrets")
        ),
        environment_files=bool(container.parts("environmentFiles")),
        image=container.text_or_none("image"),
        entry_point=container.texts("entryPoint"),
        command=container.texts("command"),
        working_directory=container.text_or_none("workingDirectory"),
        restarts=container.part("restartPolicy").flag("enabled"),
        log_group=options.get("awslogs-group"),
        log_prefix=options.get("awslogs-stream-prefix"),
    )


@answered
def read_tasks(client: Any, cluster: str, service: str) -> facts.Tasks:
    """The tasks of a service that ECS means to keep running. One that ended between two calls is left out."""
    request = {"cluster": cluster, "serviceName": service, "desiredStatus": facts.RUNNING}
    pages = ask_pages(client, "ecs:ListTasks", what=f"{cluster}/{service}", **request)
    arns = [arn for page in pages for arn in page.texts("taskArns")]
    return facts.Tasks(tasks=tuple(map(_task, describe_tasks(client, cluster, arns))))


def describe_tasks(client: Any, cluster: str, arns: Sequence[str]) -> Iterator[Answer]:
    """What ECS tells of these tasks; of one that it has forgotten in between, nothing. NoAnswer for half an answer."""
    for batch in _batches(arns, TASKS_A_CALL):
        answer = ask(client, "ecs:DescribeTasks", what=cluster, cluster=cluster, tasks=batch)
        described = answer.parts("tasks")
        if len(described) + len(missing_of(answer, "ecs:DescribeTasks")) != len(batch):
            raise NoAnswer(
                Unobserved(
                    reason="malformed",
                    operation="ecs:DescribeTasks",
                    detail=f"of {len(batch)} tasks that were asked for, the answer holds {len(described)}",
                )
            )
        yield from described


def _task(task: Answer) -> facts.TaskState:
    pulled = ((one.text("name"), one.text_or_none("imageDigest")) for one in task.parts("containers"))
    return facts.TaskState(
        images=tuple(facts.ContainerImage(container=name, digest=digest) for name, digest in pulled if digest),
        arn=task.text("taskArn"),
        task_definition_arn=task.text("taskDefinitionArn"),
        last_status=task.text("lastStatus"),
        created=task.time("createdAt"),
        started=task.time("startedAt"),
    )


def missing_of(answer: Answer, operation: str) -> list[str]:
    """The names in `failures[]` that don't exist; any other failure means that the call did not observe."""
    gone = []
    for failure in answer.parts("failures"):
        reason = failure.text_or_none("reason") or ""
        if reason != facts.MISSING:
            code = "".join(c for c in reason if c.isalnum() or c in "_:.") or None
            raise NoAnswer(
                Unobserved(reason="refused", code=code, operation=operation, detail="listed in the answer's failures")
            )
        gone.append((failure.text_or_none("arn") or "").rpartition("/")[2])
    return gone


def _batches(items: Sequence[str], size: int) -> Iterator[list[str]]:
    for start in range(0, len(items), size):
        yield list(items[start : start + size])
