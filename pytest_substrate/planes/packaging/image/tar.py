"""A layer's archive as a stream: headers, names and links as Go's archive/tar reads them, which is what runtimes use.

Whatever Go refuses is damaged here too (`Refuted`): a checksum, a number, an extended record. Python's `tarfile` is
more lenient, and several times slower over an image of small files.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final, NamedTuple
from zlib import adler32

from pytest_substrate.model.image import Refuted
from pytest_substrate.planes.packaging.image.tarfields import damaged, decimal, number, numbers, records_of

BLOCK: Final = 512
LONGEST_EXTENSION: Final = 1024 * 1024
"""The most bytes of an extended header: of a pax header, a long name or a long link."""

REGULAR, HARD, LINK, FOLDER, SPECIAL = "file", "hard", "link", "folder", "special"

_HEADER: Final = struct.Struct("100s24s12s12s8sc100s8s64s16s155s12s")
"""Name; mode and owner; size; time; checksum; type; link; magic; names of the owner; device; prefix."""
_ZERO: Final = bytes(BLOCK)
_KINDS: Final = {b"0": REGULAR, b"\0": REGULAR, b"S": REGULAR, b"1": HARD, b"2": LINK, b"5": FOLDER}
_KINDS.update(dict.fromkeys((b"3", b"4", b"6"), SPECIAL))
_BODILESS: Final = frozenset({HARD, LINK, FOLDER, SPECIAL})
_EXTENSIONS: Final = frozenset({b"x", b"g", b"L", b"K"})
_OF_SPARSE: Final = "GNU.sparse.name"


class Member(NamedTuple):
    """One entry of an archive; `name` and `link` as written. `whole` is false where the content leaves out holes.

    A tuple, as there are hundreds of thousands of them.
    """

    name: str
    kind: str
    mode: int
    uid: int
    gid: int
    size: int
    link: str
    whole: bool = True


class Bytes:
    """The raw archive, from pieces of any size; nothing is kept once it was read."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._held = b""
        self._at = 0

    def read(self, count: int) -> bytes:
        """The next `count` bytes, or fewer at the end of the archive."""
        end = self._at + count
        if end <= len(self._held):
            found = self._held[self._at : end]
            self._at = end
            return found
        parts = [self._held[self._at :]]
        missing = count - len(parts[0])
        while missing:
            piece = next(self._pieces, b"")
            if not piece:
                self._held, self._at = b"", 0
                return b"".join(parts)
            parts.append(piece[:missing])
            self._held, self._at = piece, len(parts[-1])
            missing -= self._at
        return b"".join(parts)

    def unread(self, data: bytes) -> bytes:
        """Give back what was read last."""
        self._held, self._at = data + self._held[self._at :], 0
        return data

    def peek(self, count: int) -> bytes:
        """The next `count` bytes, which stay to be read; fewer where a piece ends before."""
        return self._held[self._at : self._at + count]

    def skip(self, count: int) -> int:
        """Leave out the next `count` bytes; how many of them there were."""
        at = self._at + count
        if at <= len(self._held):
            self._at = at
            return count
        left = count
        while True:
            here = len(self._held) - self._at
            if left <= here:
                self._at += left
                return count
            left -= here
            self._held, self._at = next(self._pieces, b""), 0
            if not self._held:
                return count - left


class Content:
    """The content of the member at hand. What isn't read is left out when the next member is asked for."""

    def __init__(self, archive: Bytes) -> None:
        self._archive = archive
        self.left = 0

    def starts(self, count: int) -> bytes:
        """The first bytes of the content, which stay to be read; fewer where it has no more."""
        count = min(count, self.left)
        found = self._archive.peek(count)
        return found if len(found) == count else self._archive.unread(self._archive.read(count))

    def read(self, count: int) -> bytes:
        """The next bytes: `count` of them unless the member ends before; Refuted where the archive does."""
        wanted = min(count, self.left)
        found = self._archive.read(wanted)
        if len(found) < wanted:
            damaged("ends inside a file")
        self.left -= wanted
        return found

    def skip(self, count: int) -> None:
        """Leave out the next `count` bytes."""
        wanted = min(count, self.left)
        if self._archive.skip(wanted) < wanted:
            damaged("ends inside a file")
        self.left -= wanted


def members(archive: Bytes) -> Iterator[tuple[Member, Content]]:
    """Every entry in its order, up to the end of the archive; Refuted where it is damaged.

    As in Go, what follows two empty blocks is ignored, and an archive may end without them.
    """
    content = Content(archive)
    records: dict[str, bytes] = {}
    names: dict[bytes, bytes] = {}
    while True:
        block = archive.read(BLOCK)
        if (len(block) < BLOCK or not block[0]) and _is_end(archive, block):
            return
        fields = _HEADER.unpack(block)
        flag, size = fields[5], number(fields[2])
        _judge(block, fields)
        if flag in _EXTENSIONS:
            data = _extension(archive, size)
            if flag == b"x":
                records = records_of(data)
            elif flag == b"g":
                records_of(data)  # a global header holds for nothing, as in Go; damaged, it is damaged
            else:
                names[flag] = data.partition(b"\0")[0]
            continue
        member = _member(block, fields, size, records, names)
        if flag == b"S":
            _skip_sparse_map(archive, block)
        held = 0 if member.kind in _BODILESS else member.size
        content.left = held
        yield member, content
        left = content.left
        if archive.skip(left + (-held % BLOCK)) < left:  # the last file's padding may be missing, as in Go
            damaged("ends inside a file")
        if records or names:
            records, names = {}, {}


def _is_end(archive: Bytes, block: bytes) -> bool:
    """Whether what begins no header is the archive's end: no more bytes, or two empty blocks."""
    if not block:
        return True
    if len(block) < BLOCK:
        damaged("ends inside a header")
    if block != _ZERO:
        return False
    block = archive.read(BLOCK)
    if block and len(block) < BLOCK:
        damaged("ends inside a header")
    if block and block != _ZERO:
        damaged("goes on after an empty block")
    return True


def _judge(block: bytes, fields: tuple[bytes, ...]) -> None:
    """Checksum and numbers, also those that nothing here needs."""
    # sums of bytes by the low half of Adler-32: it is modulo 65521, which half a block can't reach
    halves = (adler32(block[:256], 0) & 0xFFFF) + (adler32(block[256:], 0) & 0xFFFF)
    actual = halves - sum(fields[4]) + 8 * 0x20
    if fields[4] != b"%06o\0 " % actual and (told := number(fields[4])) != actual:
        signed = actual - 256 * sum(byte > 127 for at, byte in enumerate(block) if not 148 <= at < 156)
        if told != signed:
            damaged("has a header with a wrong checksum")
    numbers(fields[3], 12)
    if fields[7].startswith(b"ustar"):
        numbers(fields[9], 8)


def _member(
    block: bytes, fields: tuple[bytes, ...], size: int, records: dict[str, bytes], names: dict[bytes, bytes]
) -> Member:
    name = fields[0].partition(b"\0")[0]
    if fields[10][0] and fields[7].startswith(b"ustar\0"):
        name = _text(fields[10][:131] if block[508:] == b"tar\0" else fields[10]) + b"/" + name
    link = _text(fields[6]) if fields[6][0] else b""
    mode, uid, gid = numbers(fields[1], 8)
    whole = fields[5] != b"S"
    if records:
        name, link = records.get("path") or name, records.get("linkpath") or link
        size, uid, gid = (decimal(records, key, value) for key, value in (("size", size), ("uid", uid), ("gid", gid)))
        if any(key.startswith("GNU.sparse.") for key in records):
            name, whole = records.get(_OF_SPARSE) or name, False
    if names:
        name, link = names.get(b"L") or name, names.get(b"K") or link
    if size < 0:
        damaged("has a file of negative size")
    kind = _KINDS.get(fields[5])
    if kind is None:
        damaged("has an entry of unknown type")
    if fields[5] == b"\0" and name.endswith(b"/"):
        kind = FOLDER
    return Member(_decoded(name), kind, mode, uid, gid, size, _decoded(link) if link else "", whole)


def _extension(archive: Bytes, size: int) -> bytes:
    if size < 0:
        damaged("has an extended header of negative size")
    if size > LONGEST_EXTENSION:
        raise Refuted("image-corrupt", f"an archive has an extended header of more than {LONGEST_EXTENSION} bytes")
    data = archive.read(size)
    if len(data) < size:
        damaged("ends inside an extended header")
    archive.skip(-size % BLOCK)
    return data


def _skip_sparse_map(archive: Bytes, block: bytes) -> None:
    extended = block[482]
    while extended:
        block = archive.read(BLOCK)
        if len(block) < BLOCK:
            damaged("ends inside a sparse file's map")
        extended = block[504]


def _text(field: bytes) -> bytes:
    return field.partition(b"\0")[0]


def _decoded(name: bytes) -> str:
    return name.decode("utf-8", "surrogateescape")
