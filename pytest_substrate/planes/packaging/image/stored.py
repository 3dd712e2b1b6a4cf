"""An image's tree and files as bytes, to be read again instead of its layers. Pure.

What was stored by another version of the reader, or was damaged, is nothing: the bytes begin with a digest of all that
follows and hold the reader's own version, which is a hash of its source.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final

from pytest_substrate.planes.packaging.image.elf import Elf
from pytest_substrate.planes.packaging.image.files import File
from pytest_substrate.planes.packaging.image.tree import Tree

_LARGEST: Final = 512 * 1024 * 1024
_HASH: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """What was read of a manifest's layers. `marks` told each blob's state at its source when it was read."""

    manifest_digest: str
    marks: Mapping[str, str]
    tree: Tree
    files: tuple[File, ...]


@cache
def reader_version() -> str:
    """A hash of the reader's source: whatever changes in it, nothing that an older one stored is used."""
    found = hashlib.sha256()
    for package in ("pytest_substrate.planes.packaging.image", "pytest_substrate.model"):
        for source in sorted(files(package).iterdir(), key=lambda one: one.name):
            if source.name.endswith(".py") and (package.endswith("packaging.image") or source.name == "image.py"):
                found.update(source.read_bytes())
    return found.hexdigest()


def to_bytes(stored: Stored) -> bytes:
    """As it is kept. Its JSON is never whole in memory: of a large image it is larger than all that was read."""
    packer = zlib.compressobj(1)
    packed = b"".join([*(packer.compress(piece.encode()) for piece in _pieces(stored)), packer.flush()])
    return hashlib.sha256(packed).digest() + packed


def _pieces(stored: Stored) -> Iterator[str]:
    head = {"reader": reader_version(), "manifest": stored.manifest_digest, "marks": dict(stored.marks)}
    yield f'{_text(head)[:-1]},"folders":{{'
    for at, (name, held) in enumerate(stored.tree.folders.items()):
        yield f"{',' if at else ''}{_text(name)}:{_text(held)}"
    yield '},"files":['
    for at, one in enumerate(stored.files):
        yield f"{',' if at else ''}{_text(_from_file(one))}"
    yield "]}"


def _text(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


def from_bytes(data: bytes, manifest_digest: str) -> Stored | None:
    """What was kept of that manifest; None for anything else."""
    packed = data[_HASH:]
    if hashlib.sha256(packed).digest() != data[:_HASH]:
        return None
    try:
        unpacked = zlib.decompressobj().decompress(packed, _LARGEST)
        document: Any = json.loads(unpacked)
        if (document["reader"], document["manifest"]) != (reader_version(), manifest_digest):
            return None
        return Stored(
            manifest_digest=manifest_digest,
            marks=document["marks"],
            tree=Tree(folders=document["folders"]),
            files=tuple(_to_file(one) for one in document["files"]),
        )
    except (zlib.error, binascii.Error, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def _from_file(file: File) -> dict[str, Any]:
    """What of a file isn't the default."""
    found: dict[str, Any] = {"mode": file.mode}
    for name in ("uid", "gid", "program", "shebang", "packed", "too_large"):
        value = getattr(file, name)
        if value not in (0, "", None, False):
            found[name] = value
    if file.shebang is not None:
        found["shebang"] = file.shebang
    if file.words:
        found["words"] = list(file.words)
    if file.elf is not None:
        found["elf"] = {name: value for name, value in asdict(file.elf).items() if value}
    if file.text is not None:
        found["text"] = base64.b64encode(file.text).decode()
    return found


def _to_file(found: dict[str, Any]) -> File:
    if "elf" in found:
        elf = found["elf"]
        found["elf"] = Elf(**{**elf, "needed": tuple(elf.get("needed", ())), "little": elf.get("little", False)})
    if "text" in found:
        found["text"] = base64.b64decode(found["text"], validate=True)
    if "words" in found:
        found["words"] = tuple(found["words"])
    return File(**found)
