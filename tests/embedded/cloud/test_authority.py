"""Who may do what: signatures, scoped policies, passed roles, keys."""

from __future__ import annotations

import http.client
import json
import secrets
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

ACCOUNT, REGION = "111122223333", "eu-west-2"
_ECS = f"arn:aws:ecs:{REGION}:{ACCOUNT}"
_CLUSTER = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "sts:AssumeRole"}


@pytest.fixture
def as_role(account: Any) -> Callable[..., Any]:
    """Make a role with one statement and give clients under a session of it."""

    def make(action: str | list[str], resource: str | list[str], **condition: Any) -> Any:
        name = f"observer-{secrets.token_hex(3)}"
        account.role(name, _CLUSTER)
        account.allow(name, action, resource, **condition)
        given = account.sts.assume_role(RoleArn=account.role_arn(name), RoleSessionName="looks")["Credentials"]
        keys = type(account.cloud.root_credentials)(
            access_key_id=given["AccessKeyId"], secret_access_key=given["SecretAccessKey"]
        )
        session = account.session_of(keys, given["SessionToken"])
        return lambda service: account.client(service, session)

    return make


def _refused(call: Callable[..., Any], **asked: Any) -> str:
    with pytest.raises(ClientError) as refused:
        call(**asked)
    assert refused.value.response["Error"]["Code"] in {"AccessDenied", "AccessDeniedException"}
    return str(refused.value.response["Error"]["Message"])


def test_only_the_platforms_own_root_is_root(account: Any) -> None:
    """Neither a well-known test key, nor an account's number, nor a wrong secret gets in."""
    root = account.cloud.root_credentials

    assert account.sts.get_caller_identity()["Arn"] == f"arn:aws:iam::{ACCOUNT}:root"
    for key, secret in (("test", "test"), (ACCOUNT, "test"), (root.access_key_id, "wrong")):
        session = account.session_of(type(root)(access_key_id=key, secret_access_key=secret))
        with pytest.raises(ClientError) as refused:
            account.client("sts", session).get_caller_identity()
        assert refused.value.response["Error"]["Code"] in {"InvalidClientTokenId", "SignatureDoesNotMatch"}
    unsigned = boto3.client("s3", endpoint_url=account.cloud.endpoint, region_name=REGION, config=_unsigned())
    with pytest.raises(ClientError):
        unsigned.list_buckets()


def test_the_root_secret_is_shown_by_no_repr(account: Any) -> None:
    """Credentials keep their secret to themselves."""
    assert account.cloud.root_credentials.secret_access_key not in repr(account.cloud.root_credentials)


def test_ecs_policies_can_be_scoped(account: Any, as_role: Callable[..., Any]) -> None:
    """A policy for one service, one cluster's tasks and one family admits those and nothing else."""
    account.create_service("scoped", account.define("scoped", secrets=[]), desiredCount=1)
    account.settled("scoped")
    task = account.ecs.list_tasks(cluster="main", serviceName="scoped")["taskArns"][0]
    services = as_role("ecs:DescribeServices", f"{_ECS}:service/main/scoped")("ecs")
    tasks = as_role(
        ["ecs:DescribeTasks", "ecs:ListTasks"], [f"{_ECS}:task/main/*", f"{_ECS}:container-instance/main/*"]
    )("ecs")

    assert services.describe_services(cluster="main", services=["scoped"])["services"][0]["serviceName"] == "scoped"
    assert tasks.list_tasks(cluster="main", serviceName="scoped")["taskArns"] == [task]
    assert tasks.describe_tasks(cluster="main", tasks=[task])["tasks"][0]["taskArn"] == task
    denied = _refused(services.describe_services, cluster="main", services=["scoped", "other"])
    assert f"not authorized to perform: ecs:DescribeServices on resource: {_ECS}:service/main/other " in denied
    assert "because no identity-based policy allows the ecs:DescribeServices action" in denied
    _refused(services.describe_tasks, cluster="main", tasks=[task])
    _refused(tasks.describe_tasks, cluster="other", tasks=["t"])
    account.end_service("scoped")


def test_ecs_policies_can_be_conditioned_on_the_cluster(account: Any, as_role: Callable[..., Any]) -> None:
    """`ecs:cluster` narrows a call whose resource is `*`."""
    narrowed = as_role("ecs:ListServices", "*", condition={"ArnEquals": {"ecs:cluster": f"{_ECS}:cluster/main"}})("ecs")

    assert "serviceArns" in narrowed.list_services(cluster="main")
    _refused(narrowed.list_services, cluster="other")


def test_logs_policies_can_be_scoped(account: Any, as_role: Callable[..., Any]) -> None:
    """A policy for a group's streams admits reading them; one without the trailing star does not."""
    group = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/ecs/ingest"
    reads = ["logs:GetLogEvents", "logs:DescribeLogStreams"]

    account.logs.create_log_stream(logGroupName="/ecs/ingest", logStreamName="scoped")
    scoped, bare = as_role(reads, f"{group}:*")("logs"), as_role(reads, group)("logs")

    assert scoped.get_log_events(logGroupName="/ecs/ingest", logStreamName="scoped")["events"] == []
    assert scoped.describe_log_streams(logGroupName="/ecs/ingest")["logStreams"]
    _refused(scoped.get_log_events, logGroupName="/ecs/other", logStreamName="s")
    _refused(bare.get_log_events, logGroupName="/ecs/ingest", logStreamName="scoped")


def test_the_principal_arn_of_a_session_is_its_roles(account: Any, as_role: Callable[..., Any]) -> None:
    """A condition on `aws:PrincipalArn` is written with the role's ARN, as on AWS."""
    by_role = as_role(
        "ecs:ListClusters", "*", condition={"ArnLike": {"aws:PrincipalArn": account.role_arn("observer-*")}}
    )
    by_session = as_role("ecs:ListClusters", "*", condition={"ArnLike": {"aws:PrincipalArn": "arn:aws:sts::*"}})

    assert by_role("ecs").list_clusters()["clusterArns"]
    _refused(by_session("ecs").list_clusters)


def test_a_task_needs_its_roles_passed(account: Any, as_role: Callable[..., Any]) -> None:
    """Registering and running need iam:PassRole for each role, with ECS as the service they are passed to."""
    definition = account.define("passed", secrets=[])
    roles = [account.role_arn("ingest-task"), account.role_arn("ingest-execution")]
    run = {"cluster": "main", "taskDefinition": definition, "networkConfiguration": account.network}
    without = as_role("ecs:*", "*")("ecs")
    held = account.ecs.describe_task_definition(taskDefinition=definition)["taskDefinition"]
    register = {key: held[key] for key in ("family", "containerDefinitions", "taskRoleArn", "executionRoleArn")}

    assert "perform: iam:PassRole on resource: " in _refused(without.run_task, **run)
    assert "perform: iam:PassRole on resource: " in _refused(without.register_task_definition, **register)
    for service, admitted in (("ecs-tasks.amazonaws.com", True), ("lambda.amazonaws.com", False)):
        name = f"passer-{secrets.token_hex(3)}"
        account.role(name, _CLUSTER)
        account.allow(name, "ecs:RunTask", f"{_ECS}:task-definition/passed:*")
        account.allow(name, "iam:PassRole", roles, condition={"StringEquals": {"iam:PassedToService": service}})
        given = account.sts.assume_role(RoleArn=account.role_arn(name), RoleSessionName="passes")["Credentials"]
        keys = type(account.cloud.root_credentials)(
            access_key_id=given["AccessKeyId"], secret_access_key=given["SecretAccessKey"]
        )
        ecs = account.client("ecs", account.session_of(keys, given["SessionToken"]))
        if admitted:
            account.await_task(ecs.run_task(**run)["tasks"][0]["taskArn"], "RUNNING")
        else:
            _refused(ecs.run_task, **run)


def test_a_customers_key_guards_its_secrets(account: Any, as_role: Callable[..., Any]) -> None:
    """Reading a secret under a customer's key needs the key too; a disabled key gives nothing."""
    reader = as_role("secretsmanager:GetSecretValue", account.secret)("secretsmanager")
    both = as_role(["secretsmanager:GetSecretValue", "kms:Decrypt"], [account.secret, account.key])("secretsmanager")

    assert _refused(reader.get_secret_value, SecretId=account.secret) == "Access to KMS is not allowed"
    assert json.loads(both.get_secret_value(SecretId=account.secret)["SecretString"])["username"] == "ingest"
    account.kms.disable_key(KeyId=account.key)
    try:
        _refused(both.get_secret_value, SecretId=account.secret)
    finally:
        account.kms.enable_key(KeyId=account.key)


def test_keys_say_whose_they_are(account: Any) -> None:
    """A customer's key and one that AWS manages are told apart."""
    own = account.kms.describe_key(KeyId=account.key)["KeyMetadata"]
    managed = account.kms.describe_key(KeyId="alias/aws/secretsmanager")["KeyMetadata"]

    assert (own["KeyManager"], own["KeySpec"], own["KeyState"]) == ("CUSTOMER", "SYMMETRIC_DEFAULT", "Enabled")
    assert (managed["KeyManager"], managed["AWSAccountId"]) == ("AWS", ACCOUNT)
    assert account.kms.describe_key(KeyId="alias/aws/secretsmanager")["KeyMetadata"]["KeyId"] == managed["KeyId"]


def test_a_secrets_history_is_precise(account: Any) -> None:
    """Versions, stages and times are as on AWS: milliseconds, a day for the last access, no rotation that is none."""
    name = f"history-{secrets.token_hex(3)}"
    account.secretsmanager.create_secret(Name=name, SecretString="one")
    before = account.secretsmanager.describe_secret(SecretId=name)
    account.secretsmanager.put_secret_value(SecretId=name, SecretString="two")
    account.secretsmanager.get_secret_value(SecretId=name)
    after = account.secretsmanager.describe_secret(SecretId=name)
    versions = account.secretsmanager.list_secret_version_ids(SecretId=name)["Versions"]

    current = next(row for row in versions if "AWSCURRENT" in row["VersionStages"])
    assert after["LastChangedDate"] > before["LastChangedDate"] == before["CreatedDate"]
    assert current["CreatedDate"] == after["LastChangedDate"]
    assert {row["CreatedDate"].microsecond % 1000 for row in versions} == {0}
    assert after["LastAccessedDate"].timestamp() % 86400 == 0
    assert "LastRotatedDate" not in after
    with pytest.raises(ClientError, match="No Lambda rotation function"):
        account.secretsmanager.rotate_secret(SecretId=name)
    assert len(account.secretsmanager.list_secret_version_ids(SecretId=name)["Versions"]) == 2


@pytest.mark.parametrize(
    "path", ["/_ministack/reset", "/_ministack/config", "/_substrate/msk/spine", "/_localstack/init"]
)
def test_administration_needs_the_control_token(account: Any, path: str) -> None:
    """Nobody resets or redirects the platform without its token."""
    connection = http.client.HTTPConnection(account.cloud.registry, timeout=10)
    connection.request("POST", path, "{}", {"x-substrate-token": "wrong"})

    assert connection.getresponse().status == 403
    assert account.sts.get_caller_identity()["Account"] == ACCOUNT


def test_the_health_page_is_open(account: Any) -> None:
    """A LocalStack-compatible client may ask for health without a token."""
    connection = http.client.HTTPConnection(account.cloud.registry, timeout=10)
    connection.request("GET", "/_localstack/health")

    assert connection.getresponse().status == 200


def _unsigned() -> Any:
    from botocore import UNSIGNED
    from botocore.config import Config

    return Config(signature_version=UNSIGNED)
