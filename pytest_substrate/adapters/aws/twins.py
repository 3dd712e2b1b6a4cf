"""The calls that send a probe as a task: read the live service, register, run, look, stop, remove, and read the log.

They raise `NoAnswer` with what a refusal means; what they return is as ECS tells it, since a twin is made of the whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from botocore import xform_name
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from pytest_substrate.adapters.aws.answer import PAGES, NoAnswer
from pytest_substrate.adapters.aws.errors import unanswered
from pytest_substrate.model.aws.operations import OPERATIONS
from pytest_substrate.model.observation import Missing, Unobserved

_LOG_PAGES: Final = 20
"""The most pages that are read of one log stream; a transcript is a few lines."""


class TwinCalls:
    """The control plane, as whoever sends a probe sees it. `client` gives a service's client, in a region if named."""

    def __init__(self, client: Callable[..., Any]) -> None:
        self._client = client

    def service(self, cluster: str, name: str) -> Mapping[str, Any] | None:
        """The service, None where ECS has no active one of that name."""
        try:
            answer = self._ask("ecs:DescribeServices", cluster=cluster, services=[name])
        except NoAnswer as none:
            if isinstance(none.observation, Missing):
                return None
            raise
        found = [service for service in answer.get("services", ()) if service.get("status") != "INACTIVE"]
        return found[0] if found else None

    def definition(self, arn: str) -> tuple[Mapping[str, Any], dict[str, str]]:
        """A task definition, whole, and its tags."""
        answer = self._ask("ecs:DescribeTaskDefinition", taskDefinition=arn, include=["TAGS"])
        tags = {str(tag.get("key")): str(tag.get("value")) for tag in answer.get("tags") or ()}
        return answer.get("taskDefinition") or {}, tags

    def revision_digests(self, arns: Sequence[str], definition: str, container: str) -> set[str]:
        """The digests that the service revisions of that task definition give for a container's image."""
        if not arns:
            return set()
        answer = self._ask("ecs:DescribeServiceRevisions", serviceRevisionArns=list(arns))
        return {
            image["imageDigest"]
            for revision in answer.get("serviceRevisions", ())
            if revision.get("taskDefinition") == definition
            for image in revision.get("containerImages", ())
            if image.get("containerName") == container and image.get("imageDigest")
        }

    def running_digests(self, cluster: str, service: str, definition: str, container: str) -> set[str]:
        """The digests that the service's running tasks of that task definition run in a container."""
        return {
            str(item["imageDigest"])
            for task in self.running_tasks(cluster, service)
            if task.get("taskDefinitionArn") == definition
            for item in task.get("containers", ())
            if item.get("name") == container and item.get("imageDigest")
        }

    def secret_arn(self, name: str) -> str | None:
        """The whole ARN of a secret, None where it does not exist."""
        try:
            return str(self._ask("secretsmanager:DescribeSecret", SecretId=name)["ARN"])
        except NoAnswer as none:
            if isinstance(none.observation, Missing):
                return None
            raise

    def register(self, twin: Mapping[str, Any]) -> Mapping[str, Any]:
        """The task definition as ECS registered it."""
        answer = self._ask("ecs:RegisterTaskDefinition", **twin)
        return self._structure(answer.get("taskDefinition"), "ecs:RegisterTaskDefinition")

    def run(self, request: Mapping[str, Any]) -> tuple[Mapping[str, Any] | None, tuple[str, ...]]:
        """The started task, or why none was: RunTask refuses in its answer, not by an exception."""
        answer = self._ask("ecs:RunTask", **request)
        failures = tuple(
            " ".join(str(part) for part in (item.get("reason"), item.get("detail")) if part)
            for item in answer.get("failures") or ()
        )
        return next(iter(answer.get("tasks") or ()), None), failures

    def tasks(self, cluster: str, arns: Sequence[str]) -> list[Mapping[str, Any]]:
        """The tasks that ECS still knows of these."""
        if not arns:
            return []
        return list(self._ask("ecs:DescribeTasks", cluster=cluster, tasks=list(arns)).get("tasks") or ())

    def running_tasks(self, cluster: str, service: str) -> list[Mapping[str, Any]]:
        """The service's tasks that run."""
        pages = self._pages("ecs:ListTasks", cluster=cluster, serviceName=service, desiredStatus="RUNNING")
        found = [task for page in pages for task in self.tasks(cluster, page.get("taskArns", ()))]
        return [task for task in found if task.get("lastStatus") == "RUNNING"]

    def tasks_started_by(self, cluster: str, name: str) -> list[str]:
        """The ARNs of the tasks that someone of that name started and that should run."""
        pages = self._pages("ecs:ListTasks", cluster=cluster, startedBy=name, desiredStatus="RUNNING")
        return [arn for page in pages for arn in page.get("taskArns", ())]

    def tasks_of_family(self, cluster: str, family: str) -> list[Mapping[str, Any]]:
        """The tasks of a family that should run."""
        pages = self._pages("ecs:ListTasks", cluster=cluster, family=family, desiredStatus="RUNNING")
        return [task for page in pages for task in self.tasks(cluster, page.get("taskArns", ()))]

    def log_lines(self, group: str, stream: str, region: str) -> list[str]:
        """Every line of a log stream from its beginning; none where group or stream do not exist (yet)."""
        request: dict[str, Any] = {"logGroupName": group, "logStreamName": stream, "startFromHead": True}
        lines: list[str] = []
        try:
            for _ in range(_LOG_PAGES):
                answer = self._ask("logs:GetLogEvents", region=region, **request)
                lines += [str(event.get("message", "")) for event in answer.get("events", ())]
                token = answer.get("nextForwardToken")
                if not answer.get("events") or token in (None, request.get("nextToken")):
                    break
                request["nextToken"] = token
        except NoAnswer as none:
            if not isinstance(none.observation, Missing):
                raise
        return lines

    def stop(self, cluster: str, task: str, reason: str) -> None:
        """Stop a task; one that has ended stays ended."""
        self._ask("ecs:StopTask", cluster=cluster, task=task, reason=reason)

    def remove(self, definition: str, *, active: bool = True) -> None:
        """Deregister a task definition, where it is active, and delete it."""
        if active:
            self._ask("ecs:DeregisterTaskDefinition", taskDefinition=definition)
        answer = self._ask("ecs:DeleteTaskDefinitions", taskDefinitions=[definition])
        for failure in answer.get("failures") or ():
            raise NoAnswer(
                Unobserved(
                    reason="refused", operation="ecs:DeleteTaskDefinitions", detail=str(failure.get("reason", ""))[:200]
                )
            )

    def families(self, prefix: str, status: str) -> list[str]:
        """The families whose names begin so and that have revisions of that status."""
        pages = self._pages("ecs:ListTaskDefinitionFamilies", familyPrefix=prefix, status=status)
        return [family for page in pages for family in page.get("families", ())]

    def revisions(self, family: str, status: str) -> list[str]:
        """The ARNs of a family's revisions of that status."""
        pages = self._pages("ecs:ListTaskDefinitions", familyPrefix=family, status=status)
        return [arn for page in pages for arn in page.get("taskDefinitionArns", ())]

    def _pages(self, operation: str, **request: Any) -> Iterator[Mapping[str, Any]]:
        token = OPERATIONS[operation].token or ""
        for _ in range(PAGES):
            answer = self._ask(operation, **request)
            yield answer
            if not answer.get(token):
                return
            request[token] = answer[token]
        raise NoAnswer(Unobserved(reason="malformed", operation=operation, detail="the list of pages does not end"))

    def _ask(self, operation: str, *, region: str | None = None, **request: Any) -> Mapping[str, Any]:
        service, _, name = operation.partition(":")
        client = self._client(service) if region is None else self._client(service, region)
        call = getattr(client, xform_name(name), None)
        if call is None:
            raise NoAnswer(Unobserved(reason="not-implemented", operation=operation, detail="botocore is too old"))
        try:
            return self._structure(call(**request), operation)
        except (BotoCoreError, ClientError, ResponseParserError) as error:
            raise NoAnswer(unanswered(error, operation, what=operation)) from error

    def _structure(self, value: object, operation: str) -> Mapping[str, Any]:
        if not isinstance(value, Mapping):
            raise NoAnswer(Unobserved(reason="malformed", operation=operation))
        return value
