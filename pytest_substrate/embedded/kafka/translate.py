"""Our values of the administration as kafka-python's, and back. The import costs 0.3 s: only where it is needed."""

from __future__ import annotations

from typing import Any, cast

from kafka.admin import (
    ACL,
    ACLFilter,
    ACLOperation,
    ACLPermissionType,
    ACLResourcePatternType,
    ResourcePattern,
    ResourcePatternFilter,
    ResourceType,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

from pytest_substrate.embedded.kafka.resources import (
    Acl,
    AdminRefused,
    Operation,
    Partition,
    Resource,
    ScramUser,
    Topic,
    TopicSpec,
)


def refusal(error: Any, message: str = "") -> AdminRefused:
    """An error of Kafka's, or its class, as ours."""
    kind: Any = error if isinstance(error, type) else type(error)
    return AdminRefused(kind.errno, kind.message or kind.__name__, message)


def new_topics(topics: tuple[TopicSpec, ...]) -> dict[str, dict[str, Any]]:
    """What `create_topics` takes."""
    return {
        topic.name: {
            "num_partitions": topic.partitions,
            "replication_factor": topic.replicas,
            "configs": dict(topic.settings),
        }
        for topic in topics
    }


def topic(row: dict[str, Any]) -> Topic:
    """A topic out of `describe_topics`."""
    partitions = [
        Partition(
            number=part["partition_index"],
            leader=part["leader_id"],
            replicas=tuple(part["replica_nodes"]),
            in_sync=tuple(part["isr_nodes"]),
        )
        for part in row["partitions"]
    ]
    return Topic(
        name=row["name"],
        id=str(row.get("topic_id", "")),
        is_internal=row["is_internal"],
        partitions=tuple(sorted(partitions, key=lambda part: part.number)),
    )


def acl(value: Acl) -> Any:
    """An ACL to create."""
    return ACL(
        principal=value.principal,
        host=value.host,
        operation=ACLOperation[value.operation.upper()],
        permission_type=ACLPermissionType.ALLOW if value.allow else ACLPermissionType.DENY,
        resource_pattern=ResourcePattern(ResourceType[value.resource.upper()], value.name, _pattern(value)),
    )


def acl_filter(value: Acl) -> Any:
    """A filter that matches exactly one ACL."""
    return ACLFilter(
        principal=value.principal,
        host=value.host,
        operation=ACLOperation[value.operation.upper()],
        permission_type=ACLPermissionType.ALLOW if value.allow else ACLPermissionType.DENY,
        resource_pattern=ResourcePatternFilter(ResourceType[value.resource.upper()], value.name, _pattern(value)),
    )


def any_acl() -> Any:
    """A filter that matches every ACL."""
    return ACLFilter(
        principal=None,
        host=None,
        operation=ACLOperation.ANY,
        permission_type=ACLPermissionType.ANY,
        resource_pattern=ResourcePatternFilter(ResourceType.ANY, None, ACLResourcePatternType.ANY),
    )


def acl_back(found: Any) -> Acl:
    """An ACL out of `describe_acls`."""
    pattern = found.resource_pattern
    return Acl(
        principal=found.principal,
        resource=cast("Resource", pattern.resource_type.name.lower()),
        name=pattern.resource_name,
        operation=cast("Operation", found.operation.name.lower()),
        allow=found.permission_type is ACLPermissionType.ALLOW,
        prefixed=pattern.pattern_type is ACLResourcePatternType.PREFIXED,
        host=found.host,
    )


def upsertion(user: ScramUser) -> Any:
    """A SCRAM credential to make."""
    return UserScramCredentialUpsertion(user.name, user.mechanism, user.password, iterations=user.iterations)


def mechanisms(row: dict[str, Any], *, without: int) -> tuple[str, ...]:
    """The mechanisms of a user out of `describe_user_scram_credentials`, but those of `without` iterations."""
    infos = [info for info in row["credential_infos"] if info["iterations"] != without]
    return tuple(sorted(ScramMechanism(info["mechanism"]).name.replace("_", "-") for info in infos))


def _pattern(value: Acl) -> Any:
    return ACLResourcePatternType.PREFIXED if value.prefixed else ACLResourcePatternType.LITERAL
