"""Keys: what a signature is made with, what it is checked with, and by which algorithm. Needs `cryptography`.

A key's id is the sha256 of its SubjectPublicKeyInfo (DER), so that the same key has one name whoever holds it. The
algorithm follows from the key alone, as in securesystemslib and cosign; an envelope can't choose one: Ed25519; ECDSA
with the hash of the curve's size; RSA-PSS with SHA-256 and a salt of its length.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol

from pytest_substrate.model.errors import BadInput

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

    from pytest_substrate.evidence.secret import Secret

LEAST_RSA_BITS: Final = 2048

ECDSA_HASHES: Final = {"secp256r1": "sha256", "secp384r1": "sha384", "secp521r1": "sha512"}
"""The hash that goes with each curve."""
RSA_HASH: Final = "sha256"


class Signer(Protocol):
    """What signs. `sign` raises BadInput where the key can't be used."""

    @property
    def public(self) -> PublicKey:
        """The public half."""

    def sign(self, data: bytes) -> bytes:
        """The signature over `data`."""


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key that signatures are checked with."""

    keyid: str
    key: Any = field(repr=False)

    @property
    def kind(self) -> str:
        """`ed25519`, `rsa`, or the name of a curve."""
        from cryptography.hazmat.primitives.asymmetric import ec, rsa

        if isinstance(self.key, ec.EllipticCurvePublicKey):
            return self.key.curve.name
        return "rsa" if isinstance(self.key, rsa.RSAPublicKey) else "ed25519"

    def fits(self, signature: bytes, data: bytes) -> bool:
        """Whether the signature is this key's over `data`; anything odd is false."""
        from cryptography.exceptions import InvalidSignature

        try:
            self._check(signature, data)
        except (InvalidSignature, ValueError):
            return False
        return True

    def _check(self, signature: bytes, data: bytes) -> None:
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

        if isinstance(self.key, ed25519.Ed25519PublicKey):
            self.key.verify(signature, data)
        elif isinstance(self.key, ec.EllipticCurvePublicKey):
            of_curve: dict[str, Callable[[], hashes.HashAlgorithm]] = {
                "sha256": hashes.SHA256,
                "sha384": hashes.SHA384,
                "sha512": hashes.SHA512,
            }
            self.key.verify(signature, data, ec.ECDSA(of_curve[ECDSA_HASHES[self.key.curve.name]]()))
        elif isinstance(self.key, rsa.RSAPublicKey):
            salted = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=padding.PSS.DIGEST_LENGTH)
            self.key.verify(signature, data, salted, hashes.SHA256())
        else:
            raise TypeError(type(self.key).__name__)  # `_admitted` let nothing else in


def public_key(data: bytes, *, where: str) -> PublicKey:
    """The public key in a file's bytes, PEM or DER of SubjectPublicKeyInfo; BadInput for anything else.

    A private key is refused by name: a stage that verifies has no business with one.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_der_public_key, load_pem_public_key

    if b"PRIVATE KEY" in data:
        raise BadInput(where, "holds a private key", "give the public half: openssl pkey -in KEY -pubout")
    load: Callable[[bytes], PublicKeyTypes] = (
        load_pem_public_key if data.lstrip().startswith(b"-----") else load_der_public_key
    )
    try:
        key = load(data)
    except (ValueError, UnsupportedAlgorithm):
        raise BadInput(
            where, "is not a public key", "give a PEM file that begins with -----BEGIN PUBLIC KEY-----"
        ) from None
    return _admitted(key, where)


def public_key_of(key: Any, *, where: str) -> PublicKey:
    """A key of `cryptography`'s, such as a certificate's; BadInput where it is of a kind that isn't taken."""
    return _admitted(key, where)


def _admitted(key: Any, where: str) -> PublicKey:
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    curve = key.curve.name if isinstance(key, ec.EllipticCurvePublicKey) else None
    long_enough = isinstance(key, rsa.RSAPublicKey) and key.key_size >= LEAST_RSA_BITS
    if not (isinstance(key, ed25519.Ed25519PublicKey) or curve in ECDSA_HASHES or long_enough):
        raise BadInput(
            where,
            "is a key of a kind that evidence isn't signed with",
            f"use Ed25519, ECDSA on P-256, P-384 or P-521, or RSA of {LEAST_RSA_BITS} bits or more",
        )
    spki = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return PublicKey(hashlib.sha256(spki).hexdigest(), key)


@dataclass(frozen=True, slots=True)
class FileSigner:
    """An Ed25519 key that this process holds."""

    public: PublicKey
    _key: Any = field(repr=False)

    def sign(self, data: bytes) -> bytes:
        """See `Signer`."""
        signature: bytes = self._key.sign(data)
        return signature


def file_signer(data: bytes, passphrase: Secret | None, *, where: str) -> FileSigner:
    """The Ed25519 key in a PKCS#8 PEM file, encrypted or not; BadInput, which shows nothing of it, where it isn't."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    mend = "give an Ed25519 key in PKCS#8 PEM: openssl genpkey -algorithm ed25519 -out KEY"
    try:
        key = load_pem_private_key(data, None if passphrase is None else passphrase.reveal().encode())
    except TypeError:
        if passphrase is None:
            raise BadInput(where, "is encrypted", "name its passphrase: --passphrase env:NAME or file:PATH") from None
        raise BadInput(where, "is not encrypted, but a passphrase was given", "leave --passphrase out") from None
    except (ValueError, UnsupportedAlgorithm):
        what = "is not a private key" if passphrase is None else "can't be opened with this passphrase"
        raise BadInput(where, what, mend) from None
    if not isinstance(key, Ed25519PrivateKey):
        raise BadInput(where, "is not an Ed25519 key", mend)
    return FileSigner(_admitted(key.public_key(), where), key)
