"""`substrate denied`: exit codes, both formats, and input that can't be read."""

from __future__ import annotations

import io
import json
import os
import sys
import threading
from pathlib import Path

import pytest

from pytest_substrate.cli.main import main

WHOLE = "User: arn:aws:iam::1:user/a is not authorized to perform: s3:GetObject on resource: arn:aws:s3:::b/k\n"
HALF = "An error occurred (AccessDenied) when calling the GetObject operation: Access Denied\n"


@pytest.mark.parametrize(
    ("log", "code"), [("all is well\n", 0), ("", 0), (WHOLE, 1), (HALF, 10), (WHOLE + HALF, 10), ("\ufeff" + WHOLE, 1)]
)
def test_exit_codes(log: str, code: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """0 none, 1 all attributed, 10 some not; the document says which."""
    file = tmp_path / "app.log"
    file.write_text(log, encoding="utf-8")
    assert code == main(["denied", str(file), "--format", "json"])
    said = json.loads(capsys.readouterr().out)
    assert "substrate.denied/1" == said["schema"]
    assert all(denial["attributed"] for denial in said["denials"]) == (code in (0, 1))
    assert code == main(["denied", str(file)])


def test_standard_input_that_is_no_utf_8(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """It is read all the same."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"\xff\xfe\x00 junk\n" + WHOLE.encode())))
    assert 1 == main(["denied", "-", "--format", "json"])
    assert 2 == json.loads(capsys.readouterr().out)["denials"][0]["line"]


def test_what_can_not_be_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One line that names it, and 2."""
    for name in (str(tmp_path / "none"), str(tmp_path)):
        assert 2 == main(["denied", name])
        assert 1 == len(capsys.readouterr().err.splitlines())


def test_utf_16(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What a shell of Windows redirects is read too."""
    file = tmp_path / "app.log"
    file.write_bytes(("start\r\n" + WHOLE).encode("utf-16"))
    assert 1 == main(["denied", str(file), "--format", "json"])
    [denial] = json.loads(capsys.readouterr().out)["denials"]
    assert (2, "arn:aws:iam::1:user/a", "arn:aws:s3:::b/k") == (denial["line"], denial["principal"], denial["resource"])


def test_standard_input_that_is_closed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """One line that says so, and 2."""
    monkeypatch.setattr(sys, "stdin", None)
    assert 2 == main(["denied", "-"])
    assert 1 == len(capsys.readouterr().err.splitlines())


def test_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A line for each, and how many there are."""
    file = tmp_path / "app.log"
    file.write_text(WHOLE + HALF, encoding="utf-8")
    assert 10 == main(["denied", str(file)])
    one, other, count = capsys.readouterr().out.splitlines()
    assert "1: arn:aws:iam::1:user/a may not s3:GetObject on arn:aws:s3:::b/k: no reason given" == one
    assert "2: somebody may not s3:GetObject on something: no reason given" == other
    assert "2 denials, 1 attributed" == count


def test_a_pipe_is_waited_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One that nobody has opened yet is no empty log."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Timer(0.2, lambda: pipe.write_text(WHOLE, encoding="utf-8"))
    writer.start()
    assert 1 == main(["denied", str(pipe)])
    writer.join()
    assert "1 denials, 1 attributed" in capsys.readouterr().out


def test_a_terminal_is_told_nothing_to_obey(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What a log holds in escapes is printed without effect."""
    file = tmp_path / "app.log"
    file.write_text(WHOLE.replace("arn:aws:s3:::b/k", r'"arn:aws:s3:::b/k\u0007\u009b2J"'), encoding="utf-8")
    assert 1 == main(["denied", str(file)])
    assert capsys.readouterr().out.replace("\n", "").isprintable()
