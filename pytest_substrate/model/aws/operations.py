"""Every AWS operation, request member, response field and value that the project uses, and what IAM calls it.

The readers in `adapters/aws` reach AWS through this table alone: an operation or a field that is not in it raises.
Tests hold it against botocore's own models, so a name that AWS does not know can't stand here. A path names a field by
its members, a list by `[]` (`services[].deployments[].id`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

from pytest_substrate.model.aws import ecs, kafka, secrets
from pytest_substrate.model.aws.artifact_operations import ARTIFACT_OPERATIONS, ARTIFACT_READS
from pytest_substrate.model.aws.data_operations import DATA_OPERATIONS, DATA_READS
from pytest_substrate.model.aws.operation import Operation
from pytest_substrate.model.aws.probe_operations import (
    CAPABILITY_OPERATIONS,
    MORE_READS,
    MORE_SENDS,
    PROBE_OPERATIONS,
)
from pytest_substrate.model.aws.release_operations import RELEASE_OPERATIONS
from pytest_substrate.model.aws.seal_operations import SEAL_OPERATIONS

BOOTSTRAP_LISTENERS: Final[Mapping[str, tuple[str, str]]] = {
    "BootstrapBrokerString": (kafka.PLAINTEXT, kafka.VPC),
    "BootstrapBrokerStringTls": (kafka.MTLS, kafka.VPC),
    "BootstrapBrokerStringSaslScram": (kafka.SCRAM, kafka.VPC),
    "BootstrapBrokerStringSaslIam": (kafka.IAM, kafka.VPC),
    "BootstrapBrokerStringPublicTls": (kafka.MTLS, kafka.PUBLIC_ACCESS),
    "BootstrapBrokerStringPublicSaslScram": (kafka.SCRAM, kafka.PUBLIC_ACCESS),
    "BootstrapBrokerStringPublicSaslIam": (kafka.IAM, kafka.PUBLIC_ACCESS),
    "BootstrapBrokerStringVpcConnectivityTls": (kafka.MTLS, kafka.MULTI_VPC),
    "BootstrapBrokerStringVpcConnectivitySaslScram": (kafka.SCRAM, kafka.MULTI_VPC),
    "BootstrapBrokerStringVpcConnectivitySaslIam": (kafka.IAM, kafka.MULTI_VPC),
}
"""Which bootstrap string is for which authentication over which connectivity."""

_SASL: Final = ("Sasl.Scram.Enabled", "Sasl.Iam.Enabled", "Tls.Enabled")
_PROVISIONED: Final = "ClusterInfo.Provisioned"
_VPC_CONNECTIVITY: Final = f"{_PROVISIONED}.BrokerNodeGroupInfo.ConnectivityInfo.VpcConnectivity"

_OF_PLANES: Final[Mapping[str, Operation]] = {
    "kafka:DescribeClusterV2": Operation(
        permissions=("kafka:DescribeClusterV2",),
        sends=("ClusterArn",),
        reads=(
            "ClusterInfo.ClusterArn",
            "ClusterInfo.ClusterName",
            "ClusterInfo.State",
            *(f"{_PROVISIONED}.ClientAuthentication.{member}" for member in _SASL),
            f"{_PROVISIONED}.ClientAuthentication.Tls.CertificateAuthorityArnList[]",
            f"{_PROVISIONED}.BrokerNodeGroupInfo.ConnectivityInfo.PublicAccess.Type",
            *(f"{_VPC_CONNECTIVITY}.ClientAuthentication.{member}" for member in _SASL),
            f"{_PROVISIONED}.CurrentBrokerSoftwareInfo.KafkaVersion",
            "ClusterInfo.Serverless.ClientAuthentication.Sasl.Iam.Enabled",
        ),
        values={
            "ClusterInfo.State": (kafka.ACTIVE,),
            f"{_PROVISIONED}.BrokerNodeGroupInfo.ConnectivityInfo.PublicAccess.Type": (kafka.PUBLIC,),
        },
        missing=("NotFoundException",),
    ),
    "kafka:GetBootstrapBrokers": Operation(
        permissions=("kafka:GetBootstrapBrokers",),
        sends=("ClusterArn",),
        reads=tuple(BOOTSTRAP_LISTENERS),
    ),
    "kafka:ListNodes": Operation(
        permissions=("kafka:ListNodes",),
        sends=("ClusterArn",),
        reads=("NodeInfoList[].BrokerNodeInfo.Endpoints[]",),
        missing=("NotFoundException",),
        token="NextToken",
    ),
    "kafka:ListScramSecrets": Operation(
        permissions=("kafka:ListScramSecrets",),
        sends=("ClusterArn",),
        reads=("SecretArnList[]",),
        missing=("NotFoundException",),
        token="NextToken",
    ),
    "kafka:DescribeTopic": Operation(
        permissions=(
            "kafka:DescribeTopic",
            "kafka-cluster:Connect",
            "kafka-cluster:DescribeTopic",
            "kafka-cluster:DescribeTopicDynamicConfiguration",
        ),
        sends=("ClusterArn", "TopicName"),
        reads=("TopicName", "Status", "PartitionCount", "ReplicationFactor", "Configs"),
        values={"Status": (kafka.ACTIVE,)},
        missing=("NotFoundException",),
    ),
    "secretsmanager:DescribeSecret": Operation(
        permissions=("secretsmanager:DescribeSecret",),
        sends=("SecretId",),
        reads=("ARN", "Name", "KmsKeyId", "LastChangedDate", "DeletedDate", "VersionIdsToStages"),
        missing=("ResourceNotFoundException",),
    ),
    "secretsmanager:ListSecretVersionIds": Operation(
        permissions=("secretsmanager:ListSecretVersionIds",),
        sends=("SecretId",),
        reads=("Versions[].VersionId", "Versions[].VersionStages[]", "Versions[].CreatedDate"),
        missing=("ResourceNotFoundException",),
        token="NextToken",
    ),
    "secretsmanager:GetSecretValue": Operation(  # for who asks for a value by name; no check ever does
        permissions=("secretsmanager:GetSecretValue",),
        sends=("SecretId",),
        reads=("ARN", "VersionId", "SecretString"),
        missing=("ResourceNotFoundException",),
    ),
    "kms:DescribeKey": Operation(
        permissions=("kms:DescribeKey",),
        sends=("KeyId",),
        reads=(
            "KeyMetadata.Arn",
            "KeyMetadata.KeyManager",
            "KeyMetadata.KeyState",
            "KeyMetadata.KeySpec",
            "KeyMetadata.KeyUsage",
        ),
        values={
            "KeyMetadata.KeyManager": (secrets.CUSTOMER,),
            "KeyMetadata.KeyState": (secrets.ENABLED,),
            "KeyMetadata.KeySpec": (secrets.SYMMETRIC,),
            "KeyMetadata.KeyUsage": (secrets.ENCRYPTS,),
        },
        missing=("NotFoundException",),
    ),
    "cloudtrail:LookupEvents": Operation(
        permissions=("cloudtrail:LookupEvents",),
        sends=(
            "LookupAttributes",
            "LookupAttributes[].AttributeKey",
            "LookupAttributes[].AttributeValue",
            "StartTime",
            "MaxResults",
        ),
        reads=("Events[].EventSource", "Events[].EventTime", "Events[].CloudTrailEvent"),
        values={"LookupAttributes[].AttributeKey": ("EventName",)},
        token="NextToken",
    ),
    "sts:GetCallerIdentity": Operation(permissions=(), reads=("Account", "Arn")),
    "sts:AssumeRole": Operation(
        permissions=("sts:AssumeRole",),
        sends=("RoleArn", "RoleSessionName"),
        reads=(
            "Credentials.AccessKeyId",
            "Credentials.SecretAccessKey",
            "Credentials.SessionToken",
            "Credentials.Expiration",
        ),
    ),
    "ecs:DescribeClusters": Operation(
        permissions=("ecs:DescribeClusters",),
        sends=("clusters",),
        reads=("clusters[].clusterName", "clusters[].status", "failures[].arn", "failures[].reason"),
        values={"clusters[].status": (ecs.ACTIVE,), "failures[].reason": (ecs.MISSING,)},
    ),
    "ecs:ListServices": Operation(
        permissions=("ecs:ListServices",),
        sends=("cluster",),
        reads=("serviceArns[]",),
        missing=("ClusterNotFoundException",),
        token="nextToken",
    ),
    "ecs:DescribeServices": Operation(
        permissions=("ecs:DescribeServices",),
        sends=("cluster", "services"),
        reads=(
            "services[].serviceArn",
            "services[].serviceName",
            "services[].status",
            "services[].taskDefinition",
            "services[].desiredCount",
            "services[].runningCount",
            "services[].pendingCount",
            "services[].deployments[].id",
            "services[].deployments[].status",
            "services[].deployments[].taskDefinition",
            "services[].deployments[].rolloutState",
            "services[].taskSets[].id",
            "services[].taskSets[].status",
            "services[].taskSets[].taskDefinition",
            "failures[].arn",
            "failures[].reason",
        ),
        values={
            "services[].status": (ecs.ACTIVE, ecs.INACTIVE),
            "services[].deployments[].rolloutState": (ecs.IN_PROGRESS,),
            "services[].taskSets[].status": (ecs.PRIMARY,),
            "failures[].reason": (ecs.MISSING,),
        },
        missing=("ClusterNotFoundException",),
    ),
    "ecs:DescribeTaskDefinition": Operation(
        permissions=("ecs:DescribeTaskDefinition",),
        sends=("taskDefinition",),
        reads=(
            "taskDefinition.taskDefinitionArn",
            "taskDefinition.taskRoleArn",
            "taskDefinition.executionRoleArn",
            "taskDefinition.containerDefinitions[].name",
            "taskDefinition.containerDefinitions[].environment[].name",
            "taskDefinition.containerDefinitions[].environment[].value",
            "taskDefinition.containerDefinitions[].environmentFiles[].type",
            "taskDefinition.containerDefinitions[].secrets[].name",
            "taskDefinition.containerDefinitions[].secrets[].valueFrom",
        ),
    ),
    "ecs:ListTasks": Operation(
        permissions=("ecs:ListTasks",),
        sends=("cluster", "serviceName", "desiredStatus"),
        reads=("taskArns[]",),
        values={"desiredStatus": (ecs.RUNNING, ecs.STOPPED)},
        missing=("ClusterNotFoundException", "ServiceNotFoundException"),
        token="nextToken",
    ),
    "ecs:DescribeTasks": Operation(
        permissions=("ecs:DescribeTasks",),
        sends=("cluster", "tasks"),
        reads=(
            "tasks[].taskArn",
            "tasks[].taskDefinitionArn",
            "tasks[].lastStatus",
            "tasks[].createdAt",
            "tasks[].startedAt",
            "failures[].arn",
            "failures[].reason",
        ),
        values={"tasks[].lastStatus": (ecs.RUNNING,), "failures[].reason": (ecs.MISSING,)},
        missing=("ClusterNotFoundException",),
    ),
}

_ADDED_READS: Final = (MORE_READS, ARTIFACT_READS, DATA_READS)
"""What a plane reads of an operation that stands with another plane's."""

OPERATIONS: Final[Mapping[str, Operation]] = {
    **{
        name: replace(
            operation,
            reads=tuple(path for more in ({name: operation.reads}, *_ADDED_READS) for path in more.get(name, ())),
            sends=(*operation.sends, *MORE_SENDS.get(name, ())),
        )
        for name, operation in {
            **_OF_PLANES,
            **PROBE_OPERATIONS,
            **ARTIFACT_OPERATIONS,
            **RELEASE_OPERATIONS,
            **DATA_OPERATIONS,
        }.items()
    },
    **CAPABILITY_OPERATIONS,
    **SEAL_OPERATIONS,
}
"""By `service:Operation`, botocore's name of each."""


def permissions_of(operations: Iterable[str]) -> tuple[str, ...]:
    """The IAM actions that a caller of these operations needs, each once, in order; KeyError for an unlisted one."""
    return tuple(dict.fromkeys(permission for name in operations for permission in OPERATIONS[name].permissions))
