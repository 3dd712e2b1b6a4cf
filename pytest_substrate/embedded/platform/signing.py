"""What signs the pipeline's provenance: an authority of the form of Fulcio's, and Sigstore bundles made with it.

As there, a certificate lives ten minutes, is for a workflow's identity, and says in extensions of its own which issuer,
repository, commit and run it was asked for. The log is nobody's: its entry holds the time and no proof.
"""

from __future__ import annotations

import base64
import datetime as dt
from collections.abc import Mapping
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from pytest_substrate.embedded.kafka.tls import certificate_builder, common_name, key_usage
from pytest_substrate.evidence.envelope import PAYLOAD_TYPE, signed_bytes

BUNDLE: Final = "application/vnd.dev.sigstore.bundle.v0.3+json"
_FULCIO: Final = "1.3.6.1.4.1.57264.1."
_NUMBERS: Final = {"issuer": 8, "signer": 9, "source": 12, "commit": 13, "workflow": 18, "build": 21}
"""Fulcio's extensions by what they say (docs/oid-info.md)."""
_LIFE: Final = dt.timedelta(minutes=10)
_YEAR: Final = dt.timedelta(days=365)


class CodeAuthority:
    """A root and the authority below it that issues certificates for workflows."""

    def __init__(self, *, now: dt.datetime, name: str = "substrate attestations") -> None:
        self._root_key, self._key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
        root, own = common_name(name), common_name(f"{name} intermediate")
        self._root = _authority(root, root, self._root_key, self._root_key, now, below=1)
        self._own = _authority(own, root, self._key, self._root_key, now, below=0)

    @property
    def roots(self) -> bytes:
        """PEM of both, as a verifier declares them."""
        return b"".join(one.public_bytes(serialization.Encoding.PEM) for one in (self._own, self._root))

    def bundle(self, statement: bytes, told: Mapping[str, str], *, now: dt.datetime) -> dict[str, Any]:
        """A Sigstore bundle of the statement, signed with a fresh key for whom `told` names (keys of `_NUMBERS`)."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = self._issue(key, told, now)
        signature = key.sign(signed_bytes(PAYLOAD_TYPE, statement), ec.ECDSA(hashes.SHA256()))
        return {
            "mediaType": BUNDLE,
            "verificationMaterial": {
                "certificate": {"rawBytes": _base64(certificate.public_bytes(serialization.Encoding.DER))},
                "tlogEntries": [{"logIndex": "1", "integratedTime": str(int(now.timestamp()))}],
            },
            "dsseEnvelope": {
                "payloadType": PAYLOAD_TYPE,
                "payload": _base64(statement),
                "signatures": [{"sig": _base64(signature)}],
            },
        }

    def _issue(self, key: ec.EllipticCurvePrivateKey, told: Mapping[str, str], now: dt.datetime) -> x509.Certificate:
        made = (
            certificate_builder(x509.Name([]), self._own.subject, key, now - dt.timedelta(seconds=5), now + _LIFE)
            .add_extension(x509.SubjectAlternativeName([x509.UniformResourceIdentifier(told["signer"])]), critical=True)
            .add_extension(key_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING]), critical=False)
        )
        for what, number in _NUMBERS.items():
            text = told[what].encode()
            length = bytes([len(text)]) if len(text) < 128 else bytes([0x81, len(text)])
            oid = x509.ObjectIdentifier(f"{_FULCIO}{number}")
            made = made.add_extension(x509.UnrecognizedExtension(oid, b"\x0c" + length + text), critical=False)
        return made.sign(self._key, hashes.SHA256())


def _authority(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    by: ec.EllipticCurvePrivateKey,
    now: dt.datetime,
    *,
    below: int,
) -> x509.Certificate:
    return (
        certificate_builder(subject, issuer, key, now - dt.timedelta(hours=1), now + _YEAR)
        .add_extension(x509.BasicConstraints(ca=True, path_length=below), critical=True)
        .add_extension(key_usage(signs_certificates=True), critical=True)
        .sign(by, hashes.SHA256())
    )


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
