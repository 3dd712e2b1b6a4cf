"""The whole ladder against a Kafka that speaks through kafka-python's codecs, and each way it can end short."""

from __future__ import annotations

import struct
import time
from collections.abc import Callable
from typing import Any

import pytest

from pytest_substrate.model.outcome import Layer, Outcome
from pytest_substrate.model.transcript import ProbeRequest, Transcript, transcript_from
from pytest_substrate.planes.messaging.diagnose.rungs import RUNGS, Asked
from pytest_substrate.planes.messaging.instrument import CHECKS
from pytest_substrate.probe.program import run

SECRET = {"username": "ingest", "password": "s3cret"}
ASKED = Asked(
    topic="smoke", operations=("describe", "read", "write"), group="g", smoke_topic="smoke", principal="ingest"
)
DEADLINE_S = 0.6


def go(fake: Any, secret: dict[str, str] | None = None, **asked: Any) -> Transcript:
    """A run against one fake broker, with everything asked for."""
    settings: dict[str, Any] = {
        "nonce": "0" * 32,
        "deadline_s": DEADLINE_S,
        "bootstrap": (f"127.0.0.1:{fake.port}",),
        "protocol": "SASL_PLAINTEXT",
        "topics": ("smoke",),
        "group": "g",
        "smoke_topic": "smoke",
        "reauthenticate": True,
    }
    seen = transcript_from(run(ProbeRequest(**settings | asked).asked(), {}, SECRET if secret is None else secret))
    assert isinstance(seen, Transcript), seen
    assert seen.crash is None
    return seen


def judged(seen: Transcript, check: str) -> tuple[Outcome, str | None, Layer]:
    """What a rung comes to."""
    found = RUNGS[check](seen, ASKED)
    return found.outcome, found.cause, found.layer or CHECKS[check].layer


def usual(check: str, layer: Layer | None) -> Layer:
    """The layer that a case names, else the check's own."""
    return layer or CHECKS[check].layer


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-256", "SCRAM-SHA-512", "PLAIN"])
def test_a_healthy_ladder_is_climbed_to_its_end(kafka: Callable[..., Any], mechanism: str) -> None:
    """Every rung passes, and every request could be decoded by kafka-python's codecs."""
    fake = kafka()
    seen = go(fake, mechanism=mechanism)
    rungs = [check for check in RUNGS if check not in ("MSG-060", "MSG-070", "MSG-130", "MSG-220", "MSG-230")]
    assert dict.fromkeys(rungs, Outcome.PASS) == {check: judged(seen, check)[0] for check in rungs}
    assert seen.fetch is not None
    assert 7 == seen.fetch.offset
    requests = {type(request).__name__ for request in fake.seen}
    assert {"ApiVersionsRequest", "MetadataRequest", "ProduceRequest", "FetchRequest"} <= requests


def test_a_healthy_ladder_asks_for_what_it_should(kafka: Callable[..., Any]) -> None:
    """Nothing is created, nobody joins, the record waits for all replicas, and it is read from its own offset."""
    fake = kafka()
    go(fake)
    by_name = {type(request).__name__: request for request in fake.seen}
    metadata = next(request for request in fake.seen if type(request).__name__ == "MetadataRequest")
    assert (False, True) == (metadata.allow_auto_topic_creation, metadata.include_topic_authorized_operations)
    assert ["smoke"] == [topic.name for topic in metadata.topics]
    assert -1 == by_name["ProduceRequest"].acks
    assert 7 == by_name["FetchRequest"].topics[0].partitions[0].fetch_offset
    assert by_name["DescribeGroupsRequest"].include_authorized_operations
    assert not [name for name in by_name if "Join" in name or "Create" in name]
    writes = [request for request in fake.seen if type(request).__name__ == "ProduceRequest"]
    assert ["smoke"] == [topic.name for write in writes for topic in write.topic_data]


def test_a_session_lifetime_is_lived_on_the_same_connection(kafka: Callable[..., Any]) -> None:
    """Where the broker gives one, the second handshake goes over the connection that is there, then Metadata."""
    fake = kafka(lifetime_ms=3_600_000)
    seen = go(fake)
    assert seen.reauthentication is not None
    assert ("same-connection", 3_600_000) == (seen.reauthentication.way, seen.reauthentication.session_lifetime_ms)
    last = [type(request).__name__ for request in fake.seen][-4:]
    assert ["SaslHandshakeRequest", "SaslAuthenticateRequest", "SaslAuthenticateRequest", "MetadataRequest"] == last
    assert "same-connection" == RUNGS["MSG-240"](seen, ASKED).facts["reauthentication"]


def test_without_a_lifetime_a_fresh_connection_is_taken(kafka: Callable[..., Any]) -> None:
    """The fact says that re-authentication is not configured."""
    seen = go(kafka())
    assert "not-configured" == RUNGS["MSG-240"](seen, ASKED).facts["reauthentication"]


def _code(layout: str, *values: int) -> Callable[[Any, Any], bytes]:
    return lambda fake, request: struct.pack(layout, *values)


def _v0_refusal(fake: Any, request: Any) -> bytes:
    """As Kafka answers a version of ApiVersions that it doesn't know: in the form of version 0."""
    if request.API_VERSION > 0:
        return struct.pack(">hihhh", 35, 1, 18, 0, 0)
    ranges = b"".join(struct.pack(">hhh", key, low, high) for key, (low, high) in fake.ranges.items())
    return struct.pack(">hi", 0, len(fake.ranges)) + ranges


def test_api_versions_steps_down_where_the_broker_refuses_its_version(kafka: Callable[..., Any]) -> None:
    """From 3 down to 0 over the same connection, as a broker admits another try after 35."""
    fake = kafka(answers={18: _v0_refusal})
    assert Outcome.PASS is judged(go(fake), "MSG-140")[0]
    versions = [request.API_VERSION for request in fake.seen if type(request).__name__ == "ApiVersionsRequest"]
    assert [3, 2, 1, 0] == versions[:4]


V, I = Outcome.VIOLATION, Outcome.INCONCLUSIVE  # noqa: E741
SASL_ONLY = {18: (0, 4), 17: (0, 1), 36: (0, 2)}
GROUP_REFUSED, GROUP_LOST = _code(">ihhihi", 0, 30, -1, -1, 0, -1), _code(">ihhihi", 0, 15, -1, -1, 0, -1)
CASES: dict[str, tuple[dict[str, Any], str, Outcome, str, Layer | None]] = {
    "refuses-every-ApiVersions": ({"answers": {18: _code(">hi", 35, 0)}}, "MSG-140", V, "version-refused", None),
    "an-error-on-ApiVersions": ({"answers": {18: _code(">hi", 42, 0)}}, "MSG-140", V, "kafka-error", None),
    "closes-on-ApiVersions": ({"answers": {18: lambda f, r: None}}, "MSG-140", V, "closed", None),
    "silent-on-ApiVersions": ({"answers": {18: lambda f, r: ...}}, "MSG-140", V, "silent", None),
    "cut-ApiVersions": ({"answers": {18: _code(">h", 0)}}, "MSG-140", V, "garbled", None),
    "another-mechanism": ({"mechanisms": ("OAUTHBEARER",)}, "MSG-150", V, "mechanism-not-offered", None),
    "no-SASL-at-all": ({"sasl": False}, "MSG-150", V, "no-sasl", Layer.WIRING),
    "closes-on-the-handshake": ({"answers": {17: lambda f, r: None}}, "MSG-150", V, "closed", None),
    "unknown-user": ({"users": {}}, "MSG-160", V, "rejected", None),
    "another-password": ({"users": {"ingest": "other"}}, "MSG-160", V, "rejected", None),
    "an-error-on-authentication": ({"answers": {36: _code(">hhi", 34, -1, -1)}}, "MSG-160", V, "kafka-error", None),
    "closes-on-authentication": ({"answers": {36: lambda f, r: None}}, "MSG-160", V, "closed", None),
    "silent-on-authentication": ({"answers": {36: lambda f, r: ...}}, "MSG-160", V, "silent", None),
    "closes-on-Metadata": ({"answers": {3: lambda f, r: None}}, "MSG-170", V, "closed", None),
    "silent-on-Metadata": ({"answers": {3: lambda f, r: ...}}, "MSG-170", V, "silent", None),
    "no-brokers": ({"advertised": []}, "MSG-170", V, "no-brokers", None),
    "a-controller": ({"ranges": SASL_ONLY}, "MSG-170", V, "not-a-broker", Layer.WIRING),
    "an-old-broker": ({"ranges": SASL_ONLY | {3: (0, 7)}}, "MSG-170", I, "version-unsupported", None),
    "advertises-nothing-that-resolves": ({"advertised": [(1, "b.invalid", 9)]}, "MSG-170", V, "unresolved", None),
    "advertises-a-closed-port": ({"advertised": [(1, "127.0.0.1", 1)]}, "MSG-170", V, "connection-refused", None),
    "advertises-no-address": ({"advertised": [(1, "", -1)]}, "MSG-170", V, "malformed-address", Layer.WIRING),
    "the-topic-is-missing": ({"topics": {}}, "MSG-180", V, "topic-missing", None),
    "the-topic-is-hidden": ({"topics": {"smoke": (29, [], None)}}, "MSG-180", I, "cannot-be-told", None),
    "describe-is-refused": ({"topics": {"smoke": (29, [], None)}}, "MSG-190", V, "not-authorized", None),
    "no-leader": ({"topics": {"smoke": (0, [(0, 0, 1), (5, 1, -1)], {3})}}, "MSG-180", V, "no-leader", Layer.SUBSTRATE),
    "write-is-refused": ({"topics": {"smoke": (0, [(0, 0, 1)], {3, 8})}}, "MSG-190", V, "not-authorized", None),
    "no-operations-are-told": ({"topics": {"smoke": (0, [(0, 0, 1)], None)}}, "MSG-190", I, "operations-untold", None),
    "the-group-is-refused": ({"answers": {10: GROUP_REFUSED}}, "MSG-195", V, "not-authorized", None),
    "no-coordinator": ({"answers": {10: GROUP_LOST}}, "MSG-195", V, "no-coordinator", Layer.SUBSTRATE),
    "no-coordinator-speaks": ({"answers": {10: lambda f, r: ...}}, "MSG-195", V, "silent", None),
    "a-lost-record": ({"answers": {1: lambda f, r: ...}}, "MSG-210", V, "silent", None),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_each_end_has_its_rung_its_cause_and_its_layer(kafka: Callable[..., Any], name: str) -> None:
    """What a broker does wrong shows at one rung, and the whole ends within its bound."""
    changes, check, outcome, cause, layer = CASES[name]
    fake = kafka(**changes)
    began = time.monotonic()
    seen = go(fake)
    assert time.monotonic() - began < 8 * DEADLINE_S + 1
    assert (outcome, cause, usual(check, layer)) == judged(seen, check)


def _partition(code: int, offset: int = 7) -> Callable[[Any, Any], bytes]:
    """A Produce answer of version 3."""
    return lambda fake, request: struct.pack(">ih5siihqqi", 1, 5, b"smoke", 1, 0, code, offset, -1, 0)


@pytest.mark.parametrize(
    ("code", "cause", "layer"),
    [
        (29, "write-forbidden", Layer.AUTHORIZATION),
        (7, "acks-timed-out", None),
        (19, "not-enough-replicas", None),
        (20, "not-enough-replicas", None),
        (10, "record-too-large", None),
        (32, "time-stamp-refused", Layer.RUNTIME),
        (87, "record-refused", None),
        (-1, "kafka-error", None),
        (6, "no-leader", Layer.SUBSTRATE),
    ],
)
def test_what_a_broker_says_of_a_record(kafka: Callable[..., Any], code: int, cause: str, layer: Layer | None) -> None:
    """An error of Produce has its cause; one that may pass is asked again until the deadline."""
    seen = go(kafka(answers={0: _partition(code)}))
    assert (Outcome.VIOLATION, cause, usual("MSG-200", layer)) == judged(seen, "MSG-200")
    assert seen.fetch is None


def _fetched(code: int, records: bytes = b"", throttle_ms: int = 0) -> Callable[[Any, Any], bytes]:
    """A Fetch answer of version 10."""
    head = struct.pack(">ihiih5siihqqqi", throttle_ms, 0, 0, 1, 5, b"smoke", 1, 0, code, 0, 0, 0, -1)
    return lambda fake, request: head + struct.pack(">i", len(records)) + records


@pytest.mark.parametrize(
    ("answer", "cause", "layer"),
    [
        (_fetched(29), "read-forbidden", Layer.AUTHORIZATION),
        (_fetched(1), "offset-out-of-range", None),
        (_fetched(3), "topic-missing", Layer.WIRING),
        (_fetched(0), "not-returned", None),
        (_fetched(0, throttle_ms=60_000), "throttled-by-quota", None),
        (_fetched(0, b"\0" * 80), "garbled", None),
        (lambda fake, request: struct.pack(">ihii", 0, 0, 0, 0), "garbled", None),
        (lambda fake, request: struct.pack(">ihii", 0, 71, 0, 0), "kafka-error", None),
    ],
)
def test_what_comes_back_instead_of_the_record(
    kafka: Callable[..., Any], answer: Any, cause: str, layer: Layer | None
) -> None:
    """Only the record itself, from the offset that it was given, passes."""
    assert (Outcome.VIOLATION, cause, usual("MSG-210", layer)) == judged(go(kafka(answers={1: answer})), "MSG-210")


def test_an_old_record_never_passes(kafka: Callable[..., Any]) -> None:
    """The record of an earlier run at the offset of this one is another record."""
    fake = kafka()
    go(fake)
    earlier = struct.pack(">q", 7) + fake.log[0][8:]
    seen = go(kafka(answers={1: _fetched(0, earlier)}))
    assert (Outcome.VIOLATION, "other-record", Layer.SUBSTRATE) == judged(seen, "MSG-210")


def test_every_bootstrap_address_counts(kafka: Callable[..., Any]) -> None:
    """One refused address among good ones is a VIOLATION that names it and how many it is of."""
    fake = kafka()
    seen = go(fake, bootstrap=(f"127.0.0.1:{fake.port}", "127.0.0.1:1", f"localhost:{fake.port}"))
    found = RUNGS["MSG-120"](seen, ASKED)
    assert (Outcome.VIOLATION, "connection-refused") == (found.outcome, found.cause)
    assert ["127.0.0.1:1"] == found.facts["brokers"]
    assert found.message.startswith("1 of 3 addresses: ")


def test_silent_addresses_share_one_deadline(kafka: Callable[..., Any], serve: Callable[..., Any]) -> None:
    """Five silent peers cost no more than one."""
    silent = [serve(lambda connection: time.sleep(5)).address for _ in range(5)]
    began = time.monotonic()
    seen = go(kafka(), bootstrap=tuple(silent))
    assert time.monotonic() - began < 2 * DEADLINE_S + 0.5
    assert ["silent"] * 5 == [broker.failure.cause for broker in seen.bootstrap if broker.failure]


def test_a_port_that_never_answers_a_plain_client_of_a_sasl_listener(kafka: Callable[..., Any]) -> None:
    """A SASL listener answers ApiVersions and closes on Metadata: `sasl-expected`, of layer wiring."""
    seen = go(kafka(), protocol="PLAINTEXT", mechanism=None)
    assert (Outcome.VIOLATION, "sasl-expected", Layer.WIRING) == judged(seen, "MSG-170")


def test_silence_cut_short_by_the_whole_proves_nothing(kafka: Callable[..., Any]) -> None:
    """A rung that had no full deadline left is INCONCLUSIVE."""
    slow: dict[int, Any] = {}
    fake = kafka(answers=slow)
    for api in (18, 17):

        def wait(fake: Any, request: Any, api: int = api) -> Any:
            time.sleep(0.5)
            return fake._api_18(request, request.API_VERSION, {}) if api == 18 else fake._api_17(request, 1, {})

        slow[api] = wait
    slow[36] = lambda fake, request: ...
    request = ProbeRequest(
        nonce="0" * 32, deadline_s=0.6, bootstrap=(f"127.0.0.1:{fake.port}",), protocol="SASL_PLAINTEXT"
    )
    from pytest_substrate.probe import program

    probe = program.Probe(request.asked(), {}, SECRET)
    probe.end = time.monotonic() + 1.2
    probe.go()
    seen = transcript_from(probe.seen)
    assert isinstance(seen, Transcript)
    assert (Outcome.INCONCLUSIVE, "out-of-time", Layer.CREDENTIAL) == judged(seen, "MSG-160")
