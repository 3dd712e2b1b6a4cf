"""The ladder against real Kafka: healthy over every listener, and each fault at its own rung."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable
from typing import Any

import pytest

from pytest_substrate.embedded.kafka.cluster import KafkaCluster
from pytest_substrate.embedded.network.mode import Cut, Refuse, Reset, Silent
from pytest_substrate.model.diagnosis import Diagnosis
from pytest_substrate.model.outcome import Layer, Outcome
from pytest_substrate.model.transcript import ClientSeen
from pytest_substrate.planes.messaging.instrument import CHECKS

PASS, VIOLATION = Outcome.PASS, Outcome.VIOLATION
Look = Callable[..., Any]
Judge = Callable[..., Diagnosis]
NOW = dt.datetime.now(dt.UTC)


def told(check: str, found: Diagnosis) -> tuple[Outcome, str | None, Layer]:
    """Outcome, cause, layer."""
    return found.outcome, found.cause, found.layer or CHECKS[check].layer


@pytest.mark.parametrize(
    ("listener", "mechanism"),
    [
        ("SASL_SSL", "SCRAM-SHA-512"),
        ("SASL_SSL", "SCRAM-SHA-256"),
        ("SASL_PLAINTEXT", "PLAIN"),
        ("PLAINTEXT", None),
        ("SSL", None),
    ],
)
def test_a_healthy_cluster_passes_every_rung(look: Look, judge: Judge, listener: str, mechanism: str | None) -> None:
    """Over every kind of listener, from the name to the record and back."""
    seen = look(
        listener,
        mechanism=mechanism,
        topics=("events.raw",),
        group="ingest",
        smoke_topic="substrate.smoke",
        reauthenticate=True,
    )
    about = {
        "topic": "events.raw",
        "operations": ("describe", "read", "write"),
        "group": "ingest",
        "smoke_topic": "substrate.smoke",
        "client": ClientSeen(name="kafka-python", version="3.0.12"),
    }
    rungs = [
        "MSG-110",
        "MSG-120",
        "MSG-140",
        "MSG-170",
        "MSG-180",
        "MSG-190",
        "MSG-195",
        "MSG-200",
        "MSG-210",
        "MSG-220",
    ]
    rungs += ["MSG-130"] if listener.endswith("SSL") else []
    rungs += ["MSG-150", "MSG-160", "MSG-240"] if mechanism else []
    found = {check: judge(check, seen, **about) for check in rungs}
    assert dict.fromkeys(rungs, PASS) == {check: diagnosis.outcome for check, diagnosis in found.items()}
    assert 2 == found["MSG-170"].facts["total"]
    if mechanism:
        way = "same-connection" if listener == "SASL_SSL" else "not-configured"
        assert way == found["MSG-240"].facts["reauthentication"]


@pytest.mark.parametrize("topic", ["compacted", "gzip", "lz4", "snappy", "zstd"])
def test_a_record_is_known_again_however_a_topic_packs_it(look: Look, judge: Judge, topic: str) -> None:
    """A topic may compress what it is given, and a compacted one demands a key."""
    seen = look(smoke_topic=topic)
    assert (PASS, PASS) == tuple(judge(check, seen, smoke_topic=topic).outcome for check in ("MSG-200", "MSG-210"))


def test_records_of_two_runs_are_told_apart(look: Look, judge: Judge) -> None:
    """Each gets its own back, from the next offset."""
    offsets = []
    for _ in range(2):
        seen = look(smoke_topic="substrate.smoke")
        offsets.append(judge("MSG-210", seen).facts["offset"])
        assert PASS is judge("MSG-210", seen).outcome
    assert isinstance(offsets[0], int)
    assert offsets[0] + 1 == offsets[1]


WRONG_PORTS: list[tuple[str, str, str, str, Layer]] = [
    ("SASL_PLAINTEXT", "SASL_SSL", "MSG-130", "not-tls", Layer.WIRING),
    ("PLAINTEXT", "SSL", "MSG-130", "not-tls", Layer.WIRING),
    ("SASL_SSL", "PLAINTEXT", "MSG-140", "tls-expected", Layer.WIRING),
    ("SSL", "SASL_PLAINTEXT", "MSG-140", "tls-expected", Layer.WIRING),
    ("SASL_SSL", "SSL", "MSG-170", "sasl-expected", Layer.WIRING),
    ("SASL_PLAINTEXT", "PLAINTEXT", "MSG-170", "sasl-expected", Layer.WIRING),
    ("SSL", "SASL_SSL", "MSG-150", "no-sasl", Layer.WIRING),
    ("MTLS", "SSL", "MSG-130", "client-certificate", Layer.TLS),
]


@pytest.mark.parametrize(("listener", "protocol", "check", "cause", "layer"), WRONG_PORTS)
def test_a_port_of_the_wrong_kind(  # noqa: PLR0917  a row of a table
    look: Look, judge: Judge, listener: str, protocol: str, check: str, cause: str, layer: Layer
) -> None:
    """What the clients tell by one and the same time-out."""
    seen = look(listener, protocol=protocol)
    assert (VIOLATION, cause, layer) == told(check, judge(check, seen))


def test_a_client_certificate_opens_the_way(cluster: KafkaCluster, look: Look, judge: Judge) -> None:
    """Where the broker demands one, and the client has it."""
    own = str(cluster.authority.issue(now=NOW, name="client").file)
    seen = look("MTLS", cert_file=own, key_file=own)
    assert PASS is judge("MSG-170", seen).outcome


def test_a_wrong_password_is_always_told(look: Look, judge: Judge) -> None:
    """The broker answers 58 and closes back to back; nothing of it is lost."""
    for _ in range(5):
        found = judge("MSG-160", look(password="wrong"), principal="ingest")
        assert (VIOLATION, "rejected", Layer.CREDENTIAL) == told("MSG-160", found)
        assert 58 == found.facts["kafka_error"]
        assert "SaslAuthenticate answered 58 for principal ingest" in found.message


def test_another_mechanism_is_told_with_those_offered(look: Look, judge: Judge) -> None:
    """33, and the list."""
    found = judge("MSG-150", look(mechanism="PLAIN"))
    assert (VIOLATION, "mechanism-not-offered", Layer.IDENTITY) == told("MSG-150", found)
    assert ["SCRAM-SHA-256", "SCRAM-SHA-512"] == sorted(found.facts["mechanisms"])  # type: ignore[arg-type]  # a list


@pytest.mark.parametrize(
    ("topic", "exists", "lacking"),
    [
        ("events.raw", PASS, None),
        ("read.only", PASS, ["write"]),
        ("hidden", Outcome.INCONCLUSIVE, ["describe", "read", "write"]),
        ("not.there", Outcome.INCONCLUSIVE, ["describe", "read", "write"]),
    ],
)
def test_a_principal_and_its_topics(
    look: Look, judge: Judge, topic: str, exists: Outcome, lacking: list[str] | None
) -> None:
    """A hidden topic is like a missing one to a principal without describe; what it may not do is proven."""
    seen = look(topics=(topic,))
    about = {"topic": topic, "operations": ("describe", "read", "write")}
    assert exists is judge("MSG-180", seen, **about).outcome
    found = judge("MSG-190", seen, **about)
    assert (VIOLATION if lacking else PASS) is found.outcome
    assert lacking == found.facts.get("missing_operations")


def test_a_missing_topic_is_told_to_who_may_know(look: Look, judge: Judge) -> None:
    """3 instead of 29; and it is not created by asking."""
    for _ in range(2):
        found = judge("MSG-180", look("PLAINTEXT", topics=("not.there",)), topic="not.there")
        assert (VIOLATION, "topic-missing", Layer.WIRING) == told("MSG-180", found)


def test_a_group_that_may_not_be_used(look: Look, judge: Judge) -> None:
    """30, without anybody joining."""
    found = judge("MSG-195", look(group="other"), group="other")
    assert (VIOLATION, "not-authorized", Layer.AUTHORIZATION) == told("MSG-195", found)


@pytest.mark.parametrize(
    ("topic", "cause", "layer"),
    [
        ("read.only", "write-forbidden", Layer.AUTHORIZATION),
        ("hidden", "write-forbidden", Layer.AUTHORIZATION),
        ("not.there", "write-forbidden", Layer.AUTHORIZATION),
        ("tiny", "record-too-large", Layer.SUBSTRATE),
    ],
)
def test_a_record_that_is_refused(look: Look, judge: Judge, topic: str, cause: str, layer: Layer) -> None:
    """Each with its own error."""
    found = judge("MSG-200", look(smoke_topic=topic), smoke_topic=topic)
    assert (VIOLATION, cause, layer) == told("MSG-200", found)


@pytest.mark.parametrize(
    ("issue", "cause"),
    [
        ("issue_expired", "certificate-expired"),
        ("issue_for_other_host", "certificate-wrong-name"),
        ("issue_by_stranger", "certificate-untrusted"),
    ],
)
def test_a_certificate_with_a_fault(cluster: KafkaCluster, look: Look, judge: Judge, issue: str, cause: str) -> None:
    """Served by the broker itself, and undone."""
    former = cluster.serve(getattr(cluster.authority, issue)(now=NOW))
    try:
        found = judge("MSG-130", look())
    finally:
        cluster.serve(former)
    assert (VIOLATION, cause, Layer.TLS) == told("MSG-130", found)
    assert PASS is judge("MSG-130", look()).outcome


NETWORK: list[tuple[Any, str, str, Layer]] = [
    (Refuse(), "MSG-120", "connection-refused", Layer.NETWORK),
    (Silent(), "MSG-130", "silent", Layer.TLS),
    (Reset(), "MSG-130", "closed", Layer.TLS),
    (Cut(after_bytes=100), "MSG-130", "closed", Layer.TLS),
]


@pytest.mark.parametrize(("mode", "check", "cause", "layer"), NETWORK, ids=[type(row[0]).__name__ for row in NETWORK])
def test_a_network_that_breaks_the_bootstrap(  # noqa: PLR0917  a row of a table
    cluster: KafkaCluster, look: Look, judge: Judge, mode: Any, check: str, cause: str, layer: Layer
) -> None:
    """One of two bootstrap addresses is enough for a red rung."""
    with cluster.relay(2).behaving(mode):
        found = judge(check, look(deadline_s=1.0))
    assert (VIOLATION, cause, layer) == told(check, found)
    assert [cluster.bootstrap[1]] == found.facts["brokers"]


@pytest.mark.parametrize(
    ("mode", "cause", "layer"),
    [(Refuse(), "connection-refused", Layer.NETWORK), (Silent(), "silent", Layer.TLS), (Reset(), "closed", Layer.TLS)],
    ids=["Refuse", "Silent", "Reset"],
)
def test_an_advertised_broker_that_fails(  # noqa: PLR0917  a row of a table
    cluster: KafkaCluster, look: Look, judge: Judge, mode: Any, cause: str, layer: Layer
) -> None:
    """Only Metadata names it; the layer is that of what failed there."""
    with cluster.relay(2).behaving(mode):
        found = judge("MSG-170", look(bootstrap=cluster.bootstrap[:1], deadline_s=1.0))
    assert (VIOLATION, cause, layer) == told("MSG-170", found)
    assert cluster.bootstrap[1] == found.facts["broker"]


def test_a_broker_that_is_gone(cluster: KafkaCluster, look: Look, judge: Judge) -> None:
    """Advertised a while longer, then without its replica: too few in sync for what the topic demands."""
    cluster.stop_broker(2)
    try:
        until = time.monotonic() + 20
        while True:
            seen = look(bootstrap=cluster.bootstrap[:1], smoke_topic="three")
            found = judge("MSG-200", seen, smoke_topic="three")
            if found.cause != "not-observed" or time.monotonic() > until:
                break
            assert (VIOLATION, "connection-refused", Layer.NETWORK) == told("MSG-170", judge("MSG-170", seen))
        assert (VIOLATION, "not-enough-replicas", Layer.SUBSTRATE) == told("MSG-200", found)
    finally:
        cluster.start_broker(2)
    assert PASS is judge("MSG-210", look(smoke_topic="three")).outcome


def test_the_controllers_port_is_no_broker(cluster: KafkaCluster, look: Look, judge: Judge) -> None:
    """It speaks Kafka, and serves no Metadata to clients."""
    text = (cluster._folder / "1" / "server.properties").read_text(encoding="utf-8")
    controller = next(line for line in text.splitlines() if line.startswith("controller.quorum")).rsplit(":", 1)[1]
    found = judge("MSG-170", look("PLAINTEXT", bootstrap=(f"127.0.0.1:{controller.strip()}",)))
    assert (VIOLATION, Layer.WIRING) == told("MSG-170", found)[::2]
    assert "not-a-broker" == found.cause
