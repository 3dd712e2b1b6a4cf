"""REL-110: signatures of attestations, by keys and by certificates, and what the diagnosis makes of each."""

from __future__ import annotations

import base64
import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import given
from hypothesis import strategies as st

from pytest_substrate.embedded.kafka.tls import certificate_builder, common_name, key_usage
from pytest_substrate.embedded.platform.signing import CodeAuthority
from pytest_substrate.evidence.envelope import PAYLOAD_TYPE, signed_bytes
from pytest_substrate.evidence.keys import public_key_of
from pytest_substrate.model.errors import BadInput
from pytest_substrate.model.observation import Unobserved
from pytest_substrate.model.provenance import Attested, AttestedImage, Provenance, Signature, Signed
from pytest_substrate.planes.release.attested import with_bundle
from pytest_substrate.planes.release.certificate import BadCertificate, der
from pytest_substrate.planes.release.diagnose.provenance import diagnose_provenance
from pytest_substrate.planes.release.diagnose.signed import Expected
from pytest_substrate.planes.release.signature import Sealed, Trust, read_trust
from pytest_substrate.planes.release.statement import read_bundles, read_statement
from tests.unit.planes.release.test_provenance import BUILD, COMMIT, DIGEST, OTHER, REPOSITORY, github, record

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
ISSUER, SIGNER = "https://token.actions.githubusercontent.com", f"{REPOSITORY}/.github/workflows/r.yml@refs/heads/main"
TOLD = {
    "issuer": ISSUER,
    "signer": SIGNER,
    "source": REPOSITORY,
    "commit": COMMIT,
    "workflow": SIGNER,
    "build": f"{BUILD}/attempts/1",
}
STATEMENT = json.dumps(github(DIGEST)).encode()
AUTHORITY = CodeAuthority(now=NOW)
ROOTS = tuple(x509.load_pem_x509_certificates(AUTHORITY.roots))
"""The intermediate, then the root."""
EXPECTED = Expected(signed=True, issuer=ISSUER, identity=SIGNER)
P256, P384 = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP384R1())
ED, RSA = ed25519.Ed25519PrivateKey.generate(), rsa.generate_private_key(public_exponent=65537, key_size=2048)
PSS = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=padding.PSS.DIGEST_LENGTH)


def bundle(**told: str) -> dict[str, Any]:
    """A bundle of the authority's, in Sigstore's form v0.3."""
    return AUTHORITY.bundle(STATEMENT, TOLD | told, now=NOW)


def verified(document: Any, *roots: x509.Certificate, **trust: Any) -> Signature:
    """What the signature of a bundle comes to."""
    found = read_statement(json.dumps(document).encode(), Trust(roots=roots, **trust))
    assert isinstance(found, Provenance), found
    assert found.signature is not None
    return found.signature


def sealed(sign: Callable[[bytes], bytes], payload: bytes = STATEMENT) -> Sealed:
    """An envelope without a certificate."""
    return Sealed(kind=PAYLOAD_TYPE, payload=payload, signatures=(sign(signed_bytes(PAYLOAD_TYPE, STATEMENT)),))


@pytest.mark.parametrize(
    ("key", "sign"),
    [
        (ED, ED.sign),
        (P256, lambda data: P256.sign(data, ec.ECDSA(hashes.SHA256()))),
        (P384, lambda data: P384.sign(data, ec.ECDSA(hashes.SHA384()))),
        (P384, lambda data: P384.sign(data, ec.ECDSA(hashes.SHA256()))),
        (RSA, lambda data: RSA.sign(data, PSS, hashes.SHA256())),
        (RSA, lambda data: RSA.sign(data, padding.PKCS1v15(), hashes.SHA256())),
    ],
    ids=["ed25519", "p256", "p384", "p384-sha256", "rsa-pss", "rsa-pkcs1"],
)
def test_a_declared_key(key: Any, sign: Callable[[bytes], bytes]) -> None:
    """It fits its own signature over these very bytes, and no other key's or other bytes'."""
    trust = Trust(keys=(public_key_of(key.public_key(), where="key"),))
    stranger = Trust(keys=(public_key_of(ed25519.Ed25519PrivateKey.generate().public_key(), where="key"),))
    assert Signature(signed=Signed.BY_KEY) == trust.verify(sealed(sign))
    assert Signed.WRONG is stranger.verify(sealed(sign)).signed
    assert Signed.WRONG is trust.verify(sealed(sign, STATEMENT + b" ")).signed
    assert Signed.WRONG is trust.verify(replace(sealed(sign), kind="text/plain")).signed
    assert Signed.WRONG is trust.verify(replace(sealed(sign), signatures=())).signed
    assert Signed.UNASKED is Trust().verify(sealed(sign)).signed
    assert Signed.WRONG is Trust(roots=ROOTS).verify(sealed(sign)).signed


def test_a_certificate_under_a_declared_root() -> None:
    """All that it says is told, and when it signed."""
    found = verified(bundle(), *ROOTS)
    assert (
        Signature(
            signed=Signed.BY_ROOT,
            issuer=ISSUER,
            identity=SIGNER,
            workflow=SIGNER,
            source=REPOSITORY,
            commit=COMMIT,
            build=f"{BUILD}/attempts/1",
            at=NOW,
        )
        == found
    )
    assert replace(found, signed=Signed.UNANCHORED) == verified(bundle())


def chained(document: dict[str, Any], *above: x509.Certificate) -> dict[str, Any]:
    """The same in the form v0.2, with the certificates above the signer's in it."""
    material = document["verificationMaterial"]
    others = [one.public_bytes(serialization.Encoding.DER) for one in above]
    chain = [material.pop("certificate"), *({"rawBytes": base64.b64encode(one).decode()} for one in others)]
    return {
        **document,
        "mediaType": "application/vnd.dev.sigstore.bundle+json;version=0.2",
        "verificationMaterial": {**material, "x509CertificateChain": {"certificates": chain}},
    }


def test_a_chain_in_the_bundle() -> None:
    """The intermediate may come with the bundle, and the root never."""
    intermediate, root = ROOTS
    stranger = x509.load_pem_x509_certificates(CodeAuthority(now=NOW).roots)[1]
    assert Signed.BY_ROOT is verified(chained(bundle(), intermediate), root).signed
    assert Signed.BY_ROOT is verified(chained(bundle(), intermediate, root), root).signed
    assert Signed.BY_ROOT is verified(bundle(), intermediate).signed
    for document, declared in ((bundle(), root), (chained(bundle(), intermediate, root), stranger)):
        found = verified(document, declared)
        assert (Signed.WRONG, "its chain ends at no declared root") == (found.signed, found.problem)


def test_another_key_and_a_certificate() -> None:
    """Where a key alone is declared, a certificate doesn't stand for it; where both are, either signs."""
    key = public_key_of(ED.public_key(), where="key")
    assert Signed.WRONG is verified(bundle(), keys=(key,)).signed
    assert Signed.BY_ROOT is verified(bundle(), *ROOTS, keys=(key,)).signed


def edited(path: str, value: Any) -> dict[str, Any]:
    """A bundle with another value at a path; None takes it away."""
    document = bundle()
    *way, last = path.split("/")
    place: Any = document
    for step in way:
        place = place[int(step) if isinstance(place, list) else step]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return document


MATERIAL = "verificationMaterial"
LATE = str(int((NOW + timedelta(minutes=11)).timestamp()))


@pytest.mark.parametrize(
    ("path", "value", "signed"),
    [
        ("dsseEnvelope/payload", base64.b64encode(STATEMENT + b" ").decode(), Signed.WRONG),
        ("dsseEnvelope/signatures", [], Signed.WRONG),
        ("dsseEnvelope/signatures", [{"sig": "AAAA"}], Signed.WRONG),
        (f"{MATERIAL}/certificate", None, Signed.WRONG),
        (f"{MATERIAL}/certificate/rawBytes", "AAAA", Signed.WRONG),
        (f"{MATERIAL}/certificate/rawBytes", "?", Signed.WRONG),
        (f"{MATERIAL}/certificate/rawBytes", None, Signed.WRONG),
        (f"{MATERIAL}/tlogEntries", None, Signed.UNTIMED),
        (f"{MATERIAL}/tlogEntries", [], Signed.UNTIMED),
        (f"{MATERIAL}/tlogEntries/0/integratedTime", "0", Signed.UNTIMED),
        (f"{MATERIAL}/tlogEntries/0/integratedTime", LATE, Signed.WRONG),
        (f"{MATERIAL}/tlogEntries/0/integratedTime", "soon", Signed.WRONG),
        (f"{MATERIAL}/tlogEntries/0/integratedTime", "9" * 30, Signed.WRONG),
        (f"{MATERIAL}/timestampVerificationData", {"rfc3161Timestamps": [{}]}, Signed.WRONG),
        (f"{MATERIAL}/timestampVerificationData", {"rfc3161Timestamps": [{"signedTimestamp": "MAA="}]}, Signed.WRONG),
    ],
)
def test_what_is_wrong_with_a_bundle(path: str, value: Any, signed: Signed) -> None:
    """Nothing of it is green."""
    assert signed is verified(edited(path, value), *ROOTS).signed


def element(tag: int, *parts: bytes) -> bytes:
    """DER."""
    content = b"".join(parts)
    length = bytes([len(content)]) if len(content) < 128 else b"\x82" + len(content).to_bytes(2, "big")
    return bytes([tag]) + length + content


def stamp(signature: bytes, at: datetime) -> str:
    """An RFC 3161 response over a signature, by nobody."""
    sha256 = element(0x30, bytes.fromhex("0609608648016503040201"))
    imprint = element(0x30, sha256, element(0x04, hashlib.sha256(signature).digest()))
    time = element(0x18, at.strftime("%Y%m%d%H%M%SZ").encode())
    version, kind = element(0x02, b"\1"), bytes.fromhex("06092a864886f70d010702")
    info = element(0x30, version, bytes.fromhex("06022a03"), imprint, version, time)
    content = element(0x30, bytes.fromhex("060b2a864886f70d0109100104"), element(0xA0, element(0x04, info)))
    token = element(0x30, kind, element(0xA0, element(0x30, version, element(0x31), content)))
    return base64.b64encode(element(0x30, element(0x30, version), token)).decode()


def test_a_timestamp() -> None:
    """It gives the time where no log does, and only for the signature that it is over."""
    document = bundle()
    signature = base64.b64decode(document["dsseEnvelope"]["signatures"][0]["sig"])
    del document[MATERIAL]["tlogEntries"]
    for over, at, signed in (
        (signature, NOW, Signed.BY_ROOT),
        (signature, NOW + timedelta(hours=1), Signed.WRONG),
        (b"another", NOW, Signed.WRONG),
    ):
        stamped = {"rfc3161Timestamps": [{"signedTimestamp": stamp(over, at)}]}
        document[MATERIAL]["timestampVerificationData"] = stamped
        assert signed is verified(document, *ROOTS).signed


def issued(*, ca: bool = False, usage: bool = True, purpose: bool = True, critical: bool = False) -> dict[str, Any]:
    """A bundle by a certificate that a root of its own issued, and that root."""
    root_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    root = (
        certificate_builder(common_name("r"), common_name("r"), root_key, NOW, NOW + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(key_usage(signs_certificates=True), critical=True)
        .sign(root_key, hashes.SHA256())
    )
    made = certificate_builder(common_name("s"), common_name("r"), key, NOW, NOW + timedelta(days=1)).add_extension(
        x509.SubjectAlternativeName([x509.RFC822Name("release@ci.invalid")]), critical=False
    )
    if ca:
        made = made.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    if usage:
        made = made.add_extension(key_usage(signs_certificates=False), critical=True)
    if purpose:
        made = made.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING]), critical=False)
    if critical:
        odd = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3"), b"")
        made = made.add_extension(odd, critical=True)
    document = bundle()
    raw = made.sign(root_key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)
    signature = key.sign(signed_bytes(PAYLOAD_TYPE, STATEMENT), ec.ECDSA(hashes.SHA256()))
    document[MATERIAL]["certificate"] = {"rawBytes": base64.b64encode(raw).decode()}
    document["dsseEnvelope"]["signatures"] = [{"sig": base64.b64encode(signature).decode()}]
    return {"document": document, "root": root}


@pytest.mark.parametrize(
    ("options", "signed"),
    [
        ({}, Signed.BY_ROOT),
        ({"ca": True}, Signed.WRONG),
        ({"usage": False}, Signed.WRONG),
        ({"purpose": False}, Signed.WRONG),
        ({"critical": True}, Signed.WRONG),
    ],
)
def test_which_certificates_sign(options: dict[str, bool], signed: Signed) -> None:
    """Only one that is for signing code, and for nothing that isn't known here."""
    made = issued(**options)
    assert signed is verified(made["document"], made["root"]).signed


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@given(
    st.sampled_from(
        ["certificate", "x509CertificateChain", "tlogEntries", "timestampVerificationData", "publicKey"],
    ),
    _JSON,
)
def test_no_material_breaks_the_reader(key: str, value: Any) -> None:
    """Whatever stands in a bundle; and it is verified only where the certificate and its time still stand."""
    document = bundle()
    document[MATERIAL][key] = value
    assert isinstance(verified(document, *ROOTS), Signature)
    assert isinstance(verified(document), Signature)


@given(st.binary(max_size=12))
def test_no_bytes_break_der(data: bytes) -> None:
    """Every content is a part of the bytes, or told to be cut off."""
    try:
        _, content, rest = der(data)
    except BadCertificate:
        return
    assert data.endswith(content + rest)


def judged(document: Any, expected: Expected = EXPECTED, *, trust: Trust | None = None, **changes: Any) -> Any:
    """What REL-110 says of an image that bears this attestation alone."""
    found = read_statement(json.dumps(document).encode(), trust or Trust(roots=ROOTS))
    assert found is not None
    image = AttestedImage(
        digest=DIGEST, platform="linux/amd64", revision=COMMIT, source=REPOSITORY, attestations=(found,)
    )
    return diagnose_provenance(replace(record(DIGEST), **changes), Attested(digest=DIGEST, images=(image,)), expected)


OTHER_WORKFLOW = f"{REPOSITORY}/.github/workflows/x.yml@refs/heads/main"


@pytest.mark.parametrize(
    ("told", "cause"),
    [
        ({}, None),
        ({"issuer": "https://gitlab.com"}, "signer-differs"),
        ({"signer": OTHER_WORKFLOW}, "signer-differs"),
        ({"signer": f"{SIGNER}2"}, "signer-differs"),
        ({"workflow": OTHER_WORKFLOW}, "signer-differs"),
        ({"commit": OTHER}, "signer-differs"),
        ({"build": f"{BUILD}8"}, "signer-differs"),
        ({"source": "https://github.com/other/ingest"}, "signer-differs"),
    ],
)
def test_whom_a_certificate_is_for(told: dict[str, str], cause: str | None) -> None:
    """Issuer and workflow as declared, commit and run as recorded, repository and workflow as attested."""
    found = judged(bundle(**told))
    assert cause == found.cause, found.message
    assert "verified-by-root" == found.facts["signature"]


def test_an_identity_without_its_reference() -> None:
    """A workflow that releases from tags is declared without one."""
    whole = SIGNER.partition("@")[0]
    assert judged(bundle(), replace(EXPECTED, identity=whole)).cause is None
    assert "signer-differs" == judged(bundle(), replace(EXPECTED, identity=whole[:-1])).cause


def test_a_reusable_workflow() -> None:
    """It signs as itself, and the workflow that called it is the attested one."""
    signer = "https://github.com/acme/shared/.github/workflows/attest.yml@refs/tags/v1"
    assert judged(bundle(signer=signer), replace(EXPECTED, identity=signer)).cause is None


def test_what_the_signature_comes_to() -> None:
    """Bare where one is declared, wrong, without a time: none is green. Undeclared, the fact says what there is."""
    assert "signature-missing" == judged(github(DIGEST)).cause
    assert "signature-wrong" == judged(edited("dsseEnvelope/signatures", [{"sig": "AAAA"}])).cause
    assert "signature-undecided" == judged(edited(f"{MATERIAL}/tlogEntries", None)).cause
    undeclared = Trust()
    for document, told in ((github(DIGEST), "none"), (bundle(), "fits-its-own-certificate")):
        found = judged(document, Expected(), trust=undeclared)
        assert (None, told) == (found.cause, found.facts["signature"])
        assert "no signature" in found.message or "not verified" in found.message
    assert "signature-wrong" == judged(edited("dsseEnvelope/signatures", []), Expected(), trust=undeclared).cause
    found = judged(bundle(commit=OTHER), Expected(), trust=undeclared)
    assert "signer-differs" == found.cause


def test_builder_and_workflow_of_the_record() -> None:
    """Where the record names them, one provenance has to."""
    workflow, builder = ".github/workflows/r.yml", SIGNER
    assert judged(bundle(), workflow=workflow, builder=builder).cause is None
    assert "attestation-differs" == judged(bundle(), workflow=".github/workflows/x.yml").cause
    assert "attestation-differs" == judged(bundle(), builder="https://ci.invalid/laptop").cause


def declared(**keys: str | None) -> Any:
    """An artifact's `attestation`."""
    return SimpleNamespace(**{"key": None, "root": None, **keys})


def test_declared_files(tmp_path: Path) -> None:
    """What can't be read is told by its file, and a private key is refused by name."""
    (tmp_path / "roots.pem").write_bytes(AUTHORITY.roots)
    spki = serialization.PublicFormat.SubjectPublicKeyInfo
    (tmp_path / "key.pub").write_bytes(ED.public_key().public_bytes(serialization.Encoding.PEM, spki))
    (tmp_path / "key").write_bytes(b"-----BEGIN PRIVATE KEY-----")
    trust = read_trust(declared(key="key.pub", root="roots.pem"), tmp_path)
    assert (1, 2) == (len(trust.keys), len(trust.roots))
    os.mkfifo(tmp_path / "pipe")
    odd = ({"key": "pipe"}, {"root": "pipe"}, {"key": "none"})
    for wrong in ({"key": "key"}, {"root": "key"}, {"key": "roots.pem"}, {"root": "key.pub"}, *odd):
        with pytest.raises(BadInput) as raised:
            read_trust(declared(**wrong), tmp_path)
        assert next(iter(wrong.values())) == raised.value.where


def test_a_bundle_as_file(tmp_path: Path) -> None:
    """One bundle, or one a line, as if it lay beside the digest; other predicates are left alone."""
    bare = Attested(digest=DIGEST, images=(AttestedImage(digest=DIGEST, platform="l", revision=COMMIT, source=None),))
    file, trust = tmp_path / "b.json", Trust(roots=ROOTS)
    other = {**github(DIGEST), "predicateType": "https://spdx.dev/Document"}
    for content in (
        json.dumps(bundle(), indent=1),
        json.dumps(bundle()),
        f"{json.dumps(bundle())}\n\n{json.dumps(other)}\n",
    ):
        file.write_text(content, encoding="utf-8")
        found = with_bundle(bare, tmp_path, "b.json", trust)
        assert isinstance(found, Attested)
        assert diagnose_provenance(record(DIGEST), found, EXPECTED).cause is None
    file.write_text("{", encoding="utf-8")
    broken = with_bundle(bare, tmp_path, "b.json", trust)
    assert isinstance(broken, Attested)
    assert "attestation-malformed" == diagnose_provenance(record(DIGEST), broken, EXPECTED).cause
    absent = with_bundle(bare, tmp_path, "c.json", trust)
    assert isinstance(absent, Attested)
    assert "attestation-missing" == diagnose_provenance(record(DIGEST), absent, EXPECTED).cause
    os.mkfifo(tmp_path / "pipe")  # that nobody writes to, so that an open would wait for ever
    for name in (".", "pipe"):
        assert isinstance(with_bundle(bare, tmp_path, name, trust), Unobserved)


@given(st.binary(max_size=60))
def test_no_file_breaks_the_reader(data: bytes) -> None:
    """Whatever is declared as a bundle."""
    assert isinstance(read_bundles(data, Trust()), tuple)


def test_what_cannot_be_verified_is_no_green() -> None:
    """A key that isn't there leaves it undecided."""
    seen = Attested(digest=DIGEST, untrusted="release/key.pub can't be read")
    assert "trust-unreadable" == diagnose_provenance(record(DIGEST), seen, EXPECTED).cause
