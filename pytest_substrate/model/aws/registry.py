"""Facts of a registry: what it says of an image, and what the manifest says of itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pytest_substrate.model.aws.instant import Instant

ACTIVE: Final = "ACTIVE"
ARCHIVED: Final = "ARCHIVED"
NOT_FOUND: Final = "ImageNotFound"
MUTABLE: Final = "MUTABLE"
IMMUTABLE: Final = "IMMUTABLE"
IMMUTABLE_BUT: Final = "IMMUTABLE_WITH_EXCLUSION"
MUTABLE_BUT: Final = "MUTABLE_WITH_EXCLUSION"
MUTABILITIES: Final = (MUTABLE, IMMUTABLE, IMMUTABLE_BUT, MUTABLE_BUT)
"""Whether tags can move; with an exclusion, those that a filter matches do the opposite."""
INDEX_TYPES: Final = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
MANIFEST_TYPES: Final = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
"""Media types of the OCI image specification and of Docker's registry."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Child:
    """An image of an index, for one platform."""

    digest: str
    system: str | None
    architecture: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryImage:
    """An image as the registry has it. `children` are those of an index; an image of its own has none."""

    digest: str
    state: str | None
    """`ACTIVE`, `ARCHIVED`; None where the registry knows no such thing."""
    media_type: str | None
    pushed: Instant | None
    children: tuple[Child, ...] = ()
    tags: tuple[str, ...] = ()

    @property
    def is_index(self) -> bool:
        """Whether the digest stands for several images."""
        return self.media_type in INDEX_TYPES

    def child(self, system: str, architecture: str) -> Child | None:
        """The image of the index for a platform, named as in OCI (`linux`, `amd64`)."""
        return next(
            (one for one in self.children if (one.system, one.architecture) == (system, architecture)),
            None,
        )
