"""A layout on disk: what `index.json` names, and blobs that are files."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from pytest_substrate.adapters.registry.layout import Layout
from pytest_substrate.model.errors import BadInput
from pytest_substrate.model.image import Descriptor
from pytest_substrate.planes.packaging.image.facts import ImageFacts, Refutation
from pytest_substrate.planes.packaging.image.observe import observe_image
from tests.unit.planes.packaging.making import AMD64, MANIFEST, base, image


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A layout with one image, tagged `latest`."""
    return image(base()).write(tmp_path / "layout")


def entry(digest: str = "sha256:" + "0" * 64, tag: str | None = None, **more: Any) -> dict[str, Any]:
    """A descriptor of index.json."""
    annotations = {} if tag is None else {"annotations": {"org.opencontainers.image.ref.name": tag}}
    return {"mediaType": MANIFEST, "digest": digest, "size": 1, **annotations, **more}


def index(folder: Path, *manifests: Any) -> Layout:
    """A layout whose index is another one."""
    (folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": list(manifests)}))
    return Layout(folder)


def test_an_image_is_found_by_tag_or_alone(folder: Path) -> None:
    """And read whole."""
    layout = Layout(folder)
    assert layout.reference(None) == layout.reference("latest")
    assert isinstance(observe_image(layout, layout.reference(None), AMD64), ImageFacts)


def test_a_tag_says_which(folder: Path) -> None:
    """Of several; the same image twice is one."""
    one, other = "sha256:" + "1" * 64, "sha256:" + "2" * 64
    layout = index(folder, entry(one, "a"), entry(other, "b"), entry(other, "b"))
    assert other == layout.reference("b").digest


@pytest.mark.parametrize("tag", [None, "c", ""])
def test_none_or_several_are_bad_input(folder: Path, tag: str | None) -> None:
    """Which one is meant has to be said."""
    one, other = "sha256:" + "1" * 64, "sha256:" + "2" * 64
    with pytest.raises(BadInput):
        index(folder, entry(one, "a"), entry(other, "a")).reference(tag)


def test_an_ambiguous_tag_is_bad_input(folder: Path) -> None:
    """skopeo takes one of them, umoci neither."""
    with pytest.raises(BadInput, match="several times"):
        index(folder, entry("sha256:" + "1" * 64, "a"), entry("sha256:" + "2" * 64, "a")).reference("a")


@pytest.mark.parametrize(
    "manifests",
    [
        [],
        ["x"],
        [{}],
        [entry("sha256:0")],
        [entry("md5:" + "0" * 32)],
        [entry(size=-1)],
        [entry(size="1")],
        [entry(size=True)],
        [entry(mediaType=3)],
    ],
)
def test_a_malformed_index_is_bad_input(folder: Path, manifests: list[Any]) -> None:
    """It is what the person wrote, or names."""
    with pytest.raises(BadInput, match=r"index\.json"):
        index(folder, *manifests).reference(None)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"manifests": {}}', "[" * 100000, " " * (4 << 20) + "{}"])
def test_what_is_no_index_is_bad_input(folder: Path, text: str) -> None:
    """However it is damaged."""
    (folder / "index.json").write_text(text)
    with pytest.raises(BadInput, match=r"index\.json"):
        Layout(folder).reference(None)


def test_what_is_no_layout_is_bad_input(folder: Path, tmp_path: Path) -> None:
    """No folder, a file, a folder without `oci-layout`, one of another version, an index that is a pipe."""
    for place in (tmp_path / "nowhere", folder / "index.json", tmp_path):
        with pytest.raises(BadInput):
            Layout(place).reference(None)
    (folder / "oci-layout").write_text('{"imageLayoutVersion": "2.0.0"}')
    with pytest.raises(BadInput, match="version"):
        Layout(folder).reference(None)
    (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    (folder / "index.json").unlink()
    os.mkfifo(folder / "index.json")
    with pytest.raises(BadInput):
        Layout(folder).reference(None)


@pytest.mark.parametrize("kind", ["gone", "fifo", "folder", "loop"])
def test_a_blob_that_is_no_file_is_missing(folder: Path, kind: str) -> None:
    """And nothing waits for it."""
    layout = Layout(folder)
    wanted = layout.reference(None)
    blob = folder / "blobs/sha256" / wanted.digest.partition(":")[2]
    blob.unlink()
    if kind == "fifo":
        os.mkfifo(blob)
    elif kind == "folder":
        blob.mkdir()
    elif kind == "loop":
        blob.symlink_to(blob.name)
    found = observe_image(layout, wanted, AMD64)
    if kind == "loop":
        assert not isinstance(found, ImageFacts)
    else:
        assert isinstance(found, Refutation)
        assert "digest-missing" == found.cause


def test_a_document_is_read_to_its_bound_alone(folder: Path) -> None:
    """A manifest of gigabytes takes no memory."""
    layout = Layout(folder)
    digest = "sha256:" + "3" * 64
    with (folder / "blobs/sha256" / ("3" * 64)).open("wb") as sparse:
        sparse.truncate(1 << 33)
    found = observe_image(layout, Descriptor(digest=digest, size=1 << 33), AMD64)
    assert isinstance(found, Refutation)
    assert "4194304" in found.message
