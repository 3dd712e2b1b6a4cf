"""What the data probe is asked and what is read of it: one contract with the program that travels."""

from __future__ import annotations

import json
from dataclasses import fields

import pytest

from pytest_substrate.model.data_transcript import (
    OWN_KEY,
    REQUEST_SCHEMA,
    CallSeen,
    DataRequest,
    DataTranscript,
    GrantAsked,
    data_transcript_from,
    read_data_transcript,
)
from pytest_substrate.model.observation import Unobserved
from pytest_substrate.planes.permissions import PROBE_FAMILY
from pytest_substrate.probe.data.store import HEADERS
from pytest_substrate.probe.report import lines_of

NONCE = "0" * 32
TOLD = {"schema": "substrate.data-transcript/1", "nonce": NONCE, "python": "3", "started_at": "2030-01-01T00:00:00Z"}


def test_the_request_says_what_is_asked_and_no_more() -> None:
    """Empty lists and what is not declared don't travel."""
    grant = GrantAsked(name="in", bucket="acme", read=("a", "b/"))
    request = DataRequest(nonce=NONCE, region="eu-west-2", grants=(grant,))
    assert {
        "schema": REQUEST_SCHEMA,
        "nonce": NONCE,
        "region": "eu-west-2",
        "deadline_s": 5.0,
        "pages": 5,
        "seconds": 40.0,
        "grants": [{"name": "in", "bucket": "acme", "read": ["a", "b/"]}],
    } == json.loads(request.to_json())


def test_many_targets_have_more_time() -> None:
    """Two seconds a call, eight deadlines at least, ten minutes at most."""
    grant = GrantAsked(name="in", bucket="acme", read=tuple(f"{number}/" for number in range(100)))
    assert 600 == DataRequest(nonce=NONCE, region="eu-west-2", grants=(grant,)).run_s()


def test_a_transcript_comes_back_in_parts() -> None:
    """As the messaging probe's does, by the same lines."""
    found = read_data_transcript(["noise", *lines_of({**TOLD, "grants": {}})], NONCE)
    assert isinstance(found, DataTranscript)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"schema": "substrate.transcript/1"}, "malformed"),
        ({"nonce": "1" * 32}, None),
        ({"started_at": 7}, "malformed"),
        ({"grants": {"in": {"calls": [{"purpose": "read"}]}}}, "malformed"),
        (
            {"grants": {"in": {"calls": [{"purpose": "r", "target": "t", "operation": "o", "status": "200"}]}}},
            "malformed",
        ),
    ],
)
def test_what_is_no_transcript(change: dict[str, object], reason: str | None) -> None:
    """Of another program, of another shape."""
    found = data_transcript_from({**TOLD, **change})
    assert reason == (found.reason if isinstance(found, Unobserved) else None)


def test_foreign_lines_are_foreign() -> None:
    """Another probe's parts prove nothing of this one."""
    found = read_data_transcript(lines_of({**TOLD, "nonce": "1" * 32}), NONCE)
    assert isinstance(found, Unobserved)
    assert "parts-foreign" == found.reason


def test_the_probe_tells_in_our_words() -> None:
    """What it reads of an answer's headers has a field, and its own keys are those that the observer may clean up."""
    assert set(HEADERS) <= {item.name for item in fields(CallSeen)}
    assert OWN_KEY == PROBE_FAMILY
