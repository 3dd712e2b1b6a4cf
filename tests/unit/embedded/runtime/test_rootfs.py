"""Layers become trees, and nothing in an archive gets outside of one."""

from __future__ import annotations

import gzip
import io
import os
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pytest_substrate.embedded.runtime import images, rootfs

Member = tuple[tarfile.TarInfo, bytes]


def _member(name: str, content: bytes = b"", **fields: Any) -> Member:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    for key, value in fields.items():
        setattr(member, key, value)
    return member, content


def _archive(*members: Member) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for member, content in members:
            archive.addfile(member, io.BytesIO(content))
    return gzip.compress(stream.getvalue(), mtime=0)


def _unpack(cache: Path, *layers: bytes) -> Path:
    named = [(images.digest_of(layer), layer) for layer in layers]
    return rootfs.unpacked(images.digest_of(b"".join(layers)), named, cache)


def _link(target: str, kind: bytes = tarfile.SYMTYPE) -> dict[str, Any]:
    return {"type": kind, "linkname": target}


def test_layers_lie_over_each_other(tmp_path: Path) -> None:
    """A file of a higher layer is the one that counts, and its mode keeps only whether it can be executed."""
    lower = images.layer({"/a/one": b"1", "/a/two": b"2"})
    upper = images.layer({"/a/two": b"new", "/bin/run": b"#!"}, executable=["/bin/run"])

    tree = _unpack(tmp_path, lower.blob, upper.blob)

    assert (tree / "a/one").read_bytes() == b"1"
    assert (tree / "a/two").read_bytes() == b"new"
    assert (tree / "a/two").stat().st_mode & 0o777 == 0o444
    assert (tree / "bin/run").stat().st_mode & 0o777 == 0o555


def test_a_whiteout_removes_from_below_alone(tmp_path: Path) -> None:
    """A whiteout removes a lower layer's file or folder, never one of its own layer, and leaves no trace of itself."""
    lower = images.layer({"/a/gone": b"", "/a/kept": b"", "/b/deep/x": b""})
    upper = _archive(_member("a/.wh.gone"), _member("b/.wh.deep"), _member("c/new", b"n"), _member("c/.wh.new"))

    tree = _unpack(tmp_path, lower.blob, upper)

    assert sorted(str(path.relative_to(tree)) for path in tree.rglob("*")) == ["a", "a/kept", "b", "c", "c/new"]


def test_an_opaque_folder_hides_what_lies_below(tmp_path: Path) -> None:
    """An opaque marker hides the lower layers' content, wherever in the layer it stands."""
    lower = images.layer({"/a/old": b"", "/a/sub/old": b""})
    upper = _archive(_member("a/new", b"n"), _member("a/.wh..wh..opq"))

    tree = _unpack(tmp_path, lower.blob, upper)

    assert [path.name for path in (tree / "a").iterdir()] == ["new"]


@pytest.mark.parametrize(
    "hostile",
    [
        lambda: _archive(_member("../outside", b"x")),
        lambda: _archive(_member("/etc/outside", b"x")),
        lambda: _archive(_member("a/../../outside", b"x")),
        lambda: _archive(_member("hard", **_link("../outside", tarfile.LNKTYPE))),
        lambda: _archive(_member("hard", **_link("nothing", tarfile.LNKTYPE))),
        lambda: _archive(_member("soft", **_link("x")), _member("hard", **_link("soft", tarfile.LNKTYPE))),
        lambda: gzip.compress(b"no tar at all" * 100),
        lambda: _archive(_member("a", b"x" * 4096))[:-200],
    ],
)
def test_a_hostile_archive_is_refused(tmp_path: Path, hostile: Callable[[], bytes]) -> None:
    """What would leave the root, links to nothing, or can't be read ends the unpacking, and leaves no image behind."""
    (tmp_path / "outside").write_text("mine")

    with pytest.raises(rootfs.UnsafeArchive):
        _unpack(tmp_path / "cache", hostile())

    assert (tmp_path / "outside").read_text() == "mine"
    assert [path.name for path in (tmp_path / "cache").iterdir() if not path.name.startswith(".")] == []


@pytest.mark.parametrize("target", ["/etc", "../../../../etc", "/", "../.."])
def test_a_symbolic_link_never_leads_out(tmp_path: Path, target: str) -> None:
    """A link's target is one of the image, and what is written through the link lands in the image."""
    tree = _unpack(tmp_path, _archive(_member("deep/link", **_link(target)), _member("deep/link/file", b"x")))

    assert Path(os.path.realpath(tree / "deep/link")).is_relative_to(tree)
    assert {path.read_bytes() for path in tree.rglob("file")} == {b"x"}


def test_devices_are_left_out(tmp_path: Path) -> None:
    """A device or a pipe in an archive is not made."""
    tree = _unpack(
        tmp_path, _archive(_member("dev/null", type=tarfile.CHRTYPE), _member("pipe", type=tarfile.FIFOTYPE))
    )

    assert not (tree / "pipe").exists()
    assert not (tree / "dev/null").exists()


def test_a_layer_must_be_what_its_digest_says(tmp_path: Path) -> None:
    """A layer under a wrong digest is refused."""
    with pytest.raises(rootfs.UnsafeArchive, match="not what its digest says"):
        rootfs.unpacked("sha256:0", [("sha256:1", images.layer({"/a": b""}).blob)], tmp_path)


def test_an_image_larger_than_any_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stream that never ends does not fill the disk."""
    monkeypatch.setattr(rootfs, "LARGEST_BYTES", 1000)

    with pytest.raises(rootfs.UnsafeArchive, match="larger"):
        _unpack(tmp_path, images.layer({"/a": b"x" * 2000}).blob)


def test_a_private_tree_shares_files_and_freezes_site_folders(tmp_path: Path) -> None:
    """A container's tree has folders of its own; its files are the image's, its site folders one link."""
    shared = _unpack(tmp_path, images.layer({f"{images.SITE}/m.py": b"", "/app/a": b"a"}).blob)

    frozen = rootfs.private_tree(shared, tmp_path / "own", folders=["scratch"])

    assert frozen == (images.SITE,)
    assert (tmp_path / "own/app/a").samefile(shared / "app/a")
    assert (tmp_path / f"own{images.SITE}").is_symlink()
    assert (tmp_path / "own/scratch").is_dir()
    (tmp_path / "own/app/b").write_text("mine")
    assert not (shared / "app/b").exists()
