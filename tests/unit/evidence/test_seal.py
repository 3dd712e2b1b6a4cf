"""The seal: whose signature over what, made once, and verified by others' tools as the documentation says."""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from pytest_substrate.adapters.aws.signing import KmsSigner, kms_signer
from pytest_substrate.evidence.envelope import PAYLOAD_TYPE, Envelope, pack, read_envelope
from pytest_substrate.evidence.keys import PublicKey, file_signer, public_key
from pytest_substrate.evidence.seal import sealed
from pytest_substrate.evidence.secret import Secret
from pytest_substrate.model.errors import BadInput
from tests.unit.evidence.making import Made, good, key, private_pem, public_pem, signed, signer, verify


def test_the_pre_authentication_encoding() -> None:
    """DSSE's own example of PAE, with our type: lengths in ASCII, single spaces, the bytes as they are."""
    assert b"DSSEv1 28 application/vnd.in-toto+json 2 {}" == Envelope(payload=b"{}").signed_bytes


def test_sealed_once_a_key() -> None:
    """A second time changes nothing; another key adds its own; the payload is never touched."""
    raw = Made().text()
    once = sealed(raw, signer(), where="e")
    assert [key().keyid] == [one.keyid for one in once.signatures]
    assert read_envelope(raw).payload == once.payload
    assert once == sealed(once.to_text().encode(), signer(), where="e")
    both = sealed(once.to_text().encode(), signer("other"), where="e")
    assert [key().keyid, key("other").keyid] == [one.keyid for one in both.signatures]


def test_the_key_id_is_the_hash_of_the_public_key() -> None:
    """sha256 of the SubjectPublicKeyInfo, as `openssl pkey -pubin -outform DER | sha256sum` gives it."""
    pem = public_pem().decode().splitlines()[1:-1]
    assert hashlib.sha256(base64.b64decode("".join(pem))).hexdigest() == key().keyid


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{}",
        good()[:-5],
        Made().text().replace(b"in-toto", b"other"),
        pack({"_type": "https://in-toto.io/Statement/v1", "subject": [], "predicate": {}}).encode(),
        pack({**Made().statement(), "more": 1}).encode(),
    ],
)
def test_nothing_but_a_whole_statement_of_ours_is_sealed(raw: bytes) -> None:
    """A key that signed anything it is given would vouch for anything."""
    with pytest.raises(BadInput, match=r"e: is not evidence to sign: .+; sign the file that the run left"):
        sealed(raw, signer(), where="e")


def test_an_edited_file_is_not_sealed_over() -> None:
    """Where the key signed another payload before, it doesn't sign this one."""
    envelope = json.loads(good())
    envelope["payload"] = json.loads(Made(facts={"MSG-010": {"version_id": "v2"}}).text())["payload"]
    with pytest.raises(BadInput, match="was edited"):
        sealed(json.dumps(envelope).encode(), signer(), where="e")


def test_key_files() -> None:
    """Ed25519 in PKCS#8, encrypted or not; whatever is wrong, the message shows nothing of it."""
    own = ed25519.Ed25519PrivateKey.generate()
    locked = own.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"hunter22"))
    expected = own.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    opened = file_signer(locked, Secret("hunter22"), where="k")
    assert hashlib.sha256(expected).hexdigest() == opened.public.keyid
    assert opened.public.fits(opened.sign(b"data"), b"data")
    assert "hunter22" not in repr(opened)
    other = ec.generate_private_key(ec.SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    for data, passphrase, message in (
        (locked, None, "k: is encrypted; name its passphrase"),
        (locked, Secret("wrong"), "k: can't be opened with this passphrase"),
        (private_pem(), Secret("hunter22"), "k: is not encrypted"),
        (other, None, "k: is not an Ed25519 key"),
        (public_pem(), None, "k: is not a private key"),
        (b"", None, "k: is not a private key"),
    ):
        with pytest.raises(BadInput) as raised:
            file_signer(data, passphrase, where="k")
        assert str(raised.value).startswith(message)
        assert "hunter22" not in str(raised.value)


def test_public_keys() -> None:
    """PEM or DER; a private key has no business in a stage that verifies, and weak or other kinds are refused."""
    pem = public_pem()
    assert key() == public_key(pem, where="k") or key().keyid == public_key(pem, where="k").keyid
    weak = rsa.generate_private_key(65537, 1024).public_key()  # noqa: S505  weak on purpose
    curve = ec.generate_private_key(ec.SECP256K1()).public_key()
    for data, message in (
        (private_pem(), "k: holds a private key"),
        (b"ssh-ed25519 AAAA", "k: is not a public key"),
        (weak.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo), "k: is a key of a kind"),
        (curve.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo), "k: is a key of a kind"),
    ):
        with pytest.raises(BadInput) as raised:
            public_key(data, where="k")
        assert str(raised.value).startswith(message)


def test_securesystemslib_verifies_the_same_file() -> None:
    """As docs/how-to/verify-evidence.md says: the in-toto projects' own library takes it for a DSSE envelope."""
    from securesystemslib.dsse import Envelope as Theirs
    from securesystemslib.exceptions import VerificationError
    from securesystemslib.signer import SSlibKey  # type: ignore[attr-defined]  # it has no `__all__`

    keyid = json.loads(good())["signatures"][0]["keyid"]
    told = SSlibKey(keyid, "ed25519", "ed25519", {"public": _raw_public().hex()})
    envelope = Theirs.from_dict(json.loads(good()))
    assert {keyid: told} == envelope.verify([told], 1)
    assert PAYLOAD_TYPE == envelope.payload_type
    envelope.payload = envelope.payload.replace(b"READY", b"ready", 1)
    with pytest.raises(VerificationError):
        envelope.verify([told], 1)


def _raw_public() -> bytes:
    key_object: ed25519.Ed25519PublicKey = key().key
    return key_object.public_bytes(Encoding.Raw, PublicFormat.Raw)


def test_the_documented_commands_verify_the_same_file(tmp_path: Path) -> None:
    """The commands of docs/how-to/verify-evidence.md, as they stand there; each step has an equal in Python, and
    openssl itself is asked wherever it is installed.
    """
    page = (Path(__file__).parents[3] / "docs/how-to/verify-evidence.md").read_text(encoding="utf-8")
    script = page.split("```sh\n")[1].split("```")[0]
    (tmp_path / "evidence.json").write_bytes(good())
    (tmp_path / "ci.pub").write_bytes(public_pem())
    split = script.split("<<'EOF'\n")[1].split("\nEOF\n")[0]
    subprocess.run(["python3", "-c", split], cwd=tmp_path, check=True, timeout=60)
    envelope = read_envelope(good())
    assert envelope.signed_bytes == (tmp_path / "evidence.pae").read_bytes()
    assert envelope.signatures[0].sig == (tmp_path / "evidence.sig").read_bytes()
    assert key().fits((tmp_path / "evidence.sig").read_bytes(), (tmp_path / "evidence.pae").read_bytes())
    if shutil.which("openssl") is not None:
        done = subprocess.run(
            ["sh", "-e", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60
        )
        assert (0, "Signature Verified Successfully") == (done.returncode, done.stdout.strip()), done.stderr


class Kms:
    """KMS as its reference says it signs: at most 4096 bytes as they are, else a digest of the right length."""

    def __init__(self, spec: str, private: Any, usage: str = "SIGN_VERIFY") -> None:
        self.spec, self.private, self.usage = spec, private, usage
        self.arn = "arn:aws:kms:eu-west-2:111122223333:key/1"

    def get_public_key(self, **_: str) -> dict[str, Any]:
        spki = self.private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return {"KeyId": self.arn, "PublicKey": spki, "KeySpec": self.spec, "KeyUsage": self.usage}

    def sign(self, **request: Any) -> dict[str, Any]:
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import padding
        from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

        assert request["KeyId"]
        message, kind, algorithm = request["Message"], request["MessageType"], request["SigningAlgorithm"]
        if algorithm == "ED25519_SHA_512":
            assert "RAW" == kind
            assert len(message) <= 4096
            return {"Signature": self.private.sign(message)}
        assert "DIGEST" == kind
        hashed = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}[algorithm[-3:]]
        if algorithm.startswith("ECDSA"):
            return {"Signature": self.private.sign(message, ec.ECDSA(Prehashed(hashed)))}
        assert algorithm.startswith("RSASSA_PSS")
        salted = padding.PSS(padding.MGF1(hashed), padding.PSS.DIGEST_LENGTH)
        return {"Signature": self.private.sign(message, salted, Prehashed(hashed))}


@pytest.mark.parametrize(
    ("spec", "private"),
    [
        ("ECC_NIST_P256", ec.generate_private_key(ec.SECP256R1())),
        ("ECC_NIST_P384", ec.generate_private_key(ec.SECP384R1())),
        ("ECC_NIST_P521", ec.generate_private_key(ec.SECP521R1())),
        ("RSA_2048", rsa.generate_private_key(65537, 2048)),
    ],
)
def test_a_key_in_kms_seals(spec: str, private: Any) -> None:
    """It gets a digest, as evidence is longer than what KMS signs; the file verifies with the public half alone."""
    own = kms_signer(Kms(spec, private), "arn:aws:kms:eu-west-2:111122223333:alias/seal")
    raw = sealed(Made().text(), own, where="e").to_text().encode()
    pem = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    assert () == verify(raw, keys=[public_key(pem, where="k")])
    changed = raw.replace(b'"payload": "eyJ', b'"payload": "eyI', 1)
    assert verify(changed, keys=[public_key(pem, where="k")])


def test_an_ed25519_key_in_kms_signs_short_things_alone() -> None:
    """KMS takes at most 4096 bytes for plain Ed25519, which evidence exceeds: said with what to use instead."""
    own = kms_signer(Kms("ECC_NIST_EDWARDS25519", ed25519.Ed25519PrivateKey.generate()), "arn")
    assert own.public.fits(own.sign(b"short"), b"short")
    with pytest.raises(BadInput, match=r"KMS signs at most 4096 bytes with an Ed25519 key.+ECC_NIST_P256"):
        sealed(Made().text(), own, where="e")


def test_a_key_in_kms_that_signs_nothing() -> None:
    """A key for encryption, and one of a curve that nobody of ours verifies."""
    private = ec.generate_private_key(ec.SECP256R1())
    with pytest.raises(BadInput, match="arn: is a key for KEY_AGREEMENT, which signs nothing"):
        kms_signer(Kms("ECC_NIST_P256", private, usage="KEY_AGREEMENT"), "arn")
    with pytest.raises(BadInput, match="arn: is a key of a kind that evidence isn't signed with"):
        kms_signer(Kms("ECC_SECG_P256K1", ec.generate_private_key(ec.SECP256K1())), "arn")


def test_a_signature_that_does_not_fit_its_own_key_is_not_written() -> None:
    """Whatever a key store answered, the seal looks at it before anyone relies on it."""
    real = kms_signer(Kms("ECC_NIST_P256", ec.generate_private_key(ec.SECP256R1())), "arn")
    other = PublicKey("0" * 64, ec.generate_private_key(ec.SECP256R1()).public_key())
    crossed = KmsSigner(public=other, arn=real.arn, way=real.way, client=real.client)
    with pytest.raises(BadInput, match="doesn't fit its own public key"):
        sealed(Made().text(), crossed, where="e")


def test_errors_of_kms_are_one_line() -> None:
    """What botocore raises is said by its kind, and no message of a signature error is repeated."""
    from botocore.exceptions import ClientError, NoCredentialsError

    class Refusing:
        def __init__(self, error: Exception) -> None:
            self.error = error

        def get_public_key(self, **_: Any) -> dict[str, Any]:
            raise self.error

    def refused(code: str) -> Refusing:
        return Refusing(ClientError({"Error": {"Code": code, "Message": "secret words"}}, "GetPublicKey"))

    for client, words in (
        (refused("NotFoundException"), "there is no such key"),
        (refused("AccessDeniedException"), "was not answered: access-denied"),
        (Refusing(NoCredentialsError()), "was not answered: no-credentials"),
    ):
        with pytest.raises(BadInput) as raised:
            kms_signer(client, "arn:aws:kms:eu-west-2:111122223333:key/1")
        assert words in str(raised.value)
        assert "secret words" not in str(raised.value)


def test_what_is_signed_is_what_is_read() -> None:
    """The seal's envelope comes back equal from its own bytes."""
    envelope = read_envelope(signed(Made().text()))
    assert good() == envelope.to_text().encode()
