"""What a loader reads of an ELF file before anything runs: its machine, and the libraries that it asks for.

From the program headers alone, as the loader does (sections may be stripped); System V ABI, chapters 4 and 5. A file
that a loader refuses, or that would fault inside, is damaged.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

_LOAD, _DYNAMIC, _INTERP = 1, 2, 3
_NEEDED, _STRTAB, _STRSZ, _SONAME, _RPATH, _RUNPATH = 1, 5, 10, 14, 15, 29
_MAPPED: Final = frozenset({_LOAD, _DYNAMIC, _INTERP})
_LARGEST_TABLE: Final = 1 << 20
_LONGEST_NAME: Final = 4096

Window = Callable[[int, int], "bytes | None"]
"""`(offset, length)` of the file; None where a stream has passed it and not kept it. Shorter where the file ends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Elf:
    """`problem` is why a loader can't use the file, `unread` whether its tables lay out of reach.

    `executable` tells programs and position-independent ones from libraries only together with `loader`.
    """

    bits: int = 0
    little: bool = True
    machine: int = 0
    loader: str = ""
    needed: tuple[str, ...] = ()
    soname: str = ""
    rpath: str = ""
    runpath: str = ""
    dynamic: bool = False
    problem: str = ""
    unread: bool = False


class _Damaged(Exception):
    pass


class _OutOfReach(Exception):
    pass


def read_elf(window: Window, size: int) -> Elf:
    """The headers of a file of `size` bytes that begins with the ELF magic.

    Where a window is out of reach, every other one that is needed was asked for as well.
    """
    try:
        return _read(window, size)
    except _Damaged as error:
        return Elf(problem=str(error))
    except _OutOfReach:
        return Elf(unread=True)


def _read(window: Window, size: int) -> Elf:
    head = _bytes(window, 0, min(64, size))
    if len(head) < 52:
        raise _Damaged("is cut inside its header")
    bits, order = {1: 32, 2: 64}.get(head[4], 0), {1: "<", 2: ">"}.get(head[5], "")
    if not bits or not order or head[6] != 1:
        raise _Damaged("has a header of no known form")
    if bits == 64 and len(head) < 64:
        raise _Damaged("is cut inside its header")
    machine = struct.unpack_from(order + "H", head, 18)[0]
    if bits == 64:
        offset, (entry, count) = (
            struct.unpack_from(order + "Q", head, 32)[0],
            struct.unpack_from(order + "HH", head, 54),
        )
    else:
        offset, (entry, count) = (
            struct.unpack_from(order + "I", head, 28)[0],
            struct.unpack_from(order + "HH", head, 42),
        )
    base = Elf(bits=bits, little=order == "<", machine=machine)
    if not count:
        return base
    if entry != (56 if bits == 64 else 32):
        raise _Damaged("has program headers of no known size")
    table = _bytes(window, offset, entry * count)
    if len(table) < entry * count:
        raise _Damaged("is cut inside its program headers")
    return _linked(window, size, base, _segments(table, order, bits))


class _Segment(NamedTuple):
    kind: int
    offset: int
    address: int
    length: int


def _segments(table: bytes, order: str, bits: int) -> list[_Segment]:
    """Those that a loader maps or reads."""
    if bits == 64:
        rows = [_Segment(row[0], row[2], row[3], row[5]) for row in struct.iter_unpack(order + "IIQQQQ16x", table)]
    else:
        rows = [_Segment(row[0], row[1], row[2], row[4]) for row in struct.iter_unpack(order + "IIIII12x", table)]
    return [one for one in rows if one.kind in _MAPPED]


def _linked(window: Window, size: int, base: Elf, segments: list[_Segment]) -> Elf:
    if any(one.offset + one.length > size for one in segments):
        raise _Damaged("is cut: a segment lies beyond its end")
    loader, dynamic = "", None
    for one in segments:
        if one.kind == _INTERP:
            loader = _text(_bytes(window, one.offset, min(one.length, _LONGEST_NAME)), 0)
        elif one.kind == _DYNAMIC and dynamic is None:
            dynamic = one
    if dynamic is None:
        return replace(base, loader=loader)
    if dynamic.length > _LARGEST_TABLE:
        raise _Damaged("has a dynamic table of no sensible size")
    order, word = "<" if base.little else ">", base.bits // 8
    entries = _entries(_bytes(window, dynamic.offset, dynamic.length), order, word)
    wanted: dict[int, list[int]] = {_NEEDED: [], _SONAME: [], _RPATH: [], _RUNPATH: []}
    for tag, value in entries:
        if tag in wanted:
            wanted[tag].append(value)
    offsets = {value for values in wanted.values() for value in values}
    names = _names(window, segments, dict(reversed(entries)), offsets) if offsets else {}
    return replace(
        base,
        loader=loader,
        dynamic=True,
        needed=tuple(names[value] for value in wanted[_NEEDED]),
        soname="".join(names[value] for value in wanted[_SONAME][:1]),
        rpath="".join(names[value] for value in wanted[_RPATH][:1]),
        runpath="".join(names[value] for value in wanted[_RUNPATH][:1]),
    )


def _entries(table: bytes, order: str, word: int) -> list[tuple[int, int]]:
    found = []
    for tag, value in struct.iter_unpack(
        order + ("QQ" if word == 8 else "II"), table[: len(table) // (2 * word) * 2 * word]
    ):
        if tag == 0:
            break
        found.append((tag, value))
    return found


def _names(window: Window, segments: list[_Segment], entries: dict[int, int], offsets: set[int]) -> dict[int, str]:
    address, length = entries.get(_STRTAB), entries.get(_STRSZ)
    if address is None or length is None or max(offsets) >= length:
        raise _Damaged("has no table for its names")
    for one in segments:
        if one.kind == _LOAD and one.address <= address < one.address + one.length:
            start = one.offset + address - one.address
            break
    else:
        raise _Damaged("has a table of names outside its segments")
    found = {}
    pieces = {offset: window(start + offset, min(length - offset, _LONGEST_NAME)) for offset in sorted(offsets)}
    for offset, piece in pieces.items():
        if piece is None:
            raise _OutOfReach  # now that all that is out of reach was asked for
        if b"\0" not in piece:
            raise _Damaged("has a name without an end")
        found[offset] = _text(piece, 0)
    return found


def _bytes(window: Window, offset: int, length: int) -> bytes:
    found = window(offset, length)
    if found is None:
        raise _OutOfReach
    return found


def _text(data: bytes, at: int) -> str:
    end = data.find(b"\0", at)
    return data[at : end if end >= 0 else len(data)].decode("utf-8", "surrogateescape")
