"""Real Kafka of several versions, each with every kind of listener; two brokers, started once a version."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

import pytest

from pytest_substrate.embedded import keeper
from pytest_substrate.embedded.kafka.cluster import KafkaCluster
from pytest_substrate.embedded.kafka.prepare import prepare
from pytest_substrate.embedded.kafka.resources import Acl, Operation, ScramUser, TopicSpec
from pytest_substrate.embedded.kafka.spec import ClusterSpec, ListenerSpec
from pytest_substrate.embedded.kafka.tls import Authority
from pytest_substrate.embedded.network.relay import Network
from pytest_substrate.model.diagnosis import Diagnosis
from pytest_substrate.model.transcript import ProbeRequest, Transcript, transcript_from
from pytest_substrate.planes.messaging.diagnose.rungs import RUNGS, Asked
from pytest_substrate.probe.program import run

VERSIONS = ("4.2.0", "3.9.1")
PASSWORD = "correct horse"
LIFETIME_MS = 3_600_000
NOW = dt.datetime.now(dt.UTC)

LISTENERS = (
    ListenerSpec(
        protocol="SASL_SSL",
        mechanisms=("SCRAM-SHA-512", "SCRAM-SHA-256"),
        settings={"connections.max.reauth.ms": str(LIFETIME_MS)},
    ),
    ListenerSpec(
        protocol="SASL_PLAINTEXT",
        mechanisms=("PLAIN",),
        plain_users={"ingest": PASSWORD},
        settings={"connections.max.reauth.ms": "0"},
    ),
    ListenerSpec(protocol="PLAINTEXT"),
    ListenerSpec(protocol="SSL"),
    ListenerSpec(protocol="SSL", name="MTLS", client_certificate=True),
)
TOPICS = (
    TopicSpec(name="events.raw", partitions=3, replicas=2),
    TopicSpec(name="substrate.smoke", replicas=2, settings={"retention.ms": "600000"}),
    TopicSpec(name="read.only"),
    TopicSpec(name="hidden"),
    TopicSpec(name="compacted", settings={"cleanup.policy": "compact"}),
    TopicSpec(name="gzip", settings={"compression.type": "gzip"}),
    TopicSpec(name="lz4", settings={"compression.type": "lz4"}),
    TopicSpec(name="snappy", settings={"compression.type": "snappy"}),
    TopicSpec(name="zstd", settings={"compression.type": "zstd"}),
    TopicSpec(name="tiny", settings={"max.message.bytes": "60"}),
    TopicSpec(name="three", replicas=2, settings={"min.insync.replicas": "2"}),
)
OPEN = ("events.raw", "substrate.smoke", "compacted", "gzip", "lz4", "snappy", "zstd", "tiny", "three")
ALL: tuple[Operation, ...] = ("describe", "read", "write")


class Look(Protocol):
    """A run of the ladder, and what one rung comes to."""

    def __call__(self, listener: str = "SASL_SSL", **asked: Any) -> Transcript: ...


@pytest.fixture(scope="session")
def platform() -> Iterator[Path]:
    """A folder whose keeper ends whatever a test left."""
    folder = keeper.make_folder()
    kept = keeper.keep(folder)
    yield folder
    assert kept.stdin is not None
    kept.stdin.close()
    kept.wait(10)


@pytest.fixture(scope="session", params=VERSIONS)
def cluster(request: pytest.FixtureRequest, platform: Path) -> Iterator[KafkaCluster]:
    """Two brokers of one version."""
    version = str(request.param)
    authority = Authority.create(platform / f"tls-{version}", now=NOW)
    with Network() as network:
        found = KafkaCluster.start(
            platform,
            spec=ClusterSpec(name=f"kafka-{version}", version=version, listeners=LISTENERS),
            runtime=prepare(platform, version=version, progress=print),
            network=network,
            authority=authority,
            certificate=authority.issue(now=NOW),
        )
        try:
            admin = found.admin
            with admin.together():
                admin.create_topics(*TOPICS)
                admin.upsert_users(ScramUser(name="ingest", password=PASSWORD))
                admin.upsert_users(ScramUser(name="ingest", password=PASSWORD, mechanism="SCRAM-SHA-256"))
                for name in OPEN:
                    admin.allow(*(_allowed("User:ingest", "topic", name, operation) for operation in ALL))
                admin.allow(_allowed("User:ingest", "topic", "read.only", "read"))
                admin.allow(_allowed("User:ingest", "group", "ingest", "read"))
                admin.allow(
                    _allowed("User:ANONYMOUS", "topic", "*", "all"), _allowed("User:ANONYMOUS", "group", "*", "all")
                )
            yield found
        finally:
            found.stop()


def _allowed(principal: str, resource: Any, name: str, operation: Operation) -> Acl:
    return Acl(principal=principal, resource=resource, name=name, operation=operation)


@pytest.fixture
def look(cluster: KafkaCluster) -> Look:
    """The ladder against the cluster's listener of that name, as `ingest`."""

    def go(listener: str = "SASL_SSL", **asked: Any) -> Transcript:
        secret = {"username": "ingest", "password": asked.pop("password", PASSWORD)}
        protocol = asked.pop("protocol", "SSL" if listener == "MTLS" else listener)
        settings: dict[str, Any] = {
            "nonce": "0" * 32,
            "deadline_s": 5.0,
            "bootstrap": cluster.addresses(listener),
            "protocol": protocol,
            "mechanism": {"SASL_SSL": "SCRAM-SHA-512", "SASL_PLAINTEXT": "PLAIN"}.get(protocol),
            "ca_file": str(cluster.ca_file),
        }
        seen = transcript_from(run(ProbeRequest(**settings | asked).asked(), {}, secret))
        assert isinstance(seen, Transcript), seen
        assert seen.crash is None, seen.crash
        return seen

    return go


@pytest.fixture
def judge() -> Callable[..., Diagnosis]:
    """What a rung comes to, with what is asked of it."""

    def go(check: str, seen: Transcript, **asked: Any) -> Diagnosis:
        return RUNGS[check](seen, Asked(**asked))

    return go
