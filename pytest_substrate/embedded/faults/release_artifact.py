"""Faults of the release plane in what a release leaves: its tags, its record and its labels."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from typing import Final

from pytest_substrate.embedded.faults import fault
from pytest_substrate.embedded.platform import names, pipeline
from pytest_substrate.embedded.platform.platform import Platform
from pytest_substrate.embedded.platform.releases import later_image, mutability, record, recorded
from pytest_substrate.model.outcome import Layer
from pytest_substrate.model.provenance import REVISION

_OTHER_COMMIT: Final = "0" * 40


@fault(
    "tags-can-move",
    check="REL-090",
    layer=Layer.ARTIFACT,
    cause="tags-mutable",
    breaks="somebody made the repository's tags mutable, to push a fix under the same tag",
)
def tags_can_move(platform: Platform) -> Iterator[None]:
    """The tag of a release may mean another image tomorrow."""
    with mutability(platform, "MUTABLE"):
        yield


@fault(
    "released-tag-exempt",
    check="REL-090",
    layer=Layer.ARTIFACT,
    cause="tag-exempt",
    breaks="tags are immutable, but for a filter that the released tag falls under",
)
def released_tag_exempt(platform: Platform) -> Iterator[None]:
    """IMMUTABLE at the first look."""
    with mutability(platform, "IMMUTABLE_WITH_EXCLUSION", "1.*"):
        yield


@fault(
    "release-left-no-record",
    check="REL-100",
    layer=Layer.ARTIFACT,
    cause="record-missing",
    breaks="the pipeline published the image, and left no release record",
)
def release_left_no_record(platform: Platform) -> Iterator[None]:
    """Nobody can say what was released."""
    with record(platform, None):
        yield


@fault(
    "record-without-commit",
    check="REL-100",
    layer=Layer.ARTIFACT,
    cause="record-malformed",
    breaks="the pipeline wrote a release record whose commit is empty",
)
def record_without_commit(platform: Platform) -> Iterator[None]:
    """A variable that a shell didn't know."""
    with _record(platform, commit=""):
        yield


@fault(
    "record-of-another-repository",
    check="REL-100",
    layer=Layer.ARTIFACT,
    cause="record-differs",
    breaks="the release record is another repository's",
)
def record_of_another_repository(platform: Platform) -> Iterator[None]:
    """Copied with the pipeline."""
    with _record(platform, repository="acme/other"):
        yield


@fault(
    "recorded-digest-never-pushed",
    check="REL-100",
    layer=Layer.ARTIFACT,
    cause="digest-missing",
    breaks="the release record names the digest of the local build, which the registry never saw",
)
def recorded_digest_never_pushed(platform: Platform) -> Iterator[None]:
    """A builder and a registry name an image by different digests."""
    with _record(platform, digest=f"sha256:{'d' * 64}"):
        yield


@fault(
    "image-of-another-commit",
    check="REL-110",
    layer=Layer.ARTIFACT,
    cause="label-differs",
    breaks="the released image says that it was built from another commit than the record",
)
def image_of_another_commit(platform: Platform) -> Iterator[None]:
    """A cached layer, or a record that was written for the build after."""
    with _released(platform, {REVISION: _OTHER_COMMIT}):
        yield


@fault(
    "image-without-revision",
    check="REL-110",
    layer=Layer.ARTIFACT,
    cause="label-missing",
    breaks="the released image says of no commit that it was built from it",
)
def image_without_revision(platform: Platform) -> Iterator[None]:
    """The build lost its labels."""
    with _released(platform, {REVISION: ""}):
        yield


def _record(platform: Platform, **changes: str) -> contextlib.AbstractContextManager[None]:
    """The release record with other values."""
    document = json.loads((platform.folder / pipeline.RECORD).read_bytes())
    return record(platform, json.dumps({**document, **changes}).encode())


@contextlib.contextmanager
def _released(platform: Platform, labels: Mapping[str, str]) -> Iterator[None]:
    """A later image with these labels beside the usual ones, released by the pipeline."""
    with later_image(platform, labels={**names.LABELS, **labels}) as digest, recorded(platform, digest):
        yield
