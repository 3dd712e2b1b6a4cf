"""The envelope, and the writing of it."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path

import pytest

from pytest_substrate.evidence.envelope import PAYLOAD_TYPE, STATEMENT_TYPE, pack, unpack, write_whole

STATEMENT = {"_type": STATEMENT_TYPE, "subject": [], "predicateType": "t", "predicate": {"naïve": "✓"}}


def test_pack() -> None:
    """A DSSE envelope of an in-toto payload, with an empty list of signatures: UNSIGNED."""
    envelope = json.loads(pack(STATEMENT))
    assert {"payloadType", "payload", "signatures"} == set(envelope)
    assert "application/vnd.in-toto+json" == envelope["payloadType"] == PAYLOAD_TYPE
    assert [] == envelope["signatures"]
    assert STATEMENT == json.loads(base64.b64decode(envelope["payload"]))


def test_unpack() -> None:
    """What was packed comes back; anything else is refused."""
    assert STATEMENT == unpack(pack(STATEMENT))
    for text in ("", "[]", "{}", pack({"_type": "other"}), pack(STATEMENT).replace("in-toto", "other")):
        with pytest.raises(ValueError):  # noqa: PT011  json and base64 each say it in their own words
            unpack(text)


def test_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A writing that fails leaves the old file, and no draft."""
    path = tmp_path / "evidence.json"
    write_whole(path, "old")
    assert "old" == path.read_text()
    assert 0o644 == path.stat().st_mode & 0o777

    def fail(descriptor: int) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="disk full"):
        write_whole(path, "new")
    assert "old" == path.read_text()
    assert [path] == list(tmp_path.iterdir())


def test_no_device_or_pipe_is_replaced(tmp_path: Path) -> None:
    """Whoever names one gets an error, and it stays what it is."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    with pytest.raises(OSError, match="is no regular file"):
        write_whole(path, "text")
    assert path.is_fifo()
    assert [path] == list(tmp_path.iterdir())
