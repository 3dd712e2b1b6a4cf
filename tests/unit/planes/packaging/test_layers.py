"""Layers: read as they stream, merged as umoci merges them, and red where no runtime would unpack them.

The outcomes of the merges were compared with what `umoci unpack` left on disk, over some thousand random images too.
"""

from __future__ import annotations

import gzip
import io
import json
import tarfile
import zlib
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_substrate.model.image import Refuted
from pytest_substrate.planes.packaging.image import merge as merging
from pytest_substrate.planes.packaging.image import stream, tar
from pytest_substrate.planes.packaging.image.facts import Refutation
from pytest_substrate.planes.packaging.image.files import LARGEST_METADATA
from pytest_substrate.planes.packaging.image.tree import everything
from tests.unit.planes.packaging.making import (
    CONFIG,
    LAYER,
    MANIFEST,
    Entry,
    Store,
    archive,
    base,
    digest,
    file,
    folder,
    hard,
    image,
    installed,
    link,
)

Found = Mapping[str, str | bool]
zstd = stream.zstd_module()


def merged(*layers: list[Entry]) -> Found:
    """Each path with a file's mode, a link's target, True for a folder, False for a device."""
    facts = image(*layers).facts()
    return {
        path: entry if isinstance(entry, (str, bool)) else f"{facts.files[entry].mode:o}"
        for path, entry in everything(facts.tree)
    }


def refused(made: Store) -> str:
    """Why PKG-020 is violated."""
    seen = made.see()
    assert isinstance(seen, Refutation), seen
    assert "image-corrupt" == seen.cause
    return seen.message


LOW = [file("d/a"), file("d/s/b"), file("x")]


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        ([LOW, [file(".wh.x")]], {"d": True, "d/a": "644", "d/s": True, "d/s/b": "644"}),
        ([LOW, [file(".wh.d")]], {"x": "644"}),
        ([LOW, [file("d/.wh..wh..opq")]], {"d": True, "x": "644"}),
        ([LOW, [file("d/.wh..wh..opq"), file("d/c")]], {"d": True, "d/c": "644", "x": "644"}),
        ([LOW, [file("d/c"), file("d/.wh..wh..opq")]], {"d": True, "d/c": "644", "x": "644"}),
        ([LOW, [file("d/s/c"), file(".wh.d")]], {"d": True, "d/s": True, "d/s/c": "644", "x": "644"}),
        ([LOW, [file("x", mode=0o600), file(".wh.x")]], {**merged(LOW), "x": "600"}),
        ([LOW, [file(".wh.x"), file("x", mode=0o600)]], {**merged(LOW), "x": "600"}),
        ([LOW, [file(".wh..wh..opq"), file("y")]], {"y": "644"}),
        ([LOW, [file("nowhere/.wh.x")]], merged(LOW)),
        ([LOW, [file(".wh..wh.plnk"), file(".wh..wh.aufs")]], merged(LOW)),
        ([LOW, [file("d")]], {"d": "644", "x": "644"}),
        ([LOW, [folder("x")]], {**merged(LOW), "x": True}),
        ([LOW, [link("d", "x")]], {"d": "x", "x": "644"}),
        ([LOW, [hard("y", "d/a"), hard("z", "/x")]], {**merged(LOW), "y": "644", "z": "644"}),
        ([[link("l", "t"), hard("m", "l")]], {"l": "t", "m": "t"}),
        ([[folder("t"), link("l", "t")], [file("l/x")]], {"l": "t", "t": True, "t/x": "644"}),
        ([[folder("t"), link("l", "t")], [folder("l"), file("l/x")]], {"l": True, "l/x": "644", "t": True}),
        ([[folder("t"), file("t/x"), link("l", "t")], [file("l/.wh.x")]], {"l": "t", "t": True}),
        ([[link("l", "../../../t")], [file("l/x")]], {"l": "../../../t", "t": True, "t/x": "644"}),
        ([[link("l", "/t/u")], [file("l/x")]], {"l": "/t/u", "t": True, "t/u": True, "t/u/x": "644"}),
        (
            [[file("/a/b"), file("./c"), file("d/../e"), file("f//g")]],
            merged([file("a/b"), file("c"), file("e"), file("f/g")]),
        ),
        ([[link("a", "b"), link("b", "a"), link("c", "gone")]], {"a": "b", "b": "a", "c": "gone"}),
        ([[Entry(name="n", kind=tarfile.CHRTYPE), Entry(name="p", kind=tarfile.FIFOTYPE)]], {"n": False, "p": False}),
        ([[Entry(name="./", kind=tarfile.DIRTYPE), file("a")]], {"a": "644"}),
        ([[file("a"), file("a", mode=0o700)]], {"a": "700"}),
        ([], {}),
    ],
)
def test_layers_are_merged_as_runtimes_merge_them(layers: list[list[Entry]], expected: Found) -> None:
    """Whiteouts, opaque folders, links, and what is merely odd."""
    assert expected == merged(*layers)


@pytest.mark.parametrize(
    "layers",
    [
        [[file("../x")]],
        [[file("a/../../x")]],
        [[file("/../x")]],
        [[hard("a", "gone")]],
        [[hard("a", "b"), file("b")]],
        [[hard("a", "a")]],
        [[file("a"), hard("a", "a")]],
        [[folder("d"), hard("a", "d")]],
        [[hard("a", "../etc/passwd")]],
        [[file("b")], [file(".wh.b"), hard("a", "b")]],
        [[file("a"), file("a/b")]],
        [[link("a", "b"), link("b", "a")], [file("a/x")]],
        [[link("a", "b"), link("b", "a")], [file("a/.wh.x")]],
        [[file(".wh.")]],
        [[file("d/.wh...")]],
        [[link("./", "etc")]],
        [[file("n" * 256)]],
        [[file("é" * 128)]],
        [[file("d/" * 2100 + "x")]],
        [[folder("d/" * 2000), link("l", "d/" * 2000)], [file("l/" + "e/" * 500 + "x")]],
        [[Entry(name="z", kind=b"Z")]],
    ],
)
def test_a_hostile_archive_is_red(layers: list[list[Entry]]) -> None:
    """What leaves the root, leads to nothing, or what no file system takes."""
    assert "a layer's archive" in refused(image(*layers))


def test_many_whiteouts_of_the_same_are_quick() -> None:
    """A layer can't make its own merging slow."""
    entries = [file(f"d/{at}") for at in range(3000)] + [file("d/.wh..wh..opq")] * 3000 + [file(".wh.d")] * 3000
    assert 3001 == len(merged([file("d/old")], entries))


def header(raw: bytes, at: int, value: bytes, *, sum_too: bool = True) -> bytes:
    """An archive whose first header has other bytes, and the checksum that belongs to them."""
    block = bytearray(raw[:512])
    block[at : at + len(value)] = value
    if sum_too:
        block[148:156] = b" " * 8
        block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block) + raw[512:]


ONE = archive([file("a", b"content")], tarfile.USTAR_FORMAT)
PAX = archive([file("é" * 60, b"content")])


@pytest.mark.parametrize(
    "raw",
    [
        header(ONE, 0, b"b", sum_too=False),
        header(ONE, 124, b"0000000000x"),
        header(ONE, 124, b"00000000009"),
        header(ONE, 124, b"\xff" * 12),
        header(ONE, 124, b"\x80" + b"\xff" * 11),
        header(ONE, 100, b"rw-r--r"),
        header(ONE, 136, b"yesterday!!"),
        header(ONE, 329, b"x"),
        header(ONE, 156, b"Q"),
        ONE[:300],
        ONE[:515],
        ONE[:512],
        ONE[:1024] + bytes(512) + ONE,
        header(PAX, 124, b"00000000000"),
        PAX[:512] + PAX[512:1024].replace(b"path=", b"path:") + PAX[1024:],
        PAX[:512] + b"9" * 20 + PAX[532:],
    ],
)
def test_a_damaged_archive_is_red(raw: bytes) -> None:
    """Checksums, numbers, types, records and ends are what Go's reader takes, or no runtime would unpack it."""
    assert "a layer's archive" in refused(image(raw))


@pytest.mark.parametrize(
    "raw",
    [
        ONE,
        ONE[:1024],
        ONE[:519],
        ONE[:1024] + bytes(512),
        ONE + b"anything",
        archive([file("a", b"content")], tarfile.GNU_FORMAT),
        archive([file("a", b"content")], tarfile.PAX_FORMAT),
        header(ONE, 124, b"\x80" + bytes(10) + b"\7"),
        header(ONE, 124, b"       7\0   "),
        header(ONE, 257, bytes(8)),
        b"",
    ],
)
def test_an_odd_archive_is_read(raw: bytes) -> None:
    """Padding, empty blocks and trailers may be missing, numbers be written in every form."""
    assert ({} if not raw else {"a": "644"}) == {
        path: f"{facts.files[int(entry)].mode:o}"
        for facts in [image(raw).facts()]
        for path, entry in everything(facts.tree)
    }


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_long_names_are_read_in_every_form(form: int) -> None:
    """Of files, and of links."""
    name, target = "a" * 60 + "/" + "b" * 80, "c" * 90
    raw = archive([file(name), link("l", target)], form)
    assert {"a" * 60: True, name: "644", "l": target} == {
        path: entry if isinstance(entry, (str, bool)) else "644" for path, entry in everything(image(raw).facts().tree)
    }


def test_a_global_header_holds_for_nothing() -> None:
    """As in Go; Python's tarfile would give every file its path."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT, pax_headers={"path": "evil"}) as made:
        made.addfile(tarfile.TarInfo("a"))
    assert ["a"] == [path for path, _ in everything(image(stream.getvalue()).facts().tree)]


def layered(blob: bytes, raw: bytes, media_type: str) -> Store:
    """An image of one layer as it is."""
    made = Store()
    held = made.put(blob, media_type)
    config = {"os": "linux", "architecture": "amd64", "rootfs": {"type": "layers", "diff_ids": [digest(raw)]}}
    made.put_json(
        {"schemaVersion": 2, "config": made.put(json.dumps(config).encode(), CONFIG), "layers": [held]}, MANIFEST
    )
    return made


def size_or_text(value: bytes | str) -> str:
    """A name of a parameter that is the same in every process."""
    return value if isinstance(value, str) else f"{len(value)} bytes"


SKIPPABLE = b"\x50\x2a\x4d\x18\x04\x00\x00\x00skip"


@pytest.mark.parametrize(
    ("blob", "media_type"),
    [
        (ONE, LAYER),
        (gzip.compress(ONE, mtime=0), f"{LAYER}+gzip"),
        (gzip.compress(ONE[:700], mtime=0) + gzip.compress(ONE[700:], mtime=0), f"{LAYER}+gzip"),
        (zstd.compress(ONE), f"{LAYER}+zstd"),
        (zstd.compress(ONE[:700]) + zstd.compress(ONE[700:]) + SKIPPABLE, f"{LAYER}+zstd"),
        (ONE, "application/vnd.docker.image.rootfs.diff.tar"),
        (gzip.compress(ONE, mtime=0), "application/vnd.docker.image.rootfs.diff.tar.gzip"),
        (gzip.compress(ONE, mtime=0), "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"),
        (gzip.compress(ONE, mtime=0), "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"),
    ],
    ids=size_or_text,
)
def test_every_kind_of_layer_is_read(blob: bytes, media_type: str) -> None:
    """Plain, gzip and zstd, each of one part or of several; OCI's types and Docker's."""
    assert ["a"] == [path for path, _ in everything(layered(blob, ONE, media_type).facts().tree)]


@pytest.mark.parametrize(
    ("blob", "media_type"),
    [
        (ONE, f"{LAYER}+gzip"),
        (zstd.compress(ONE), f"{LAYER}+gzip"),
        (gzip.compress(ONE, mtime=0), f"{LAYER}+zstd"),
        (gzip.compress(ONE, mtime=0), LAYER),
        (gzip.compress(ONE, mtime=0)[:-1], f"{LAYER}+gzip"),
        (gzip.compress(ONE, mtime=0)[:40], f"{LAYER}+gzip"),
        (gzip.compress(ONE, mtime=0) + b"more", f"{LAYER}+gzip"),
        (b"", f"{LAYER}+gzip"),
        (zstd.compress(ONE)[:-1], f"{LAYER}+zstd"),
        (zstd.compress(ONE) + b"more", f"{LAYER}+zstd"),
        (gzip.compress(ONE[:-1], mtime=0), f"{LAYER}+gzip"),
        (gzip.compress(ONE, mtime=0), "application/vnd.example.layer"),
        (gzip.compress(ONE, mtime=0), f"{LAYER}+encrypted"),
    ],
    ids=size_or_text,
)
def test_a_layer_that_is_not_what_it_says_is_red(blob: bytes, media_type: str) -> None:
    """Another compression, a cut or continued stream, another archive than the diff_id's, an unknown type."""
    assert refused(layered(blob, ONE, media_type))


def test_a_wrong_digest_is_told_before_what_it_does_to_the_archive() -> None:
    """A flipped byte is a flipped byte, whatever comes out of it."""
    made = image([file("a", b"content")])
    name = next(name for name, data in made.blobs.items() if data[:2] == b"\x1f\x8b")
    made.blobs[name] = made.blobs[name][:20] + b"\0\0" + made.blobs[name][22:]
    assert f"{name} has another digest than its name says" == refused(made)


@pytest.mark.parametrize("change", [1, -1])
def test_a_wrong_size_is_red(change: int) -> None:
    """In the manifest's descriptor of a layer."""
    made = image([file("a")])
    manifest = json.loads(made.blobs[made.top.digest])
    manifest["layers"][0]["size"] += change
    made.put_json(manifest, MANIFEST)
    assert "bytes" in refused(made)


def test_bombs_and_other_excesses_are_red(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of all layers together, of an extended header, of the number of files."""
    monkeypatch.setattr("pytest_substrate.planes.packaging.image.observe.LARGEST_LAYERS", 1 << 20)
    zeros = [file("a", bytes(700 << 10))]
    assert "GiB" in refused(image(zeros, zeros))
    monkeypatch.setattr(merging, "MOST_ENTRIES", 10)
    assert "files" in refused(image([file(f"{at}") for at in range(11)]))
    large = header(PAX, 124, b"%011o" % (tar.LONGEST_EXTENSION + 1))
    assert "extended header" in refused(image(large))


@pytest.mark.parametrize(("window", "red"), [(27, False), (28, True)])
def test_a_zstd_window_is_bounded(window: int, red: bool) -> None:
    """What it takes to unpack is memory."""
    packer = zstd.ZstdCompressor(options={zstd.CompressionParameter.window_log: window})
    blob = packer.compress(ONE, mode=packer.CONTINUE) + packer.flush()
    assert red == isinstance(layered(blob, ONE, f"{LAYER}+zstd").see(), Refutation)


def test_a_metadata_file_of_the_path_is_bounded_and_no_other_is() -> None:
    """What nobody needs to read may be as large as it likes."""
    large = b"Name: x\n" + bytes(LARGEST_METADATA)
    assert (
        "PASS"
        == image(base(), [file("srv/METADATA", large), file("srv/x.dist-info/METADATA", large)])
        .records()["PKG-020"]
        .outcome
    )
    for name in ("METADATA", "RECORD"):
        at = f"usr/local/lib/python3.11/site-packages/x-1.dist-info/{name}"
        made = image([*base(), *installed("x", "1")], [file(at, large)])
        assert ("VIOLATION", "image-corrupt") == (made.records()["PKG-020"].outcome, made.records()["PKG-020"].cause)


def test_a_sparse_file_is_passed_over() -> None:
    """Its content isn't what it will be, so nothing is read of it; the next entry is found behind its map."""
    block = bytearray(archive([file("s", b"content")], tarfile.GNU_FORMAT)[:512])
    block[156:157], block[482] = b"S", 1
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    raw = bytes(block) + bytes(512) + b"content".ljust(512, b"\0") + ONE
    assert ["a", "s"] == [path for path, _ in everything(image(raw).facts().tree)]


NAMES = st.sampled_from(["a", "b", "c", "d"])
PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)
ENTRIES = st.one_of(
    st.builds(file, PATHS, mode=st.sampled_from([0o600, 0o755])),
    st.builds(folder, PATHS),
    st.builds(lambda at, name: file(f"{at}/.wh.{name}" if at else f".wh.{name}"), st.one_of(st.just(""), PATHS), NAMES),
    st.builds(lambda at: file(f"{at}/.wh..wh..opq"), PATHS),
)


def model(layers: list[list[Entry]]) -> dict[str, str | bool]:
    """The same by a dictionary of paths: first what a layer hides of those below, then what it holds, in its order."""
    held: dict[str, str | bool] = {}
    for layer in layers:
        for entry in layer:
            at, _, name = entry.name.rpartition("/")
            if name == ".wh..wh..opq":
                held = {path: one for path, one in held.items() if not path.startswith(f"{at}/")}
            elif name.startswith(".wh."):
                gone = f"{at}/{name[4:]}".strip("/")
                held = {path: one for path, one in held.items() if path != gone and not path.startswith(f"{gone}/")}
        for entry in layer:
            if entry.name.rpartition("/")[2].startswith(".wh."):
                continue
            parts = entry.name.split("/")
            for depth in range(1, len(parts)):
                held.setdefault("/".join(parts[:depth]), True)
            if entry.kind != tarfile.DIRTYPE:
                held = {path: one for path, one in held.items() if not path.startswith(f"{entry.name}/")}
            held[entry.name] = True if entry.kind == tarfile.DIRTYPE else f"{entry.mode:o}"
    return held


def passes_through_a_file(layers: list[list[Entry]]) -> bool:
    """Whether any prefix of an entry is a file in any layer: no runtime merges that, or it depends on the order."""
    files = {one.name for layer in layers for one in layer if one.kind != tarfile.DIRTYPE and ".wh." not in one.name}
    paths = {one.name for layer in layers for one in layer}
    return any(path.startswith(f"{name}/") for path in paths for name in files)


@given(st.lists(st.lists(ENTRIES, max_size=5), max_size=4))
@settings(max_examples=200)
def test_merging_equals_a_model_of_it(layers: list[list[Entry]]) -> None:
    """Of files, folders, whiteouts and opaque folders."""
    if not passes_through_a_file(layers):
        assert model(layers) == dict(merged(*layers))


@given(st.binary(max_size=3000), st.sampled_from(["", "+gzip", "+zstd"]))
@settings(max_examples=150)
def test_no_bytes_raise(raw: bytes, suffix: str) -> None:
    """Whatever a layer holds, it is read or red."""
    packed = {"": raw, "+gzip": zlib.compress(raw), "+zstd": zstd.compress(raw)}[suffix]
    layered(packed, raw, LAYER + suffix).see()
    layered(raw, raw, LAYER + suffix).see()


@given(st.data())
@settings(max_examples=150)
def test_no_damage_to_an_archive_raises(data: st.DataObject) -> None:
    """Headers with any byte changed are read or red."""
    raw = bytearray(archive([file("a", b"content"), link("l", "a"), hard("h", "a"), file("é" * 70, b"x")]))
    for at in data.draw(st.lists(st.integers(0, len(raw) - 1), min_size=1, max_size=4)):
        raw[at] = data.draw(st.integers(0, 255))
    image(bytes(raw)).see()


@given(st.data())
@settings(max_examples=100)
def test_any_change_of_a_blob_is_red(data: st.DataObject) -> None:
    """A flipped bit of manifest, configuration or layer."""
    made = image([*base(), *installed("x", "1")], entrypoint=["python3"])
    assert all(one.outcome.green for one in made.records().values())
    name = data.draw(st.sampled_from(sorted(made.blobs)))
    blob = bytearray(made.blobs[name])
    at = data.draw(st.integers(0, len(blob) * 8 - 1))
    blob[at // 8] ^= 1 << at % 8
    made.blobs[name] = bytes(blob)
    assert "VIOLATION" == made.records()["PKG-020"].outcome


def test_pieces_come_to_an_end_with_their_taker() -> None:
    """Whoever takes no more pieces leaves no thread behind."""
    with stream.Ahead(bytes(1) for _ in range(1_000_000)) as ahead:
        assert b"\0" == next(iter(ahead))
    assert not ahead._thread.is_alive()


def test_what_a_source_raises_is_raised_where_pieces_are_taken() -> None:
    """On the other thread it would be lost."""

    def pieces() -> Any:
        yield b"x"
        raise Refuted("image-corrupt", "late")

    with stream.Ahead(pieces()) as ahead, pytest.raises(Refuted, match="late"):
        list(ahead)
