"""Later releases of `dev_min`'s image, and what becomes of its release record; all of it undone at the end."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from pytest_substrate.embedded.platform import dev_min, names, pipeline
from pytest_substrate.embedded.platform.platform import Platform
from pytest_substrate.embedded.platform.service import container, deployed

LATER: Final = "1.0.1"
"""The tag of a later image, where none is chosen."""


@contextlib.contextmanager
def released(platform: Platform, **changes: Any) -> Iterator[str]:
    """A later image (`changes` as for `later_image`), released by the pipeline and deployed by its digest."""
    with later_image(platform, **changes) as digest, recorded(platform, digest):

        def pin(definition: dict[str, Any]) -> None:
            container(definition)["image"] = dev_min.image_at(digest)

        with deployed(platform, pin):
            yield digest


@contextlib.contextmanager
def later_image(
    platform: Platform,
    *,
    keep: Callable[[str], bool] = bool,
    more: Mapping[str, bytes] | None = None,
    labels: Mapping[str, str] = names.LABELS,
    architecture: str = "amd64",
    tag: str = LATER,
) -> Iterator[str]:
    """A later image of the same program, gone again afterwards; its digest. It says its version in a file."""
    files = {"/app/VERSION": f"{tag}\n".encode(), **(more or {})}
    digest = dev_min.push_image(platform, tag=tag, keep=keep, more=files, labels=labels, architecture=architecture)
    try:
        yield digest
    finally:
        platform.client("ecr").batch_delete_image(repositoryName=names.REPOSITORY, imageIds=[{"imageDigest": digest}])


@contextlib.contextmanager
def record(platform: Platform, content: bytes | None) -> Iterator[None]:
    """Another content of the release record, or none."""
    path = platform.folder / pipeline.RECORD
    before = path.read_bytes()
    try:
        if content is None:
            path.unlink()
        else:
            path.write_bytes(content)
        yield
    finally:
        path.write_bytes(before)


@contextlib.contextmanager
def recorded(platform: Platform, digest: str) -> Iterator[None]:
    """The release of another digest by the pipeline, with its provenance."""
    before = (platform.folder / pipeline.RECORD).read_bytes()
    with record(platform, before), attested(platform, digest):
        pipeline.release(platform, digest)
        yield


@contextlib.contextmanager
def attested(platform: Platform, digest: str, **changes: Any) -> Iterator[None]:
    """A provenance (`changes` as for `pipeline.attest`) beside an image, gone again afterwards."""
    beside = pipeline.attest(platform, digest, **changes)
    try:
        yield
    finally:
        platform.client("ecr").batch_delete_image(repositoryName=names.REPOSITORY, imageIds=[{"imageDigest": beside}])


@contextlib.contextmanager
def mutability(platform: Platform, mode: str, *filters: str) -> Iterator[None]:
    """The repository's tags with another mutability, some of them exempt; then immutable again."""
    ecr = platform.client("ecr")

    def put(mode: str, filters: Sequence[str] = ()) -> None:
        exempt = [{"filterType": "WILDCARD", "filter": one} for one in filters]
        more = {"imageTagMutabilityExclusionFilters": exempt} if exempt else {}
        ecr.put_image_tag_mutability(repositoryName=names.REPOSITORY, imageTagMutability=mode, **more)

    try:
        put(mode, filters)
        yield
    finally:
        put("IMMUTABLE")
