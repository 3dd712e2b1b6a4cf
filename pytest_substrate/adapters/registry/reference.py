"""What a person may type for an image: `oci:DIRECTORY[:TAG]` or `REGISTRY/REPOSITORY@sha256:…`; and a platform.

The second is distribution's grammar (reference.go) with its registry and its digest required; a tag beside the digest
is refused, as one of the two would be ignored.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pytest_substrate.model.errors import BadInput
from pytest_substrate.model.image import Platform

_MEND: Final = "write oci:DIRECTORY[:TAG] or REGISTRY/REPOSITORY@sha256:DIGEST"
_LABEL: Final = r"(?:[A-Za-z0-9]|[A-Za-z0-9][A-Za-z0-9-]*[A-Za-z0-9])"
_HOST: Final = rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[0-9a-fA-F:.]+\])(?::[0-9]{{1,5}})?"
_COMPONENT: Final = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_REMOTE: Final = re.compile(
    rf"(?P<host>{_HOST})/(?P<repository>{_COMPONENT}(?:/{_COMPONENT})*)(?P<tag>:[\w.-]*)?@(?P<digest>.*)", re.ASCII
)
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")
_PLATFORM: Final = re.compile(r"([a-z0-9]+)(?:\(([\w.-]+)\))?/([a-z0-9_]+)(?:/([a-z0-9.]+))?")
_LONGEST_NAME: Final = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class LayoutReference:
    """An image of a layout on disk."""

    folder: Path
    tag: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryReference:
    """An image of a registry, by digest. `host` is as typed, with its port where one was."""

    host: str
    repository: str
    digest: str


def parse_reference(text: str) -> LayoutReference | RegistryReference:
    """The reference; BadInput for anything else."""
    if text.startswith("oci:"):
        folder, colon, tag = text.removeprefix("oci:").partition(":")
        if not folder or (colon and not tag):
            raise BadInput("REFERENCE", "names no directory" if not folder else "has an empty tag", _MEND)
        return LayoutReference(folder=Path(folder), tag=tag if colon else None)
    found = _REMOTE.fullmatch(text)
    if found is None:
        raise BadInput("REFERENCE", "is no image pinned by its digest in a registry", _MEND)
    if found["tag"] is not None:
        raise BadInput(
            "REFERENCE", "has a tag beside its digest", "leave out the tag: the digest alone says which image"
        )
    if _DIGEST.fullmatch(found["digest"]) is None:
        raise BadInput("REFERENCE", "has a digest that is no sha256 with 64 digits", _MEND)
    host = found["host"]
    if not ("." in host or ":" in host or host == "localhost" or host != host.lower()):
        raise BadInput("REFERENCE", "names no registry", "write the registry's host before the repository")
    if len(found["repository"]) + len(host) + 1 > _LONGEST_NAME:
        raise BadInput("REFERENCE", "has a name that is too long", _MEND)
    return RegistryReference(host=host, repository=found["repository"], digest=found["digest"])


def parse_platform(text: str) -> Platform:
    """`OS/ARCHITECTURE[/VARIANT]`, as in `linux/arm64/v8`; BadInput for anything else."""
    found = _PLATFORM.fullmatch(text)
    if found is None:
        raise BadInput("--platform", "is no platform", "write OS/ARCHITECTURE[/VARIANT], such as linux/amd64")
    return Platform(os=found[1], os_version=found[2] or "", architecture=found[3], variant=found[4] or "")
