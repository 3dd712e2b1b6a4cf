"""Real Kafka, as a client of the platform meets it. One cluster serves the whole module."""

from __future__ import annotations

import dataclasses
import datetime as dt
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from kafka import KafkaConsumer, KafkaProducer
from kafka.errors import GroupAuthorizationFailedError, KafkaError, TopicAuthorizationFailedError

from pytest_substrate.embedded import keeper
from pytest_substrate.embedded.kafka import cluster as cluster_module
from pytest_substrate.embedded.kafka.admin import KafkaAdmin
from pytest_substrate.embedded.kafka.broker import Runtime
from pytest_substrate.embedded.kafka.cluster import KafkaCluster
from pytest_substrate.embedded.kafka.prepare import prepare
from pytest_substrate.embedded.kafka.resources import Acl, AdminRefused, ScramUser, TopicSpec
from pytest_substrate.embedded.kafka.spec import ClusterSpec, ListenerSpec
from pytest_substrate.embedded.kafka.tls import Authority, Certificate
from pytest_substrate.embedded.network.mode import Refuse, Silent
from pytest_substrate.embedded.network.ports import HeldPort
from pytest_substrate.embedded.network.relay import Network
from pytest_substrate.embedded.platform.platform import wait_until
from pytest_substrate.model.errors import BadInput

_NOW = dt.datetime.now(dt.UTC)
_PASSWORD = "correct horse"


@pytest.fixture(scope="module")
def platform() -> Iterator[Path]:
    """A platform's folder; its keeper ends whatever a test left."""
    folder = keeper.make_folder()
    kept = keeper.keep(folder)
    yield folder
    assert kept.stdin is not None
    kept.stdin.close()
    kept.wait(10)


@pytest.fixture(scope="module")
def runtime(platform: Path) -> Runtime:
    """Java, the jars and the image, from the user's own cache."""
    return prepare(platform, progress=print)


@pytest.fixture(scope="module")
def network() -> Iterator[Network]:
    """The relays' thread."""
    with Network() as network:
        yield network


@pytest.fixture(scope="module")
def authority(platform: Path) -> Authority:
    """The certificate authority of the module."""
    return Authority.create(platform / "tls", now=_NOW)


@pytest.fixture(scope="module")
def spine(platform: Path, runtime: Runtime, network: Network, authority: Authority) -> Iterator[KafkaCluster]:
    """The platform's cluster, with a user who may write `events` and do everything on `smoke`."""
    cluster = KafkaCluster.start(
        platform,
        spec=ClusterSpec(),
        runtime=runtime,
        network=network,
        authority=authority,
        certificate=authority.issue(now=_NOW),
    )
    with cluster.admin.together():
        cluster.admin.create_topics(
            TopicSpec(name="events", partitions=2, replicas=2),
            TopicSpec(name="smoke", settings={"retention.ms": "600000"}),
        )
        cluster.admin.upsert_users(ScramUser(name="ingest", password=_PASSWORD))
        cluster.admin.allow(
            Acl(principal="User:ingest", resource="topic", name="events", operation="describe"),
            Acl(principal="User:ingest", resource="topic", name="events", operation="write"),
            Acl(principal="User:ingest", resource="topic", name="smoke", operation="write"),
            Acl(principal="User:ingest", resource="topic", name="smoke", operation="read"),
            Acl(principal="User:ingest", resource="group", name="ingest", operation="read"),
        )
    yield cluster
    cluster.stop()


def _client(cluster: KafkaCluster, password: str = _PASSWORD) -> dict[str, Any]:
    return {
        "bootstrap_servers": list(cluster.bootstrap),
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": "ingest",
        "sasl_plain_password": password,
        "ssl_cafile": str(cluster.ca_file),
        "bootstrap_timeout_ms": 10000,
    }


def _authenticate(cluster: KafkaCluster, name: str, password: str) -> None:
    """A connection as `name`; KafkaError where it is refused."""
    settings = {"sasl_plain_username": name, "bootstrap_timeout_ms": 1500}
    KafkaProducer(**{**_client(cluster, password), **settings}).close(timeout=1)


def _publish(cluster: KafkaCluster, topic: str, value: bytes, *, password: str = _PASSWORD, **settings: Any) -> int:
    producer = KafkaProducer(**{**_client(cluster, password), **settings})
    try:
        offset: int = producer.send(topic, value, partition=0).get(10).offset
        return offset
    finally:
        producer.close(timeout=1)


def _consume(cluster: KafkaCluster, topic: str, group: str) -> bytes:
    consumer = KafkaConsumer(
        topic, group_id=group, auto_offset_reset="earliest", consumer_timeout_ms=10000, **_client(cluster)
    )
    try:
        value: bytes = next(iter(consumer)).value
        return value
    finally:
        consumer.close()


def _handshake(cluster: KafkaCluster, node: int = 1, *, timeout_s: float = 10.0) -> str:
    """What a client that trusts the authority says of a broker's certificate: "" where it is content."""
    context = ssl.create_default_context(cafile=cluster.ca_file)
    address = ("127.0.0.1", cluster.relay(node).port)
    with socket.create_connection(address, timeout_s) as sock:
        try:
            context.wrap_socket(sock, server_hostname="localhost").close()
        except ssl.SSLCertVerificationError as error:
            return error.verify_message
    return ""


def test_a_client_publishes_and_consumes_through_the_relay(spine: KafkaCluster) -> None:
    """With SCRAM over TLS a record goes in and comes out, and every address that the client is given is a relay's."""
    _publish(spine, "smoke", b"a record")
    assert b"a record" == _consume(spine, "smoke", "ingest")
    consumer = KafkaConsumer(**_client(spine))
    try:
        advertised = {f"{broker.host}:{broker.port}" for broker in consumer._client.cluster.brokers()}
    finally:
        consumer.close()
    assert set(spine.bootstrap) == advertised


def test_every_broker_is_in_the_metadata(spine: KafkaCluster) -> None:
    """The administration sees both, at their internal addresses."""
    found = spine.admin.brokers()
    assert spine.admin_addresses == tuple(f"{broker.host}:{broker.port}" for broker in found)
    assert (1, 2) == tuple(broker.node for broker in found)


def test_topics_are_as_they_were_made(spine: KafkaCluster) -> None:
    """Two copies where two were asked for, and the settings that were given."""
    events = spine.admin.topics("events")[0]
    assert [{1, 2}, {1, 2}] == [set(partition.replicas) for partition in events.partitions]
    assert "600000" == spine.admin.topic_settings("smoke")["retention.ms"]
    assert () == spine.admin.topics("missing")


def test_a_wrong_password_is_refused(spine: KafkaCluster) -> None:
    """No record gets in under it."""
    with pytest.raises(KafkaError):
        _publish(spine, "smoke", b"x", password="battery staple", bootstrap_timeout_ms=1500)


def test_a_changed_password_holds_at_once_for_every_broker(spine: KafkaCluster) -> None:
    """When the change returns, the old password opens no broker, and the new one all."""
    spine.admin.upsert_users(ScramUser(name="ingest", password="rotated"))
    try:
        for address in spine.bootstrap:
            _publish(spine, "smoke", b"x", password="rotated", bootstrap_servers=[address])
            with pytest.raises(KafkaError):
                _publish(spine, "smoke", b"x", bootstrap_servers=[address], bootstrap_timeout_ms=1000)
    finally:
        spine.admin.upsert_users(ScramUser(name="ingest", password=_PASSWORD))


def test_users_come_and_go(spine: KafkaCluster) -> None:
    """A user is listed with its mechanisms until it is deleted, then refused; no mark of ours is listed."""
    other = ScramUser(name="other", password="x")
    spine.admin.upsert_users(other, dataclasses.replace(other, mechanism="SCRAM-SHA-256"))
    assert ("SCRAM-SHA-256", "SCRAM-SHA-512") == spine.admin.users()["other"]
    _authenticate(spine, "other", "x")
    spine.admin.delete_users("other")
    assert ("SCRAM-SHA-256",) == spine.admin.users()["other"]
    with pytest.raises(KafkaError):
        _authenticate(spine, "other", "x")
    spine.admin.delete_users("other", mechanism="SCRAM-SHA-256")
    assert {"ingest": ("SCRAM-SHA-512",)} == spine.admin.users()


def test_what_no_acl_allows_is_denied(spine: KafkaCluster) -> None:
    """Reading `events`, using another group and writing to a topic that is missing are all refused."""
    with pytest.raises(TopicAuthorizationFailedError):
        _consume(spine, "events", "ingest")
    with pytest.raises(GroupAuthorizationFailedError):
        _consume(spine, "smoke", "somebody-elses")
    with pytest.raises(KafkaError):
        _publish(spine, "missing", b"x", max_block_ms=1000)


def test_acls_are_taken_away_and_given_back(spine: KafkaCluster) -> None:
    """A revoked ACL denies when the change returns, and the same ACL again allows."""
    writing = Acl(principal="User:ingest", resource="topic", name="events", operation="write")
    _publish(spine, "events", b"x")
    spine.admin.revoke(writing)
    try:
        assert writing not in spine.admin.acls()
        with pytest.raises(TopicAuthorizationFailedError):
            _publish(spine, "events", b"x")
    finally:
        spine.admin.allow(writing)
    assert writing in spine.admin.acls()
    _publish(spine, "events", b"x")


def test_kafkas_refusal_is_ours_with_its_number(spine: KafkaCluster) -> None:
    """A topic that exists already is error 36, one that doesn't is 3."""
    with pytest.raises(AdminRefused) as exists:
        spine.admin.create_topics(TopicSpec(name="smoke"))
    with pytest.raises(AdminRefused) as missing:
        spine.admin.delete_topics("missing")
    assert (36, 3) == (exists.value.code, missing.value.code)


def test_topics_grow_change_and_go(spine: KafkaCluster) -> None:
    """Partitions, settings and the topic itself follow what is asked."""
    spine.admin.create_topics(TopicSpec(name="passing"))
    spine.admin.grow_topic("passing", 3)
    spine.admin.set_topic_settings("passing", {"retention.ms": "1000"})
    assert 3 == len(spine.admin.topics("passing")[0].partitions)
    assert "1000" == spine.admin.topic_settings("passing")["retention.ms"]
    spine.admin.set_topic_settings("passing", {"retention.ms": None})
    assert "604800000" == spine.admin.topic_settings("passing")["retention.ms"]
    spine.admin.delete_topics("passing")
    assert "passing" not in spine.admin.topic_names()


@pytest.mark.parametrize(
    ("issue", "message"),
    [
        (Authority.issue_expired, "certificate has expired"),
        (Authority.issue_for_other_host, "Hostname mismatch, certificate is not valid for 'localhost'."),
        (Authority.issue_by_stranger, "self-signed certificate in certificate chain"),
    ],
)
def test_a_listener_shows_another_certificate(
    spine: KafkaCluster, authority: Authority, issue: Callable[..., Certificate], message: str
) -> None:
    """Each faulty certificate is what every broker's client meets when the change returns, and it can be undone."""
    former = spine.serve(issue(authority, now=_NOW))
    try:
        assert [message, message] == [_handshake(spine, node) for node in (1, 2)]
    finally:
        spine.serve(former)
    assert ["", ""] == [_handshake(spine, node) for node in (1, 2)]


def test_a_listener_offers_another_mechanism(spine: KafkaCluster) -> None:
    """The client's own mechanism is refused while another is offered alone, and works again after."""
    former = spine.offer("SCRAM-SHA-256")
    try:
        with pytest.raises(KafkaError):
            _publish(spine, "smoke", b"x", bootstrap_timeout_ms=1500)
    finally:
        spine.offer(*former)
    _publish(spine, "smoke", b"x")


def test_a_fault_of_the_network_is_no_fault_of_the_broker(spine: KafkaCluster) -> None:
    """A refusing or silent relay stops its clients and leaves the administration alone."""
    with spine.relay(1).behaving(Refuse()), pytest.raises(ConnectionRefusedError):
        _handshake(spine, 1)
    with spine.relay(2).behaving(Silent()), pytest.raises(TimeoutError):
        _handshake(spine, 2, timeout_s=0.5)
    assert 2 == len(spine.admin.brokers())
    assert ["", ""] == [_handshake(spine, node) for node in (1, 2)]


def test_two_clusters_side_by_side_do_not_meet(
    platform: Path, runtime: Runtime, network: Network, authority: Authority, spine: KafkaCluster
) -> None:
    """Another cluster has its own ports, users and topics; its listeners may be any, and it leaves nothing."""
    listeners = (
        ListenerSpec(protocol="PLAINTEXT"),
        ListenerSpec(protocol="SSL"),
        ListenerSpec(protocol="SASL_PLAINTEXT", mechanisms=("PLAIN", "SCRAM-SHA-256"), plain_users={"bob": 'a"b\\c'}),
    )
    spec = ClusterSpec(name="other", brokers=1, listeners=listeners, has_authorizer=False)
    other = KafkaCluster.start(
        platform,
        spec=spec,
        runtime=runtime,
        network=network,
        authority=authority,
        certificate=authority.issue(now=_NOW),
    )
    try:
        process = other.brokers[0].process
        assert process is not None
        assert () == other.admin.topic_names()
        other.admin.create_topics(TopicSpec(name="theirs"))
        other.admin.upsert_users(ScramUser(name="alice", password="x", mechanism="SCRAM-SHA-256"))
        assert "theirs" not in spine.admin.topic_names()
        ssl_only = {"security_protocol": "SSL", "ssl_cafile": str(other.ca_file)}
        sasl = {"security_protocol": "SASL_PLAINTEXT"}
        bob = {"sasl_mechanism": "PLAIN", "sasl_plain_username": "bob", "sasl_plain_password": 'a"b\\c'}
        alice = {"sasl_mechanism": "SCRAM-SHA-256", "sasl_plain_username": "alice", "sasl_plain_password": "x"}
        for name, settings in [
            ("PLAINTEXT", {}),
            ("SSL", ssl_only),
            ("SASL_PLAINTEXT", sasl | bob),
            ("SASL_PLAINTEXT", sasl | alice),
        ]:
            producer = KafkaProducer(bootstrap_servers=list(other.addresses(name)), **settings)
            try:
                producer.send("theirs", b"x").get(10)
            finally:
                producer.close(timeout=1)
    finally:
        began = time.monotonic()
        other.stop()
    assert time.monotonic() - began < 2
    assert not psutil.pid_exists(process.pid)
    assert not (platform / "kafka-other").exists()


def test_a_broker_can_be_lost_and_come_back(spine: KafkaCluster) -> None:
    """Killed, it refuses and the other leads; started again it is where it was, with what it held."""
    spine.kill_broker(2)
    try:
        with pytest.raises(ConnectionRefusedError):
            _handshake(spine, 2)
        assert "" == _handshake(spine, 1)
    finally:
        spine.start_broker(2)
    assert ["", ""] == [_handshake(spine, node) for node in (1, 2)]
    assert "events" in spine.admin.topic_names()
    _publish(spine, "smoke", b"x")


def test_an_administration_learns_of_a_broker_that_was_away(spine: KafkaCluster) -> None:
    """It connected while one was stopped; a change is made, and seen at every broker, soon after that one is back."""
    spine.stop_broker(2)
    try:
        wait_until(lambda: 1 == len(spine.admin.brokers()), what="the broker to be forgotten", deadline_s=10)
        admin = KafkaAdmin([spine.admin_address])
    finally:
        spine.start_broker(2)
    try:
        assert [1, 2] == [broker.node for broker in admin.brokers()]
        began = time.monotonic()
        admin.upsert_users(ScramUser(name="late", password=_PASSWORD))
        assert time.monotonic() - began < 5
    finally:
        admin.close()
    spine.admin.delete_users("late")


def test_a_frozen_broker_says_nothing(spine: KafkaCluster) -> None:
    """Its listener accepts, and no handshake comes of it, until it is thawed."""
    with spine.frozen(2), pytest.raises(TimeoutError):
        _handshake(spine, 2, timeout_s=0.5)
    assert "" == _handshake(spine, 2)


def test_a_broker_that_cannot_start_says_why(
    platform: Path, runtime: Runtime, network: Network, authority: Authority
) -> None:
    """Its own words are in the one error, and nothing of the cluster is left."""
    spec = ClusterSpec(name="broken", brokers=1, settings={"log.segment.bytes": "many"})
    with pytest.raises(BadInput, match=r"log\.segment\.bytes"):
        KafkaCluster.start(
            platform,
            spec=spec,
            runtime=runtime,
            network=network,
            authority=authority,
            certificate=authority.issue(now=_NOW),
        )
    assert not (platform / "kafka-broken").exists()


def test_a_taken_port_is_tried_again_with_another(
    platform: Path, runtime: Runtime, network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where somebody took a port that was free, the cluster starts on others."""
    taken: list[socket.socket] = []

    class Taken(HeldPort):
        """A port that somebody takes between the choice and the start, the first time that one is chosen."""

        def __init__(self) -> None:
            super().__init__()
            if not taken:
                taken.extend(self.listen())

    monkeypatch.setattr(cluster_module, "HeldPort", Taken)
    cluster = KafkaCluster.start(
        platform,
        spec=ClusterSpec(name="unlucky", brokers=1, listeners=(ListenerSpec(protocol="PLAINTEXT"),)),
        runtime=runtime,
        network=network,
    )
    try:
        assert 1 == len(cluster.admin.brokers())
    finally:
        cluster.stop()
        for sock in taken:
            sock.close()


def test_the_image_is_made_once_and_kept(platform: Path, runtime: Runtime) -> None:
    """A second preparation finds the image in the cache and says nothing; brokers run on it."""
    said: list[str] = []
    again = prepare(platform, progress=said.append)
    assert ([], runtime) == (said, dataclasses.replace(again, spawn=runtime.spawn))
    assert any("AOTCache=" in flag or "SharedArchiveFile=" in flag for flag in again.flags)


def test_no_secret_is_in_a_command_line_or_a_log(platform: Path, spine: KafkaCluster) -> None:
    """No password of a user is among the arguments of a broker or in what it writes."""
    for broker in spine.brokers:
        assert broker.process is not None
        line = " ".join(psutil.Process(broker.process.pid).cmdline())
        assert _PASSWORD not in line
        assert _PASSWORD not in broker.log.read_text()
    assert 0 == platform.stat().st_mode & 0o077
