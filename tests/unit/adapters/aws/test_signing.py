"""A signer in KMS, from moto and from answers that moto can't give: it hashes a digest again, so its signatures of one
don't fit. A stand-in that signs as the reference says is in the tests of the seal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import boto3
import moto
import pytest
from botocore.stub import Stubber
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from pytest_substrate.adapters.aws.signing import kms_signer
from pytest_substrate.model.errors import BadInput

ARN = "arn:aws:kms:eu-west-2:111122223333:key/11111111-1111-1111-1111-111111111111"
Stubs = Callable[[str], tuple[Any, Stubber]]


@pytest.fixture
def kms(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Moto's KMS."""
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with moto.mock_aws():
        yield boto3.client("kms", region_name="eu-west-2", aws_access_key_id="a", aws_secret_access_key="b")


def make_key(kms: Any, spec: str) -> str:
    """A new key's ARN."""
    arn: str = kms.create_key(KeySpec=spec, KeyUsage="SIGN_VERIFY")["KeyMetadata"]["Arn"]
    return arn


def test_a_key_that_is_not_there(kms: Any) -> None:
    """One line with the ARN."""
    with pytest.raises(BadInput, match="there is no such key"):
        kms_signer(kms, ARN)


def test_a_curve_that_evidence_is_not_signed_with(kms: Any) -> None:
    """Told by the public key itself."""
    with pytest.raises(BadInput, match="is a key of a kind that evidence isn't signed with"):
        kms_signer(kms, make_key(kms, "ECC_SECG_P256K1"))


@pytest.mark.parametrize("spec", ["ECC_NIST_P256", "ECC_NIST_P384", "ECC_NIST_P521", "RSA_2048"])
def test_the_public_half_of_every_kind(kms: Any, spec: str) -> None:
    """The key's own kind says how it signs, and its id is that of the same key in a file."""
    arn = make_key(kms, spec)
    der = kms.get_public_key(KeyId=arn)["PublicKey"]
    signer = kms_signer(kms, arn)
    assert der == signer.public.key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def test_ed25519_is_signed_as_it_is(stub: Stubs) -> None:
    """RAW, as KMS wants it of this kind; the answer is held against botocore's model of Sign."""
    private = Ed25519PrivateKey.generate()
    spki = private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    client, stubber = stub("kms")
    stubber.add_response("get_public_key", {"KeyId": ARN, "PublicKey": spki, "KeyUsage": "SIGN_VERIFY"}, {"KeyId": ARN})
    stubber.add_response(
        "sign",
        {"KeyId": ARN, "Signature": private.sign(b"short")},
        {"KeyId": ARN, "Message": b"short", "MessageType": "RAW", "SigningAlgorithm": "ED25519_SHA_512"},
    )
    signer = kms_signer(client, ARN)
    assert signer.public.fits(signer.sign(b"short"), b"short")


@pytest.mark.parametrize(
    ("code", "words"), [("AccessDeniedException", "access-denied"), ("KMSInvalidStateException", "refused")]
)
def test_a_signature_that_is_refused(stub: Stubs, code: str, words: str) -> None:
    """A key that is disabled, or a caller without the right: one line that names the operation."""
    spki = Ed25519PrivateKey.generate().public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    client, stubber = stub("kms")
    stubber.add_response("get_public_key", {"PublicKey": spki, "KeyUsage": "SIGN_VERIFY"})
    stubber.add_client_error("sign", code, "words", http_status_code=400)
    with pytest.raises(BadInput, match=rf"kms:Sign was not answered: {words}"):
        kms_signer(client, ARN).sign(b"short")
