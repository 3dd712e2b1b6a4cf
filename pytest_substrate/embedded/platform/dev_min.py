"""`dev_min`, built through the platform's public API as a team would build it on AWS: the account, then the workload.

`build_account` needs only the cloud, and so runs while the brokers start; `build_workload` needs both.
"""

from __future__ import annotations

import json
import secrets
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final

from pytest_substrate.embedded.platform import names
from pytest_substrate.embedded.platform.platform import wait_until

if TYPE_CHECKING:
    from pytest_substrate.embedded.platform.platform import Platform

_TASKS_MAY_ASSUME: Final = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "ecs-tasks.amazonaws.com"},
            "Action": "sts:AssumeRole",
            "Condition": {"StringEquals": {"aws:SourceAccount": names.ACCOUNT}},
        }
    ],
}


def build_account(platform: Platform) -> str:
    """Key, secret, roles, repository with the service's image, log group and ECS cluster; the image's digest."""
    with ThreadPoolExecutor(4) as pool:
        image = pool.submit(_push_image, platform)
        pool.submit(platform.client("logs").create_log_group, logGroupName=names.LOG_GROUP).result()
        secret_arn, key_arn = _make_secret(platform)
        _make_roles(platform, secret_arn=secret_arn, key_arn=key_arn)
        platform.client("ecs").create_cluster(clusterName=names.ECS_CLUSTER)
        return image.result()


def build_workload(platform: Platform, image_digest: str) -> None:
    """The MSK cluster with its topics, grants and SCRAM user; the service, until its tasks run."""
    _make_topics(platform)
    register_cluster(platform, names.CLUSTER, platform.kafka)
    secret_arn = platform.client("secretsmanager").describe_secret(SecretId=names.SECRET)["ARN"]
    associate(platform, names.CLUSTER_ARN, secret_arn)
    ecs = platform.client("ecs")
    ecs.register_task_definition(**task_definition(platform, secret_arn=secret_arn, image_digest=image_digest))
    ecs.create_service(
        cluster=names.ECS_CLUSTER,
        serviceName=names.SERVICE,
        taskDefinition=names.SERVICE,
        desiredCount=names.RUNNING,
        launchType="FARGATE",
        networkConfiguration={"awsvpcConfiguration": {"subnets": ["subnet-0a1b2c3d"], "securityGroups": []}},
    )
    await_deployment(platform)


def task_definition(platform: Platform, *, secret_arn: str, image_digest: str) -> dict[str, Any]:
    """The service's task definition, as RegisterTaskDefinition takes it."""
    return {
        "family": names.SERVICE,
        "taskRoleArn": names.role_arn(names.TASK_ROLE),
        "executionRoleArn": names.role_arn(names.EXECUTION_ROLE),
        "networkMode": "awsvpc",
        "requiresCompatibilities": ["FARGATE"],
        "cpu": "256",
        "memory": "512",
        "containerDefinitions": [
            {
                "name": names.CONTAINER,
                "image": f"{names.ACCOUNT}.dkr.ecr.{names.REGION}.amazonaws.com/{names.REPOSITORY}@{image_digest}",
                "essential": True,
                "environment": [
                    {"name": "KAFKA_BOOTSTRAP_SERVERS", "value": ",".join(platform.kafka.bootstrap)},
                    {"name": "KAFKA_CA_FILE", "value": names.CA_FILE},
                    {"name": "KAFKA_TOPIC", "value": names.TOPIC},
                ],
                "secrets": [{"name": "KAFKA_CREDENTIAL", "valueFrom": secret_arn}],
                "logConfiguration": {
                    "logDriver": "awslogs",
                    "options": {
                        "awslogs-group": names.LOG_GROUP,
                        "awslogs-region": names.REGION,
                        "awslogs-stream-prefix": names.SERVICE,
                    },
                },
            }
        ],
    }


def new_password() -> str:
    """A fresh password; it lives in the secret and on the broker, and nowhere else."""
    return secrets.token_urlsafe(24)


def create_secret(platform: Platform, name: str, *, username: str, key_arn: str) -> str:
    """A secret in MSK's form; its ARN."""
    value = json.dumps({"username": username, "password": new_password()})
    created = platform.client("secretsmanager").create_secret(Name=name, SecretString=value, KmsKeyId=key_arn)
    return str(created["ARN"])


def register_cluster(platform: Platform, name: str, kafka: Any) -> str:
    """Make the MSK cluster of that name stand for a running Kafka; its ARN."""
    raise NotImplementedError


def associate(platform: Platform, cluster_arn: str, secret_arn: str) -> None:
    """Associate a SCRAM secret, which makes its user on the real brokers."""
    answer = platform.client("kafka").batch_associate_scram_secret(ClusterArn=cluster_arn, SecretArnList=[secret_arn])
    if answer.get("UnprocessedScramSecrets"):
        raise RuntimeError(f"the embedded cloud did not associate {secret_arn}")


def await_deployment(platform: Platform, *, deadline_s: float = 20.0) -> None:
    """Until the service's newest deployment is the only one and all its tasks run."""
    ecs = platform.client("ecs")

    def settled() -> bool:
        service = ecs.describe_services(cluster=names.ECS_CLUSTER, services=[names.SERVICE])["services"][0]
        deployments = service["deployments"]
        return (
            len(deployments) == 1
            and deployments[0].get("rolloutState", "COMPLETED") == "COMPLETED"
            and service["runningCount"] == service["desiredCount"]
        )

    wait_until(settled, what=f"the deployment of service {names.SERVICE}", deadline_s=deadline_s)


def _make_secret(platform: Platform) -> tuple[str, str]:
    kms = platform.client("kms")
    key_arn = kms.create_key(Description="MSK credentials")["KeyMetadata"]["Arn"]
    kms.create_alias(AliasName=names.KEY_ALIAS, TargetKeyId=key_arn)
    return create_secret(platform, names.SECRET, username=names.PRINCIPAL, key_arn=key_arn), key_arn
