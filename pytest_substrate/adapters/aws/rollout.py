"""What ECS says of how a service came to run what it runs: deployments, revisions, stopped tasks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

from pytest_substrate.adapters.aws.answer import Answer, NoAnswer, answered, ask, ask_pages
from pytest_substrate.adapters.aws.ecs import describe_tasks, missing_of
from pytest_substrate.model.aws import ecs
from pytest_substrate.model.aws import rollout as facts
from pytest_substrate.model.aws.instant import Instant
from pytest_substrate.model.observation import Missing, Unobserved

_REVISIONS: Final = "ecs:DescribeServiceRevisions"


@answered
def read_deployments(client: Any, cluster: str, service: str) -> facts.ServiceDeployments:
    """The service deployments that ECS remembers, the newest first; none where another controller deploys."""
    pages = ask_pages(
        client, "ecs:ListServiceDeployments", what=f"{cluster}/{service}", cluster=cluster, service=service
    )
    found = [_deployment(one) for page in pages for one in page.parts("serviceDeployments")]
    found.sort(key=lambda one: _at(one.created), reverse=True)
    return facts.ServiceDeployments(deployments=tuple(found))


def _deployment(one: Answer) -> facts.ServiceDeployment:
    return facts.ServiceDeployment(
        arn=one.text("serviceDeploymentArn"),
        status=one.text("status"),
        revision_arn=one.text_or_none("targetServiceRevisionArn"),
        created=one.time("createdAt"),
        finished=one.time("finishedAt"),
    )


@answered
def read_revision(client: Any, arn: str) -> facts.ServiceRevision:
    """One service revision."""
    answer = ask(client, _REVISIONS, what=arn, serviceRevisionArns=[arn])
    found = answer.parts("serviceRevisions")
    if not found and missing_of(answer, _REVISIONS):
        raise NoAnswer(Missing(what=arn, code=ecs.MISSING, operation=_REVISIONS))
    if len(found) != 1:
        raise NoAnswer(Unobserved(reason="malformed", operation=_REVISIONS, detail="not one service revision"))
    images = (
        (image.text("containerName"), image.text_or_none("imageDigest")) for image in found[0].parts("containerImages")
    )
    return facts.ServiceRevision(
        arn=arn,
        task_definition_arn=found[0].text_or_none("taskDefinition"),
        images=tuple(ecs.ContainerImage(container=name, digest=digest) for name, digest in images if digest),
    )


@answered
def read_stops(
    client: Any, cluster: str, *, service: str | None = None, family: str | None = None, also: Sequence[str] = ()
) -> facts.Stops:
    """The stopped tasks that ECS still lists, of a service or of a task definition's family, the newest first.

    `also` are ARNs of tasks that are known, whether the list shows them yet or not.
    """
    chosen = {"serviceName": service} if service is not None else {"family": family}
    pages = ask_pages(
        client,
        "ecs:ListTasks",
        what=f"{cluster}/{service or family}",
        cluster=cluster,
        desiredStatus=ecs.STOPPED,
        **chosen,
    )
    arns = list(dict.fromkeys([*(arn for page in pages for arn in page.texts("taskArns")), *also]))
    stops = [_stop(task) for task in describe_tasks(client, cluster, arns) if task.text("lastStatus") == ecs.STOPPED]
    stops.sort(key=lambda one: _at(one.stopped), reverse=True)
    return facts.Stops(stops=tuple(stops))


def _stop(task: Answer) -> facts.Stop:
    return facts.Stop(
        task_arn=task.text("taskArn"),
        task_definition_arn=task.text("taskDefinitionArn"),
        code=task.text_or_none("stopCode"),
        reason=task.text_or_none("stoppedReason"),
        created=task.time("createdAt"),
        stopped=task.time("stoppedAt"),
        containers=tuple(
            facts.ContainerEnd(
                name=one.text("name"),
                exit_code=one.number_or_none("exitCode"),
                reason=one.text_or_none("reason"),
                health=one.text_or_none("healthStatus"),
            )
            for one in task.parts("containers")
        ),
        images=tuple(
            ecs.ContainerImage(container=one.text("name"), digest=digest)
            for one in task.parts("containers")
            if (digest := one.text_or_none("imageDigest"))
        ),
        task_role_arn=task.part("overrides").text_or_none("taskRoleArn"),
        commanded=tuple(
            one.text_or_none("name") or ""
            for one in task.part("overrides").parts("containerOverrides")
            if one.texts("command")
        ),
    )


def _at(instant: Instant | None) -> datetime:
    return datetime.min.replace(tzinfo=UTC) if instant is None else instant.at
