"""The least-privilege policy of the observer: what a run of some planes needs of one declaration, and no more. Pure.

The actions are those of the planes' checks; where each may be used is from AWS's Service Authorization Reference. An
action that AWS limits to no resource has `*`, with the ECS cluster as a condition where AWS knows that key. Reading a
secret's value is never among them.

Who may run a probe holds the task role, as no condition of IAM limits a task's command: give this policy to a role that
only the gate can assume.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from pytest_substrate.model.outcome import Plane
from pytest_substrate.planes.catalogue import BUILT, checks_of

if TYPE_CHECKING:
    from pytest_substrate.model.declaration import Declaration, Service

PROBE_FAMILY: Final = "substrate-probe-"
"""The families of twins: the only task definitions that are ever registered, run or deleted."""
RUN_TAG: Final = "substrate:run"
"""The tag of every twin and its task."""

Condition = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """The resources that an action is allowed on, under a condition."""

    resources: tuple[str, ...] = ("*",)
    condition: Condition | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """The declaration's things by their ARNs."""

    declaration: Declaration
    execution_roles: tuple[str, ...]
    planes: frozenset[Plane]

    def arn(self, service: str, rest: str, *, regional: bool = True) -> str:
        region = self.declaration.region if regional else ""
        return f"arn:{self.partition}:{service}:{region}:{self.declaration.account}:{rest}"

    @property
    def partition(self) -> str:
        """As the declared ARNs have it, else as the region's name tells."""
        named = next((cluster.arn for cluster in self.declaration.cluster.values()), None)
        if named is not None:
            return named.split(":")[1]
        return {"cn": "aws-cn", "us-gov": "aws-us-gov"}.get(self.declaration.region.rsplit("-", 2)[0], "aws")

    @property
    def services(self) -> tuple[Service, ...]:
        return tuple(service for service in self.declaration.service.values() if service.messaging)

    @property
    def probed(self) -> dict[str, str]:
        """What is probed for the planes, by the end of its twin's family: the task role of each."""
        declared = self.declaration
        found: dict[str, str] = {}
        if Plane.MESSAGING in self.planes:
            found |= {name: one.task_role for name, one in declared.service.items() if one.messaging}
        if Plane.DATA in self.planes:
            granted = {grant.workload for grant in declared.grant.values()}
            found |= {name: one.task_role for name, one in declared.service.items() if f"service/{name}" in granted}
            found |= {f"job-{name}": one.task_role for name, one in declared.job.items()}
        return found

    @property
    def data_roles(self) -> tuple[str, ...]:
        """The task roles whose permissions the data plane reads."""
        granted = {grant.workload for grant in self.declaration.grant.values()}
        roles = [one.task_role for name, one in self.declaration.service.items() if f"service/{name}" in granted]
        return tuple(dict.fromkeys([*roles, *(job.task_role for job in self.declaration.job.values())]))

    @property
    def policy_roles(self) -> tuple[str, ...]:
        """The roles whose policies the planes read."""
        release = self.declaration.release
        publishing = (release.role,) if release is not None and Plane.RELEASE in self.planes else ()
        running = self.data_roles if Plane.DATA in self.planes else ()
        return tuple(dict.fromkeys([*publishing, *running]))

    @property
    def ecs_clusters(self) -> tuple[str, ...]:
        """Of all services and jobs: nothing may run beside what is declared."""
        names = [service.ecs_cluster for service in self.declaration.service.values()]
        names += [job.ecs_cluster for job in self.declaration.job.values()]
        return tuple(dict.fromkeys(names))

    @property
    def topics(self) -> tuple[str, ...]:
        """Every declared topic and smoke topic, as MSK's policies name them."""
        found: dict[str, None] = {}
        for service in self.services:
            assert service.messaging is not None  # noqa: S101  `services` holds no other
            cluster = self.declaration.cluster[service.messaging.cluster]
            smoke = [cluster.smoke_topic] if cluster.smoke_topic else []
            prefix = cluster.arn.replace(":cluster/", ":topic/", 1)
            found.update(dict.fromkeys(f"{prefix}/{topic}" for topic in [*service.messaging.topics, *smoke]))
        return tuple(found)

    def in_clusters(self, *resources: str) -> Where:
        clusters = [self.arn("ecs", f"cluster/{name}") for name in self.ecs_clusters]
        return Where(resources=resources or ("*",), condition={"ArnEquals": {"ecs:cluster": clusters}})


def _everywhere(_: _Place) -> Where:
    return Where()


def _ecs_clusters(place: _Place) -> Where:
    return Where(resources=tuple(place.arn("ecs", f"cluster/{name}") for name in place.ecs_clusters))


def _all_services(place: _Place) -> Where:
    return Where(resources=tuple(place.arn("ecs", f"service/{name}/*") for name in place.ecs_clusters))


def _tasks(place: _Place) -> Where:
    return Where(resources=tuple(place.arn("ecs", f"task/{name}/*") for name in place.ecs_clusters))


def _own_tasks(place: _Place) -> Where:
    return Where(resources=_tasks(place).resources, condition={"Null": {f"aws:ResourceTag/{RUN_TAG}": "false"}})


def _services(place: _Place) -> Where:
    named = place.declaration.service.values()
    return Where(resources=tuple(place.arn("ecs", f"service/{service.ecs}") for service in named))


def _revisions(place: _Place) -> Where:
    named = place.declaration.service.values()
    return Where(resources=tuple(place.arn("ecs", f"service-revision/{service.ecs}/*") for service in named))


def _repositories(place: _Place) -> Where:
    names = dict.fromkeys(artifact.repository for artifact in place.declaration.artifact.values())
    return Where(resources=tuple(place.arn("ecr", f"repository/{name}") for name in names))


def _twins(place: _Place) -> Where:
    return Where(resources=(place.arn("ecs", f"task-definition/{PROBE_FAMILY}*"),))


def _run_twins(place: _Place) -> Where:
    return place.in_clusters(*(place.arn("ecs", f"task-definition/{PROBE_FAMILY}{name}:*") for name in place.probed))


def _tag_on_creation(place: _Place) -> Where:
    created = {"StringEquals": {"ecs:CreateAction": ["RegisterTaskDefinition", "RunTask"]}}
    return Where(resources=(*_twins(place).resources, *_tasks(place).resources), condition=created)


def _passed_roles(place: _Place) -> Where:
    """Task roles by name, under whatever path; execution roles by ARN, as the declaration does not name them."""
    names = dict.fromkeys(place.probed.values())
    tasks = [place.arn("iam", f"role/{path}{name}", regional=False) for name in names for path in ("", "*/")]
    service = {"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}}
    return Where(resources=(*tasks, *place.execution_roles), condition=service)


def _clusters(place: _Place) -> Where:
    return Where(resources=tuple(cluster.arn for cluster in place.declaration.cluster.values()))


def _topics(place: _Place) -> Where:
    return Where(resources=place.topics)


def _topics_in_clusters(place: _Place) -> Where:
    """The reference names the topic, the call's path the cluster: both, so that either reading admits it."""
    return Where(resources=(*_clusters(place).resources, *place.topics))


def _secrets(place: _Place) -> Where:
    """By name and the six characters that Secrets Manager adds to it."""
    names = dict.fromkeys(
        service.messaging.credential.secret
        for service in place.services
        if service.messaging and service.messaging.credential
    )
    return Where(resources=tuple(place.arn("secretsmanager", f"secret:{name}-??????") for name in names))


def _keys(place: _Place) -> Where:
    """The declaration names no key: a secret says which one it lies under, and DescribeKey tells nothing secret."""
    return Where(resources=(place.arn("kms", "key/*"),))


def _probe_logs(place: _Place) -> Where:
    """The probe's own streams; in the declared group, else in whichever group a service writes to."""
    group = place.declaration.probe.log_group or "*"
    return Where(resources=(place.arn("logs", f"log-group:{group}:log-stream:{PROBE_FAMILY.rstrip('-')}/*"),))


def _roles(place: _Place) -> Where:
    """By name, under whatever path."""
    roles = place.policy_roles
    found = [place.arn("iam", f"role/{path}{name}", regional=False) for name in roles for path in ("", "*/")]
    return Where(resources=tuple(found))


def _oidc_providers(place: _Place) -> Where:
    """All of them are listed, and each is asked which issuer and audiences it is for."""
    return Where(resources=(place.arn("iam", "oidc-provider/*", regional=False),))


def _managed_policies(place: _Place) -> Where:
    """The account's own and those of AWS: which of them a role has is not declared."""
    own = place.arn("iam", "policy/*", regional=False)
    return Where(resources=(own, f"arn:{place.partition}:iam::aws:policy/*"))


def _bucket_arns(place: _Place) -> list[str]:
    return list(dict.fromkeys(_bucket_arn(place, grant.bucket) for grant in place.declaration.grant.values()))


def _bucket_arn(place: _Place, bucket: str) -> str:
    return bucket if bucket.startswith("arn:") else f"arn:{place.partition}:s3:::{bucket}"


def _object_arn(place: _Place, bucket: str, key: str) -> str:
    """Of an access point, `/object/` stands before the key."""
    return f"{_bucket_arn(place, bucket)}{'/object/' if bucket.startswith('arn:') else '/'}{key}"


def _buckets(place: _Place) -> Where:
    return Where(resources=tuple(_bucket_arns(place)))


def _canaries(place: _Place) -> Where:
    """What must stay closed, and nothing else, may the observer see to exist."""
    found = [
        _object_arn(place, grant.bucket, f"{key}*" if key.endswith("/") else key)
        for grant in place.declaration.grant.values()
        for key in grant.closed
    ]
    return Where(resources=tuple(dict.fromkeys(found)))


def _own_uploads(place: _Place) -> Where:
    """The keys that a probe writes to: of its own below a prefix, else the declared one."""
    found = [
        _object_arn(place, grant.bucket, f"{key}{PROBE_FAMILY}*" if key.endswith("/") else key)
        for grant in place.declaration.grant.values()
        for key in (*grant.write, *grant.closed)
    ]
    return Where(resources=tuple(dict.fromkeys(found)))


def _job_logs(place: _Place) -> Where:
    """The declaration doesn't name a job's log group: its task definition does."""
    return Where(resources=(place.arn("logs", "log-group:*"),) if place.declaration.job else ())


SCOPES: Final[Mapping[str, Callable[[_Place], Where]]] = {
    "cloudtrail:LookupEvents": _everywhere,
    "ecr:BatchGetImage": _repositories,
    "ecr:DescribeImages": _repositories,
    "ecr:DescribeRepositories": _repositories,
    "ecr:GetDownloadUrlForLayer": _repositories,
    "ecr:ListImageReferrers": _repositories,
    "ecs:DescribeClusters": _ecs_clusters,
    "ecs:ListServices": _Place.in_clusters,
    "ecs:DescribeServices": _all_services,
    "ecs:DescribeServiceRevisions": _revisions,
    "ecs:ListServiceDeployments": _services,
    "ecs:DescribeTaskDefinition": _everywhere,
    "ecs:ListTasks": _Place.in_clusters,
    "ecs:DescribeTasks": _tasks,
    "ecs:RegisterTaskDefinition": _twins,
    "ecs:RunTask": _run_twins,
    "ecs:StopTask": _own_tasks,
    "ecs:TagResource": _tag_on_creation,
    "ecs:DeregisterTaskDefinition": _everywhere,
    "ecs:DeleteTaskDefinitions": _twins,
    "ecs:ListTaskDefinitionFamilies": _everywhere,
    "ecs:ListTaskDefinitions": _everywhere,
    "iam:GetOpenIDConnectProvider": _oidc_providers,
    "iam:GetPolicy": _managed_policies,
    "iam:GetPolicyVersion": _managed_policies,
    "iam:GetRole": _roles,
    "iam:GetRolePolicy": _roles,
    "iam:ListAttachedRolePolicies": _roles,
    "iam:ListOpenIDConnectProviders": _everywhere,
    "iam:ListRolePolicies": _roles,
    "iam:PassRole": _passed_roles,
    "kafka:DescribeClusterV2": _clusters,
    "kafka:GetBootstrapBrokers": _everywhere,
    "kafka:ListNodes": _clusters,
    "kafka:ListScramSecrets": _clusters,
    "kafka:DescribeTopic": _topics_in_clusters,
    "kafka-cluster:Connect": _clusters,
    "kafka-cluster:DescribeTopic": _topics,
    "kafka-cluster:DescribeTopicDynamicConfiguration": _topics,
    "kms:DescribeKey": _keys,
    "kms:GetKeyPolicy": _keys,
    "logs:DescribeLogStreams": _job_logs,
    "logs:FilterLogEvents": _job_logs,
    "logs:GetLogEvents": _probe_logs,
    "s3:AbortMultipartUpload": _own_uploads,
    "s3:GetBucketLocation": _buckets,
    "s3:GetBucketObjectLockConfiguration": _buckets,
    "s3:GetBucketOwnershipControls": _buckets,
    "s3:GetBucketPolicy": _buckets,
    "s3:GetBucketRequestPayment": _buckets,
    "s3:GetEncryptionConfiguration": _buckets,
    "s3:GetObject": _canaries,
    "s3:ListBucket": _buckets,
    "s3:ListBucketMultipartUploads": _buckets,
    "secretsmanager:DescribeSecret": _secrets,
    "secretsmanager:ListSecretVersionIds": _secrets,
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
    place = _Place(declaration=declaration, execution_roles=tuple(execution_roles), planes=frozenset(demanded))
    needed = {
        action
        for plane in demanded
        for check in checks_of(plane)
        if any(True for _ in check.subjects(declaration))
        for action in check.permissions
    }
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
