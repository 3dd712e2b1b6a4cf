"""The way of a transcript through a log: whole it is read, and in no other state."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_substrate.model.observation import Unobserved
from pytest_substrate.model.transcript import (
    TRANSCRIPT_SCHEMA,
    ProbeRequest,
    Transcript,
    read_transcript,
    transcript_from,
)
from pytest_substrate.model.transcript_parts import MARKER
from pytest_substrate.probe.report import lines_of

NONCE, OTHER = "a" * 32, "b" * 32


def lines(parts: int = 3, nonce: str = NONCE, word: str = "x") -> list[str]:
    """A transcript's lines, of that many parts."""
    data = {"schema": TRANSCRIPT_SCHEMA, "nonce": nonce, "python": word * (7800 * (parts - 1) + 1), "started_at": "now"}
    found = lines_of(data)
    assert parts == len(found)
    return found


def reason(found: Transcript | Unobserved) -> str | None:
    """Why it was not read; None where it was."""
    return found.reason if isinstance(found, Unobserved) else None


def test_a_whole_transcript_is_read_among_other_lines() -> None:
    """What bears no marker is not ours."""
    whole = lines()
    noise = ["INFO starting", "", "substrate", *whole, "done"]
    assert isinstance(read_transcript(noise, NONCE), Transcript)
    assert isinstance(read_transcript([f"{line}\r\n" for line in whole], NONCE), Transcript)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda parts: [], "no-transcript"),
        (lambda parts: ["nothing of ours"], "no-transcript"),
        (lambda parts: parts[1:], "parts-missing"),
        (lambda parts: parts[:-1], "parts-missing"),
        (lambda parts: parts[:1] + parts[2:], "parts-missing"),
        (lambda parts: [*parts, parts[0]], "parts-doubled"),
        (lambda parts: [parts[0], *parts], "parts-doubled"),
        (lambda parts: parts[::-1], "parts-reordered"),
        (lambda parts: [parts[0][:-1], *parts[1:]], "parts-cut"),
        (lambda parts: [*parts[:-1], parts[-1][:60]], "parts-cut"),
        (lambda parts: [parts[0] + " tail", *parts[1:]], "parts-cut"),
        (lambda parts: [parts[0].replace("x", "y", 1), *parts[1:]], "parts-cut"),
        (lambda parts: [*parts, *lines(nonce=OTHER)], "parts-foreign"),
        (lambda parts: lines(nonce=OTHER), "parts-foreign"),
        (lambda parts: [*parts[:2], lines(word="z")[2]], "parts-foreign"),
    ],
)
def test_what_is_not_whole_has_its_reason(change: Any, expected: str) -> None:
    """Missing, cut, doubled, reordered, foreign."""
    assert expected == reason(read_transcript(change(lines()), NONCE))


@given(seed=st.integers(0, 10_000), parts=st.integers(1, 4))
def test_no_mangled_log_is_taken_for_a_transcript(seed: int, parts: int) -> None:
    """Dropped, doubled, shuffled, cut and mixed lines: it is read exactly where every part came once, in order."""
    rng = random.Random(seed)  # noqa: S311  repeatable, not secret
    whole = lines(parts)
    log = [line for line in whole if rng.random() > 0.1]
    log += [rng.choice(whole)] if rng.random() < 0.1 else []
    if rng.random() < 0.2:
        rng.shuffle(log)
    if log and rng.random() < 0.2:
        place = rng.randrange(len(log))
        log[place] = log[place][: rng.randrange(len(log[place]))]
    if rng.random() < 0.1:
        log.insert(rng.randrange(len(log) + 1), rng.choice(lines(parts, nonce=OTHER)))
    log.insert(rng.randrange(len(log) + 1), "a line of the application")
    found = read_transcript(log, NONCE)
    # what is cut within the marker itself bears none, and is a line of somebody else
    assert isinstance(found, Transcript) == ([line for line in log if line.startswith(MARKER)] == whole)


@given(text=st.text(max_size=200))
def test_no_text_breaks_the_reader(text: str) -> None:
    """Whatever bears the marker."""
    assert isinstance(read_transcript([f"substrate-transcript {text}", text], NONCE), Unobserved)


GOOD: dict[str, Any] = {"schema": TRANSCRIPT_SCHEMA, "nonce": NONCE, "python": "3.11", "started_at": "now"}


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"python": 3}, "python"),
        ({"schema": "substrate.transcript/2"}, "schema"),
        ({"bootstrap": [{}]}, "bootstrap.0.address"),
        ({"bootstrap": [{"address": "a:1", "apis": {"0": [0]}}]}, "bootstrap.0.apis.0.1"),
        ({"topics": {"t": {"kafka_error": "3"}}}, "topics.t.kafka_error"),
        ({"produce": {}}, "produce.topic"),
        ({"fetch": []}, "fetch"),
        ({"crash": {"type": "X"}}, "crash.at"),
    ],
)
def test_another_shape_is_malformed(change: dict[str, Any], where: str) -> None:
    """The place is told, the value is not."""
    found = transcript_from({**GOOD, **change})
    assert isinstance(found, Unobserved)
    assert ("malformed", where) == (found.reason, found.detail)


def test_a_transcript_of_another_nonce_is_foreign() -> None:
    """Though its parts bear ours."""
    swapped = [line.replace(OTHER, NONCE, 1) for line in lines(nonce=OTHER)]
    assert "parts-foreign" == reason(read_transcript(swapped, NONCE))


def test_a_request_leaves_out_what_is_not_asked() -> None:
    """What is left is what the probe reads."""
    asked = ProbeRequest(nonce=NONCE, protocol="PLAINTEXT", mechanism=None, bootstrap=("a:1",)).asked()
    assert {
        "schema": "substrate.probe/1",
        "nonce": NONCE,
        "deadline_s": 5.0,
        "bootstrap": ("a:1",),
        "protocol": "PLAINTEXT",
        "client_deadline_s": 20.0,
    } == asked
