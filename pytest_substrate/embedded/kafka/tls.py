"""A private authority for one platform, and the certificates of its listeners: sound ones, and faulty ones for faults.

Keys are EC P-256: made in a millisecond, and known to every client. Files are readable by their owner alone.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
import itertools
import os
import socket
import ssl
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

HOSTS = ("localhost", "127.0.0.1", "::1")
_YEAR = dt.timedelta(days=365)
_SKEW = dt.timedelta(hours=1)
"""A certificate begins before now, so that two clocks need not agree."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """A private key and its certificate, in one PEM file that ends with the authority's certificate."""

    file: Path
    der: bytes
    """The certificate alone, as a client sees it in the handshake."""


class Authority:
    """A certificate authority of its own; `folder` holds what it issues."""

    def __init__(self, folder: Path, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate) -> None:
        self._folder = folder
        self._key = key
        self._certificate = certificate
        self._numbers = itertools.count(1)
        self.ca_file = folder / "ca.pem"

    @classmethod
    def create(cls, folder: Path, *, now: dt.datetime, name: str = "substrate embedded CA") -> Self:
        """A new authority; its certificate is the file `ca.pem` in `folder`, which is made if need be."""
        folder.mkdir(parents=True, exist_ok=True)
        key = ec.generate_private_key(ec.SECP256R1())
        subject = common_name(name)
        certificate = (
            certificate_builder(subject, subject, key, now - _SKEW, now + _YEAR)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(key_usage(signs_certificates=True), critical=True)
            .sign(key, hashes.SHA256())
        )
        authority = cls(folder, key, certificate)
        _write(authority.ca_file, certificate.public_bytes(serialization.Encoding.PEM))
        return authority

    def issue(
        self,
        *,
        now: dt.datetime,
        hosts: Sequence[str] = HOSTS,
        life: dt.timedelta = _YEAR,
        name: str = "broker",
    ) -> Certificate:
        """A certificate for `hosts` (names and addresses) that begins an hour before `now` and ends `life` after it.

        A negative `life` makes one that has expired.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        begins, ends = now - _SKEW, now + life
        certificate = (
            certificate_builder(common_name(name), self._certificate.subject, key, min(begins, ends - _SKEW), ends)
            .add_extension(x509.SubjectAlternativeName([_host(host) for host in hosts]), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(key_usage(signs_certificates=False), critical=True)
            .add_extension(
                x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]),
                critical=False,
            )
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        for part in (certificate, self._certificate):
            pem += part.public_bytes(serialization.Encoding.PEM)
        file = self._folder / f"{name}-{next(self._numbers)}.pem"
        _write(file, pem)
        return Certificate(file=file, der=certificate.public_bytes(serialization.Encoding.DER))

    def issue_expired(self, *, now: dt.datetime) -> Certificate:
        """A sound certificate, but for its end a day ago."""
        return self.issue(now=now, life=-dt.timedelta(days=1), name="expired")

    def issue_for_other_host(self, *, now: dt.datetime) -> Certificate:
        """A sound certificate, but for another host's name."""
        return self.issue(now=now, hosts=("other.invalid",), name="other-host")

    def issue_by_stranger(self, *, now: dt.datetime) -> Certificate:
        """A sound certificate, but of an authority that nobody trusts."""
        stranger = Authority.create(
            self._folder / f"stranger-{next(self._numbers)}", now=now, name="substrate stranger CA"
        )
        return stranger.issue(now=now)


def wait_until_served(certificate: Certificate, address: tuple[str, int], *, deadline_s: float) -> None:
    """Wait until a TLS server shows `certificate`; TimeoutError where it does not within `deadline_s` seconds."""
    until = time.monotonic() + deadline_s
    while shown(address) != certificate.der:
        if time.monotonic() > until:
            raise TimeoutError(
                f"{address[0]}:{address[1]} does not show {certificate.file.name} after {deadline_s:.0f} s"
            )
        time.sleep(0.02)


def shown(address: tuple[str, int], *, timeout_s: float = 2.0) -> bytes | None:
    """The certificate that a TLS server shows, trusted or not, as DER; None where the handshake fails."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        with (
            socket.create_connection(address, timeout_s) as sock,
            context.wrap_socket(sock, server_hostname="localhost") as secured,
        ):
            return secured.getpeercert(binary_form=True)
    except OSError:
        return None


def certificate_builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    begins: dt.datetime,
    ends: dt.datetime,
) -> x509.CertificateBuilder:
    """What every certificate begins with."""
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(ends)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def common_name(common: str) -> x509.Name:
    """A name of this one part."""
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    """For certificates and their revocation alone, or for signatures alone."""
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _write(file: Path, content: bytes) -> None:
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        out.write(content)
