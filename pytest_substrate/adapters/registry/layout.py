"""An OCI image layout: a directory with `oci-layout`, `index.json` and `blobs/` (OCI image specification 1.1)."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, Final

from pytest_substrate.adapters.files import NotRegular, open_regular
from pytest_substrate.model.errors import BadInput
from pytest_substrate.model.image import DIGEST, LARGEST_DOCUMENT, Descriptor, Refuted, Unseen
from pytest_substrate.model.observation import Unobserved

_PIECE: Final = 256 * 1024
_TAG: Final = "org.opencontainers.image.ref.name"
_NOT_LAYOUT: Final = "name the folder of an OCI image layout, as `skopeo copy … oci:FOLDER:TAG` writes it"


class Layout:
    """A layout's blobs. Links and anything that isn't a regular file are no blobs."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def reference(self, tag: str | None) -> Descriptor:
        """What `index.json` says of the tag, or of its only image; BadInput where it says nothing or several things."""
        self._judge_layout()
        where = str(self._folder / "index.json")
        index = _json(self._folder / "index.json", where)
        manifests = index.get("manifests")
        if not isinstance(manifests, list) or not all(isinstance(one, dict) for one in manifests):
            raise BadInput(where, "holds no list of manifests", _NOT_LAYOUT)
        if tag is None:
            if len(manifests) != 1:
                told = "holds several images" if manifests else "holds no image"
                raise BadInput(where, told, "add the tag of the one that is meant, oci:FOLDER:TAG")
            return _descriptor(manifests[0], where)
        named = [one for one in manifests if _tag(one) == tag]
        if not named:
            raise BadInput(where, "holds no such tag", "write one that it holds")
        found = [_descriptor(one, where) for one in named]
        if len({one.digest for one in found}) > 1:
            raise BadInput(where, "holds the tag several times", "leave one of them")
        return found[0]

    def _judge_layout(self) -> None:
        where = str(self._folder)
        if not self._folder.is_dir():
            raise BadInput(where, "is no folder", _NOT_LAYOUT)
        told = _json(self._folder / "oci-layout", str(self._folder / "oci-layout"))
        version = told.get("imageLayoutVersion")
        if not isinstance(version, str) or version.split(".")[0] != "1":
            raise BadInput(str(self._folder / "oci-layout"), "is of no version that is known here", _NOT_LAYOUT)

    def document(self, wanted: Descriptor) -> tuple[bytes, str]:
        """A manifest or an index, with no word about its type."""
        with self._open(wanted) as file:
            return _whole(file, LARGEST_DOCUMENT + 1), ""

    @contextlib.contextmanager
    def blob(self, wanted: Descriptor) -> Iterator[Iterator[bytes]]:
        """A blob in pieces."""
        with self._open(wanted) as file:
            yield _pieces(file)

    def mark(self, wanted: Descriptor) -> str | None:
        """The state of its file: whoever writes to it changes that."""
        try:
            with self._open(wanted) as file:
                state = os.fstat(file.fileno())
        except (Refuted, Unseen):
            return None  # whatever it is, reading the blob will tell
        return f"{state.st_dev} {state.st_ino} {state.st_size} {state.st_mtime_ns} {state.st_ctime_ns}"

    @contextlib.contextmanager
    def _open(self, wanted: Descriptor) -> Iterator[BinaryIO]:
        algorithm, _, name = wanted.digest.partition(":")
        try:
            file = open_regular(self._folder / "blobs" / algorithm / name, buffering=0)
        except NotRegular:
            raise Refuted("digest-missing", f"the layout's blob {wanted.digest} is no file") from None
        except FileNotFoundError:
            raise Refuted("digest-missing", f"the layout has no blob {wanted.digest}") from None
        except OSError as error:
            raise _unseen(error) from None
        with file:
            yield file


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    while piece := _read(file, _PIECE):
        yield piece


def _read(file: BinaryIO, count: int) -> bytes:
    try:
        return file.read(count)
    except OSError as error:
        raise _unseen(error) from None


def _whole(file: BinaryIO, most: int) -> bytes:
    """The file, as far as `most` bytes."""
    data = bytearray()
    while len(data) < most and (piece := _read(file, most - len(data))):
        data += piece
    return bytes(data)


def _unseen(error: OSError) -> Unseen:
    reason = "access-denied" if isinstance(error, PermissionError) else "unreachable"
    return Unseen(Unobserved(reason=reason, detail=f"a blob of the layout: {error.strerror or type(error).__name__}"))


def _tag(entry: Mapping[str, Any]) -> object:
    annotations = entry.get("annotations")
    return annotations.get(_TAG) if isinstance(annotations, dict) else None


def _descriptor(entry: Mapping[str, Any], where: str) -> Descriptor:
    digest, size, media_type = entry.get("digest"), entry.get("size"), entry.get("mediaType", "")
    if not isinstance(digest, str) or DIGEST.fullmatch(digest) is None:
        raise BadInput(where, "names an image without a digest that could be checked", _NOT_LAYOUT)
    if not isinstance(size, int) or isinstance(size, bool) or size < 0 or not isinstance(media_type, str):
        raise BadInput(where, "names an image without its size or type", _NOT_LAYOUT)
    return Descriptor(digest=digest, size=size, media_type=media_type)


def _json(path: Path, where: str) -> Mapping[str, Any]:
    found: object = None
    try:
        with open_regular(path, buffering=0) as file:
            data = _whole(file, LARGEST_DOCUMENT + 1)
        found = json.loads(data) if len(data) <= LARGEST_DOCUMENT else None
    except OSError as error:
        raise BadInput(where, f"can't be read: {error.strerror or type(error).__name__}", _NOT_LAYOUT) from None
    except (ValueError, RecursionError, Unseen):
        found = None
    if not isinstance(found, dict):
        raise BadInput(where, "can't be read as a JSON object, or is too long", _NOT_LAYOUT)
    return found
