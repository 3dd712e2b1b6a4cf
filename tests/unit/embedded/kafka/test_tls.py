"""The platform's certificates, as a client's TLS judges them."""

from __future__ import annotations

import datetime as dt
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_substrate.embedded.kafka.tls import Authority, Certificate

_NOW = dt.datetime.now(dt.UTC)


def _judge(ca_file: Path, certificate: Certificate, host: str = "localhost") -> str:
    """A handshake in memory: "" where the client is content, else what it says."""
    server_side, client_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context(cafile=ca_file)
    server_side.load_cert_chain(certificate.file)
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = server_side.wrap_bio(to_server, to_client, server_side=True)
    client = client_side.wrap_bio(to_client, to_server, server_hostname=host)
    for side in (client, server, client, server):
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            continue
        except ssl.SSLCertVerificationError as error:
            return error.verify_message
    assert certificate.der == client.getpeercert(binary_form=True)
    return ""


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "::1"])
def test_a_listeners_certificate_is_trusted_by_every_loopback_name(tmp_path: Path, host: str) -> None:
    """A client that trusts the authority is content under each name that a listener has."""
    authority = Authority.create(tmp_path / "tls", now=_NOW)
    assert "" == _judge(authority.ca_file, authority.issue(now=_NOW), host)


@pytest.mark.parametrize(
    ("issue", "message"),
    [
        (Authority.issue_expired, "certificate has expired"),
        (Authority.issue_for_other_host, "Hostname mismatch, certificate is not valid for 'localhost'."),
        (Authority.issue_by_stranger, "self-signed certificate in certificate chain"),
    ],
)
def test_a_faulty_certificate_has_exactly_its_fault(
    tmp_path: Path, issue: Callable[..., Certificate], message: str
) -> None:
    """Each is refused for the one thing that is wrong with it."""
    authority = Authority.create(tmp_path / "tls", now=_NOW)
    assert message == _judge(authority.ca_file, issue(authority, now=_NOW))


def test_private_keys_are_the_owners_alone(tmp_path: Path) -> None:
    """No other user can read a key."""
    authority = Authority.create(tmp_path / "tls", now=_NOW)
    assert 0 == authority.issue(now=_NOW).file.stat().st_mode & 0o077
