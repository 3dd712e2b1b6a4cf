"""The fields of a tar header and the records of a pax header, each as Go's archive/tar reads or refuses it."""

from __future__ import annotations

import re
from typing import Final, NoReturn

from pytest_substrate.model.image import Refuted

_TIMES: Final = frozenset({"atime", "mtime", "ctime"})
_TIME: Final = re.compile(rb"-?\d*(?:\.\d*)?")
_LARGEST: Final = 1 << 63
_ENDS: Final = (0, 0x20)


def records_of(data: bytes) -> dict[str, bytes]:
    """A pax header's records by their keys."""
    found: dict[str, bytes] = {}
    at = 0
    while at < len(data):
        blank = data.find(b" ", at, at + 20)
        told = data[at:blank] if blank > 0 else b""
        end = at + int(told) if told.isdigit() else 0
        record = data[blank + 1 : end]
        key, equals, value = record[:-1].partition(b"=")
        if end > len(data) or not record.endswith(b"\n") or not equals or not key:
            damaged("has a damaged extended header")
        name = key.decode("utf-8", "replace")
        if b"\0" in (value if name in ("path", "linkpath", "uname", "gname") else key):
            damaged("has a damaged extended header")
        if name in _TIMES and not _TIME.fullmatch(value):
            damaged("has a damaged time")
        found[name] = value
        at = end
    return found


def decimal(records: dict[str, bytes], key: str, value: int) -> int:
    """A record's number; `value` where there is no such record."""
    told = records.get(key, b"")
    if not told:
        return value
    if not told.removeprefix(b"-").isdigit() or len(told) > 20 or abs(int(told)) >= _LARGEST:
        damaged("has a damaged number")
    return int(told)


_NUMBERS: Final[dict[bytes, tuple[int, ...]]] = {}
"""Fields by their bytes, as modes, owners, devices and times are few."""

_MOST_NUMBERS: Final = 8192


def numbers(fields: bytes, width: int) -> tuple[int, ...]:
    """Several fields of one width."""
    found = _NUMBERS.get(fields)
    if found is None:
        if len(_NUMBERS) > _MOST_NUMBERS:
            _NUMBERS.clear()
        found = tuple(number(fields[at : at + width]) for at in range(0, len(fields), width))
        _NUMBERS[fields] = found
    return found


def number(field: bytes) -> int:
    """Octal text, or base 256 where the first bit is set; as Go's parseNumeric."""
    digits = field[:-1]
    if field[-1] in _ENDS and digits.isdigit():
        try:
            return int(digits, 8)
        except ValueError:
            damaged("has a damaged number")
    if field[0] & 0x80:
        value = int.from_bytes(field, "big", signed=False) & ((1 << (8 * len(field) - 1)) - 1)
        if field[0] & 0x40:
            value -= 1 << (8 * len(field) - 1)
        if not -_LARGEST <= value < _LARGEST:
            damaged("has a number that is too large")
        return value
    text = field.strip(b" \0").partition(b"\0")[0]
    if not text:
        return 0
    if not text.isdigit() or b"8" in text or b"9" in text:
        damaged("has a damaged number")
    return int(text, 8)


def damaged(how: str) -> NoReturn:
    """Refuse an archive; `how` goes on where "a layer's archive" begins."""
    raise Refuted("image-corrupt", f"a layer's archive {how}")
