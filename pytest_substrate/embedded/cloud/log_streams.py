"""A container's output on its way to CloudWatch Logs, as the awslogs driver sends it, under the execution role."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ministack.core.responses import request_scope
from ministack.services import cloudwatch_logs as logs

from pytest_substrate.embedded.cloud.resources import Place
from pytest_substrate.embedded.cloud.roles import RoleSession
from pytest_substrate.embedded.runtime.container import Line


class LogsRefused(Exception):
    """The driver can't be set up: the end of ECS's own sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogStream:
    """Where a container's lines go."""

    place: Place
    group: str
    name: str

    def deliver(self, lines: Sequence[Line]) -> None:
        """Append lines; a group that was deleted meanwhile swallows them, as on AWS."""
        events = [{"timestamp": stamp, "message": text} for stamp, text in lines if text]
        if events:
            with request_scope(self.place.account, self.place.region):
                logs._put_log_events({"logGroupName": self.group, "logStreamName": self.name, "logEvents": events})


def open_stream(
    definition: dict[str, Any], *, container_id: str, task_id: str, place: Place, session: RoleSession | None
) -> LogStream | None:
    """The stream of a container that logs with awslogs, made where it lacks; None for another driver or none.

    Raises LogsRefused where the group lacks, an option does, or the execution role may not.
    """
    configuration = definition.get("logConfiguration") or {}
    if configuration.get("logDriver") != "awslogs":
        return None
    options = configuration.get("options") or {}
    group, prefix = options.get("awslogs-group", ""), options.get("awslogs-stream-prefix", "")
    if not group:
        raise LogsRefused("failed to create Cloudwatch log stream: missing awslogs-group")
    place = Place(region=options.get("awslogs-region") or place.region, account=place.account)
    name = f"{prefix}/{definition['name']}/{task_id}" if prefix else container_id
    with request_scope(place.account, place.region):
        if group not in logs._log_groups and str(options.get("awslogs-create-group", "")).lower() == "true":
            _allowed(session, "logs:CreateLogGroup", place.arn("logs", f"log-group:{group}"))
            logs._create_log_group({"logGroupName": group})
        _allowed(session, "logs:CreateLogStream", place.arn("logs", f"log-group:{group}:log-stream:{name}"))
        if group not in logs._log_groups:
            raise LogsRefused(
                "failed to create Cloudwatch log stream: ResourceNotFoundException: "
                "The specified log group does not exist."
            )
        logs._create_log_stream({"logGroupName": group, "logStreamName": name})
        _allowed(session, "logs:PutLogEvents", place.arn("logs", f"log-group:{group}:log-stream:{name}"))
    return LogStream(place=place, group=group, name=name)


def _allowed(session: RoleSession | None, action: str, resource: str) -> None:
    if session is None:
        return  # the container instance's own role, on EC2
    denied = session.may(action, resource)
    if denied:
        raise LogsRefused(f"failed to create Cloudwatch log stream: AccessDeniedException: {denied}")
