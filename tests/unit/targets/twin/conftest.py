"""A control plane that plays a script, holds every request against botocore's models, and remembers what is left."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import botocore.session
import pytest
from botocore.exceptions import ClientError
from botocore.validate import ParamValidator

from pytest_substrate.adapters.aws.twins import TwinCalls
from pytest_substrate.model.transcript import TRANSCRIPT_SCHEMA
from pytest_substrate.model.transcript_parts import MARKER
from pytest_substrate.targets.twin.run import Clock

PREFIX = "arn:aws:ecs:eu-west-2:111122223333"
LIVE = f"{PREFIX}:task-definition/ingest:7"
DIGEST = "sha256:" + "a" * 64
SECRET = "arn:aws:secretsmanager:eu-west-2:111122223333:secret:AmazonMSK_ingest-AbCdEf"
NONCE = "0123456789abcdef0123456789abcdef"
START = datetime(2030, 1, 1, tzinfo=UTC)
Request = dict[str, Any]


@cache
def model(service: str) -> Any:
    """A service's model, as botocore ships it."""
    return botocore.session.get_session().get_service_model(service)


def lines_of(nonce: str = NONCE) -> list[str]:
    """A whole transcript, as the probe prints it."""
    told = {"schema": TRANSCRIPT_SCHEMA, "nonce": nonce, "python": "3.11.0", "started_at": "2030-01-01T00:00:00Z"}
    text = json.dumps(told, separators=(",", ":"))
    return [f"{MARKER} {nonce} 1/1 {hashlib.sha256(text.encode()).hexdigest()} {text}"]


@dataclass
class Script:
    """What the control plane will do: states of the task, one a look, the last one for ever; log lines by look."""

    states: list[dict[str, Any]] = field(default_factory=lambda: [{"lastStatus": "PENDING"}, {"lastStatus": "RUNNING"}])
    lines: list[str] = field(default_factory=lines_of)
    lines_after_looks: int = 0
    lines_after_s: float = 0
    failures: list[dict[str, str]] = field(default_factory=list)
    raises: dict[str, BaseException | list[BaseException | None]] = field(default_factory=dict)
    """By operation: raised at each call, or at one call after another (None lets a call pass)."""
    after: dict[str, BaseException] = field(default_factory=dict)
    """By operation: raised once, after the call was carried out."""
    forge: Callable[[dict[str, Any]], None] = lambda definition: None
    """What becomes of a definition when it is registered."""


def refusal(operation: str, code: str, message: str = "", status: int = 400) -> ClientError:
    """A refusal as botocore raises it."""
    response: Any = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(response, operation)


class Plane:
    """ECS and CloudWatch Logs of one account, both in one."""

    def __init__(self, script: Script, live: dict[str, Any]) -> None:
        self.script = script
        self.now = START
        self.definitions: dict[str, dict[str, Any]] = {LIVE: {"definition": live, "tags": [], "status": "ACTIVE"}}
        self.tasks: dict[str, dict[str, Any]] = {}
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.looks = 0
        self.names = {"ingest"}
        """The services that there are, all alike."""
        self.service = {
            "serviceName": "ingest",
            "status": "ACTIVE",
            "taskDefinition": LIVE,
            "launchType": "FARGATE",
            "platformVersion": "1.4.0",
            "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-1"], "securityGroups": ["sg-1"]}},
            "currentServiceRevisions": [{"arn": f"{PREFIX}:service-revision/main/ingest/1"}],
            "deployments": [],
        }
        self.clock = Clock(monotonic=self._seconds, sleep=self._sleep, now=lambda: self.now)

    def _seconds(self) -> float:
        return (self.now - START).total_seconds()

    def _sleep(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def client(self, service: str, region: str | None = None) -> Any:
        """A client of either; its methods are this object's."""
        return _Client(self, service)

    @property
    def twin_calls(self) -> TwinCalls:
        """The calls of whoever sends a probe."""
        return TwinCalls(self.client)

    def left(self) -> list[str]:
        """The twins that are not deleted, and the tasks that should still run."""
        twins = [
            arn for arn, item in self.definitions.items() if arn != LIVE and item["status"] != "DELETE_IN_PROGRESS"
        ]
        return [*twins, *(arn for arn, task in self.tasks.items() if task["desiredStatus"] == "RUNNING")]

    def named(self, operation: str) -> list[dict[str, Any]]:
        """The requests of one operation."""
        return [request for name, request in self.calls if name == operation]

    def DescribeServices(self, request: Request) -> Any:
        found = [self.service | {"serviceName": name} for name in request["services"] if name in self.names]
        return {"services": found, "failures": [] if found else [{"reason": "MISSING"}]}

    def DescribeServiceRevisions(self, request: Request) -> Any:
        images = [{"containerName": "app", "imageDigest": DIGEST}]
        return {"serviceRevisions": [{"taskDefinition": LIVE, "containerImages": images}]}

    def DescribeTaskDefinition(self, request: Request) -> Any:
        item = self.definitions[request["taskDefinition"]]
        return {"taskDefinition": item["definition"], "tags": item["tags"]}

    def RegisterTaskDefinition(self, request: Request) -> Any:
        arn = f"{PREFIX}:task-definition/{request['family']}:{len(self.definitions)}"
        definition = copy.deepcopy(request) | {"taskDefinitionArn": arn, "status": "ACTIVE"}
        tags = definition.pop("tags")
        self.script.forge(definition)
        self.definitions[arn] = {"definition": definition, "tags": tags, "status": "ACTIVE"}
        return {"taskDefinition": definition}

    def RunTask(self, request: Request) -> Any:
        if self.script.failures:
            return {"tasks": [], "failures": self.script.failures}
        arn = f"{PREFIX}:task/main/{len(self.tasks) + 1:032x}"
        self.tasks[arn] = {
            "taskArn": arn,
            "taskDefinitionArn": request["taskDefinition"],
            "desiredStatus": "RUNNING",
            "startedBy": request["startedBy"],
        }
        return {"tasks": [self.tasks[arn]], "failures": []}

    def DescribeTasks(self, request: Request) -> Any:
        state = self.script.states[min(self.looks, len(self.script.states) - 1)]
        self.looks += 1
        found = [self.tasks[arn] for arn in request["tasks"] if arn in self.tasks]
        if state.get("lastStatus") == "STOPPED":
            for task in found:
                task["desiredStatus"] = "STOPPED"
        return {"tasks": [task | state for task in found]}

    def ListTasks(self, request: Request) -> Any:
        wanted = request.get("startedBy")
        running = [task for task in self.tasks.values() if task["desiredStatus"] == "RUNNING"]
        return {"taskArns": [task["taskArn"] for task in running if wanted in (None, task["startedBy"])]}

    def StopTask(self, request: Request) -> Any:
        self.tasks[request["task"]]["desiredStatus"] = "STOPPED"
        return {}

    def DeregisterTaskDefinition(self, request: Request) -> Any:
        self.definitions[request["taskDefinition"]]["status"] = "INACTIVE"
        return {}

    def DeleteTaskDefinitions(self, request: Request) -> Any:
        for arn in request["taskDefinitions"]:
            assert "INACTIVE" == self.definitions[arn]["status"], "ECS deletes inactive definitions alone"
            self.definitions[arn]["status"] = "DELETE_IN_PROGRESS"
        return {"failures": []}

    def ListTaskDefinitionFamilies(self, request: Request) -> Any:
        of_status = [item for item in self.definitions.values() if item["status"] == request["status"]]
        families = {item["definition"]["family"] for item in of_status}
        return {"families": sorted(name for name in families if name.startswith(request["familyPrefix"]))}

    def ListTaskDefinitions(self, request: Request) -> Any:
        wanted = (request["familyPrefix"], request["status"])
        items = self.definitions.items()
        return {"taskDefinitionArns": [arn for arn, i in items if (i["definition"]["family"], i["status"]) == wanted]}

    def FilterLogEvents(self, request: Request) -> Any:
        seconds = range(0 if self.clock.monotonic() < self.script.lines_after_s else len(self.script.lines))
        stream, began = request["logStreamNames"][0], int(START.timestamp() * 1000)
        return {"events": [{"logStreamName": stream, "timestamp": began + 1000 * one} for one in seconds]}

    def GetLogEvents(self, request: Request) -> Any:
        late = self.looks <= self.script.lines_after_looks or self.clock.monotonic() < self.script.lines_after_s
        if late or "nextToken" in request:
            return {"events": [], "nextForwardToken": "f/1"}
        return {"events": [{"message": text} for text in self.script.lines], "nextForwardToken": "f/1"}


class _Client:
    """Methods as botocore names them, each request held against the service's model."""

    def __init__(self, plane: Plane, service: str) -> None:
        self._plane, self._service = plane, service

    def __getattr__(self, method: str) -> Any:
        names = {botocore.xform_name(name): name for name in model(self._service).operation_names}
        operation = names[method]

        def call(**request: Any) -> Any:
            shape = model(self._service).operation_model(operation).input_shape
            assert "" == ParamValidator().validate(request, shape).generate_report()
            plane, script = self._plane, self._plane.script
            plane.calls.append((operation, request))
            planned = script.raises.get(operation)
            error = (planned.pop(0) if planned else None) if isinstance(planned, list) else planned
            if error is not None:
                raise error
            answer = getattr(plane, operation)(request)
            late = script.after.pop(operation, None)
            if late is not None:
                raise late
            return answer

        return call


@pytest.fixture
def live() -> dict[str, Any]:
    """The live task definition of a usual service."""
    log = {"logDriver": "awslogs", "options": {"awslogs-group": "/ecs/ingest", "awslogs-region": "eu-west-2"}}
    app = {
        "name": "app",
        "image": "acme/ingest:7",
        "essential": True,
        "environment": [{"name": "KAFKA_BOOTSTRAP_SERVERS", "value": "b-1:9096"}],
        "secrets": [{"name": "KAFKA_CREDENTIAL", "valueFrom": SECRET}],
        "logConfiguration": log,
    }
    return {
        "taskDefinitionArn": LIVE,
        "family": "ingest",
        "taskRoleArn": "arn:aws:iam::111122223333:role/ingest-task",
        "executionRoleArn": "arn:aws:iam::111122223333:role/ingest-execution",
        "networkMode": "awsvpc",
        "containerDefinitions": [app],
    }


@pytest.fixture
def play(live: dict[str, Any]) -> Callable[..., Plane]:
    """A control plane that plays the script of these fields."""
    return lambda **script: Plane(Script(**script), live)


@pytest.fixture
def refused() -> Callable[..., ClientError]:
    """A refusal as botocore raises it: operation, code, message, status."""
    return refusal
