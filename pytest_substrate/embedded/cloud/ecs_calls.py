"""ECS's calls, corrected where ministack accepts what AWS refuses or answers less than AWS does."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from ministack.core import iam_evaluator
from ministack.core.responses import error_response_json, json_response
from ministack.core.router import extract_access_key_id
from ministack.services import ecs

from pytest_substrate.embedded.cloud import authority
from pytest_substrate.embedded.cloud.ecs_services import Services
from pytest_substrate.embedded.cloud.ecs_start import Starter
from pytest_substrate.embedded.cloud.ecs_tasks import Task, Tasks

Answer = tuple[int, Mapping[str, str], bytes]
Data = dict[str, Any]
_PAGE: Final = 100
_OMITTED: Final = {"stopCode", "stoppedReason", "group", "startedBy", "platformVersion", "platformFamily", "roleArn"}
_sanitize = ecs._sanitize
_resolve_definition = ecs._resolve_td_key


class Calls:
    """Installed once; holds ministack's own functions that it goes on to use."""

    def __init__(self, *, tasks: Tasks, services: Services, starter: Starter, steady_delay_s: float) -> None:
        self.tasks, self.services = tasks, services
        self.handle = ecs.handle_request
        self.original = dict(ecs._ACTION_MAP)
        self.run_task, self.make_deployment = ecs._run_task, ecs._make_deployment
        self.complete = ecs._complete_service_deployment
        ecs._docker = starter  # anything true: tasks have processes
        ecs._ECS_DEPLOYMENT_STEADY_DELAY = steady_delay_s
        ecs.handle_request = self.handle_request
        ecs._start_task_worker = starter.run
        ecs._watch_task_lifecycle = _schedule_completion
        ecs._maybe_mark_stopped = lambda *_: None
        ecs._deployment_needs_first_task = lambda *_: False
        ecs._make_deployment = self.deployment
        ecs._complete_service_deployment = self.completed
        ecs._run_task = self.scheduled_run
        ecs._stop_task = self.scheduled_stop
        ecs._sanitize = _without_empty
        ecs._resolve_td_key = _latest_active
        ecs._ACTION_MAP.update(
            {
                "RegisterTaskDefinition": self.register,
                "ListTaskDefinitions": self.list_definitions,
                "DeleteTaskDefinitions": self.delete_definitions,
                "RunTask": self.run,
                "StopTask": self.stop,
                "DescribeTasks": self.describe_tasks,
            }
        )

    async def handle_request(self, method: str, path: str, headers: Any, body: bytes, query: Any) -> Answer:
        """ECS's entrance: who registers or runs a task must be allowed to pass its roles."""
        action = headers.get("x-amz-target", "").rpartition(".")[2]
        if action in {"RegisterTaskDefinition", "RunTask", "StartTask"}:
            key = extract_access_key_id(headers, query) or ""
            for role in _roles(action, json.loads(body or b"{}")):
                refused = authority.may(key, "iam:PassRole", role, {"iam:PassedToService": "ecs-tasks.amazonaws.com"})
                if refused:
                    return error("AccessDeniedException", refused)
        answer: Answer = await self.handle(method, path, headers, body, query)
        return answer

    def register(self, data: Data) -> Answer:
        """RegisterTaskDefinition, with the caller's ARN, and names that are unique."""
        for one in data.get("containerDefinitions", []):
            names = [row.get("name") for row in (*one.get("environment", []), *one.get("secrets", []))]
            if one.get("secrets") and len(names) != len(set(names)):
                return error(
                    "ClientException",
                    "The secret name must be unique and not shared with any new or existing environment variables set "
                    "on the container, such as those in its image",
                )
        answer: Answer = self.original["RegisterTaskDefinition"](data)
        if answer[0] < 400:
            key = ecs._resolve_td_key(data["family"])
            ecs._task_defs[key]["registeredBy"] = iam_evaluator.caller_arn()
            for empty in [name for name, value in ecs._task_defs[key].items() if value is None or value == ""]:
                del ecs._task_defs[key][empty]
            return answer_json({"taskDefinition": ecs._task_defs[key], "tags": data.get("tags", [])})
        return answer

    def list_definitions(self, data: Data) -> Answer:
        """ListTaskDefinitions: `familyPrefix` is a whole family's name."""
        family = data.get("familyPrefix")
        if not family:
            return self.original["ListTaskDefinitions"](data)  # type: ignore[no-any-return]  # ministack is untyped
        status = data.get("status", "ACTIVE")
        found = [
            one["taskDefinitionArn"]
            for one in ecs._task_defs.values()
            if one["family"] == family and one["status"] == status
        ]
        found.sort(key=lambda arn: int(arn.rpartition(":")[2]), reverse=data.get("sort") == "DESC")
        return page("taskDefinitionArns", found, data)

    def delete_definitions(self, data: Data) -> Answer:
        """DeleteTaskDefinitions: only what is deregistered; gone at once unless a task still runs it."""
        gone, failures = [], []
        for name in data.get("taskDefinitions", []):
            key = ecs._resolve_td_delete_key(name)
            held = ecs._task_defs.get(key) if key else None
            if held is None:
                failures.append({"arn": name, "reason": "The specified task definition does not exist."})
            elif held["status"] == "ACTIVE":
                reason = "The specified task definition is still in ACTIVE status. Please de-register the target first."
                failures.append({"arn": held["taskDefinitionArn"], "reason": reason})
            else:
                held["status"] = "DELETE_IN_PROGRESS"
                gone.append({**held, "deleteRequestedAt": ecs._iso()})
                used = {task["taskDefinitionArn"] for task in ecs._tasks.values() if task["lastStatus"] != "STOPPED"}
                if held["taskDefinitionArn"] not in used:
                    del ecs._task_defs[key]
                    ecs._tags.pop(held["taskDefinitionArn"], None)
        return answer_json({"taskDefinitions": gone, "failures": failures})

    def run(self, data: Data) -> Answer:
        """RunTask, with AWS's refusals."""
        refused = unrunnable(data)
        if refused:
            return refused
        definition = ecs._task_defs[ecs._resolve_td_key(data["taskDefinition"])]
        if data.get("propagateTags") == "TASK_DEFINITION":
            given = {row["key"] for row in data.get("tags", [])}
            inherited = ecs._tags.get(definition["taskDefinitionArn"], [])
            data["tags"] = [*data.get("tags", []), *(row for row in inherited if row["key"] not in given)]
        data.setdefault("group", f"family:{definition['family']}")
        return self.scheduled_run(data)

    def scheduled_run(self, data: Data) -> Answer:
        """Tasks for RunTask or for a service; a service's are started by its deployment."""
        if data.get("_deploymentId"):
            data["startedBy"] = data["_deploymentId"]
            if self.services.is_paused(f"{data['cluster']}/{data['group'].removeprefix('service:')}"):
                return answer_json({"tasks": [], "failures": []})
        answer: Answer = self.run_task(data)
        if answer[0] < 400:
            told = json.loads(answer[2])
            for row in told["tasks"]:
                _complete_record(ecs._tasks[row["taskArn"]])
            told["tasks"] = [ecs._sanitize(ecs._tasks[row["taskArn"]]) for row in told["tasks"]]
            return answer_json(told)
        return answer

    def stop(self, data: Data) -> Answer:
        """StopTask, as a user asks for it."""
        return self._stop(data, data.get("reason") or "Task stopped by user", "UserInitiated")

    def scheduled_stop(self, data: Data) -> Answer:
        """The stop of a service's task by its scheduler."""
        task = ecs._resolve_task(data.get("task", ""), ecs._resolve_cluster_name(data.get("cluster", "default")))
        started_by = (task or {}).get("startedBy", "")
        reason = f"Scaling activity initiated by (deployment {started_by})" if started_by else data.get("reason", "")
        return self._stop(data, reason, "ServiceSchedulerInitiated")

    def _stop(self, data: Data, reason: str, code: str) -> Answer:
        cluster = ecs._resolve_cluster_name(data.get("cluster", "default"))
        if cluster is None or cluster not in ecs._clusters:
            return error("ClusterNotFoundException", "Cluster not found.")
        task = ecs._resolve_task(data.get("task", ""), cluster)
        if task is None:
            return error("InvalidParameterException", "The referenced task was not found.")
        self.tasks.stop(task, reason, code)
        return answer_json({"task": ecs._sanitize(task)})

    def describe_tasks(self, data: Data) -> Answer:
        """DescribeTasks: tags where they are asked for."""
        answer: Answer = self.original["DescribeTasks"](data)
        told = json.loads(answer[2])
        if "TAGS" not in data.get("include", []):
            for row in told.get("tasks", []):
                row.pop("tags", None)
        return answer[0], answer[1], json.dumps(told).encode()

    def deployment(self, *given: Any, **named: Any) -> Any:
        """A deployment begins in progress, the first one too."""
        made = self.make_deployment(*given, **named)
        reason = f"ECS deployment {made['id']} in progress."
        made.update(rolloutState="IN_PROGRESS", rolloutStateReason=reason)
        return made

    def completed(self, cluster: str, key: str, expected_deployment_id: str | None = None) -> None:
        """What ministack does when a deployment is steady; then ours."""
        self.complete(cluster, key, expected_deployment_id)
        service = ecs._services.get(key)
        if service:
            self.services.observe(service)


def _without_empty(held: Any) -> Any:
    """ministack's own shaping of a record, without the members that AWS omits while they are empty."""
    shaped = _sanitize(held)
    if not isinstance(shaped, dict):
        return shaped
    return {key: value for key, value in shaped.items() if value != "" or key not in _OMITTED}


def _latest_active(name: Any) -> Any:
    """ministack's own resolution of a definition's name, where a family means its latest ACTIVE revision."""
    key = _resolve_definition(name)
    family, _, revision = str(key or "").partition(":")
    named = str(name).rpartition("/")[2]
    if not revision or named != family:
        return key
    active = [one for one in ecs._task_defs.values() if one["family"] == family and one["status"] == "ACTIVE"]
    return f"{family}:{max(int(one['revision']) for one in active)}" if active else family


def _schedule_completion(task: Task, _: object, account: str, region: str) -> None:
    group, cluster = task.get("group", ""), ecs._cluster_name_from_arn(task["clusterArn"])
    if group.startswith("service:"):
        key = f"{cluster}/{group.removeprefix('service:')}"
        ecs._schedule_service_deployment_completion(cluster, key, account, region, healthy_task=task)


def _roles(action: str, data: Data) -> list[str]:
    if action != "RegisterTaskDefinition":
        key = ecs._resolve_td_key(data.get("taskDefinition", ""))
        definition = ecs._task_defs.get(key) or {}
        data = {**definition, **{k: v for k, v in (data.get("overrides") or {}).items() if k.endswith("RoleArn")}}
    return list(dict.fromkeys(data[key] for key in ("taskRoleArn", "executionRoleArn") if data.get(key)))


def unrunnable(data: Data) -> Answer | None:
    """Why neither a task nor a service can run this; None where they can."""
    cluster = ecs._resolve_cluster_name(data.get("cluster", "default"))
    definition = ecs._task_defs.get(ecs._resolve_td_key(data.get("taskDefinition", "")))
    network = (data.get("networkConfiguration") or {}).get("awsvpcConfiguration") or {}
    if cluster not in ecs._clusters:
        return error("ClusterNotFoundException", "Cluster not found.")
    if definition is None:
        return error("ClientException", "TaskDefinition not found.")
    if definition["status"] != "ACTIVE":
        return error("ClientException", "TaskDefinition is inactive")
    if definition.get("networkMode") == "awsvpc" and not network.get("subnets"):
        message = "Network Configuration must be provided when networkMode 'awsvpc' is specified."
        return error("InvalidParameterException", message)
    return None


def _complete_record(task: Task) -> None:
    """What AWS also says of a task: its network interface; no container instance on Fargate."""
    if task.get("launchType") == "FARGATE":
        task.pop("containerInstanceArn", None)
    if task.get("_network_mode") == "awsvpc" and not task["attachments"]:
        details = {
            "subnetId": task.get("_subnet"),
            "networkInterfaceId": f"eni-{task['taskArn'].replace('-', '')[-17:]}",
        }
        details["privateIPv4Address"] = "127.0.0.1"
        task["attachments"] = [
            {
                "id": ecs.new_uuid(),
                "type": "ElasticNetworkInterface",
                "status": "ATTACHED",
                "details": [{"name": name, "value": value} for name, value in details.items() if value],
            }
        ]


def page(key: str, rows: list[Any], data: Data) -> Answer:
    """The page of `rows` that the call asks for."""
    start, size = int(data.get("nextToken") or 0), int(data.get("maxResults") or _PAGE)
    told: Data = {key: rows[start : start + size]}
    if start + size < len(rows):
        told["nextToken"] = str(start + size)
    return answer_json(told)


def error(code: str, message: str) -> Answer:
    """An error answer."""
    return error_response_json(code, message, 400)  # type: ignore[no-any-return]  # ministack is untyped


answer_json: Callable[[Any], Answer] = json_response
