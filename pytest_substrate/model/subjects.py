"""Subjects: the permanent names of what checks are about, as pure functions of a declaration.

Waivers, evidence, ledger and reports key on these names, so they never change: `cluster/NAME`, `service/NAME`,
`service/NAME/topic/TOPIC`, `job/NAME`, `artifact/NAME`, `grant/NAME`, `role/NAME`, `ecs-cluster/NAME`. Each function
keeps the order of the file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_substrate.model.declaration import Declaration


def clusters(declaration: Declaration) -> tuple[str, ...]:
    """Every declared MSK cluster."""
    return tuple(f"cluster/{name}" for name in declaration.cluster)


def services(declaration: Declaration) -> tuple[str, ...]:
    """Every declared service."""
    return tuple(f"service/{name}" for name in declaration.service)


def messaging_services(declaration: Declaration) -> tuple[str, ...]:
    """The services that use a cluster."""
    return tuple(f"service/{name}" for name, service in declaration.service.items() if service.messaging)


def secret_services(declaration: Declaration) -> tuple[str, ...]:
    """The services that authenticate with a secret."""
    return tuple(
        f"service/{name}"
        for name, service in declaration.service.items()
        if service.messaging and service.messaging.credential
    )


def group_services(declaration: Declaration) -> tuple[str, ...]:
    """The services with a consumer group, and those that read and so should have one."""
    return tuple(
        f"service/{name}"
        for name, service in declaration.service.items()
        if service.messaging
        and (service.messaging.group or any("read" in operations for operations in service.messaging.topics.values()))
    )


def topics(declaration: Declaration) -> tuple[str, ...]:
    """Every topic under the service that uses it."""
    return tuple(
        f"service/{name}/topic/{topic}"
        for name, service in declaration.service.items()
        if service.messaging
        for topic in service.messaging.topics
    )


def jobs(declaration: Declaration) -> tuple[str, ...]:
    """Every declared job."""
    return tuple(f"job/{name}" for name in declaration.job)


def workloads(declaration: Declaration) -> tuple[str, ...]:
    """Every declared service, then every job."""
    return (*services(declaration), *jobs(declaration))


def artifacts(declaration: Declaration) -> tuple[str, ...]:
    """Every declared artifact."""
    return tuple(f"artifact/{name}" for name in declaration.artifact)


def grants(declaration: Declaration) -> tuple[str, ...]:
    """Every declared grant."""
    return tuple(f"grant/{name}" for name in declaration.grant)


def ci_roles(declaration: Declaration) -> tuple[str, ...]:
    """The role that CI assumes, where a release is declared."""
    return () if declaration.release is None else (f"role/{declaration.release.role}",)


def ecs_clusters(declaration: Declaration) -> tuple[str, ...]:
    """Every ECS cluster that a declared service or job runs in, once."""
    names = [service.ecs_cluster for service in declaration.service.values()]
    names += [job.ecs_cluster for job in declaration.job.values()]
    return tuple(f"ecs-cluster/{name}" for name in dict.fromkeys(names))


def name_of(subject: str) -> str:
    """The declared name in a subject: `ingest` of `service/ingest` and of `service/ingest/topic/events.raw`."""
    return subject.split("/")[1]


def topic_of(subject: str) -> str | None:
    """The topic in `service/NAME/topic/TOPIC`, None in every other subject."""
    parts = subject.split("/", 3)
    return parts[3] if len(parts) == 4 and parts[2] == "topic" else None


def holder(subject: str) -> str:
    """The subject that holds this one: a topic's service; of every other subject, itself."""
    return "/".join(subject.split("/")[:2])


def used_by(declaration: Declaration, subject: str) -> tuple[str, ...]:
    """What a subject uses and so may stand on: a service its cluster, a workload its artifact, a grant its workload."""
    kind, name = holder(subject).split("/")
    if kind == "service":
        service = declaration.service[name]
        cluster = (f"cluster/{service.messaging.cluster}",) if service.messaging else ()
        return (*cluster, f"artifact/{service.artifact}", f"ecs-cluster/{service.ecs_cluster}")
    if kind == "job":
        job = declaration.job[name]
        return (f"artifact/{job.artifact}", f"ecs-cluster/{job.ecs_cluster}")
    if kind == "grant":
        return (declaration.grant[name].workload,)
    return ()
