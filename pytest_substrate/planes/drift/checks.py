"""The drift sweep: nothing has changed since the last READY evidence that nobody answers for."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from pytest_substrate.model import subjects
from pytest_substrate.model.check import Cause, Check
from pytest_substrate.model.outcome import Layer, Plane
from pytest_substrate.model.unseen import UNSEEN_CAUSES

if TYPE_CHECKING:
    from pytest_substrate.model.declaration import Declaration

_BASELINE: Final = (
    Cause(slug="changed", meaning="the fact differs from the baseline, and no accepted change covers it"),
    Cause(
        slug="baseline-missing", meaning="the baseline doesn't hold this fact, or no baseline that verifies was named"
    ),
    *UNSEEN_CAUSES,
)
"""How every comparison can end; what changed is a fact of the record."""

_ROLE: Final = (
    "iam:GetRole",
    "iam:ListRolePolicies",
    "iam:GetRolePolicy",
    "iam:ListAttachedRolePolicies",
    "iam:GetPolicy",
    "iam:GetPolicyVersion",
)


def _keys(declaration: Declaration) -> tuple[str, ...]:
    """The services that authenticate with a secret, then every declared grant."""
    return (*subjects.secret_services(declaration), *subjects.grants(declaration))


def _unchanged(
    number: str,
    what: str,
    *,
    layer: Layer,
    of: Callable[[Declaration], tuple[str, ...]],
    why: str,
    how: str,
    permissions: tuple[str, ...],
    next: str,
) -> Check:
    return Check(
        id=f"DRF-{number}",
        plane=Plane.DRIFT,
        statement=f"{what} equal the baseline",
        layer=layer,
        subjects=of,
        why=why,
        how=f"{how} The canonical form is compared with that in the last READY evidence that verifies "
        "(`--substrate-baseline`).",
        red_when="they differ and no accepted change with owner, reason and expiry covers it, or there is nothing to "
        "compare with.",
        permissions=permissions,
        causes=_BASELINE,
        next=next,
    )


CHECKS: Final[tuple[Check, ...]] = (
    _unchanged(
        "010",
        "the task definition's revision and its parts",
        layer=Layer.WIRING,
        of=subjects.workloads,
        why="A revision that nobody released carries settings that nobody proved.",
        how="DescribeTaskDefinition of the live revision.",
        permissions=("ecs:DescribeServices", "ecs:DescribeTaskDefinition"),
        next="aws ecs describe-task-definition --task-definition {task_definition} --region {region}",
    ),
    _unchanged(
        "020",
        "the image digests that run",
        layer=Layer.ARTIFACT,
        of=subjects.workloads,
        why="Another digest is another program.",
        how="DescribeTasks for what runs, the task definition for what would.",
        permissions=("ecs:ListTasks", "ecs:DescribeTasks", "ecs:DescribeTaskDefinition"),
        next="aws ecs list-tasks --cluster {ecs_cluster} --region {region}",
    ),
    _unchanged(
        "030",
        "the task and execution roles' trust, policies and boundary",
        layer=Layer.POLICY,
        of=subjects.workloads,
        why="A permission that goes missing at night is an AccessDenied in the morning; one that appears is worse.",
        how="Both roles of the live task definition, with every policy's document.",
        permissions=("ecs:DescribeTaskDefinition", *_ROLE),
        next="aws iam get-role --role-name {task_role}",
    ),
    _unchanged(
        "040",
        "the CI role's trust, policies and boundary, and the OIDC provider",
        layer=Layer.IDENTITY,
        of=subjects.ci_roles,
        why="Who may publish is decided here, and nowhere in the repository.",
        how="The role with every policy's document, and the provider's URL, audiences and thumbprints.",
        permissions=(*_ROLE, "iam:GetOpenIDConnectProvider", "iam:ListOpenIDConnectProviders"),
        next="aws iam get-role --role-name {role}",
    ),
    _unchanged(
        "050",
        "the network: subnets, security groups and their rules",
        layer=Layer.NETWORK,
        of=subjects.workloads,
        why="A rule that is gone looks like a broker that is down.",
        how="The service's or job's network configuration, and DescribeSecurityGroupRules of each group.",
        permissions=("ecs:DescribeServices", "ec2:DescribeSubnets", "ec2:DescribeSecurityGroupRules"),
        next="aws ec2 describe-security-group-rules --region {region}",
    ),
    _unchanged(
        "060",
        "the log groups' retention and key",
        layer=Layer.SUBSTRATE,
        of=subjects.workloads,
        why="Logs that are kept for a day are gone when the incident is looked into.",
        how="DescribeLogGroups of the log groups that the task definition names.",
        permissions=("ecs:DescribeTaskDefinition", "logs:DescribeLogGroups"),
        next="aws logs describe-log-groups --region {region}",
    ),
    _unchanged(
        "070",
        "the secret's version, rotation and key",
        layer=Layer.CREDENTIAL,
        of=subjects.secret_services,
        why="A new version without a redeploy is an outage that waits for the next reconnect.",
        how="DescribeSecret: current version, rotation, key. Its value is never read.",
        permissions=("secretsmanager:DescribeSecret",),
        next="aws secretsmanager describe-secret --secret-id {secret} --region {region}",
    ),
    _unchanged(
        "080",
        "the cluster's version, configuration and SCRAM associations",
        layer=Layer.SUBSTRATE,
        of=subjects.clusters,
        why="An upgrade or a configuration changes what every client negotiates.",
        how="DescribeClusterV2, the configuration's revision, ListScramSecrets.",
        permissions=("kafka:DescribeClusterV2", "kafka:DescribeConfigurationRevision", "kafka:ListScramSecrets"),
        next="aws kafka describe-cluster-v2 --cluster-arn {cluster_arn} --region {region}",
    ),
    _unchanged(
        "090",
        "the topic's partitions and configuration, and its ACLs where readable,",
        layer=Layer.WIRING,
        of=subjects.topics,
        why="A partition more breaks the order by key; a retention less breaks the replay.",
        how="MSK's topic API, and the probe's metadata.",
        permissions=("kafka:DescribeTopic", "kafka:DescribeTopicPartitions"),
        next="aws kafka describe-topic --cluster-arn {cluster_arn} --topic-name {topic} --region {region}",
    ),
    _unchanged(
        "100",
        "the bucket's policy, public access block and encryption",
        layer=Layer.POLICY,
        of=subjects.grants,
        why="A bucket policy takes away what the role's own policy gives.",
        how="GetBucketPolicy, GetPublicAccessBlock and GetBucketEncryption.",
        permissions=("s3:GetBucketPolicy", "s3:GetBucketPublicAccessBlock", "s3:GetEncryptionConfiguration"),
        next="aws s3api get-bucket-policy --bucket {bucket}",
    ),
    _unchanged(
        "110",
        "the key policies and grants",
        layer=Layer.POLICY,
        of=_keys,
        why="A key that may not be used makes every object and every secret unreadable at once.",
        how="GetKeyPolicy and ListGrants of the secret's or the bucket's key.",
        permissions=("kms:DescribeKey", "kms:GetKeyPolicy", "kms:ListGrants"),
        next="aws kms get-key-policy --key-id {key_arn} --region {region}",
    ),
    _unchanged(
        "120",
        "the registry's mutability, policy and scanning",
        layer=Layer.ARTIFACT,
        of=subjects.artifacts,
        why="A repository whose tags can move again makes the next release unprovable.",
        how="DescribeRepositories, GetRepositoryPolicy and the scanning configuration.",
        permissions=(
            "ecr:DescribeRepositories",
            "ecr:GetRepositoryPolicy",
            "ecr:BatchGetRepositoryScanningConfiguration",
        ),
        next="aws ecr describe-repositories --repository-names {repository} --region {region}",
    ),
)
"""The sweep, in the order of its ids."""
