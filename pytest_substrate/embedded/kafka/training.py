"""What a cluster does while the JVM's image is trained: what the platform and its clients will ask of it."""

from __future__ import annotations

import secrets
from typing import Any

from pytest_substrate.embedded.kafka.cluster import KafkaCluster
from pytest_substrate.embedded.kafka.resources import Acl, Operation, ScramUser, TopicSpec

_ANSWER_S = 20.0


def use(cluster: KafkaCluster) -> None:
    """Administer a cluster of the default listeners, then publish and consume one record as a client of it.

    Raises whatever goes wrong: a training that went wrong trains the wrong thing.
    """
    from kafka import KafkaConsumer, KafkaProducer

    user = ScramUser(name="training", password=secrets.token_hex(16))
    operations: tuple[Operation, ...] = ("describe", "read", "write")
    principal = f"User:{user.name}"
    with cluster.admin.together():
        cluster.admin.create_topics(TopicSpec(name="training", replicas=len(cluster.brokers)))
        cluster.admin.upsert_users(user)
        cluster.admin.allow(
            *(Acl(principal=principal, resource="topic", name="training", operation=each) for each in operations),
            Acl(principal=principal, resource="group", name="training", operation="read"),
        )
    cluster.admin.topics("training")
    cluster.admin.topic_settings("training")
    client: dict[str, Any] = {
        "bootstrap_servers": list(cluster.bootstrap),
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": user.mechanism,
        "sasl_plain_username": user.name,
        "sasl_plain_password": user.password,
        "ssl_cafile": str(cluster.ca_file),
        "bootstrap_timeout_ms": int(_ANSWER_S * 1000),
    }
    producer = KafkaProducer(**client)
    try:
        producer.send("training", b"training").get(_ANSWER_S)
    finally:
        producer.close(timeout=1)
    consumer = KafkaConsumer(
        "training",
        group_id="training",
        auto_offset_reset="earliest",
        consumer_timeout_ms=int(_ANSWER_S * 1000),
        **client,
    )
    try:
        next(iter(consumer))
    finally:
        consumer.close()
