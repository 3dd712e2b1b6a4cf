"""`dev_min`, built through the platform's public API as a team would build it on AWS: the account, then the workload.

`build_account` needs only the cloud, and so runs while the brokers start; `build_workload` needs both.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_substrate.embedded.kafka.resources import Acl, TopicSpec
from pytest_substrate.embedded.platform import names, pipeline, roles
from pytest_substrate.embedded.platform.service import await_deployment
from pytest_substrate.embedded.runtime import images
from pytest_substrate.embedded.runtime.base import PROGRAMS, base_files
from pytest_substrate.embedded.runtime.registry import push
from pytest_substrate.model.provenance import REVISION, SOURCE

if TYPE_CHECKING:
    from pytest_substrate.embedded.kafka.admin import KafkaAdmin
    from pytest_substrate.embedded.kafka.cluster import KafkaCluster
    from pytest_substrate.embedded.kafka.resources import Operation
    from pytest_substrate.embedded.platform.platform import Platform


def topic_acl(topic: str, operation: Operation) -> Acl:
    """The rule that lets the service's principal do `operation` on `topic`."""
    return Acl(principal=f"User:{names.PRINCIPAL}", resource="topic", name=topic, operation=operation)


def group_acl() -> Acl:
    """The rule that lets the service's principal use its consumer group."""
    return Acl(principal=f"User:{names.PRINCIPAL}", resource="group", name=names.GROUP, operation="read")


def event_topic(replicas: int = 2) -> TopicSpec:
    """The topic that the service writes to."""
    return TopicSpec(name=names.TOPIC, partitions=3, replicas=replicas)


def build_account(platform: Platform, *, policy: roles.Policy) -> tuple[str, str]:
    """Key, secret, roles, repository with the service's image, log group, ECS cluster: (image digest, secret ARN)."""
    platform.client("logs").create_log_group(logGroupName=names.LOG_GROUP)
    secret_arn, key_arn = _make_secret(platform)
    roles.make_roles(platform, secret_arn=secret_arn, key_arn=key_arn, observer=policy)
    platform.client("ecs").create_cluster(clusterName=names.ECS_CLUSTER)
    platform.client("ecr").create_repository(repositoryName=names.REPOSITORY, imageTagMutability="IMMUTABLE")
    return push_image(platform), secret_arn


def push_image(
    platform: Platform,
    *,
    tag: str = names.TAG,
    keep: Callable[[str], bool] = bool,
    more: Mapping[str, bytes] | None = None,
    labels: Mapping[str, str] = names.LABELS,
    architecture: str = "amd64",
) -> str:
    """Build the service's image, push it to its repository, and tell its digest.

    `keep` says by the path which files of kafka-python are in it, all by default; `more` lie over the others.
    """
    own = images.folder_files(Path(str(files("pytest_substrate.embedded.platform") / "images/ingest")), at="/app")
    library = {path: data for path, data in images.distribution_files("kafka-python").items() if keep(path)}
    certificate = {names.CA_FILE: platform.authority.ca_file.read_bytes()}
    layers = [
        images.layer(base_files(architecture), executable=PROGRAMS, compression=0),
        images.layer(library, compression=0),
        images.layer(images.python_files(own) | certificate, compression=0),
    ]
    if more:
        layers.append(images.layer(more, compression=0))
    made_of = {REVISION: pipeline.commit(), SOURCE: pipeline.SOURCE}
    image = images.build(
        layers,
        entrypoint=["python", "-m", "ingest"],
        working_dir="/app",
        labels={**made_of, **labels},
        architecture=architecture,
    )
    return push(image, registry=platform.cloud.registry, repository=names.REPOSITORY, tag=tag)


def image_at(digest: str) -> str:
    """The service's image by digest, as a task definition names it."""
    return f"{names.ACCOUNT}.dkr.ecr.{names.REGION}.amazonaws.com/{names.REPOSITORY}@{digest}"


def build_workload(platform: Platform, *, image_digest: str, secret_arn: str) -> None:
    """The MSK cluster with its topics, grants and SCRAM user; the service, until its tasks run."""
    make_topics(platform.kafka.admin)
    # MSK chooses the last part of an ARN; here it has to be the one that the declaration names
    chosen = {"substrate:cluster-uuid": names.CLUSTER_UUID}
    associate(platform, create_cluster(platform, names.CLUSTER, platform.kafka, tags=chosen), secret_arn)
    network = {"subnets": names.SUBNETS, "securityGroups": names.SECURITY_GROUPS}
    ecs = platform.client("ecs")
    ecs.register_task_definition(**task_definition(platform, secret_arn=secret_arn, image_digest=image_digest))
    ecs.create_service(
        cluster=names.ECS_CLUSTER,
        serviceName=names.SERVICE,
        taskDefinition=names.SERVICE,
        desiredCount=names.RUNNING,
        launchType="FARGATE",
        networkConfiguration={"awsvpcConfiguration": network},
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
                "image": image_at(image_digest),
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


def put_credential(platform: Platform, principal: str) -> str:
    """Rotate the service's secret: a new version for the principal, and its password."""
    password = new_password()
    value = json.dumps({"username": principal, "password": password})
    platform.client("secretsmanager").put_secret_value(SecretId=names.SECRET, SecretString=value)
    return password


def create_secret(platform: Platform, name: str, *, username: str, key_arn: str) -> str:
    """A secret in MSK's form; its ARN."""
    value = json.dumps({"username": username, "password": new_password()})
    created = platform.client("secretsmanager").create_secret(Name=name, SecretString=value, KmsKeyId=key_arn)
    return str(created["ARN"])


def create_cluster(platform: Platform, name: str, kafka: KafkaCluster, *, tags: Mapping[str, str] | None = None) -> str:
    """An MSK cluster of that name whose brokers are those of a running Kafka; its ARN."""
    created = platform.client("kafka").create_cluster(
        ClusterName=name,
        KafkaVersion=kafka.spec.version,
        NumberOfBrokerNodes=kafka.spec.brokers,
        BrokerNodeGroupInfo={
            "InstanceType": "kafka.m7g.large",
            "ClientSubnets": ["subnet-0a1b2c3d", "subnet-4e5f6a7b"],
        },
        ClientAuthentication={"Sasl": {"Scram": {"Enabled": True}}},
        EncryptionInfo={"EncryptionInTransit": {"ClientBroker": "TLS", "InCluster": True}},
        Tags=dict(tags or {}),
    )
    platform.cloud.register_cluster(name, {"brokers": brokers_of(kafka), "admin": kafka.admin_address})
    return str(created["ClusterArn"])


def brokers_of(kafka: KafkaCluster) -> list[dict[str, Any]]:
    """A running Kafka's brokers, as MSK is told of them."""
    return [{"id": number, "scram": address} for number, address in enumerate(kafka.bootstrap, start=1)]


def associate(platform: Platform, cluster_arn: str, secret_arn: str) -> None:
    """Associate a SCRAM secret, which makes its user on the real brokers."""
    answer = platform.client("kafka").batch_associate_scram_secret(ClusterArn=cluster_arn, SecretArnList=[secret_arn])
    if answer.get("UnprocessedScramSecrets"):
        raise RuntimeError(f"the embedded cloud did not associate {secret_arn}")


def dissociate(platform: Platform, cluster_arn: str, secret_arn: str) -> None:
    """Take a SCRAM secret off a cluster, and so its user off the brokers."""
    platform.client("kafka").batch_disassociate_scram_secret(ClusterArn=cluster_arn, SecretArnList=[secret_arn])


def secret_arn(platform: Platform) -> str:
    """The ARN of the service's secret."""
    return str(platform.client("secretsmanager").describe_secret(SecretId=names.SECRET)["ARN"])


def key_arn(platform: Platform) -> str:
    """The ARN of the customer's key."""
    return str(platform.client("kms").describe_key(KeyId=names.KEY_ALIAS)["KeyMetadata"]["Arn"])


def _make_secret(platform: Platform) -> tuple[str, str]:
    kms = platform.client("kms")
    key_arn = kms.create_key(Description="MSK credentials")["KeyMetadata"]["Arn"]
    kms.create_alias(AliasName=names.KEY_ALIAS, TargetKeyId=key_arn)
    return create_secret(platform, names.SECRET, username=names.PRINCIPAL, key_arn=key_arn), key_arn


def make_topics(admin: KafkaAdmin, *, replicas: int = 2) -> None:
    """The topics of the platform, and the rules that its principal needs."""
    smoke = {"retention.ms": str(names.SMOKE_RETENTION_MS)}
    with admin.together():
        admin.create_topics(
            event_topic(replicas),
            TopicSpec(name=names.SMOKE_TOPIC, partitions=1, replicas=replicas, settings=smoke),
        )
        admin.allow(
            topic_acl(names.TOPIC, "describe"),
            topic_acl(names.TOPIC, "write"),
            topic_acl(names.SMOKE_TOPIC, "describe"),
            topic_acl(names.SMOKE_TOPIC, "write"),
            topic_acl(names.SMOKE_TOPIC, "read"),
            group_acl(),
        )
