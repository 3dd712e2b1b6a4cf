"""The certificate of a Sigstore bundle: does its chain end at a declared root, when did it sign, and for whom. Pure.

Sources: RFC 5280 (basic constraints, key usage, path length, validity), Fulcio's certificate specification and its
list of extensions (docs/oid-info.md), the Sigstore bundle's protobuf, RFC 3161 for timestamps. Not verified, and so
told in docs/how-to/prove-the-release.md: the log's inclusion proof and promise, a timestamp authority's own signature,
the certificate's SCT, and revocation. Needs `cryptography`, which is loaded when a chain is asked.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from pytest_substrate.model.facts import line

if TYPE_CHECKING:
    from cryptography import x509

_FULCIO: Final = "1.3.6.1.4.1.57264.1."
_MOST: Final = 8
"""Certificates of a chain."""
_HASHES: Final = {
    "2.16.840.1.101.3.4.2.1": "sha256",
    "2.16.840.1.101.3.4.2.2": "sha384",
    "2.16.840.1.101.3.4.2.3": "sha512",
}
_UTF8, _OCTETS, _SEQUENCE, _OID, _TIME, _FIRST = 0x0C, 0x04, 0x30, 0x06, 0x18, 0xA0
"""Tags of DER that are read here."""

Table = Mapping[str, Any]


class BadCertificate(Exception):
    """What is wrong with a bundle's certificate, chain or time: one line that shows no value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Whom a certificate is for; None what it doesn't say."""

    issuer: str | None
    identity: str | None
    workflow: str | None
    source: str | None
    commit: str | None
    build: str | None


def certificates_of(material: Table) -> tuple[x509.Certificate, ...]:
    """The certificate of a bundle's verification material and those above it, the signer's first; () if it has none.

    Of v0.3 the one `certificate`, of v0.1 and v0.2 the `x509CertificateChain`. BadCertificate.
    """
    from cryptography.x509 import load_der_x509_certificate

    chain = material.get("x509CertificateChain")
    listed = chain.get("certificates") if isinstance(chain, dict) else None
    held = [material["certificate"]] if "certificate" in material else listed
    if held is None:
        return ()
    if not isinstance(held, list) or not 0 < len(held) <= _MOST:
        raise BadCertificate("the bundle holds no certificates that could be read")
    try:
        return tuple(load_der_x509_certificate(decoded(one["rawBytes"])) for one in held)
    except (ValueError, KeyError, TypeError):
        raise BadCertificate("a certificate of the bundle can't be read") from None


def decoded(text: object) -> bytes:
    """The bytes of standard base64; ValueError."""
    try:
        return base64.b64decode(text if isinstance(text, str) else "?", validate=True)
    except binascii.Error:
        raise ValueError("no base64") from None


def check_chain(held: Sequence[x509.Certificate], roots: Sequence[x509.Certificate], at: datetime) -> None:
    """That the signer's certificate leads to one of the roots, each valid at `at`; BadCertificate where it doesn't.

    Roots are trusted as they were declared, an intermediate among them too; those above the signer are only ways.
    """
    signer = held[0]
    _check_signer(signer)
    if not _leads(signer, held[1:], roots, at, depth=0):
        expired = _leads(signer, held[1:], roots, signer.not_valid_before_utc, depth=0)
        raise BadCertificate(
            "the certificate was not valid when it signed" if expired else "its chain ends at no declared root"
        )


def _leads(
    below: x509.Certificate,
    between: Sequence[x509.Certificate],
    roots: Sequence[x509.Certificate],
    at: datetime,
    depth: int,
) -> bool:
    """Whether `below` is valid and was issued by a root, or by one of `between` that leads on; `depth`: CAs below."""
    if not _valid(below, at):
        return False
    if any(_issued(below, root, depth) and _valid(root, at) for root in roots):
        return True
    return depth < _MOST and any(
        _issued(below, one, depth) and _leads(one, [to for to in between if to is not one], roots, at, depth + 1)
        for one in between
    )


def _valid(certificate: x509.Certificate, at: datetime) -> bool:
    return certificate.not_valid_before_utc <= at <= certificate.not_valid_after_utc


def _issued(below: x509.Certificate, above: x509.Certificate, depth: int) -> bool:
    """Whether `above` may issue certificates with `depth` authorities below it, and issued this one."""
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature

    try:
        below.verify_directly_issued_by(above)
        basic = above.extensions.get_extension_for_class(x509.BasicConstraints).value
        usage = above.extensions.get_extension_for_class(x509.KeyUsage).value
    except (ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound, x509.DuplicateExtension):
        return False
    return basic.ca and usage.key_cert_sign and (basic.path_length is None or depth <= basic.path_length)


def _check_signer(signer: x509.Certificate) -> None:
    """That it is no authority, signs code, and asks for nothing that isn't known here."""
    from cryptography import x509

    try:
        extensions = {one.oid: one for one in signer.extensions}
    except (ValueError, x509.DuplicateExtension):
        raise BadCertificate("the certificate's extensions can't be read") from None
    known = (
        x509.BasicConstraints.oid,
        x509.KeyUsage.oid,
        x509.ExtendedKeyUsage.oid,
        x509.SubjectAlternativeName.oid,
    )
    if any(one.critical and one.oid not in known for one in extensions.values()):
        raise BadCertificate("the certificate has a critical extension that isn't known here")
    basic, usage, purpose = (extensions.get(oid) for oid in known[:3])
    if basic is not None and basic.value.ca:
        raise BadCertificate("the certificate is an authority's, and signs no attestation")
    if usage is None or not usage.value.digital_signature:
        raise BadCertificate("the certificate is not for signatures")
    if purpose is None or x509.oid.ExtendedKeyUsageOID.CODE_SIGNING not in purpose.value:
        raise BadCertificate("the certificate is not for signing code")


def identity_of(signer: x509.Certificate) -> Identity:
    """Whom it is for, by its alternative name and Fulcio's extensions; BadCertificate where these can't be read."""
    from cryptography import x509

    try:
        found = {one.oid.dotted_string: one.value for one in signer.extensions}
    except (ValueError, x509.DuplicateExtension):
        raise BadCertificate("the certificate's extensions can't be read") from None

    def told(number: int, older: int | None = None) -> str | None:
        value = found.get(f"{_FULCIO}{number}")
        if isinstance(value, x509.UnrecognizedExtension):
            tag, text, rest = der(value.value)
            if tag != _UTF8 or rest:
                raise BadCertificate("an extension of the certificate holds no text")
            return _text(text)
        old = found.get(f"{_FULCIO}{older}") if older is not None else None
        return _text(old.value) if isinstance(old, x509.UnrecognizedExtension) else None  # those hold the text itself

    names = found.get(x509.SubjectAlternativeName.oid.dotted_string)
    listed = list(names) if isinstance(names, x509.SubjectAlternativeName) else []
    if len(listed) != 1 or not isinstance(listed[0], (x509.UniformResourceIdentifier, x509.RFC822Name)):
        raise BadCertificate("the certificate names no one identity, by URI or address")
    repository = told(12)
    return Identity(
        issuer=told(8, 1),
        identity=line(listed[0].value, 300),
        workflow=told(18),
        source=None if repository is None else repository.rstrip("/").removesuffix(".git"),
        commit=told(13, 3),
        build=told(21),
    )


def _text(data: bytes) -> str:
    try:
        return line(data.decode(), 300)
    except UnicodeDecodeError:
        raise BadCertificate("an extension of the certificate holds no text") from None


def times_of(material: Table, signature: bytes) -> tuple[datetime, ...]:
    """When it was signed, as the log's entries and the timestamps in the bundle say; BadCertificate for an odd one.

    A timestamp has to be over this signature. That log and authority really said so is not verified.
    """
    entries = material.get("tlogEntries")
    found = [_integrated(one) for one in (entries if isinstance(entries, list) else []) if _has_time(one)]
    data = material.get("timestampVerificationData")
    stamps = data.get("rfc3161Timestamps") if isinstance(data, dict) else None
    for one in stamps if isinstance(stamps, list) else []:
        try:
            found.append(_stamped(decoded(one["signedTimestamp"]), signature))
        except (ValueError, KeyError, TypeError, IndexError):
            raise BadCertificate("a timestamp of the bundle can't be read") from None
    return tuple(found)


def _has_time(entry: object) -> bool:
    return isinstance(entry, dict) and entry.get("integratedTime") not in (None, "0", 0)


def _integrated(entry: Table) -> datetime:
    try:
        return datetime.fromtimestamp(int(entry["integratedTime"]), UTC)
    except (ValueError, TypeError, OverflowError, OSError):
        raise BadCertificate("an entry of the log has no time that could be read") from None


def _stamped(response: bytes, signature: bytes) -> datetime:
    """The time of an RFC 3161 response: TimeStampResp, ContentInfo, SignedData, TSTInfo."""
    _status, token = _parts(_inner(response, _SEQUENCE))[:2]
    _kind, explicit = _parts(_inner(token, _SEQUENCE))[:2]
    signed = _parts(_inner(_inner(explicit, _FIRST), _SEQUENCE))
    content = _parts(_inner(signed[2], _SEQUENCE))
    info = _parts(_inner(_inner(_inner(content[1], _FIRST), _OCTETS), _SEQUENCE))
    imprint = _parts(_inner(info[2], _SEQUENCE))
    algorithm = _HASHES[_dotted(_inner(_parts(_inner(imprint[0], _SEQUENCE))[0], _OID))]
    if hashlib.new(algorithm, signature).digest() != _inner(imprint[1], _OCTETS):
        raise BadCertificate("a timestamp of the bundle is of another signature")
    told = _inner(info[4], _TIME).decode("ascii").partition(".")[0].rstrip("Z")
    return datetime.strptime(told, "%Y%m%d%H%M%S").replace(tzinfo=UTC)


def der(data: bytes) -> tuple[int, bytes, bytes]:
    """The first element of DER: its tag, its content, and what follows. BadCertificate."""
    if len(data) < 2:
        raise BadCertificate("it holds DER that is cut off")
    length, at = data[1], 2
    if length & 0x80:
        at += length & 0x7F
        length = int.from_bytes(data[2:at], "big")
    if len(data) < at + length or data[1] == 0x80:
        raise BadCertificate("it holds DER that is cut off")
    return data[0], data[at : at + length], data[at + length :]


def _inner(data: bytes, wanted: int) -> bytes:
    tag, content, _ = der(data)
    if tag != wanted:
        raise ValueError("another element than expected")
    return content


def _parts(data: bytes) -> list[bytes]:
    found = []
    while data:
        _, _, rest = der(data)
        found.append(data[: len(data) - len(rest)])
        data = rest
    return found


def _dotted(data: bytes) -> str:
    numbers, value = [data[0] // 40, data[0] % 40] if data[0] < 80 else [2, data[0] - 80], 0
    for byte in data[1:]:
        value = value << 7 | byte & 0x7F
        if not byte & 0x80:
            numbers.append(value)
            value = 0
    return ".".join(map(str, numbers))
