"""Facts of what an image says of its own making: the labels of its configuration, and its provenance attestations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

REVISION: Final = "org.opencontainers.image.revision"
SOURCE: Final = "org.opencontainers.image.source"
"""Labels of the OCI image specification (annotations.md)."""


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
    envelope: bool = False
    """Whether it came in an envelope that bears a signature."""


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
