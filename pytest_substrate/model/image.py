"""An image as its documents name it: platform, descriptors, configuration; and the port by which its bytes arrive.

Bytes come from an adapter (a layout on disk, a registry); what they mean is decided elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Final, Protocol, runtime_checkable

from pytest_substrate.model.observation import Unobserved

DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}|sha384:[0-9a-f]{96}|sha512:[0-9a-f]{128}")
"""The digests that can be checked here: of the algorithms that Go's tools know."""

_INDICES: Final = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
_MANIFESTS: Final = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
INDEX_TYPES: Final = frozenset(_INDICES)
MANIFEST_TYPES: Final = frozenset(_MANIFESTS)
CONFIG_TYPES: Final = frozenset(
    {"application/vnd.oci.image.config.v1+json", "application/vnd.docker.container.image.v1+json"}
)
ACCEPTED: Final = (*_MANIFESTS, *_INDICES)
"""What a registry is asked for; without the OCI types it may answer with something else, or not at all."""

LARGEST_DOCUMENT: Final = 4 * 1024 * 1024
"""The most bytes of an index, a manifest or a configuration."""


class Refuted(Exception):
    """Proven wrong about an image: `cause` is a slug of PKG-020, `message` one line without a value of the image."""

    def __init__(self, cause: str, message: str) -> None:
        super().__init__(message)
        self.cause = cause
        self.message = message


class Unseen(Exception):
    """Something of an image could not be read; nothing is proven by it."""

    def __init__(self, observation: Unobserved) -> None:
        super().__init__(observation.reason)
        self.observation = observation


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """What an image is for. `variant` and `os_version` are empty where nothing is said."""

    os: str
    architecture: str
    variant: str = ""
    os_version: str = ""

    def __str__(self) -> str:
        system = f"{self.os}({self.os_version})" if self.os_version else self.os
        return "/".join(part for part in (system, self.architecture, self.variant) if part)


@dataclass(frozen=True, slots=True, kw_only=True)
class Descriptor:
    """A blob as a document names it. `size` is None only for a reference that was typed, which names none."""

    digest: str
    media_type: str = ""
    size: int | None = None
    platform: Platform | None = None
    attestation: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageConfig:
    """Of an image's configuration, what checks look at; of its environment, only what decides where programs look."""

    platform: Platform
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    working_dir: str = ""
    user: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    diff_ids: tuple[str, ...] = ()


class Source(Protocol):
    """Where an image's bytes come from. Both raise Unseen, or Refuted where it is proven that they aren't there."""

    def document(self, wanted: Descriptor) -> tuple[bytes, str]:
        """An index or a manifest, unverified, with the type that the source says it has (empty where it says none)."""

    def blob(self, wanted: Descriptor) -> AbstractContextManager[Iterator[bytes]]:
        """A configuration or a layer, unverified, in pieces of any size."""


@runtime_checkable
class Marking(Protocol):
    """A source that can tell whether a blob is still the one that was read."""

    def mark(self, wanted: Descriptor) -> str | None:
        """What tells it, without reading the blob; None where nothing does. It raises nothing."""
