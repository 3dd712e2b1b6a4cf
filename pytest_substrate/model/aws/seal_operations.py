"""The operations that a seal by a key in KMS needs, and which key signs how."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from pytest_substrate.model.aws.operation import Operation

SIGNS: Final = "SIGN_VERIFY"
RAW: Final = "RAW"
DIGEST: Final = "DIGEST"

LONGEST_RAW: Final = 4096
"""The most bytes that KMS signs as they are (the API's reference of Sign)."""


@dataclass(frozen=True, slots=True)
class SigningWay:
    """How a key of one spec signs: KMS's name of the algorithm, and the hash that is taken here, None for none."""

    algorithm: str
    hash: str | None


WAYS: Final[Mapping[str, SigningWay]] = {
    "ECC_NIST_P256": SigningWay("ECDSA_SHA_256", "sha256"),
    "ECC_NIST_P384": SigningWay("ECDSA_SHA_384", "sha384"),
    "ECC_NIST_P521": SigningWay("ECDSA_SHA_512", "sha512"),
    "RSA_2048": SigningWay("RSASSA_PSS_SHA_256", "sha256"),
    "RSA_3072": SigningWay("RSASSA_PSS_SHA_256", "sha256"),
    "RSA_4096": SigningWay("RSASSA_PSS_SHA_256", "sha256"),
    "ECC_NIST_EDWARDS25519": SigningWay("ED25519_SHA_512", None),
}
"""By KeySpec. Plain Ed25519 takes no digest in KMS (ED25519_PH_SHA_512 is another algorithm, which few can verify)."""

SEAL_OPERATIONS: Final[Mapping[str, Operation]] = {
    "kms:GetPublicKey": Operation(
        permissions=("kms:GetPublicKey",),
        sends=("KeyId",),
        reads=("KeyId", "PublicKey", "KeySpec", "KeyUsage", "SigningAlgorithms[]"),
        values={"KeySpec": tuple(WAYS), "KeyUsage": (SIGNS,)},
        missing=("NotFoundException",),
    ),
    "kms:Sign": Operation(
        permissions=("kms:Sign",),
        sends=("KeyId", "Message", "MessageType", "SigningAlgorithm"),
        reads=("Signature",),
        values={
            "MessageType": (RAW, DIGEST),
            "SigningAlgorithm": tuple(dict.fromkeys(way.algorithm for way in WAYS.values())),
        },
        missing=("NotFoundException",),
    ),
}
