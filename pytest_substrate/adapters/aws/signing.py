"""An asymmetric key in KMS that signs: the private half never leaves it. Needs kms:GetPublicKey and kms:Sign."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any

from pytest_substrate.adapters.aws.answer import answered, ask
from pytest_substrate.evidence.keys import PublicKey, public_key
from pytest_substrate.model.aws.seal_operations import DIGEST, LONGEST_RAW, RAW, SIGNS, WAYS, SigningWay
from pytest_substrate.model.errors import BadInput
from pytest_substrate.model.observation import Missing, Unobserved


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicHalf:
    """What KMS tells of an asymmetric key."""

    spki: bytes
    usage: str | None
    """None where an endpoint doesn't tell; KMS always does."""


@answered
def read_public_half(client: Any, key_id: str) -> PublicHalf:
    """The public key behind a key's or an alias's ARN."""
    answer = ask(client, "kms:GetPublicKey", what=key_id, KeyId=key_id)
    return PublicHalf(spki=answer.data("PublicKey"), usage=answer.text_or_none("KeyUsage"))


@answered
def ask_for_signature(client: Any, key_id: str, *, message: bytes, kind: str, algorithm: str) -> bytes:
    """The signature of `message`, which is a digest or the data itself as `kind` says."""
    answer = ask(
        client, "kms:Sign", what=key_id, KeyId=key_id, Message=message, MessageType=kind, SigningAlgorithm=algorithm
    )
    return answer.data("Signature")


@dataclass(frozen=True, slots=True, kw_only=True)
class KmsSigner:
    """Implements `evidence.keys.Signer`."""

    public: PublicKey
    arn: str
    way: SigningWay
    client: Any = field(repr=False)

    def sign(self, data: bytes) -> bytes:
        """See `Signer`. An alias that moves in between gives a signature that doesn't fit: `sealed` sees it."""
        if self.way.hash is None and len(data) > LONGEST_RAW:
            raise BadInput(
                self.arn,
                f"KMS signs at most {LONGEST_RAW} bytes with an Ed25519 key, and this evidence has {len(data)}",
                "use a key of the spec ECC_NIST_P256, or an Ed25519 key file",
            )
        message, kind = (data, RAW) if self.way.hash is None else (hashlib.new(self.way.hash, data).digest(), DIGEST)
        told = ask_for_signature(self.client, self.arn, message=message, kind=kind, algorithm=self.way.algorithm)
        signature: bytes = _must(told, self.arn, "kms:Sign")
        return signature


def kms_signer(client: Any, key_id: str) -> KmsSigner:
    """The signer behind a key's ARN; BadInput where it isn't there, can't be asked, or doesn't sign."""
    half: PublicHalf = _must(read_public_half(client, key_id), key_id, "kms:GetPublicKey")
    if half.usage not in (SIGNS, None):
        raise BadInput(key_id, f"is a key for {half.usage}, which signs nothing", f"use one for {SIGNS}")
    public = public_key(half.spki, where=key_id)
    return KmsSigner(public=public, arn=key_id, way=WAYS[public.kind], client=client)


def _must(told: Any, key_id: str, operation: str) -> Any:
    if isinstance(told, Missing):
        raise BadInput(key_id, "there is no such key", "name an asymmetric key by its ARN")
    if isinstance(told, Unobserved):
        why = f"{told.reason} ({told.code})" if told.code else told.reason
        raise BadInput(key_id, f"{operation} was not answered: {why}", f"the caller needs {operation} on this key")
    return told
