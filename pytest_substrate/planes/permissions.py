"""The least-privilege policy of the observer: what a run of some planes needs of one declaration, and no more. Pure.

The actions are those of the planes' checks; where each may be used is from AWS's Service Authorization Reference. An
action that AWS limits to no resource has `*`, with the ECS cluster as a condition where AWS knows that key. Reading a
secret's value is never among them.

Who may run a probe holds the task role, as no condition of IAM limits a task's command: give this policy to a role that
only the gate can assume.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from pytest_substrate.model.aws.operations import permissions_of
from pytest_substrate.model.aws.probe_operations import PROBE_OPERATIONS
from pytest_substrate.model.outcome import Plane
from pytest_substrate.planes import places
from pytest_substrate.planes.catalogue import BUILT, checks_of
from pytest_substrate.planes.places import PROBE_FAMILY, RUN_TAG, Place, Where

if TYPE_CHECKING:
    from pytest_substrate.model.declaration import Declaration

__all__ = ["PROBE_FAMILY", "RUN_TAG", "SCOPES", "observer_policy"]

SCOPES: Final[Mapping[str, Callable[[Place], Where]]] = {
    "cloudtrail:LookupEvents": places.everywhere,
    "ecr:BatchGetImage": places.repositories,
    "ecr:DescribeImages": places.repositories,
    "ecr:DescribeRepositories": places.repositories,
    "ecr:GetDownloadUrlForLayer": places.repositories,
    "ecr:GetRepositoryPolicy": places.repositories,
    "ecr:ListImageReferrers": places.repositories,
    "ecs:DescribeClusters": places.ecs_clusters,
    "ecs:ListServices": Place.in_clusters,
    "ecs:DescribeServices": places.all_services,
    "ecs:DescribeServiceRevisions": places.revisions,
    "ecs:ListServiceDeployments": places.services,
    "ecs:DescribeTaskDefinition": places.everywhere,
    "ecs:ListTasks": Place.in_clusters,
    "ecs:DescribeTasks": places.tasks,
    "ecs:RegisterTaskDefinition": places.twins,
    "ecs:RunTask": places.run_twins,
    "ecs:StopTask": places.own_tasks,
    "ecs:TagResource": places.tag_on_creation,
    "ecs:DeregisterTaskDefinition": places.everywhere,
    "ecs:DeleteTaskDefinitions": places.twins,
    "ecs:ListTaskDefinitionFamilies": places.everywhere,
    "ecs:ListTaskDefinitions": places.everywhere,
    "iam:GetOpenIDConnectProvider": places.oidc_providers,
    "iam:GetPolicy": places.managed_policies,
    "iam:GetPolicyVersion": places.managed_policies,
    "iam:GetRole": places.roles,
    "iam:GetRolePolicy": places.roles,
    "iam:ListAttachedRolePolicies": places.roles,
    "iam:ListOpenIDConnectProviders": places.everywhere,
    "iam:ListRolePolicies": places.roles,
    "iam:PassRole": places.passed_roles,
    "kafka:DescribeClusterV2": places.clusters,
    "kafka:GetBootstrapBrokers": places.everywhere,
    "kafka:ListNodes": places.clusters,
    "kafka:ListScramSecrets": places.clusters,
    "kafka:DescribeTopic": places.topics_in_clusters,
    "kafka-cluster:Connect": places.clusters,
    "kafka-cluster:DescribeTopic": places.topics,
    "kafka-cluster:DescribeTopicDynamicConfiguration": places.topics,
    "kms:DescribeKey": places.keys,
    "kms:GetKeyPolicy": places.keys,
    "logs:DescribeLogStreams": places.job_logs,
    "logs:FilterLogEvents": places.job_logs,
    "logs:GetLogEvents": places.probe_logs,
    "organizations:DescribeOrganization": places.everywhere,
    "organizations:DescribePolicy": places.everywhere,
    "organizations:ListParents": places.everywhere,
    "organizations:ListPoliciesForTarget": places.everywhere,
    "s3:AbortMultipartUpload": places.own_uploads,
    "s3:DeleteObject": places.own_objects,
    "s3:DeleteObjectVersion": places.own_objects,
    "s3:GetAccessPoint": places.access_points,
    "s3:GetAccessPointPolicy": places.access_points,
    "s3:GetBucketLocation": places.bucket_settings,
    "s3:GetBucketObjectLockConfiguration": places.bucket_settings,
    "s3:GetBucketOwnershipControls": places.bucket_settings,
    "s3:GetBucketPolicy": places.bucket_settings,
    "s3:GetBucketRequestPayment": places.bucket_settings,
    "s3:GetEncryptionConfiguration": places.bucket_settings,
    "s3:GetObject": places.canaries,
    "s3:ListBucket": places.buckets,
    "s3:ListBucketMultipartUploads": places.buckets,
    "secretsmanager:DescribeSecret": places.secrets,
    "secretsmanager:ListSecretVersionIds": places.secrets,
}
"""Where each action is needed; a test holds that no action of a built plane is without."""


def observer_policy(
    planes: Iterable[Plane], declaration: Declaration, *, execution_roles: Sequence[str] = ()
) -> dict[str, Any]:
    """An IAM policy document that admits exactly what a run of these planes calls as the observer.

    `execution_roles` are the ARNs of the services' execution roles, which a probe passes to ECS and no declaration
    names. LookupError for a plane that isn't built. Actions that are needed nowhere in this declaration are left out.
    """
    demanded = dict.fromkeys([*planes, Plane.SUBSTRATE])
    unbuilt = [plane.value for plane in demanded if plane not in BUILT]
    if unbuilt:
        raise LookupError(f"{', '.join(unbuilt)}: not built")
    place = Place(declaration=declaration, execution_roles=tuple(execution_roles), planes=frozenset(demanded))
    needed = {
        action
        for plane in demanded
        for check in checks_of(plane)
        if any(True for _ in check.subjects(declaration))
        for action in check.permissions
    }
    if Plane.PACKAGING in demanded and any(map(place.imports, declaration.artifact)):
        needed |= set(permissions_of(["ecs:DescribeServices", "ecs:ListTasks", "ecs:DescribeTasks", *PROBE_OPERATIONS]))
    by_place: dict[str, tuple[Where, list[str]]] = {}
    for action in sorted(needed):
        where = SCOPES[action](place)
        if where.resources:
            by_place.setdefault(repr(where), (where, []))[1].append(action)
    return {
        "Version": "2012-10-17",
        "Statement": [_statement(actions, where) for where, actions in by_place.values()],
    }


def _statement(actions: Sequence[str], where: Where) -> dict[str, Any]:
    statement: dict[str, Any] = {"Effect": "Allow", "Action": list(actions), "Resource": list(where.resources)}
    if where.condition is not None:
        statement["Condition"] = {operator: dict(keys) for operator, keys in where.condition.items()}
    return statement
