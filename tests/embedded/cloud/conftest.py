"""One cloud for all tests of this folder, driven with boto3 like any LocalStack-compatible endpoint."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import botocore.loaders
import botocore.session
import pytest

from pytest_substrate.embedded import keeper
from pytest_substrate.embedded.cloud.cloud import Cloud, Credentials
from pytest_substrate.embedded.cloud.conformance import watch
from pytest_substrate.embedded.runtime import images
from pytest_substrate.embedded.runtime.registry import push

ACCOUNT, REGION = "111122223333", "eu-west-2"
NETWORK = {"awsvpcConfiguration": {"subnets": ["subnet-0a1"], "securityGroups": ["sg-0b2"]}}
REPOSITORY = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/acme/ingest"
_LOADER = botocore.loaders.create_loader()
"""One for all sessions, as it keeps the parsed models of the services."""
_PASSWORD = "correct horse battery"
_TRUST = {"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}
_APP = b"""
import json, os, sys, time, urllib.request

def fetch(url, **headers):
    return json.load(urllib.request.urlopen(urllib.request.Request(url, headers=headers)))

words = sys.argv[1:] or ["sleep"]
if words[0] == "tell":
    told = {"environment": dict(os.environ), "folder": os.getcwd(), "user": os.getuid(), "arguments": sys.argv[1:]}
    told["metadata"] = fetch(os.environ["ECS_CONTAINER_METADATA_URI_V4"] + "/task")
    if "AWS_CONTAINER_CREDENTIALS_FULL_URI" in os.environ:
        token = os.environ["AWS_CONTAINER_AUTHORIZATION_TOKEN"]
        told["credentials"] = fetch(os.environ["AWS_CONTAINER_CREDENTIALS_FULL_URI"], Authorization=token)
    open(words[1], "w").write(json.dumps(told))
    print("told", flush=True)
elif words[0] == "lines":
    for number in range(int(words[1])):
        print("line", number)
    sys.exit(int(words[2]))
elif words[0] == "clock":
    print(time.time(), flush=True)
elif words[0] == "need":
    __import__(words[1])
print("up", flush=True)
while True:
    time.sleep(1)
"""


def role_arn(name: str) -> str:
    """A role's ARN."""
    return f"arn:aws:iam::{ACCOUNT}:role/{name}"


def awslogs(group: str, prefix: str, **options: str) -> dict[str, Any]:
    """A log configuration."""
    named = {"awslogs-group": group, "awslogs-region": REGION, "awslogs-stream-prefix": prefix}
    return {"logDriver": "awslogs", "options": {**named, **options}}


class Account:
    """The root's clients of one cloud, and the things that every test needs."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.session = self.session_of(cloud.root_credentials)
        self.findings = watch(self.session)
        self._clients: dict[str, Any] = {}
        self.digest = ""
        self.key = ""
        self.secret = ""

    network = NETWORK
    repository = REPOSITORY
    password = _PASSWORD
    role_arn = staticmethod(role_arn)
    awslogs = staticmethod(awslogs)

    @staticmethod
    def session_of(credentials: Credentials, token: str | None = None) -> Any:
        """A session that knows nothing but these credentials."""
        core = botocore.session.Session()
        core.register_component("data_loader", _LOADER)
        return boto3.Session(
            botocore_session=core,
            aws_access_key_id=credentials.access_key_id,
            aws_secret_access_key=credentials.secret_access_key,
            aws_session_token=token,
            region_name=REGION,
        )

    def __getattr__(self, service: str) -> Any:
        if service not in self._clients:
            self._clients[service] = self.client(service)
        return self._clients[service]

    def client(self, service: str, session: Any = None) -> Any:
        """A client for this cloud."""
        return (session or self.session).client(service, endpoint_url=self.cloud.endpoint)

    @staticmethod
    def eventually(holds: Callable[[], Any], seconds: float = 20.0) -> Any:
        """Wait until `holds()` is true; what it gave."""
        until = time.monotonic() + seconds
        while not (found := holds()):
            assert time.monotonic() < until, "waited in vain"
            time.sleep(0.02)
        return found

    def prepare(self) -> None:
        """Roles, a secret under a customer's key, an image, a log group and a cluster."""
        self.role("ingest-task")
        self.role("ingest-execution")
        self.iam.attach_role_policy(
            RoleName="ingest-execution",
            PolicyArn="arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy",
        )
        self.key = self.kms.create_key()["KeyMetadata"]["Arn"]
        self.secret = self.secretsmanager.create_secret(
            Name="AmazonMSK_ingest",
            KmsKeyId=self.key,
            SecretString=json.dumps({"username": "ingest", "password": _PASSWORD}),
        )["ARN"]
        self.allow("ingest-execution", "secretsmanager:GetSecretValue", self.secret)
        self.allow("ingest-execution", "kms:Decrypt", self.key)
        self.ecr.create_repository(repositoryName="acme/ingest")
        self.digest = self.push({"/app/ingest.py": _APP}, tag="v1")
        self.logs.create_log_group(logGroupName="/ecs/ingest")
        self.ecs.create_cluster(clusterName="main")

    def role(self, name: str, *statements: dict[str, Any]) -> str:
        """Make a role that ECS may assume; its ARN."""
        trust = json.dumps({"Version": "2012-10-17", "Statement": list(statements) or [_TRUST]})
        return str(self.iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]["Arn"])

    def allow(self, role: str, action: str | list[str], resource: str | list[str], **condition: Any) -> None:
        """Give a role an inline policy."""
        statement = {"Effect": "Allow", "Action": action, "Resource": resource}
        if condition:
            statement["Condition"] = condition["condition"]
        name = (action if isinstance(action, str) else action[0]).replace(":", "-")
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        self.iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=document)

    def push(self, files: dict[str, bytes], *, tag: str | None = None, **fields: Any) -> str:
        """Push an image; its digest."""
        image = images.build(
            [images.layer(images.python_files(files))],
            **{"entrypoint": ["python3", "-m", "ingest"], "working_dir": "/app", **fields},
        )
        return push(image, registry=self.cloud.registry, repository="acme/ingest", tag=tag)

    def define(self, family: str = "ingest", **container: Any) -> str:
        """Register a task definition; its ARN. `task` holds fields of the definition itself."""
        task = container.pop("task", {})
        one = {
            "name": "app",
            "image": f"{REPOSITORY}@{self.digest}",
            "secrets": [{"name": "KAFKA_CREDENTIAL", "valueFrom": self.secret}],
            "logConfiguration": awslogs("/ecs/ingest", "ingest"),
            **container,
        }
        definition = {
            "networkMode": "awsvpc",
            "requiresCompatibilities": ["FARGATE"],
            "cpu": "256",
            "memory": "512",
            "taskRoleArn": role_arn("ingest-task"),
            "executionRoleArn": role_arn("ingest-execution"),
            "containerDefinitions": [one],
            **task,
        }
        given = {key: value for key, value in definition.items() if value is not None}
        return str(self.ecs.register_task_definition(family=family, **given)["taskDefinition"]["taskDefinitionArn"])

    def run(self, definition: str, *command: str, until: str = "STOPPED", **fields: Any) -> Any:
        """Run a task and wait until it is RUNNING or STOPPED; its record."""
        overrides = {"containerOverrides": [{"name": "app", "command": list(command)}]} if command else {}
        answer = self.ecs.run_task(
            cluster="main",
            taskDefinition=definition,
            launchType="FARGATE",
            networkConfiguration=NETWORK,
            overrides=overrides,
            **fields,
        )
        return self.await_task(answer["tasks"][0]["taskArn"], until)

    def await_task(self, arn: str, until: str) -> Any:
        """Wait for a task's status; its record."""

        def reached() -> dict[str, Any] | None:
            task: dict[str, Any] = self.ecs.describe_tasks(cluster="main", tasks=[arn], include=["TAGS"])["tasks"][0]
            return task if task["lastStatus"] in {until, "STOPPED"} else None

        return self.eventually(reached)

    def lines(self, task: dict[str, Any], *, group: str = "/ecs/ingest", prefix: str = "ingest/app") -> list[str]:
        """A task's whole log, page by page."""
        stream = f"{prefix}/{task['taskArn'].rsplit('/', 1)[-1]}"
        found: list[str] = []
        token: dict[str, str] = {}
        while True:
            page = self.logs.get_log_events(
                logGroupName=group, logStreamName=stream, startFromHead=True, limit=700, **token
            )
            found += [event["message"] for event in page["events"]]
            if token.get("nextToken") == page["nextForwardToken"]:
                return found
            token = {"nextToken": page["nextForwardToken"]}

    def told(self, *, definition: str, place: str = "/app/told", **fields: Any) -> dict[str, Any]:
        """What a task's program sees, and the task's record as `task`."""
        task = self.run(definition, "tell", place, until="RUNNING", **fields)
        self.eventually(lambda: "told" in self.lines(task))
        read = ["python3", "-c", f"print(open({place!r}).read())"]
        seen: dict[str, Any] = json.loads(self.cloud.execute(task["taskArn"], "app", read).stdout)
        return {**seen, "task": task}

    def service(self, name: str) -> dict[str, Any]:
        """A service's record."""
        described: dict[str, Any] = self.ecs.describe_services(cluster="main", services=[name])["services"][0]
        return described

    def create_service(self, name: str, definition: str, **fields: Any) -> None:
        """Make a service of two tasks."""
        self.ecs.create_service(
            cluster="main",
            serviceName=name,
            taskDefinition=definition,
            networkConfiguration=NETWORK,
            **{"desiredCount": 2, "launchType": "FARGATE", **fields},
        )

    def settled(self, name: str) -> Any:
        """Wait until a service has one deployment that is complete; its record."""

        def complete() -> dict[str, Any] | None:
            service = self.service(name)
            states = [one["rolloutState"] for one in service["deployments"]]
            return service if states == ["COMPLETED"] and service["runningCount"] == service["desiredCount"] else None

        return self.eventually(complete)

    def end_service(self, name: str) -> None:
        """Delete a service with its tasks."""
        self.ecs.delete_service(cluster="main", service=name, force=True)


@pytest.fixture(scope="session")
def platform() -> Iterator[Path]:
    """A platform's folder."""
    folder = keeper.make_folder()
    yield folder
    keeper.end_all(folder)
    keeper.remove(folder)


@pytest.fixture(scope="session")
def account(platform: Path) -> Iterator[Account]:
    """The account of a running cloud; every answer is held against botocore's models."""
    cloud = Cloud.start(platform, account=ACCOUNT, region=REGION, steady_delay_s=0.5)
    account = Account(cloud)
    account.prepare()
    yield account
    cloud.stop()


@pytest.fixture(autouse=True)
def _conforms(account: Account) -> Iterator[None]:
    """No test met an answer that botocore's models do not know."""
    yield
    found, account.findings[:] = list(account.findings), []
    assert found == []
