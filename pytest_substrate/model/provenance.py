"""Facts of what an image says of its own making: the labels of its configuration, and its provenance attestations."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

REVISION: Final = "org.opencontainers.image.revision"
SOURCE: Final = "org.opencontainers.image.source"
"""Labels of the OCI image specification (annotations.md)."""


class Signed(StrEnum):
    """What the signature of an attestation comes to."""

    BY_KEY = "verified-by-key"
    """By a declared key."""
    BY_ROOT = "verified-by-root"
    """By the bundle's certificate, whose chain ends at a declared root."""
    UNANCHORED = "fits-its-own-certificate"
    """By the bundle's certificate, and no root is declared: whoever made it could have made that too."""
    UNASKED = "not-verified"
    """There is one, and nothing to verify it with."""
    UNTIMED = "no-time-of-signing"
    """By a certificate under a declared root, of which nothing says that it was valid then."""
    WRONG = "wrong"
    """By none of what is declared, or not over these bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """The signature of an attestation, and what the certificate says that made it (None what it doesn't say)."""

    signed: Signed
    problem: str | None = None
    """Of WRONG and UNTIMED: what is wrong, without a value of the attestation."""
    issuer: str | None = None
    """The OIDC issuer that the authority asked."""
    identity: str | None = None
    """The subject's alternative name: a workflow's URI with its reference, or an address."""
    workflow: str | None = None
    """The URI of the top-level workflow, which a reusable one isn't."""
    source: str | None = None
    """The source repository's URI."""
    commit: str | None = None
    """The source repository's digest."""
    build: str | None = None
    """The URI of the run."""
    at: datetime | None = None
    """When it was signed, as log or timestamp in the bundle say; that these say the truth is not verified."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """An in-toto statement with a SLSA provenance predicate. None is what it doesn't say."""

    predicate_type: str
    subjects: tuple[str, ...]
    """`sha256:` and the digest of each subject."""
    builder: str | None = None
    source: str | None = None
    """The repository's URL, without `git+`, reference and user information."""
    commit: str | None = None
    workflow: str | None = None
    build: str | None = None
    """The invocation, where the builder names it by an https URL."""
    signature: Signature | None = None
    """Of the envelope or bundle that it came in; None where it came bare."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BadAttestation:
    """An attestation that can't be read, and why; no value of it."""

    problem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AttestedImage:
    """One image of the released digest, for one platform, with what is attached to it."""

    digest: str
    platform: str
    revision: str | None
    source: str | None
    attestations: tuple[Provenance | BadAttestation, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Attested:
    """The released digest: its images, and what is attached to the digest itself."""

    digest: str
    images: tuple[AttestedImage, ...] = ()
    attestations: tuple[Provenance | BadAttestation, ...] = ()
    corrupt: str | None = None
    """Why the image can't be read to its end: what is wrong with it."""
    untrusted: str | None = None
    """Why the declared key or root can't be used: the file and what is wrong with it."""
    bundle_missing: str | None = None
    """The declared bundle's file, where there is none."""
