"""`substrate plan`: the report, the exit codes, and what it takes. What is red is held beside the rules."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pytest_substrate.cli.main import main
from tests.unit.planes.packaging.plan.documents import Document

VERSION = "aws_secretsmanager_secret_version.kafka"


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    """A plan that overwrites a secret."""
    return written(tmp_path, Document().changes(VERSION, secret_string="LEAK-new"))


def written(folder: Path, document: Document) -> Path:
    """The document as a file."""
    file = folder / "plan.json"
    file.write_text(json.dumps(document.data()), encoding="utf-8")
    return file


def asked(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, dict[str, Any]]:
    """The exit code and the report."""
    code = main(["plan", *words, "--format", "json"])
    captured = capsys.readouterr()
    assert ("", False) == (captured.err, "LEAK" in captured.out)
    return code, json.loads(captured.out)


def test_a_report_names_the_address_and_the_mend(plan: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One record for each address; the first red one is told."""
    code, report = asked(capsys, str(plan))
    assert (1, "substrate.report/1", "NOT READY") == (code, report["schema"], report["verdict"])
    assert {"kind": "plan", "format_version": "1.2", "tool_version": "1.11.4"} == report["target"]
    first = {"check": "PKG-120", "subject": f"resource/{VERSION}", "layer": "wiring", "cause": "credential-overwritten"}
    assert first == report["first_red"]
    red = [record for record in report["records"] if record["outcome"] != "PASS"]
    assert [first["subject"]] == [record["subject"] for record in red]
    assert ["update"] == red[0]["facts"]["actions"]
    assert "ignore_changes = [secret_string]" in red[0]["message"]
    assert "secret_string_wo" in red[0]["message"]


def test_exit_codes_are_those_of_the_outcomes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """0 for a plan that leaves all alone, 10 for one that ended with an error."""
    assert 0 == asked(capsys, str(written(tmp_path, Document())))[0]
    document = Document()
    document.extra["errored"] = True
    code, report = asked(capsys, str(written(tmp_path, document)))
    assert (10, "plan") == (code, report["first_red"]["subject"])


def test_text_says_the_same(plan: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """For a person, with the verdict last."""
    assert 1 == main(["plan", str(plan)])
    out = capsys.readouterr().out
    assert f"[resource/{VERSION}]" in out
    assert out.splitlines()[-1].startswith(
        "NOT READY   first red PKG-120 (wiring)   required 18  passed 17  violated 1"
    )
    assert "LEAK" not in out


def test_a_wanted_change_is_allowed_until_a_time(plan: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By its whole address; after the time it is red again."""
    code, report = asked(capsys, str(plan), "--allow", f"{VERSION}=2999-01-01T00:00:00Z")
    assert (0, "READY") == (code, report["verdict"])
    assert ["WAIVED"] == [record["outcome"] for record in report["records"] if record["outcome"] != "PASS"]
    assert 1 == asked(capsys, str(plan), "--allow", f"{VERSION}=2020-01-01T00:00:00+01:00")[0]
    assert 0 == main(["plan", str(plan), "--allow", f"{VERSION}=2999-01-01T00:00:00Z"])
    out = capsys.readouterr().out
    assert f"~ PKG-120 [resource/{VERSION}] credential-overwritten, allowed until 2999-01-01T00:00:00Z" in out
    assert out.splitlines()[-1].endswith("violated 0  inconclusive 0  not reached 0  waived 1")


@pytest.mark.parametrize(
    "text", ["LEAK", f"{VERSION}=", f"{VERSION}=LEAK", "=2999-01-01T00:00:00Z", "a=2999-01-01T00:00"]
)
def test_what_allows_nothing_is_refused(plan: Path, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    """In one line, and what was typed is not repeated."""
    assert 2 == main(["plan", str(plan), "--allow", text])
    captured = capsys.readouterr()
    assert ("", 1) == (captured.out, len(captured.err.splitlines()))
    assert "--allow" in captured.err
    assert "LEAK" not in captured.err


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04", b'{"version": 4, "lineage": "LEAK"}', b"{LEAK"])
def test_what_is_no_plan_is_refused_in_one_line(
    tmp_path: Path, data: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the file, and the command that makes a plan's JSON."""
    file = tmp_path / "plan.json"
    file.write_bytes(data)
    for name in (str(file), str(tmp_path), str(tmp_path / "none")):
        assert 2 == main(["plan", name, "--format", "json"])
        captured = capsys.readouterr()
        assert ("", 1) == (captured.out, len(captured.err.splitlines()))
        assert captured.err.startswith(f"substrate plan: {name}")
        assert "show -json" in captured.err
        assert "LEAK" not in captured.err
