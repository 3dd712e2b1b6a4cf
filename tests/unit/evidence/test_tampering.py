"""What no edit does: turn evidence that is refused into evidence that is taken."""

from __future__ import annotations

import base64
import copy
import json
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_substrate.evidence.envelope import pack, read_envelope
from pytest_substrate.model.diagnosis import violated
from pytest_substrate.model.errors import BadInput
from tests.unit.evidence.making import Made, good, reasons, signed, verify

RED = violated("wrong-mechanism", "SCRAM is not offered")
PAYLOAD = len(read_envelope(good()).payload)


@cache
def red() -> bytes:
    """The sealed file of a run that was not READY."""
    return signed(Made(outcomes={"MSG-150": RED}).text())


def flipped(raw: bytes, place: int, bits: int) -> bytes:
    """The same bytes with one of them changed."""
    data = bytearray(raw)
    data[place % len(raw)] ^= bits
    return bytes(data)


@given(place=st.integers(0, len(good()) - 1), bits=st.integers(1, 255))
@settings(max_examples=300)
def test_any_byte_of_the_file(place: int, bits: int) -> None:
    """One changed byte anywhere, white space and base64's spare bits included, is refused."""
    assert verify(flipped(good(), place, bits))


@given(place=st.integers(0, PAYLOAD - 1), bits=st.integers(1, 255))
@settings(max_examples=100)
def test_any_byte_of_the_payload(place: int, bits: int) -> None:
    """Inside the base64: the signature doesn't fit any more, whatever the byte meant."""
    envelope = json.loads(good())
    payload = flipped(base64.b64decode(envelope["payload"]), place, bits)
    envelope["payload"] = base64.b64encode(payload).decode()
    assert {"edited"} == reasons((json.dumps(envelope, indent=1) + "\n").encode())


@pytest.mark.parametrize("place", range(64))
def test_any_byte_of_the_signature(place: int) -> None:
    """Each of the 64 bytes of an Ed25519 signature counts."""
    envelope = json.loads(good())
    signature = flipped(base64.b64decode(envelope["signatures"][0]["sig"]), place, 1 << place % 8)
    envelope["signatures"][0]["sig"] = base64.b64encode(signature).decode()
    assert {"edited"} == reasons((json.dumps(envelope, indent=1) + "\n").encode())


@given(end=st.integers(0, len(good()) - 1))
@settings(max_examples=100)
def test_any_beginning_of_the_file(end: int) -> None:
    """However much of it a killed writer left."""
    assert verify(good()[:end])


@given(place=st.integers(0, len(red()) - 1), bits=st.integers(1, 255))
@settings(max_examples=150)
def test_a_red_file_stays_red(place: int, bits: int) -> None:
    """No byte of a sealed NOT READY makes it READY."""
    assert verify(red())
    assert verify(flipped(red(), place, bits))


Edit = Callable[[dict[str, Any], int, int], object]


def _remove(predicate: dict[str, Any], one: int, _: int) -> None:
    predicate["records"].pop(one % len(predicate["records"]))


def _double(predicate: dict[str, Any], one: int, other: int) -> None:
    records = predicate["records"]
    records.insert(other % len(records), copy.deepcopy(records[one % len(records)]))


def _swap(predicate: dict[str, Any], one: int, other: int) -> None:
    records = predicate["records"]
    first, second = one % len(records), other % len(records)
    if first == second:
        second = (first + 1) % len(records)
    records[first], records[second] = records[second], records[first]


def _weaken(predicate: dict[str, Any], one: int, other: int) -> None:
    record = predicate["records"][one % len(predicate["records"])]
    outcomes = [name for name in ("VIOLATION", "INCONCLUSIVE", "NOT_REACHED", "WAIVED") if name != record["outcome"]]
    record |= {"outcome": outcomes[other % len(outcomes)], "cause": "because"}


def _rename(predicate: dict[str, Any], one: int, other: int) -> None:
    records = predicate["records"]
    record = records[one % len(records)]
    record["subject"] = ("service/other", "cluster/other", record["subject"] + "x")[other % 3]


def _hide(predicate: dict[str, Any], one: int, _: int) -> None:
    """Take a record out, and say that it is not applicable, with counts to fit."""
    gone = predicate["records"].pop(one % len(predicate["records"]))
    predicate["not_applicable"].append({"check": gone["check"], "subject": gone["subject"], "reason": "not here"})
    predicate["counts"][gone["outcome"]] -= 1
    predicate["check_set"]["required"] -= 1


EDITS: tuple[Edit, ...] = (_remove, _double, _swap, _weaken, _rename, _hide)


@given(
    edits=st.lists(st.tuples(st.sampled_from(EDITS), st.integers(0, 50), st.integers(0, 50)), min_size=1, max_size=1),
    was_red=st.booleans(),
)
@settings(max_examples=150)
def test_an_unsigned_file_with_records_removed_doubled_swapped_or_weakened(
    edits: list[tuple[Edit, int, int]], was_red: bool
) -> None:
    """Even where unsigned files are allowed, an edit of the records alone doesn't agree with the rest of it."""
    statement = Made(outcomes={"MSG-150": RED} if was_red else {}).statement()
    for edit, one, other in edits:
        edit(statement["predicate"], one, other)
    assert verify(pack(statement).encode(), allow_unsigned=True, keys=[])


@given(
    edits=st.lists(st.tuples(st.sampled_from(EDITS), st.integers(0, 50), st.integers(0, 50)), min_size=1, max_size=4)
)
@settings(max_examples=150)
def test_a_red_run_with_any_edits_of_its_records_stays_red(edits: list[tuple[Edit, int, int]]) -> None:
    """Several edits, and the right key sealed them: removing and weakening never improves a verdict.

    What is no statement any more (a count below zero) is not even sealed.
    """
    statement = Made(outcomes={"MSG-150": RED}).statement()
    for edit, one, other in edits:
        edit(statement["predicate"], one, other)
    try:
        sealed = signed(pack(statement).encode())
    except BadInput:
        return
    assert verify(sealed)
