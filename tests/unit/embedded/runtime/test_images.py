"""Images are real, and the same input gives the same bytes."""

from __future__ import annotations

import gzip
import importlib.metadata
import io
import json
import marshal
import py_compile
import tarfile
from pathlib import Path
from types import CodeType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_substrate.embedded.runtime import images

_NAMES = st.text("abcxyz", min_size=1, max_size=6)
_FILES = st.dictionaries(
    st.builds(lambda *parts: "/" + "/".join(parts), _NAMES, _NAMES), st.binary(max_size=64), max_size=6
)


@given(_FILES)
def test_a_layer_is_the_same_whatever_the_order(files: dict[str, bytes]) -> None:
    """Neither the order of the files nor the time makes a difference, and the digests name the bytes."""
    there = images.layer(files)
    back = images.layer(dict(reversed(files.items())))

    assert there == back
    assert there.digest == images.digest_of(there.blob)
    assert there.diff_id == images.digest_of(gzip.decompress(there.blob))


@given(_FILES)
def test_a_layer_holds_what_it_was_given(files: dict[str, bytes]) -> None:
    """Unpacked, a layer gives back every file, below its folders, which come first."""
    seen: list[str] = []
    content = {}
    with tarfile.open(fileobj=io.BytesIO(images.layer(files).blob)) as archive:
        for member in archive:
            assert member.name.rpartition("/")[0] in {"", *seen}
            seen.append(member.name)
            if member.isfile():
                stream = archive.extractfile(member)
                assert stream is not None
                content[f"/{member.name}"] = stream.read()

    assert files == content


@pytest.mark.parametrize("path", ["relative", "/a/../../b", "/"])
def test_a_path_outside_the_image_is_refused(path: str) -> None:
    """Only absolute paths of files name something in an image."""
    with pytest.raises(ValueError, match="no absolute path"):
        images.layer({path: b""})


def test_an_image_names_its_parts() -> None:
    """The manifest names configuration and layers by digest and size; the configuration names what runs."""
    one = images.layer({"/app/a.py": b"print(1)"})
    image = images.build(
        [one], entrypoint=["python", "-m", "a"], environment={"A": "1"}, working_dir="/app", labels={"l": "v"}
    )
    manifest = json.loads(image.manifest)
    configuration = json.loads(image.blobs[manifest["config"]["digest"]])

    assert image.digest == images.digest_of(image.manifest)
    assert [(one.digest, len(one.blob))] == [(row["digest"], row["size"]) for row in manifest["layers"]]
    assert configuration["rootfs"]["diff_ids"] == [one.diff_id]
    assert configuration["config"]["Entrypoint"] == ["python", "-m", "a"]
    assert configuration["config"]["Env"] == ["A=1"]
    assert image == images.build(
        [one], entrypoint=["python", "-m", "a"], environment={"A": "1"}, working_dir="/app", labels={"l": "v"}
    )


def test_an_index_names_its_images_by_platform() -> None:
    """An index over two architectures names both."""
    parts = [images.build([images.layer({"/a": name.encode()})], architecture=name) for name in ("amd64", "arm64")]

    index = images.index(parts)

    told = {row["platform"]["architecture"]: row["digest"] for row in json.loads(index.manifest)["manifests"]}
    assert told == {"amd64": parts[0].digest, "arm64": parts[1].digest}


def test_a_distribution_is_taken_by_its_record() -> None:
    """Every file that RECORD names in the site folder is there, with byte code, and nothing of the host's scripts."""
    files = images.distribution_files("iniconfig", at="/site")
    recorded = importlib.metadata.files("iniconfig") or []
    wanted = {f"/site/{entry}" for entry in recorded if "__pycache__" not in entry.parts and ".." not in entry.parts}

    assert wanted <= files.keys()
    assert {images.byte_code_path(name) for name in wanted if name.endswith(".py")} == files.keys() - wanted


def test_byte_code_is_unchecked_and_knows_no_host_path(tmp_path: Path) -> None:
    """Byte code says "unchecked", so that neither times nor places of the host matter, and equals what Python makes."""
    source = tmp_path / "a.py"
    source.write_text("def f() -> int:\n    return 41 + 1\n")
    fresh = images.byte_code(source, source.read_bytes())
    py_compile.compile(str(source))
    kept = images.byte_code(source, source.read_bytes())

    for made in (fresh, kept):
        code = marshal.loads(made[16:])  # noqa: S302  made here
        assert made[4:8] == b"\1\0\0\0"
        assert isinstance(code, CodeType)
    assert fresh[:16] == kept[:16]


def test_a_stale_byte_code_of_the_host_is_not_taken(tmp_path: Path) -> None:
    """Where the host's byte code belongs to another content, it is compiled anew."""
    source = tmp_path / "a.py"
    source.write_text("x = 1\n")
    py_compile.compile(str(source))
    source.write_text("x = 1234567\n")

    code = marshal.loads(images.byte_code(source, source.read_bytes())[16:])  # noqa: S302  made here

    assert 1234567 in code.co_consts
