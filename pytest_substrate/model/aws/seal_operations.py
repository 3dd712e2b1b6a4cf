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
    """How a key of one kind signs: KMS's name of the algorithm, and the hash that is taken here, None for none."""

    algorithm: str
    hash: str | None


WAYS: Final[Mapping[str, SigningWay]] = {
    "secp256r1": SigningWay("ECDSA_SHA_256", "sha256"),
    "secp384r1": SigningWay("ECDSA_SHA_384", "sha384"),
    "secp521r1": SigningWay("ECDSA_SHA_512", "sha512"),
    "rsa": SigningWay("RSASSA_PSS_SHA_256", "sha256"),
    "ed25519": SigningWay("ED25519_SHA_512", None),
}
"""By the public key's own kind. Plain Ed25519 takes no digest in KMS; ED25519_PH_SHA_512, which few can verify, is
another algorithm.
"""

SEAL_OPERATIONS: Final[Mapping[str, Operation]] = {
    "kms:GetPublicKey": Operation(
        permissions=("kms:GetPublicKey",),
        sends=("KeyId",),
        reads=("PublicKey", "KeyUsage"),
        values={"KeyUsage": (SIGNS,)},
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
