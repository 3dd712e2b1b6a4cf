"""The wire format: values against kafka-python's codecs, and a decoder that no bytes can break or hang."""

from __future__ import annotations

import gzip
import struct
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kafka.record import MemoryRecords
from kafka.record._crc32c import crc as kafka_crc32c
from kafka.record.default_records import DefaultRecordBatchBuilder

from pytest_substrate.probe import wire

SHAPES = st.recursive(
    st.text("bBhHiIqsy", min_size=1, max_size=4), lambda inner: st.lists(inner, min_size=1, max_size=3), max_leaves=6
)


def cause_of(work: Callable[[], object]) -> str | None:
    """The cause with which it ends short, None where it doesn't; every other error is raised."""
    try:
        work()
    except wire.Broken as broken:
        return broken.cause
    return None


@given(host=st.from_regex(r"\A[a-z0-9][a-z0-9.-]{0,40}\Z"), port=st.integers(1, 65535))
def test_an_address_is_split_as_it_was_joined(host: str, port: int) -> None:
    """Names, and IPv6 in brackets."""
    assert (host, port) == wire.split_address(wire.join_address(host, port))
    assert ("fe80::1%eth0", port) == wire.split_address(wire.join_address("fe80::1%eth0", port))


@given(data=st.binary(max_size=300), shape=SHAPES)
@settings(max_examples=300)
def test_no_frame_breaks_the_reader(data: bytes, shape: Any) -> None:
    """It gives values or `Broken`, never takes more than the frame, and ends at once."""
    reader = wire.Reader(data)
    began = time.monotonic()
    assert cause_of(lambda: reader.shaped(*([shape] if isinstance(shape, str) else shape))) in (None, "garbled")
    assert 0 <= reader.place <= len(data)
    assert time.monotonic() - began < 1


@given(numbers=st.lists(st.integers(-(1 << 31), (1 << 31) - 1), max_size=9), text=st.none() | st.text(max_size=40))
def test_what_is_packed_is_read_again(numbers: list[int], text: str | None) -> None:
    """Arrays, nullable strings and bytes."""
    data = wire.packed("say", text, [wire.packed("i", number) for number in numbers], b"xyz")
    assert [text, [[number] for number in numbers], b"xyz"] == wire.Reader(data).shaped("s", ["i"], "y")


@given(data=st.binary(max_size=500))
def test_the_checksum_is_kafkas(data: bytes) -> None:
    """CRC-32C, as kafka-python computes it."""
    assert kafka_crc32c(data) == wire.crc32c(data)


@given(value=st.binary(min_size=1, max_size=32), now_ms=st.integers(0, 1 << 42))
def test_the_batch_is_one_that_kafka_python_reads(value: bytes, now_ms: int) -> None:
    """Magic 2, one record, our key, the value, the time, a checksum that holds."""
    batch = MemoryRecords(wire.batch_of(value, now_ms)).next_batch()
    assert batch is not None
    assert (2, True) == (batch.magic, batch.validate_crc())
    ((record,),) = [list(batch)]
    assert (wire.CLIENT.encode(), value, now_ms) == (record.key, record.value, record.timestamp)


def _built(value: bytes, *, offset: int, compression: int = 0) -> bytes:
    builder = DefaultRecordBatchBuilder(
        magic=2,
        compression_type=compression,
        is_transactional=0,
        producer_id=-1,
        producer_epoch=-1,
        base_sequence=-1,
        batch_size=9999,
    )
    builder.append(0, timestamp=1, key=b"k", value=value, headers=[])
    return struct.pack(">q", offset) + bytes(builder.build())[8:]


@pytest.mark.parametrize("compression", [0, 1])
def test_a_record_is_known_again(compression: int) -> None:
    """By kafka-python's own batches, plain and gzip, behind others, and before one that is cut."""
    value = bytes(range(32))
    batches = _built(b"older", offset=4) + _built(value, offset=5, compression=compression)
    assert wire.holds(batches + _built(b"newer", offset=6)[:70], 5, value) is True
    assert wire.holds(batches, 4, value) is False
    assert wire.holds(batches, 6, value) is None
    assert wire.holds(b"", 5, value) is None
    assert wire.holds(_built(value, offset=9), 5, value) is False


def test_a_bomb_is_not_unpacked() -> None:
    """A gzip batch that unpacks to 64 MiB costs no more than a MiB."""
    body = gzip.compress(b"\0" * (64 << 20))
    rest = struct.pack(">hiqqqhii", 1, 0, 0, 0, -1, -1, -1, 1) + body
    data = struct.pack(">qiibI", 5, len(rest) + 9, -1, 2, wire.crc32c(rest)) + rest
    began = time.monotonic()
    assert wire.holds(data, 5, b"\0" * 31 + b"\1") is False
    assert time.monotonic() - began < 2


@given(data=st.binary(max_size=400), offset=st.integers(-1, 1 << 40))
def test_no_bytes_break_the_search_for_a_record(data: bytes, offset: int) -> None:
    """Found, not found, not there yet, or `garbled`."""
    assert cause_of(lambda: wire.holds(data, offset, b"x" * 32)) in (None, "garbled")


@given(prefix=st.integers(0, 60), junk=st.binary(max_size=60))
def test_a_changed_batch_never_passes(prefix: int, junk: bytes) -> None:
    """A batch with other bytes in it is garbled, cut, another record, or the very same one."""
    value = bytes(range(32))
    whole = _built(value, offset=5)
    changed = (whole[:prefix] + junk + whole[prefix + len(junk) :])[: len(whole)]
    try:
        found = wire.holds(changed, 5, value)
    except wire.Broken:
        return
    assert found is not True or changed[16:] == whole[16:]
