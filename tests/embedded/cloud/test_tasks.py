"""Tasks: what their program gets, how they start, end, log, and are told about."""

from __future__ import annotations

import json
import secrets
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

ACCOUNT, REGION = "111122223333", "eu-west-2"


@pytest.fixture(scope="module")
def plain(account: Any) -> str:
    """A task definition as a service has it."""
    return str(account.define("plain", environment=[{"name": "MODE", "value": "plain"}]))


def test_a_program_gets_its_own_environment_and_nothing_else(account: Any, plain: str) -> None:
    """Variables, secrets and ECS's own are there; of the host there is nothing."""
    told = account.told(definition=plain)

    held = told["environment"]
    assert held["MODE"] == "plain"
    assert json.loads(held["KAFKA_CREDENTIAL"]) == {"username": "ingest", "password": account.password}
    assert held["AWS_REGION"] == held["AWS_DEFAULT_REGION"] == REGION
    assert held["AWS_EXECUTION_ENV"] == "AWS_ECS_FARGATE"
    assert held.keys() - {"LC_CTYPE"} == {
        "AWS_CONTAINER_AUTHORIZATION_TOKEN",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "AWS_DEFAULT_REGION",
        "AWS_ENDPOINT_URL",
        "AWS_EXECUTION_ENV",
        "AWS_REGION",
        "ECS_CONTAINER_METADATA_URI_V4",
        "HOME",
        "HOSTNAME",
        "KAFKA_CREDENTIAL",
        "MODE",
        "PATH",
    }
    account.ecs.stop_task(cluster="main", task=told["task"]["taskArn"])


def test_the_task_role_is_behind_the_credential_endpoint(account: Any, plain: str) -> None:
    """The endpoint's credentials are a session of the task role that STS names by the task's id."""
    told = account.told(definition=plain)
    task_id = told["task"]["taskArn"].rsplit("/", 1)[-1]
    given = told["credentials"]
    keys = type(account.cloud.root_credentials)(
        access_key_id=given["AccessKeyId"], secret_access_key=given["SecretAccessKey"]
    )

    sts = account.client("sts", account.session_of(keys, given["Token"]))
    caller = sts.get_caller_identity()

    assert given["RoleArn"] == account.role_arn("ingest-task")
    assert caller["Arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/ingest-task/{task_id}"
    assert caller["Account"] == ACCOUNT
    wrong = type(keys)(access_key_id=given["AccessKeyId"], secret_access_key="x" * 40)
    with pytest.raises(ClientError, match="SignatureDoesNotMatch"):
        account.client("sts", account.session_of(wrong, given["Token"])).get_caller_identity()
    account.ecs.stop_task(cluster="main", task=told["task"]["taskArn"])


def test_the_metadata_endpoint_knows_the_task(account: Any, plain: str) -> None:
    """Metadata version 4 names the task, its definition and its container."""
    told = account.told(definition=plain)
    metadata, task = told["metadata"], told["task"]

    assert metadata["TaskARN"] == task["taskArn"]
    assert (metadata["Family"], metadata["Revision"]) == ("plain", plain.rpartition(":")[2])
    assert metadata["Containers"][0]["ImageID"] == account.digest
    assert metadata["Containers"][0]["ContainerARN"] == task["containers"][0]["containerArn"]
    account.ecs.stop_task(cluster="main", task=task["taskArn"])


def test_a_definition_decides_how_its_container_runs(account: Any) -> None:
    """Entry point, command, user, folder and a read-only root are as declared; an override replaces the command."""
    definition = account.define(
        "shaped",
        entryPoint=["python3", "/app/ingest.py"],
        command=["sleep"],
        user="1001:1002",
        workingDirectory="/scratch",
        readonlyRootFilesystem=True,
        mountPoints=[{"sourceVolume": "scratch", "containerPath": "/scratch"}],
        task={"volumes": [{"name": "scratch"}]},
    )

    told = account.told(definition=definition, place="/scratch/told")

    assert (told["folder"], told["user"], told["arguments"]) == ("/scratch", 1001, ["tell", "/scratch/told"])
    refused = account.cloud.execute(told["task"]["taskArn"], "app", ["python3", "-c", "open('/app/x', 'w')"])
    assert b"Read-only file system" in refused.stderr
    account.ecs.stop_task(cluster="main", task=told["task"]["taskArn"])


def test_a_family_means_its_latest_active_revision(account: Any) -> None:
    """Not one that was deregistered; a family without an active revision is described and run by nobody."""

    def described(name: str) -> Any:
        return account.ecs.describe_task_definition(taskDefinition=name)["taskDefinition"]

    first, second = (account.define("family", environment=[{"name": "N", "value": n}]) for n in "12")
    assert second == described("family")["taskDefinitionArn"]
    account.ecs.deregister_task_definition(taskDefinition=second)
    assert first == described("family")["taskDefinitionArn"]
    assert "INACTIVE" == described("family:2")["status"]
    assert first == account.run("family", "lines", "1", "7")["taskDefinitionArn"]
    account.ecs.deregister_task_definition(taskDefinition=first)
    with pytest.raises(ClientError, match="Unable to describe task definition"):
        described("family")
    with pytest.raises(ClientError, match="TaskDefinition not found"):
        account.run("family", "lines", "1", "7")


def test_a_task_is_told_precisely(account: Any, plain: str) -> None:
    """A stopped task has its times to the millisecond and in order, its stop code, and its container's own facts."""
    task = account.run(plain, "lines", "1", "7", startedBy="probe", tags=[{"key": "substrate:run", "value": "r1"}])

    container = task["containers"][0]
    times = [
        task[name]
        for name in ("createdAt", "pullStartedAt", "startedAt", "stoppingAt", "executionStoppedAt", "stoppedAt")
    ]
    assert times == sorted(times)
    assert any(time.microsecond % 1_000_000 for time in times)
    assert (task["stopCode"], task["stoppedReason"]) == (
        "EssentialContainerExited",
        "Essential container in task exited",
    )
    assert (container["exitCode"], container["imageDigest"]) == (7, account.digest)
    assert container["runtimeId"].startswith(task["taskArn"].rsplit("/", 1)[-1].replace("-", ""))
    assert task["startedBy"] == "probe"
    assert task["tags"] == [{"key": "substrate:run", "value": "r1"}]
    assert "containerInstanceArn" not in task
    listed = account.ecs.list_tasks(cluster="main", startedBy="probe", desiredStatus="STOPPED")["taskArns"]
    assert listed == [task["taskArn"]]


def test_a_log_is_complete_when_the_task_is_stopped(account: Any, plain: str) -> None:
    """All lines are there once the task is STOPPED, in order, and paging ends where the token repeats."""
    task = account.run(plain, "lines", "1500", "0")

    assert account.lines(task) == [f"line {number}" for number in range(1500)]


def test_a_line_arrives_promptly(account: Any, plain: str) -> None:
    """A line can be read a moment after it was written."""
    task = account.run(plain, "clock", until="RUNNING")
    account.eventually(lambda: account.lines(task))
    stream = f"ingest/app/{task['taskArn'].rsplit('/', 1)[-1]}"
    event = account.logs.get_log_events(logGroupName="/ecs/ingest", logStreamName=stream)["events"][0]

    assert event["ingestionTime"] - float(event["message"]) * 1000 < 500
    account.ecs.stop_task(cluster="main", task=task["taskArn"])


def test_a_stop_is_told_as_it_was(account: Any, plain: str) -> None:
    """A user's stop has the given reason, and the code that the program really ended with."""
    task = account.run(plain, until="RUNNING")
    account.eventually(lambda: account.lines(task) == ["up"])

    answer = account.ecs.stop_task(cluster="main", task=task["taskArn"], reason="enough")["task"]
    stopped = account.await_task(task["taskArn"], "STOPPED")

    assert answer["desiredStatus"] == "STOPPED"
    assert (stopped["stopCode"], stopped["stoppedReason"]) == ("UserInitiated", "enough")
    assert stopped["containers"][0]["exitCode"] == 143


def test_a_missing_dependency_crashes_for_real(account: Any, plain: str) -> None:
    """What the image lacks ends the program, and the log says so."""
    task = account.run(plain, "need", "pytest")

    assert task["containers"][0]["exitCode"] == 1
    assert account.lines(task)[-1] == "ModuleNotFoundError: No module named 'pytest'"


def test_a_sidecar_may_end_but_not_the_essential_container(account: Any) -> None:
    """A task runs on without a container that is not essential; when it stops, each has its own exit code."""
    image = f"{account.repository}@{account.digest}"
    sidecar = {"name": "side", "image": image, "essential": False, "command": ["lines", "1", "5"]}
    definition = account.define("pair", command=["sleep"])
    held = account.ecs.describe_task_definition(taskDefinition=definition)["taskDefinition"]
    definition = account.define("pair", task={"containerDefinitions": [*held["containerDefinitions"], sidecar]})
    task = account.run(definition, until="RUNNING")

    def codes() -> dict[str, int | None]:
        told = account.ecs.describe_tasks(cluster="main", tasks=[task["taskArn"]])["tasks"][0]
        return {row["name"]: row.get("exitCode") for row in told["containers"]}

    account.eventually(lambda: codes() == {"app": None, "side": 5})
    account.ecs.stop_task(cluster="main", task=task["taskArn"])
    account.await_task(task["taskArn"], "STOPPED")
    assert codes() == {"app": 143, "side": 5}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"image": "{repository}:missing"}, "CannotPullContainerError: failed to resolve ref"),
        ({"image": "public.ecr.aws/docker/library/python:3.11"}, "CannotPullContainerError: failed to do request"),
        ({"image": "python:3.11"}, 'Head "https://registry-1.docker.io/v2/"'),
        ({"entryPoint": ["nothing"]}, 'CannotStartContainerError: failed to create task for container: exec: "nothi'),
        ({"log": "/missing"}, "The specified log group does not exist"),
        ({"secret": "{secret}-none"}, "AccessDeniedException: User: "),
        ({"secret": "{secret}:password::"}, ""),
        ({"secret": "{secret}:nothing::"}, "did not contain json key nothing"),
        ({"secret": "{secret}::AWSPENDING:"}, "can't find the specified secret value for staging label: AWSPENDING"),
        ({"role": "untrusting"}, "ECS was unable to assume the role"),
    ],
)  # fmt: skip
def test_a_start_that_fails_says_why(account: Any, changes: dict[str, str], reason: str) -> None:
    """What stops a start is told in ECS's words, for a task of RunTask too; what does not, starts."""
    names = {"repository": account.repository, "secret": account.secret}
    fields: dict[str, Any] = {key: changes[key] for key in ("image", "entryPoint") if key in changes}
    if "image" in changes:
        fields["image"] = changes["image"].format(**names)
    if "log" in changes:
        fields["logConfiguration"] = account.awslogs(changes["log"], "ingest")
    if "secret" in changes:
        fields["secrets"] = [{"name": "VALUE", "valueFrom": changes["secret"].format(**names)}]
    if "role" in changes:
        other = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
        account.role(changes["role"], other)
        fields["task"] = {"executionRoleArn": account.role_arn(changes["role"])}

    task = account.run(account.define("failing", **fields), until="RUNNING")

    if reason:
        assert (task["lastStatus"], task["stopCode"]) == ("STOPPED", "TaskFailedToStart")
        assert reason in task["stoppedReason"]
        assert "startedAt" not in task
        assert account.password not in json.dumps(task, default=str)
    else:
        assert task["lastStatus"] == "RUNNING"
        account.ecs.stop_task(cluster="main", task=task["taskArn"])


def test_secrets_are_read_under_the_execution_role(account: Any) -> None:
    """Each permission that lacks stops the start by its name: the secret, its key, the registry, the log stream."""
    role = account.role(f"narrow-{secrets.token_hex(3)}").rsplit("/", 1)[-1]
    definition = account.define("narrow", task={"executionRoleArn": account.role_arn(role)})
    steps = [
        ("not authorized to perform: secretsmanager:GetSecretValue", "secretsmanager:Get*", account.secret),
        ("Access to KMS is not allowed", "kms:Decrypt", account.key),
        ("not authorized to perform: ecr:GetAuthorizationToken", "ecr:GetAuthorizationToken", "*"),
        ("not authorized to perform: ecr:BatchGetImage", "ecr:*", f"arn:aws:ecr:*:{ACCOUNT}:repository/acme/*"),
        ("not authorized to perform: logs:CreateLogStream", "logs:*", f"arn:aws:logs:*:{ACCOUNT}:log-group:/ecs/*:*"),
    ]
    for reason, action, resource in steps:
        task = account.run(definition, until="RUNNING")
        assert reason in task["stoppedReason"]
        if "not authorized" in reason:
            assert f"assumed-role/{role}/{task['taskArn'].rsplit('/', 1)[-1]}" in task["stoppedReason"]
        account.allow(role, action, resource)

    task = account.run(definition, until="RUNNING")

    assert task["lastStatus"] == "RUNNING"
    account.ecs.stop_task(cluster="main", task=task["taskArn"])


def test_a_version_of_a_secret_can_be_named(account: Any) -> None:
    """`valueFrom` selects a JSON member, a stage and a version, and a task holds what it was started with."""
    name = f"AmazonMSK_versions_{secrets.token_hex(3)}"
    created = account.secretsmanager.create_secret(Name=name, SecretString='{"a": "one"}')
    account.allow("ingest-execution", "secretsmanager:Get*", created["ARN"])
    account.secretsmanager.put_secret_value(SecretId=name, SecretString='{"a": "two"}')
    arn, first = created["ARN"], created["VersionId"]
    definition = account.define(
        "versions",
        secrets=[
            {"name": "NOW", "valueFrom": f"{arn}:a::"},
            {"name": "BEFORE", "valueFrom": f"{arn}:a:AWSPREVIOUS:"},
            {"name": "FIRST", "valueFrom": f"{arn}:a::{first}"},
            {"name": "WHOLE", "valueFrom": arn},
        ],
    )

    told = account.told(definition=definition)
    account.secretsmanager.put_secret_value(SecretId=name, SecretString='{"a": "three"}')

    held = told["environment"]
    assert (held["NOW"], held["BEFORE"], held["FIRST"], held["WHOLE"]) == ("two", "one", "one", '{"a": "two"}')
    read = ["python3", "-c", "import os; print(os.environ['NOW'])"]
    assert account.cloud.execute(told["task"]["taskArn"], "app", read).stdout == b"two\n"
    account.ecs.stop_task(cluster="main", task=told["task"]["taskArn"])


def test_an_index_runs_the_platforms_image(account: Any) -> None:
    """Of an index, the image for the task's platform runs, and the task names the digest that was asked for."""
    from pytest_substrate.embedded.runtime import images
    from pytest_substrate.embedded.runtime.registry import push

    parts = [
        images.build(
            [images.layer({"/app/which.py": f"print({name!r})".encode()})],
            entrypoint=["python3", "/app/which.py"],
            architecture=name,
        )
        for name in ("amd64", "arm64")
    ]
    digest = push(images.index(parts), registry=account.cloud.registry, repository="acme/ingest")
    definition = account.define(
        "index", image=f"{account.repository}@{digest}", task={"runtimePlatform": {"cpuArchitecture": "ARM64"}}
    )

    task = account.run(definition)

    assert account.lines(task) == ["arm64"]
    assert task["containers"][0]["imageDigest"] == digest


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"taskDefinition": "nothing"}, "ClientException"),
        ({"cluster": "nothing"}, "ClusterNotFoundException"),
        ({"networkConfiguration": {}}, "InvalidParameterException"),
    ],
)
def test_run_task_refuses_what_aws_refuses(account: Any, plain: str, change: dict[str, Any], code: str) -> None:
    """A missing definition or cluster, and awsvpc without a network, are errors."""
    asked = {"cluster": "main", "taskDefinition": plain, "networkConfiguration": account.network, **change}

    with pytest.raises(ClientError) as refused:
        account.ecs.run_task(**asked)

    assert refused.value.response["Error"]["Code"] == code


def test_a_definition_is_deregistered_and_then_deleted(account: Any) -> None:
    """An active definition can't be deleted, an inactive one can't be run, a deleted one is gone."""
    definition = account.define("short-lived", task={"tags": [{"key": "substrate:run", "value": "r"}]})
    described = account.ecs.describe_task_definition(taskDefinition=definition, include=["TAGS"])
    refused = account.ecs.delete_task_definitions(taskDefinitions=[definition])
    account.ecs.deregister_task_definition(taskDefinition=definition)
    with pytest.raises(ClientError, match="inactive"):
        account.run(definition)
    listed = account.ecs.list_task_definitions(familyPrefix="short-lived", status="INACTIVE")["taskDefinitionArns"]
    deleted = account.ecs.delete_task_definitions(taskDefinitions=[definition])

    assert described["tags"] == [{"key": "substrate:run", "value": "r"}]
    assert described["taskDefinition"]["registeredBy"] == f"arn:aws:iam::{ACCOUNT}:root"
    assert [row["arn"] for row in refused["failures"]] == [definition]
    assert listed == [definition]
    assert (deleted["failures"], deleted["taskDefinitions"][0]["status"]) == ([], "DELETE_IN_PROGRESS")
    with pytest.raises(ClientError, match="Unable to describe"):
        account.ecs.describe_task_definition(taskDefinition=definition)
    assert account.ecs.list_task_definitions(familyPrefix="short-lived")["taskDefinitionArns"] == []


def test_starting_is_quick(account: Any, plain: str) -> None:
    """RunTask to RUNNING, and the program's end to STOPPED, take a moment; the bounds leave room for a busy machine."""
    started = time.monotonic()
    task = account.run(plain, "lines", "1", "0", until="RUNNING")
    running = time.monotonic() - started
    stopped = account.await_task(task["taskArn"], "STOPPED")
    ended = account.logs.describe_log_streams(
        logGroupName="/ecs/ingest", logStreamNamePrefix=f"ingest/app/{task['taskArn'].rsplit('/', 1)[-1]}"
    )["logStreams"][0]["lastEventTimestamp"]

    assert running < 2.0
    assert stopped["stoppedAt"].timestamp() - ended / 1000 < 1.0
