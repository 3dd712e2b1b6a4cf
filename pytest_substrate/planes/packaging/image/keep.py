"""What of a file is kept while its layer streams by, decided by its name and its first bytes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from pytest_substrate.planes.packaging.image.elf import Elf, read_elf
from pytest_substrate.planes.packaging.image.files import LARGEST_METADATA, File
from pytest_substrate.planes.packaging.image.readers import BY_ENDING, BY_NAME, ETC, MARKERS, reader_of
from pytest_substrate.planes.packaging.image.tar import Content, Member

HELD: Final = 12 * 1024 * 1024
"""How much of an ELF file's beginning is held at once; tables beyond it are read where the stream comes by them."""

_STEP: Final = 256 * 1024
_OVERLAP: Final = 256
_LONGEST_SHEBANG: Final = 256  # the kernel's BINPRM_BUF_SIZE
_VERSION: Final = re.compile(rb"\0(3\.\d{1,2}\.\d{1,3}(?:(?:a|b|rc)\d{1,2})?)\+?\0")
_BUILTIN: Final = re.compile(rb"\0PyInit_(\w{1,64})(?=\0)")
_SOABI: Final = re.compile(rb"\0\.(cpython-3\d{1,2}[a-z]*-[a-z0-9_]+-linux-[a-z0-9]+)\.so(?=\0)")
_GLIBC: Final = re.compile(rb"\0GLIBC_2\.(\d{1,3})(?=\0)")
_OF_PYTHON: Final = re.compile(r"(?:lib)?(?:python|pypy)[\d.]*[a-z]*(?:-intel64)?(?:\.so[\d.]*)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Unfinished:
    """An ELF file whose tables lie too far apart for one look: what was `seen` of it, and what is `wanted` yet."""

    seen: Mapping[tuple[int, int], bytes]
    wanted: tuple[tuple[int, int], ...]

    def finished(self, member: Member, content: Content) -> Elf:
        """Its headers, by a second look at the same file."""
        stream = _Windows(content, member.size, hold=False)
        found = dict(self.seen) | {one: stream.window(*one) or b"" for one in sorted(self.wanted)}
        return read_elf(lambda offset, length: found.get((offset, length)), member.size)


def kept(member: Member, content: Content, unfinished: list[Unfinished]) -> File | None:
    """What is kept of a regular file, None for nothing; its content is read as far as that takes.

    A file that takes a second look is added to `unfinished`.
    """
    path = member.name
    name = path[path.rfind("/") + 1 :]
    if name in BY_NAME or name[-4:] in BY_ENDING or path.startswith(ETC):
        found = _named(member, content, path, name)
        if found is not None:
            return found
    start = content.starts(4)
    if start == b"\x7fELF":
        return _elf(member, content, name, unfinished)
    if start[:2] == b"#!" and member.mode & 0o111:
        return _with_program(_plain(member), content.read(_LONGEST_SHEBANG))
    return None


def _named(member: Member, content: Content, path: str, name: str) -> File | None:
    """What is kept of a file whose name says that it is metadata."""
    marks = MARKERS.get(name)
    if marks is not None and member.size <= marks[0] and member.whole:
        data = content.read(member.size)
        words = marks[1](data)
        return _with_program(replace(_plain(member), words=words), data) if words or member.mode & 0o111 else None
    reader = reader_of(path, name)
    if reader is None:
        return None
    plain = _plain(member)
    if member.size > LARGEST_METADATA or not member.whole:
        return replace(plain, too_large=True)
    data = content.read(member.size)
    return _with_program(replace(plain, text=reader(data)), data)


def _plain(member: Member) -> File:
    return File(mode=member.mode & 0o7777, uid=member.uid, gid=member.gid)


def _with_program(file: File, start: bytes) -> File:
    if start[:2] != b"#!" or not file.mode & 0o111:
        return file
    line = start[2:_LONGEST_SHEBANG].partition(b"\n")[0].decode("utf-8", "surrogateescape")
    return replace(file, program="script", shebang=line)


def _elf(member: Member, content: Content, name: str, unfinished: list[Unfinished]) -> File:
    plain = replace(_plain(member), program="elf")
    if not member.whole:
        return replace(plain, elf=Elf(unread=True))
    stream = _Windows(content, member.size)
    found = read_elf(stream.window, member.size)
    if found.unread:
        unfinished.append(Unfinished(seen=stream.seen, wanted=tuple(stream.missed)))
    if _OF_PYTHON.fullmatch(name):
        return replace(plain, elf=found, words=_python_words(stream))
    if name.startswith(("libc.so.6", "libc-2.")):
        return replace(plain, elf=found, words=_glibc_words(stream))
    return replace(plain, elf=found)


class _Windows:
    """A file that streams by: its beginning is held, and what lies further on is read once, in passing."""

    def __init__(self, content: Content, size: int, *, hold: bool = True) -> None:
        self._content, self._size = content, size
        self._most = HELD if hold else 0
        self._held = bytearray()
        self._at = 0
        self.seen: dict[tuple[int, int], bytes] = {}
        self.missed: list[tuple[int, int]] = []

    def window(self, offset: int, length: int) -> bytes | None:
        """As `read_elf` asks for it."""
        found = self._window(offset, length)
        if found is None:
            self.missed.append((offset, length))
        else:
            self.seen[offset, length] = found
        return found

    def _window(self, offset: int, length: int) -> bytes | None:
        end = min(offset + length, self._size)
        if offset >= self._size:
            return b""
        while self._at == len(self._held) < min(end, self._most):
            self._held += self._next(min(_STEP, min(end, self._most) - self._at))
        if end <= len(self._held):
            return bytes(self._held[offset:end])
        if offset < self._at:
            return None
        self._content.skip(offset - self._at)
        self._at = offset
        return self._next(end - offset)

    def pieces(self) -> Iterator[bytes]:
        """What is held, and all that follows, in pieces that overlap so far that no short name is cut."""
        last = b""
        for at in range(0, len(self._held), _STEP):
            yield bytes(self._held[max(0, at - _OVERLAP) : at + _STEP])
        last = bytes(self._held[-_OVERLAP:]) if self._at == len(self._held) else b""
        while piece := self._next(_STEP):
            yield last + piece
            last = piece[-_OVERLAP:]

    def _next(self, count: int) -> bytes:
        found = self._content.read(count)
        self._at += len(found)
        return found


def _python_words(stream: _Windows) -> tuple[str, ...]:
    """A Python's version, its built-in modules and the ending of its extension modules, by names in its binary."""
    found: set[str] = set()
    for piece in stream.pieces():
        found |= {f"python {one.decode()}" for one in _VERSION.findall(piece)}
        found |= {f"builtin {one.decode()}" for one in _BUILTIN.findall(piece)}
        found |= {f"soabi {one.decode()}" for one in _SOABI.findall(piece)}
    return tuple(sorted(found))


def _glibc_words(stream: _Windows) -> tuple[str, ...]:
    """A C library's version, by the newest of its symbols' versions."""
    found = {int(one) for piece in stream.pieces() for one in _GLIBC.findall(piece)}
    return (f"glibc 2.{max(found)}",) if found else ()
