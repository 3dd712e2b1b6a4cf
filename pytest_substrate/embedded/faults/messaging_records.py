"""Faults of the messaging plane past the brokers' doors: topics, group, smoke topic, the runtime's client."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from pytest_substrate.embedded.faults import fault
from pytest_substrate.embedded.kafka.resources import Acl
from pytest_substrate.embedded.platform import dev_min, names
from pytest_substrate.embedded.platform.platform import Platform
from pytest_substrate.embedded.platform.service import Definition, container, deployed, set_variable, supervise
from pytest_substrate.model.outcome import Layer

_WEEK_MS = 7 * 24 * 3_600_000


@fault(
    "topic-deleted",
    check="MSG-180",
    layer=Layer.WIRING,
    cause="topic-missing",
    breaks="events.raw is gone; the rules for it are still there",
)
def topic_deleted(platform: Platform) -> Iterator[None]:
    """It comes back empty."""
    try:
        platform.kafka.admin.delete_topics(names.TOPIC)
        yield
    finally:
        platform.kafka.admin.create_topics(dev_min.event_topic())


@fault(
    "topic-write-denied",
    check="MSG-190",
    layer=Layer.AUTHORIZATION,
    cause="not-authorized",
    breaks="the principal has lost Write on events.raw",
)
def topic_write_denied(platform: Platform) -> Iterator[None]:
    """One ACL is taken away; Describe stays."""
    with _without(platform, dev_min.topic_acl(names.TOPIC, "write")):
        yield


@fault(
    "group-denied",
    check="MSG-195",
    layer=Layer.AUTHORIZATION,
    cause="not-authorized",
    breaks="the principal has lost Read on its consumer group",
)
def group_denied(platform: Platform) -> Iterator[None]:
    """A consumer would wait for ever for a partition."""
    with _without(platform, dev_min.group_acl()):
        yield


@fault(
    "smoke-write-denied",
    check="MSG-200",
    layer=Layer.AUTHORIZATION,
    cause="write-forbidden",
    breaks="the principal has lost Write on the smoke topic",
)
def smoke_write_denied(platform: Platform) -> Iterator[None]:
    """No declared topic is concerned, so nothing tells before the record is refused."""
    with _without(platform, dev_min.topic_acl(names.SMOKE_TOPIC, "write")):
        yield


@fault(
    "smoke-topic-keeps-records",
    check="MSG-200",
    layer=Layer.SUBSTRATE,
    cause="retention-too-long",
    breaks="the smoke topic keeps its records for a week",
)
def smoke_topic_keeps_records(platform: Platform) -> Iterator[None]:
    """It would take a record; none is written."""
    with _smoke_topic_with(platform, "retention.ms", str(_WEEK_MS)):
        yield


@fault(
    "smoke-topic-compacted",
    check="MSG-200",
    layer=Layer.SUBSTRATE,
    cause="compacted",
    breaks="the smoke topic is compacted, so that its retention means nothing",
)
def smoke_topic_compacted(platform: Platform) -> Iterator[None]:
    """The retention is as short as before."""
    with _smoke_topic_with(platform, "cleanup.policy", "compact"):
        yield


@fault(
    "smoke-read-denied",
    check="MSG-210",
    layer=Layer.AUTHORIZATION,
    cause="read-forbidden",
    breaks="the principal has lost Read on the smoke topic",
)
def smoke_read_denied(platform: Platform) -> Iterator[None]:
    """The record is accepted, and doesn't come back."""
    with _without(platform, dev_min.topic_acl(names.SMOKE_TOPIC, "read")):
        yield


@fault(
    "api-version-pinned",
    check="MSG-220",
    layer=Layer.COMPATIBILITY,
    cause="no-common-version",
    breaks="the client is pinned to api_version 0.10.2, which brokers of Kafka 4 no longer speak",
)
def api_version_pinned(platform: Platform) -> Iterator[None]:
    """The service's own variable, which its client obeys."""
    with deployed(platform, lambda definition: set_variable(definition, "KAFKA_API_VERSION", "0.10.2")):
        yield


@fault(
    "api-version-malformed",
    check="MSG-220",
    layer=Layer.COMPATIBILITY,
    cause="api-version-malformed",
    breaks="the service's api_version is no version",
)
def api_version_malformed(platform: Platform) -> Iterator[None]:
    """The service crashes on it, again and again, under a supervisor in its container: to ECS its tasks are well."""

    def malform(definition: Definition) -> None:
        set_variable(definition, "KAFKA_API_VERSION", "banana")
        supervise(definition)

    with deployed(platform, malform):
        yield


@fault(
    "client-without-files",
    check="MSG-230",
    layer=Layer.PACKAGING,
    cause="client-missing",
    breaks="the image has kafka-python's metadata and none of its modules, as a build that copies too little leaves it",
)
def client_without_files(platform: Platform) -> Iterator[None]:
    """The service crashes at its first import, under a supervisor; what is installed on paper meets the brokers."""
    image = dev_min.push_image(platform, tag="1.0.1", keep=lambda path: ".dist-info/" in path)

    def replace_image(definition: Definition) -> None:
        container(definition)["image"] = dev_min.image_at(image)
        supervise(definition)

    try:
        with deployed(platform, replace_image):
            yield
    finally:
        platform.client("ecr").batch_delete_image(repositoryName=names.REPOSITORY, imageIds=[{"imageDigest": image}])


@contextlib.contextmanager
def _without(platform: Platform, rule: Acl) -> Iterator[None]:
    try:
        platform.kafka.admin.revoke(rule)
        yield
    finally:
        platform.kafka.admin.allow(rule)


@contextlib.contextmanager
def _smoke_topic_with(platform: Platform, setting: str, value: str) -> Iterator[None]:
    admin = platform.kafka.admin
    before = admin.topic_settings(names.SMOKE_TOPIC)
    try:
        admin.set_topic_settings(names.SMOKE_TOPIC, {setting: value})
        yield
    finally:
        admin.set_topic_settings(names.SMOKE_TOPIC, {setting: before.get(setting)})
