"""Runs that ECS no longer remembers, as an EventBridge rule left them in a log group.

The rule has the event pattern `{"source": ["aws.ecs"], "detail-type": ["ECS Task State Change"]}` and the group as its
target. Each line is then one event, whose `detail` is the task as DescribeTasks would answer it, times as text ("Amazon
ECS task state change events", ECS Developer Guide). Events may come twice.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from pytest_substrate.adapters.aws.answer import answered, ask_pages
from pytest_substrate.model.aws import ecs
from pytest_substrate.model.aws import rollout as facts
from pytest_substrate.model.aws.instant import Instant

DAYS: Final = (1, 7, 31, 400)
"""How far back is looked, one span after another, until one holds a run."""
_SOURCE: Final = "aws.ecs"
_KIND: Final = "ECS Task State Change"


@answered
def read_past_stops(client: Any, group: str, *, cluster: str, family: str, account: str, now: datetime) -> facts.Stops:
    """The stopped tasks of the family in the newest span that holds any; none where no span does."""
    until = now
    for days in DAYS:
        since = now - timedelta(days=days)
        found: dict[str, tuple[int, facts.Stop]] = {}
        pages = ask_pages(
            client,
            "logs:FilterLogEvents",
            what=group,
            logGroupName=group,
            startTime=_milliseconds(since),
            endTime=_milliseconds(until),
            filterPattern=f'{{ $.detail.taskDefinitionArn = "*:task-definition/{family}:*" }}',
        )
        for page in pages:
            for line in page.parts("events"):
                event = _event(line.text_or_none("message") or "", cluster=cluster, family=family, account=account)
                if event is not None and event[0] >= found.get(event[1].task_arn, event)[0]:
                    found[event[1].task_arn] = event
        if found:
            return facts.Stops(stops=tuple(stop for _, stop in found.values()))
        until = since
    return facts.Stops(stops=())


def _event(text: str, *, cluster: str, family: str, account: str) -> tuple[int, facts.Stop] | None:
    """The version of the task that an event tells, and how the task stopped; None for any other line."""
    try:
        event = json.loads(text)
    except (ValueError, RecursionError):
        return None
    task = event.get("detail") if isinstance(event, dict) else None
    if not isinstance(task, dict) or (event.get("source"), event.get("detail-type")) != (_SOURCE, _KIND):
        return None
    named = re.fullmatch(
        rf"arn:aws[a-z-]*:ecs:[a-z0-9-]+:{account}:task-definition/{re.escape(family)}:\d+",
        _text(task, "taskDefinitionArn") or "",
    )
    inside = (_text(task, "clusterArn") or "").rpartition(":")[2] == f"cluster/{cluster}"
    if not named or not inside or not _text(task, "taskArn") or task.get("lastStatus") != ecs.STOPPED:
        return None
    return _number(task, "version") or 0, _stop(task)


def _stop(task: Mapping[str, Any]) -> facts.Stop:
    containers = [one for one in task.get("containers") or () if isinstance(one, dict) and _text(one, "name")]
    told = task.get("overrides")
    overrides: Mapping[str, Any] = told if isinstance(told, dict) else {}
    given = [one for one in overrides.get("containerOverrides") or () if isinstance(one, dict) and one.get("command")]
    return facts.Stop(
        task_arn=str(task["taskArn"]),
        task_definition_arn=str(task["taskDefinitionArn"]),
        code=_text(task, "stopCode"),
        reason=_text(task, "stoppedReason"),
        created=_time(task, "createdAt"),
        stopped=_time(task, "stoppedAt"),
        containers=tuple(
            facts.ContainerEnd(
                name=str(one["name"]),
                exit_code=_number(one, "exitCode"),
                reason=_text(one, "reason"),
                health=None,
            )
            for one in containers
        ),
        images=tuple(
            ecs.ContainerImage(container=str(one["name"]), digest=digest)
            for one in containers
            if (digest := _text(one, "imageDigest"))
        ),
        task_role_arn=_text(overrides, "taskRoleArn"),
        commanded=tuple(name for one in given if (name := _text(one, "name"))),
    )


def _text(part: Mapping[str, Any], name: str) -> str | None:
    value = part.get(name)
    return value if isinstance(value, str) and value else None


def _number(part: Mapping[str, Any], name: str) -> int | None:
    value = part.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _time(task: Mapping[str, Any], name: str) -> Instant | None:
    try:
        at = datetime.fromisoformat(_text(task, name) or "")
    except ValueError:
        return None
    return Instant.of(at if at.tzinfo else at.replace(tzinfo=UTC))


def _milliseconds(at: datetime) -> int:
    return int(at.timestamp() * 1000)
