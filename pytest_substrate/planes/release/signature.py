"""The signature of an attestation's envelope: by a declared key, or by a bundle's certificate under a declared root.

It fails closed: where something is declared to verify with, a signature that doesn't fit is WRONG, also where the
bundle's own certificate would have it otherwise. What is declared is read from files beside the declaration.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pytest_substrate.adapters.files import open_regular
from pytest_substrate.evidence.envelope import signed_bytes
from pytest_substrate.model.errors import BadInput
from pytest_substrate.model.provenance import Signature, Signed
from pytest_substrate.planes.release.certificate import (
    BadCertificate,
    certificates_of,
    check_chain,
    identity_of,
    times_of,
)

if TYPE_CHECKING:
    from cryptography import x509

    from pytest_substrate.evidence.keys import PublicKey
    from pytest_substrate.model.declaration import Attestation

LARGEST_KEY: Final = 256 * 1024
"""Bytes of a file with a key or with roots."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """An envelope with what lies beside it in a bundle; nothing of it is verified yet."""

    kind: str
    payload: bytes
    signatures: tuple[bytes, ...]
    material: Mapping[str, Any] = field(default_factory=dict)
    """A Sigstore bundle's `verificationMaterial`; empty where the envelope came alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """What signatures are verified with: nothing, keys, or roots of certificates."""

    keys: tuple[PublicKey, ...] = ()
    roots: tuple[x509.Certificate, ...] = ()

    def verify(self, sealed: Sealed) -> Signature:
        """What the envelope's signature comes to."""
        if not sealed.signatures:
            return Signature(signed=Signed.WRONG, problem="its envelope bears no signature")
        data = signed_bytes(sealed.kind, sealed.payload)
        if any(_fits(key, one, data) for key, one in itertools.product(self.keys, sealed.signatures)):
            return Signature(signed=Signed.BY_KEY)
        try:
            return self._by_certificate(sealed, data)
        except BadCertificate as error:
            return Signature(signed=Signed.WRONG, problem=str(error))

    def _by_certificate(self, sealed: Sealed, data: bytes) -> Signature:
        from pytest_substrate.evidence.keys import public_key_of

        held = certificates_of(sealed.material)
        if not held:
            return self._without_certificate()
        try:
            key = public_key_of(held[0].public_key(), where="the certificate")
        except BadInput as error:
            raise BadCertificate(f"the certificate {error.what}") from None
        signature = next((one for one in sealed.signatures if _fits(key, one, data)), None)
        if signature is None:
            raise BadCertificate("it was not made with the key of the bundle's certificate")
        told = asdict(identity_of(held[0]))
        times = times_of(sealed.material, signature)
        if not self.roots:
            if self.keys:
                raise BadCertificate("it was made with none of the declared keys")
            return Signature(signed=Signed.UNANCHORED, at=min(times, default=None), **told)
        if not times:
            problem = "neither a log nor a timestamp says when it was made, and so whether its certificate was valid"
            check_chain(held, self.roots, held[0].not_valid_before_utc)
            return Signature(signed=Signed.UNTIMED, problem=problem, **told)
        for at in times:
            check_chain(held, self.roots, at)
        return Signature(signed=Signed.BY_ROOT, at=min(times), **told)

    def _without_certificate(self) -> Signature:
        if self.keys:
            raise BadCertificate("it was made with none of the declared keys")
        if self.roots:
            raise BadCertificate("there is no certificate beside it, and a root is declared")
        return Signature(signed=Signed.UNASKED)


def _fits(key: PublicKey, signature: bytes, data: bytes) -> bool:
    """As evidence is signed; also as cosign signs with RSA (PKCS #1 v1.5) and with larger curves (SHA-256)."""
    return key.fits(signature, data) or _fits_older(key.key, signature, data)


def _fits_older(key: Any, signature: bytes, data: bytes) -> bool:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

    try:
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(signature, data, padding.PKCS1v15(), hashes.SHA256())
        elif isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(signature, data, ec.ECDSA(hashes.SHA256()))
        else:
            return False
    except (InvalidSignature, ValueError):
        return False
    return True


def read_trust(declared: Attestation | None, folder: Path) -> Trust:
    """The declared key and roots, from files below `folder`; BadInput with the file and what is wrong with it."""
    from pytest_substrate.evidence.keys import public_key

    if declared is None:
        return Trust()
    keys = () if declared.key is None else (public_key(_content(folder, declared.key), where=declared.key),)
    roots = () if declared.root is None else tuple(_roots(_content(folder, declared.root), declared.root))
    return Trust(keys=keys, roots=roots)


def _content(folder: Path, name: str) -> bytes:
    try:
        with open_regular(folder / name) as file:
            content = file.read(LARGEST_KEY + 1)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise BadInput(name, f"can't be read: {reason}", "give the file that the declaration names") from None
    if len(content) > LARGEST_KEY:
        raise BadInput(name, f"is longer than {LARGEST_KEY} bytes", "give the key or the roots alone")
    return content


def _roots(content: bytes, name: str) -> Iterator[x509.Certificate]:
    from cryptography import x509

    try:
        found = x509.load_pem_x509_certificates(content)
    except ValueError:
        raise BadInput(
            name, "holds no certificates", "give a PEM file that begins with -----BEGIN CERTIFICATE-----"
        ) from None
    yield from found
