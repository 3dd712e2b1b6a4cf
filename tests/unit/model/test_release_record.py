"""The release record: what is read is what was written, and what is wrong is told by its key alone."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_substrate.model.release_record import InvalidRecord, ReleaseRecord, parse_record, render_record

RECORD = ReleaseRecord(
    repository="acme/ingest",
    digest="sha256:" + "a" * 64,
    platforms=("linux/amd64",),
    commit="c" * 40,
    build="https://ci.example/acme/ingest/runs/17",
    time=datetime(2026, 3, 1, 12, 0, tzinfo=UTC),
)


def changed(**parts: Any) -> bytes:
    """The record's file with other values; None takes a key away."""
    document = {**json.loads(render_record(RECORD)), **parts}
    return json.dumps({key: value for key, value in document.items() if value is not None}).encode()


@pytest.mark.parametrize("platforms", [("linux/amd64",), ("linux/amd64", "linux/arm64/v8")])
def test_round_trip(platforms: tuple[str, ...]) -> None:
    """What is written is read."""
    record = replace(RECORD, platforms=platforms)
    assert record == parse_record(render_record(record), name="r.json")
    record = replace(record, workflow=".github/workflows/r.yml", builder="https://ci.example/builders/1")
    assert record == parse_record(render_record(record), name="r.json")


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"{", "is not JSON"),
        (b"[]", "is no JSON object"),
        (b"\xff\xfe", "is not JSON"),
        (b'{"schema": 1, "schema": 2}', "names a key twice"),
        (changed(schema="substrate.release/2"), "schema: is not substrate.release/1"),
        (changed(digest="sha256:abc"), "digest: is no digest, sha256: and 64 hexadecimal digits"),
        (changed(digest=None, commit=None), "lacks digest, commit"),
        (changed(commit="main"), "commit: is no full commit hash"),
        (changed(build="https://ci.example/run?token=s3cret"), "build: is no https URL without a user and a query"),
        (changed(build="https://ci:s3cret@ci.example/run"), "build: is no https URL without a user and a query"),
        (changed(platform=[]), "platform: is empty"),
        (changed(platform=["linux"]), "platform: is no platform, such as linux/amd64"),
        (changed(time="2026-03-01T12:00:00"), "time: is no time in ISO 8601 with a time zone"),
        (changed(workflow="/r.yml"), "workflow: is no path in the repository, such as .github/workflows/r.yml"),
        (changed(builder="laptop"), "builder: is no URI without a query"),
        (changed(time=12), "time: is no time in ISO 8601 with a time zone"),
        (
            changed(extra=1),
            (
                "has 1 unknown key(s); the keys are schema, repository, digest, platform, commit, build, time, "
                "workflow, builder"
            ),
        ),
    ],
)
def test_what_is_wrong(content: bytes, problem: str) -> None:
    """One line, which names the key and never the value."""
    assert InvalidRecord(name="r.json", problem=problem) == parse_record(content, name="r.json")


@given(st.binary(max_size=200))
def test_any_bytes(content: bytes) -> None:
    """No content raises."""
    assert isinstance(parse_record(content, name="r.json"), InvalidRecord)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=20), st.lists, max_leaves=5))
def test_any_value(value: Any) -> None:
    """No value of any key raises; only its own kind is taken."""
    for key in ("schema", "repository", "digest", "platform", "commit", "build", "time", "workflow", "builder"):
        found = parse_record(json.dumps({**json.loads(render_record(RECORD)), key: value}).encode(), name="r.json")
        assert isinstance(found, (InvalidRecord, ReleaseRecord))
