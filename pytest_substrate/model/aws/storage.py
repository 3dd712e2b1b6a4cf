"""Facts of S3 as the observer sees it: buckets, single objects, uploads; no byte of an object."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pytest_substrate.model.aws.instant import Instant
from pytest_substrate.model.observation import Missing, Unobserved

BY_KMS: Final = ("aws:kms", "aws:kms:dsse")
"""The algorithms that use a key of KMS."""
REQUESTER: Final = "Requester"


@dataclass(frozen=True, slots=True, kw_only=True)
class Encryption:
    """How a bucket encrypts what is put into it without saying how."""

    algorithm: str
    key_id: str | None
    bucket_key: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessPoint:
    """An access point to a bucket. `vpc` is the one that it may be reached from alone, None where any may."""

    arn: str
    bucket: str
    vpc: str | None
    policy: str | Missing | Unobserved
    """Its own policy's JSON, which decides beside the bucket's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketState:
    """A bucket. What may not be read of it is Unobserved in its own field, so that the rest is known still."""

    name: str
    region: str
    encryption: Encryption | Missing | Unobserved
    policy: str | Missing | Unobserved
    """The bucket policy's JSON; Missing where there is none."""
    ownership: str | Missing | Unobserved
    requester_pays: bool | Unobserved
    lock: str | Missing | Unobserved
    """The mode of the default retention; Missing where the bucket locks nothing by default."""
    point: AccessPoint | None = None
    """The access point that was declared in the bucket's place."""

    @property
    def key_id(self) -> str | None:
        """The customer's key that it encrypts with."""
        return self.encryption.key_id if isinstance(self.encryption, Encryption) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectsSeen:
    """Which of some keys exist; for a prefix, its first keys."""

    found: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    unseen: Unobserved | None = None
    """Why the others are not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftUploads:
    """Uploads that a probe began and that were still there after it ended: their keys."""

    found: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    stay: tuple[str, ...] = ()
    """Objects that a round trip made and that nobody was allowed to delete: their keys."""
    """Those that the observer could not abort either."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPolicy:
    """A key's policy as JSON text, and when the key was made: KMS doesn't date its policy."""

    arn: str
    document: str
    created: Instant | None = None
