"""Peers that are silent, close, lie and talk something else: each falsifies its rung, in time, and breaks nothing."""

from __future__ import annotations

import datetime as dt
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pytest_substrate.embedded.kafka.tls import Authority
from pytest_substrate.model.outcome import Layer, Outcome
from pytest_substrate.model.transcript import ProbeRequest, Transcript, transcript_from
from pytest_substrate.planes.messaging.diagnose.rungs import RUNGS, Asked
from pytest_substrate.planes.messaging.instrument import CHECKS
from pytest_substrate.probe.program import run

DEADLINE_S = 0.5
NOW = dt.datetime.now(dt.UTC)

Talk = Callable[[socket.socket], None]


def go(address: str, protocol: str, *, ca_file: Path | str | None = None, **more: Any) -> Transcript:
    """A run of the ladder against one address."""
    request = ProbeRequest(
        nonce="0" * 32,
        deadline_s=more.pop("deadline_s", DEADLINE_S),
        bootstrap=(address,),
        protocol=protocol,
        mechanism="SCRAM-SHA-512" if protocol.startswith("SASL") else None,
        ca_file=None if ca_file is None else str(ca_file),
        **more,
    )
    seen = transcript_from(run(request.asked(), {}, {"username": "u", "password": "p4ss"}))
    assert isinstance(seen, Transcript), seen
    assert seen.crash is None, seen.crash
    return seen


def first(seen: Transcript) -> tuple[str, str | None, Layer]:
    """The first rung on the way that isn't PASS: its check, cause and layer."""
    for check in ("MSG-110", "MSG-120", "MSG-130", "MSG-140", "MSG-150", "MSG-160", "MSG-170"):
        if check == "MSG-130" and not seen.protocol.endswith("SSL"):
            continue
        if check in ("MSG-150", "MSG-160") and not seen.protocol.startswith("SASL"):
            continue
        found = RUNGS[check](seen, Asked())
        if found.outcome is not Outcome.PASS:
            assert found.outcome is Outcome.VIOLATION
            return check, found.cause, found.layer or CHECKS[check].layer
    raise AssertionError("all green")


def silent(connection: socket.socket) -> None:
    """Reads, and never answers."""
    while connection.recv(4096):
        pass


def closing(connection: socket.socket) -> None:
    """Closes at once."""


def saying(data: bytes, *, after: bool = True) -> Talk:
    """Says this, once it has heard something, and closes."""

    def talk(connection: socket.socket) -> None:
        if after:
            connection.recv(4096)
        connection.sendall(data)
        time.sleep(0.05)

    return talk


def dripping(connection: socket.socket) -> None:
    """A frame, byte by byte, for longer than anybody waits."""
    connection.recv(4096)
    connection.sendall(struct.pack(">i", 1000))
    for _ in range(200):
        connection.sendall(b"\0")
        time.sleep(0.03)


PLAIN: dict[str, tuple[Talk, str, Layer]] = {
    "silent": (silent, "silent", Layer.COMPATIBILITY),
    "closes": (closing, "closed", Layer.COMPATIBILITY),
    "http": (saying(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "garbled", Layer.COMPATIBILITY),
    "length-2-31": (saying(struct.pack(">I", 1 << 31) + b"x" * 50), "garbled", Layer.COMPATIBILITY),
    "length-max": (saying(struct.pack(">i", (1 << 31) - 1)), "garbled", Layer.COMPATIBILITY),
    "length-0": (saying(struct.pack(">i", 0)), "garbled", Layer.COMPATIBILITY),
    "length-3": (saying(struct.pack(">i", 3) + b"abc"), "garbled", Layer.COMPATIBILITY),
    "half-a-frame": (saying(struct.pack(">i", 100) + b"abc"), "closed", Layer.COMPATIBILITY),
    "foreign-correlation": (saying(struct.pack(">iih", 6, 99, 0)), "garbled", Layer.COMPATIBILITY),
    "counts-beyond-the-frame": (saying(struct.pack(">iihi", 10, 1, 0, 1 << 30)), "garbled", Layer.COMPATIBILITY),
    "drips": (dripping, "silent", Layer.COMPATIBILITY),
    "tls-alert": (saying(b"\x15\x03\x03\x00\x02\x02\x46"), "tls-expected", Layer.WIRING),
}


@pytest.mark.parametrize("name", PLAIN)
def test_a_peer_of_a_plain_client(serve: Callable[..., Any], name: str) -> None:
    """Falsifies MSG-140 with its cause, within a deadline and a half."""
    talk, cause, layer = PLAIN[name]
    began = time.monotonic()
    assert ("MSG-140", cause, layer) == first(go(serve(talk).address, "PLAINTEXT"))
    assert time.monotonic() - began < 1.5 * DEADLINE_S + 0.5


TLS: dict[str, tuple[Talk, str, Layer]] = {
    "silent": (silent, "silent", Layer.TLS),
    "closes": (closing, "closed", Layer.TLS),
    "closes-after-the-hello": (saying(b""), "closed", Layer.TLS),
    "garbage": (saying(b"220 smtp.invalid ESMTP\r\n"), "garbled", Layer.TLS),
    "alert": (saying(b"\x15\x03\x01\x00\x02\x02\x28"), "alert", Layer.TLS),
    "half-a-record": (saying(b"\x16\x03\x03\x40\x00\x02"), "closed", Layer.TLS),
}


@pytest.mark.parametrize("name", TLS)
def test_a_peer_of_a_tls_client(serve: Callable[..., Any], authority: Authority, name: str) -> None:
    """Falsifies MSG-130 with its cause."""
    talk, cause, layer = TLS[name]
    assert ("MSG-130", cause, layer) == first(go(serve(talk).address, "SSL", ca_file=authority.ca_file))


@pytest.mark.parametrize("name", ["silent", "closes", "http", "length-2-31", "drips", "half-a-frame"])
def test_a_peer_behind_sound_tls(
    serve: Callable[..., Any], authority: Authority, server_context: Callable[[Path], ssl.SSLContext], name: str
) -> None:
    """What comes after a good handshake is MSG-140's."""
    talk, cause, layer = PLAIN[name]
    server = serve(talk, server_context(authority.issue(now=NOW).file))
    assert ("MSG-140", cause, layer) == first(go(server.address, "SSL", ca_file=authority.ca_file))


def test_a_plaintext_port_under_tls_is_wiring(kafka: Callable[..., Any], authority: Authority) -> None:
    """Asked without TLS, the same port speaks Kafka."""
    address = f"127.0.0.1:{kafka().port}"
    assert ("MSG-130", "not-tls", Layer.WIRING) == first(go(address, "SASL_SSL", ca_file=authority.ca_file))


def test_a_tls_port_under_a_plain_client_is_wiring(
    kafka: Callable[..., Any], authority: Authority, server_context: Callable[[Path], ssl.SSLContext]
) -> None:
    """Whether it answers with an alert or just closes."""
    fake = kafka(context=server_context(authority.issue(now=NOW).file))
    assert ("MSG-140", "tls-expected", Layer.WIRING) == first(go(f"127.0.0.1:{fake.port}", "PLAINTEXT"))


@pytest.mark.parametrize(
    ("issue", "cause"),
    [
        (lambda authority: authority.issue_expired(now=NOW), "certificate-expired"),
        (lambda authority: authority.issue_for_other_host(now=NOW), "certificate-wrong-name"),
        (lambda authority: authority.issue_by_stranger(now=NOW), "certificate-untrusted"),
        (lambda authority: authority.issue(now=NOW + dt.timedelta(days=2)), "certificate-not-yet-valid"),
    ],
)
def test_each_fault_of_a_certificate_has_its_cause(
    kafka: Callable[..., Any],
    authority: Authority,
    server_context: Callable[[Path], ssl.SSLContext],
    issue: Callable[[Authority], Any],
    cause: str,
) -> None:
    """Clients tell them by one and the same text."""
    fake = kafka(context=server_context(issue(authority).file))
    seen = go(f"127.0.0.1:{fake.port}", "SASL_SSL", ca_file=authority.ca_file)
    assert ("MSG-130", cause, Layer.TLS) == first(seen)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_demanded_client_certificate_is_tls(
    kafka: Callable[..., Any],
    authority: Authority,
    server_context: Callable[[Path], ssl.SSLContext],
    version: ssl.TLSVersion,
) -> None:
    """Under TLS 1.3 it shows only at the first read, and is MSG-130's all the same; with one, the way is open."""
    context = server_context(authority.issue(now=NOW).file)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(authority.ca_file)
    context.minimum_version = context.maximum_version = version
    fake = kafka(context=context, sasl=False)
    address = f"127.0.0.1:{fake.port}"
    check, cause, layer = first(go(address, "SSL", ca_file=authority.ca_file))
    assert ("MSG-130", Layer.TLS) == (check, layer)
    assert cause in ("client-certificate", "alert")
    own = str(authority.issue(now=NOW, name="client").file)
    seen = go(address, "SSL", ca_file=authority.ca_file, cert_file=own, key_file=own)
    assert Outcome.PASS is RUNGS["MSG-170"](seen, Asked()).outcome


def test_a_ca_file_that_is_none(kafka: Callable[..., Any], tmp_path: Path) -> None:
    """Not there, or not PEM: MSG-130 says which of the client's files it is."""
    (tmp_path / "empty").write_text("")
    for name in ("missing", "empty"):
        seen = go(f"127.0.0.1:{kafka().port}", "SSL", ca_file=tmp_path / name)
        assert ("MSG-130", "ca-unreadable", Layer.TLS) == first(seen)


def test_no_trust_store_at_all(kafka: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No CA file is declared and the interpreter has no store: not an untrusted chain, but nothing to trust by."""
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "nowhere"))
    assert ("MSG-130", "no-trust-store", Layer.TLS) == first(go(f"127.0.0.1:{kafka().port}", "SSL"))


def test_a_resolver_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    """getaddrinfo can't be bounded, so it is given up."""
    ended = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_: ended.wait(10) and [])
    began = time.monotonic()
    assert ("MSG-110", "silent", Layer.NETWORK) == first(go("broker.invalid:9096", "SASL_SSL"))
    assert time.monotonic() - began < DEADLINE_S + 0.5
    ended.set()


@pytest.mark.parametrize("host", ["broker.invalid", "a..b.invalid", f"{'x' * 70}.invalid"])
def test_names_that_do_not_resolve(host: str) -> None:
    """Unknown, or not even a name."""
    assert ("MSG-110", "unresolved", Layer.NETWORK) == first(go(f"{host}:9096", "SASL_SSL", deadline_s=5.0))


@pytest.mark.parametrize("address", ["broker", "broker:", "broker:0", "broker:70000", ":9092", "b c:1", "[::1:9092"])
def test_addresses_that_are_none_are_wiring(address: str) -> None:
    """What a variable of the container may hold."""
    assert ("MSG-110", "malformed-address", Layer.WIRING) == first(go(address, "PLAINTEXT"))


def test_an_empty_list_is_wiring() -> None:
    """The variable is not there."""
    asked = ProbeRequest(nonce="0" * 32, bootstrap_env="NOT_THERE", protocol="PLAINTEXT", mechanism=None).asked()
    seen = transcript_from(run(asked, {}))
    assert isinstance(seen, Transcript)
    assert ("MSG-110", "no-bootstrap", Layer.WIRING) == first(seen)


def test_ipv6_addresses_are_reached(kafka: Callable[..., Any]) -> None:
    """`[::1]:9092` parses, and the refused connection is the network's."""
    assert ("MSG-120", Layer.NETWORK) == first(go("[::1]:1", "PLAINTEXT"))[::2]


@pytest.mark.parametrize("linger", [False, True])
def test_the_answer_is_read_before_the_end(serve: Callable[..., Any], kafka: Callable[..., Any], linger: bool) -> None:
    """A broker answers 58 and closes back to back, even with a reset: in 40 runs it is never lost."""
    fake = kafka(users={})
    inner = fake._api_36

    def talk(connection: socket.socket) -> None:
        if linger:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        fake.talk(_Once(connection))

    assert inner is not None
    server = serve(talk)
    causes = [first(go(server.address, "SASL_PLAINTEXT", deadline_s=5.0))[:2] for _ in range(40)]
    assert [("MSG-160", "rejected")] * 40 == causes


class _Once:
    """A connection that closes in the same moment as it has sent an answer that refuses."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._closed = False

    def recv(self, size: int) -> bytes:
        return b"" if self._closed else self._connection.recv(size)

    def sendall(self, data: bytes) -> None:
        self._connection.sendall(data)
        if data[8:10] == struct.pack(">h", 58):
            self._connection.close()
            self._closed = True


def _endless(fake: Any, request: Any) -> bytes:
    """An answer of 4 MiB that is well formed as far as it goes."""
    kinds = {"ApiVersionsRequest": b"\0\0\xc1\xcf\x24", "MetadataRequest": struct.pack(">ii", 0, 200_000)}
    return kinds[type(request).__name__] + b"\0" * 4_000_000


@pytest.mark.parametrize(("api", "check"), [(18, "MSG-140"), (3, "MSG-170")])
def test_an_endless_answer_costs_no_endless_work(kafka: Callable[..., Any], api: int, check: str) -> None:
    """It is garbled after so many values, in about a second."""
    fake = kafka(sasl=False, answers={api: _endless})
    began = time.monotonic()
    assert (check, "garbled") == first(go(f"127.0.0.1:{fake.port}", "PLAINTEXT", deadline_s=5.0))[:2]
    assert time.monotonic() - began < 4


def test_a_list_of_too_many_brokers_is_garbled(kafka: Callable[..., Any]) -> None:
    """No thread is started for any of them."""
    before = threading.active_count()
    fake = kafka(sasl=False, advertised=[(node, "127.0.0.1", 1) for node in range(501)])
    assert ("MSG-170", "garbled") == first(go(f"127.0.0.1:{fake.port}", "PLAINTEXT", deadline_s=5.0))[:2]
    assert threading.active_count() < before + 10


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(said=st.binary(max_size=200), framed=st.booleans())
def test_no_bytes_hang_or_break_the_ladder(serve: Callable[..., Any], said: bytes, framed: bool) -> None:
    """Whatever a peer says before it closes, one rung is a VIOLATION of a known cause, at once."""
    data = struct.pack(">ii", len(said) + 4, 1) + said if framed else said
    server = serve(saying(data))
    began = time.monotonic()
    seen = go(server.address, "SASL_PLAINTEXT", deadline_s=3.0)
    assert time.monotonic() - began < 2.5
    check, cause, _ = first(seen)
    assert cause in {known.slug for known in CHECKS[check].causes}
