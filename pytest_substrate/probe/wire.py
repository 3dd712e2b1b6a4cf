"""The Kafka wire format, as far as the ladder needs it: values by their shape, addresses, and a record's batch.

Sources: https://kafka.apache.org/protocol and the record batches of KIP-98; held against kafka-python's codecs by
`tests/unit/probe/test_wire.py`. A decoder never raises anything but `Broken`, and allocates nothing that the bytes at
hand can't fill.

A shape is a row of letters, one a value: those of `struct`, `s` for a nullable string with a 16-bit length, `y` for
nullable bytes with a 32-bit length. A list within a shape is an array of that shape, null read as empty.
"""

from __future__ import annotations

import re
import struct
import time
import zlib
from typing import Any

CLIENT = "substrate-probe"
"""The client id, the software name of KIP-511, and the key of each record (a constant: a compacted topic keeps one)."""

VALUES = 1 << 18
"""A frame's values at most, as taking them takes time; a topic of 10,000 partitions has half of that."""

_CRC = []
for _n in range(256):
    for _ in range(8):
        _n = _n >> 1 ^ (0x82F63B78 if _n & 1 else 0)
    _CRC.append(_n)


class Broken(Exception):
    """How a step ended short: a slug, and what a peer said (`errno` is a Kafka error, `words` the peer's own)."""

    def __init__(
        self, cause: str, detail: str | None = None, errno: int | None = None, words: str | None = None
    ) -> None:
        Exception.__init__(self, cause)
        self.cause = cause
        self.detail = detail
        self.errno = errno
        self.words = words


def left(until: float) -> float:
    """The seconds until a deadline (a monotonic time); `silent` when it has passed."""
    rest = until - time.monotonic()
    if rest <= 0:
        raise Broken("silent")
    return rest


def split_address(address: str) -> tuple[str, int]:
    """Host and port of `host:port` or `[v6]:port`; `malformed-address` for anything else."""
    found = re.match(r"(?:\[([\da-fA-F:.]+(?:%\w+)?)\]|([\w.-]{1,253})):(\d{1,5})\Z", address)
    if not found or not 0 < int(found.group(3)) < 65536:
        raise Broken("malformed-address")
    return found.group(1) or found.group(2), int(found.group(3))


def join_address(host: str, port: int) -> str:
    """The inverse of `split_address`."""
    return ("[%s]:%d" if ":" in host else "%s:%d") % (host, port)


class Reader:
    """Takes values off a frame, each bounded by it; what doesn't fit is `garbled`."""

    def __init__(self, frame: bytes) -> None:
        self.frame = frame
        self.place = 0
        self.budget = VALUES

    def unread(self) -> int:
        """The bytes that are left."""
        return len(self.frame) - self.place

    def take(self, size: int) -> bytes:
        """The next `size` bytes."""
        self.budget -= 1
        if not 0 <= size <= self.unread() or self.budget < 0:
            raise Broken("garbled", "the frame's length")
        self.place += size
        return self.frame[self.place - size : self.place]

    def one(self, letter: str) -> Any:
        """The next value by its letter."""
        if letter not in "sy":
            return struct.unpack(">" + letter, self.take(struct.calcsize(letter)))[0]
        size = self.one("h" if letter == "s" else "i")
        if size == -1:
            return None
        taken = self.take(size)
        try:
            return taken.decode() if letter == "s" else taken
        except UnicodeDecodeError:
            raise Broken("garbled", "text") from None

    def shaped(self, *shape: Any) -> list[Any]:
        """The next values by their shape. An item takes at least a byte, so that an array's count is bounded."""
        values = []  # type: list[Any]
        for part in shape:
            if isinstance(part, str):
                values += [self.one(letter) for letter in part]
            else:
                count = self.one("i")
                if not -1 <= count <= self.unread():
                    raise Broken("garbled", "count")
                values.append([self.shaped(*part) for _ in range(count)])
        return values

    def uvar(self) -> int:
        """An unsigned varint."""
        value = 0
        for shift in range(0, 35, 7):
            byte = int(self.one("B"))
            value |= (byte & 127) << shift
            if byte < 128:
                return value
        raise Broken("garbled", "varint")


def packed(shape: str, *values: Any) -> bytes:
    """The inverse of `Reader.shaped`, with `a` for an array of items that are packed already."""
    out = b""
    for letter, value in zip(shape, values):
        if letter == "s":
            raw = (value or "").encode()
            out += struct.pack(">h", -1 if value is None else len(raw)) + raw
        elif letter == "y":
            out += struct.pack(">i", len(value)) + value
        elif letter == "a":
            out += struct.pack(">i", len(value)) + b"".join(value)
        else:
            out += struct.pack(">" + letter, value)
    return out


def crc32c(data: bytes) -> int:
    """The checksum of a record batch (Castagnoli)."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _CRC[(crc ^ byte) & 255] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


def batch_of(value: bytes, now_ms: int) -> bytes:
    """A batch (magic 2) of one record, keyed by `CLIENT`. Lengths are zigzag varints: twice a number below 64."""
    key = CLIENT.encode()
    record = b"\0\0\0%c%s%c%s\0" % (2 * len(key), key, 2 * len(value), value)
    rest = packed("hiqqqhiib", 0, 0, now_ms, now_ms, -1, -1, -1, 1, 2 * len(record)) + record
    return packed("qiibI", 0, len(rest) + 9, -1, 2, crc32c(rest)) + rest


def holds(data: bytes, offset: int, value: bytes) -> bool | None:
    """Whether the batch at `offset` is the one that holds `value` (random bytes); None where `data` ends before it.

    A topic's own compression may have packed the batch again: gzip is unpacked, and under snappy, lz4 and zstd a few
    random bytes stay a literal, so that finding them is the proof.
    """
    reader = Reader(data)
    while reader.unread() > 60:
        base, size, _, magic, crc = reader.shaped("qiibI")
        if size - 9 > reader.unread():  # a last batch may be cut
            break
        rest = reader.take(size - 9)
        attributes, last = Reader(rest).shaped("hi")
        if magic != 2 or crc != crc32c(rest):
            raise Broken("garbled", "record batch")
        if base + last < offset:
            continue
        records = rest[40:]
        if attributes & 7 == 1:
            try:
                records = zlib.decompressobj(47).decompress(records, 1 << 20)
            except zlib.error:
                raise Broken("garbled", "gzip") from None
        return bool(base == offset and value in records)
    return None
