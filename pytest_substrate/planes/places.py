"""Where an action of the observer may be used: the declaration's things by their ARNs, and conditions of ECS. Pure.

Each function is the place of one or more actions in `permissions.SCOPES`, from AWS's Service Authorization Reference.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from pytest_substrate.model.outcome import Plane

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
class Place:
    """The declaration's things by their ARNs."""

    declaration: Declaration
    execution_roles: tuple[str, ...]
    planes: frozenset[Plane]

    def arn(self, service: str, rest: str, *, regional: bool = True) -> str:
        """Of the declared account, and region where the service has any."""
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
        """The declared services with messaging."""
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
        if Plane.PACKAGING in self.planes:
            found |= {name: one.task_role for name, one in declared.service.items() if self.imports(one.artifact)}
            found |= {f"job-{name}": one.task_role for name, one in declared.job.items() if self.imports(one.artifact)}
        return found

    def imports(self, artifact: str) -> bool:
        """Whether the imports of an artifact are tried in a task (PKG-080)."""
        return self.declaration.artifact[artifact].contract.imports_at is not None

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
        """Resources, all where none is given, in the declared ECS clusters."""
        clusters = [self.arn("ecs", f"cluster/{name}") for name in self.ecs_clusters]
        return Where(resources=resources or ("*",), condition={"ArnEquals": {"ecs:cluster": clusters}})


def everywhere(_: Place) -> Where:
    """Actions that AWS limits to no resource."""
    return Where()


def ecs_clusters(place: Place) -> Where:
    """The declared ECS clusters."""
    return Where(resources=tuple(place.arn("ecs", f"cluster/{name}") for name in place.ecs_clusters))


def all_services(place: Place) -> Where:
    """Every service of them, declared or not."""
    return Where(resources=tuple(place.arn("ecs", f"service/{name}/*") for name in place.ecs_clusters))


def tasks(place: Place) -> Where:
    """Every task of them."""
    return Where(resources=tuple(place.arn("ecs", f"task/{name}/*") for name in place.ecs_clusters))


def own_tasks(place: Place) -> Where:
    """The tasks that some run of a gate started, by their tag."""
    return Where(resources=tasks(place).resources, condition={"Null": {f"aws:ResourceTag/{RUN_TAG}": "false"}})


def services(place: Place) -> Where:
    """The declared services."""
    named = place.declaration.service.values()
    return Where(resources=tuple(place.arn("ecs", f"service/{service.ecs}") for service in named))


def revisions(place: Place) -> Where:
    """Their revisions."""
    named = place.declaration.service.values()
    return Where(resources=tuple(place.arn("ecs", f"service-revision/{service.ecs}/*") for service in named))


def repositories(place: Place) -> Where:
    """The artifacts' repositories."""
    names = dict.fromkeys(artifact.repository for artifact in place.declaration.artifact.values())
    return Where(resources=tuple(place.arn("ecr", f"repository/{name}") for name in names))


def twins(place: Place) -> Where:
    """The task definitions of probes."""
    return Where(resources=(place.arn("ecs", f"task-definition/{PROBE_FAMILY}*"),))


def run_twins(place: Place) -> Where:
    """Those of what is probed, and of jobs that declare a rerun their own definitions; in the declared ECS clusters."""
    twins = [place.arn("ecs", f"task-definition/{PROBE_FAMILY}{name}:*") for name in place.probed]
    jobs = place.declaration.job.values() if Plane.DATA in place.planes else ()
    own = [place.arn("ecs", f"task-definition/{job.task_definition}:*") for job in jobs if job.rerun is not None]
    return place.in_clusters(*twins, *dict.fromkeys(own))


def tag_on_creation(place: Place) -> Where:
    """Tags of twins and tasks, as they are made."""
    created = {"StringEquals": {"ecs:CreateAction": ["RegisterTaskDefinition", "RunTask"]}}
    return Where(resources=(*twins(place).resources, *tasks(place).resources), condition=created)


def passed_roles(place: Place) -> Where:
    """Task roles by name, under whatever path; execution roles by ARN, as the declaration does not name them."""
    names = dict.fromkeys(place.probed.values())
    tasks = [place.arn("iam", f"role/{path}{name}", regional=False) for name in names for path in ("", "*/")]
    service = {"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}}
    return Where(resources=(*tasks, *place.execution_roles), condition=service)


def clusters(place: Place) -> Where:
    """The declared MSK clusters."""
    return Where(resources=tuple(cluster.arn for cluster in place.declaration.cluster.values()))


def topics(place: Place) -> Where:
    """Every declared topic."""
    return Where(resources=place.topics)


def topics_in_clusters(place: Place) -> Where:
    """The reference names the topic, the call's path the cluster: both, so that either reading admits it."""
    return Where(resources=(*clusters(place).resources, *place.topics))


def secrets(place: Place) -> Where:
    """By name and the six characters that Secrets Manager adds to it."""
    names = dict.fromkeys(
        service.messaging.credential.secret
        for service in place.services
        if service.messaging and service.messaging.credential
    )
    return Where(resources=tuple(place.arn("secretsmanager", f"secret:{name}-??????") for name in names))


def keys(place: Place) -> Where:
    """The declaration names no key: a secret says which one it lies under, and DescribeKey tells nothing secret."""
    return Where(resources=(place.arn("kms", "key/*"),))


def probe_logs(place: Place) -> Where:
    """The probe's own streams; in the declared group, else in whichever group a service writes to."""
    group = place.declaration.probe.log_group or "*"
    return Where(resources=(place.arn("logs", f"log-group:{group}:log-stream:{PROBE_FAMILY.rstrip('-')}/*"),))


def roles(place: Place) -> Where:
    """By name, under whatever path."""
    roles = place.policy_roles
    found = [place.arn("iam", f"role/{path}{name}", regional=False) for name in roles for path in ("", "*/")]
    return Where(resources=tuple(found))


def oidc_providers(place: Place) -> Where:
    """All of them are listed, and each is asked which issuer and audiences it is for."""
    return Where(resources=(place.arn("iam", "oidc-provider/*", regional=False),))


def managed_policies(place: Place) -> Where:
    """The account's own and those of AWS: which of them a role has is not declared."""
    own = place.arn("iam", "policy/*", regional=False)
    return Where(resources=(own, f"arn:{place.partition}:iam::aws:policy/*"))


def _bucket_arns(place: Place) -> list[str]:
    return list(dict.fromkeys(_bucket_arn(place, grant.bucket) for grant in place.declaration.grant.values()))


def _bucket_arn(place: Place, bucket: str) -> str:
    return bucket if bucket.startswith("arn:") else f"arn:{place.partition}:s3:::{bucket}"


def _object_arn(place: Place, bucket: str, key: str) -> str:
    """Of an access point, `/object/` stands before the key."""
    return f"{_bucket_arn(place, bucket)}{'/object/' if bucket.startswith('arn:') else '/'}{key}"


def buckets(place: Place) -> Where:
    """The grants' buckets and access points, to list them."""
    return Where(resources=tuple(_bucket_arns(place)))


def bucket_settings(place: Place) -> Where:
    """The grants' buckets. Which one lies behind an access point isn't declared; of settings nothing secret is told."""
    arns = _bucket_arns(place)
    behind = [f"arn:{place.partition}:s3:::*"] if any(":accesspoint/" in arn for arn in arns) else []
    return Where(resources=(*(arn for arn in arns if ":accesspoint/" not in arn), *behind))


def access_points(place: Place) -> Where:
    """Those that grants name, none where they name buckets alone."""
    return Where(resources=tuple(arn for arn in _bucket_arns(place) if ":accesspoint/" in arn))


def canaries(place: Place) -> Where:
    """What must stay closed, and nothing else, may the observer see to exist."""
    found = [
        _object_arn(place, grant.bucket, f"{key}*" if key.endswith("/") else key)
        for grant in place.declaration.grant.values()
        for key in grant.closed
    ]
    return Where(resources=tuple(dict.fromkeys(found)))


def own_uploads(place: Place) -> Where:
    """The keys that a probe writes to: of its own below a prefix, else the declared one."""
    grants = place.declaration.grant.values()
    found = [_own_key(place, grant.bucket, key) for grant in grants for key in (*grant.write, *grant.closed)]
    return Where(resources=tuple(dict.fromkeys(found)))


def own_objects(place: Place) -> Where:
    """Those of them that a round trip makes an object of, which the role may fail to delete."""
    grants = [grant for grant in place.declaration.grant.values() if grant.write_proof == "roundtrip"]
    found = [_own_key(place, grant.bucket, key) for grant in grants for key in grant.write]
    return Where(resources=tuple(dict.fromkeys(found)))


def _own_key(place: Place, bucket: str, key: str) -> str:
    return _object_arn(place, bucket, f"{key}{PROBE_FAMILY}*" if key.endswith("/") else key)


def job_logs(place: Place) -> Where:
    """The declaration doesn't name the log group of a job or a service: its task definition does."""
    workloads = place.declaration.job or place.declaration.service
    return Where(resources=(place.arn("logs", "log-group:*"),) if workloads else ())
