"""`substrate ledger`: incidents with both proofs, a chain that is looked at first, an anchor in the evidence."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from pytest_substrate.cli.main import main
from pytest_substrate.evidence.envelope import pack
from pytest_substrate.evidence.ledger import append_run
from pytest_substrate.evidence.statement import LedgerHead
from pytest_substrate.model.diagnosis import violated
from tests.unit.evidence.making import NOW, Made

RED = violated("credential-refused", "SaslAuthenticate answered 58")


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    """Red, mended by another secret version, and red in another place with no mend."""
    path = tmp_path / "ledger.jsonl"
    runs = (
        Made(outcomes={"MSG-160": RED}, finished=NOW),
        Made(facts={"MSG-010": {"version_id": "v2"}}, finished=NOW + timedelta(hours=1)),
        Made(
            outcomes={"MSG-110": violated("unresolved", "no such name")},
            facts={"MSG-010": {"version_id": "v2"}},
            finished=NOW + timedelta(hours=2),
        ),
        Made(facts={"MSG-010": {"version_id": "v2"}}, finished=NOW + timedelta(hours=3)),
    )
    for number, made in enumerate(runs, start=1):
        append_run(path, made.ledger_run(f"run-{number}"))
    return path


def test_open_ones_first_with_both_proofs(ledger: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What is open, what is closed, where the ledger shows it, and what changed."""
    assert 0 == main(["ledger", str(ledger)])
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert ", 4 runs, chain whole, head " in lines[0]
    assert "1 open, 1 closed" == lines[1]
    assert "open    MSG-110 service/ingest   network   aws 111122223333/eu-west-2 (dev)" == lines[3]
    assert lines[4].startswith("  red    2026-06-01T14:00:00Z  line ")
    assert lines[4].endswith("run run-3  VIOLATION   unresolved")
    assert lines[5].startswith("  green  2026-06-01T15:00:00Z  line ")
    assert "         but nothing is known to have changed, so nothing proves that it was mended" == lines[6]
    assert "closed  MSG-160 service/ingest   credential   aws 111122223333/eu-west-2 (dev)" == lines[8]
    assert "         service/ingest MSG-010 version_id: v1 → v2" == lines[-1]
    assert "" == err


def test_json(ledger: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The same for a program."""
    assert 0 == main(["ledger", str(ledger), "--format", "json"])
    said = json.loads(capsys.readouterr().out)
    assert ("substrate.incidents/1", None, [], []) == (said["schema"], said["broken"], said["torn"], said["problems"])
    assert [("MSG-160", "closed"), ("MSG-110", "open")] == [
        (incident["check"], incident["status"]) for incident in said["incidents"]
    ]
    first = said["incidents"][0]
    assert ("run-1", "VIOLATION", "run-2", "PASS") == (
        first["red"]["run"],
        first["red"]["outcome"],
        first["green"]["run"],
        first["green"]["outcome"],
    )
    for end in ("red", "green"):
        assert first[end]["run"] in ledger.read_text().splitlines()[first[end]["line"] - 1]
    assert [{"subject": "service/ingest", "fact": "MSG-010 version_id", "before": "v1", "after": "v2"}] == (
        first["changes"]
    )


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_broken_chain(ledger: Path, capsys: pytest.CaptureFixture[str], form: str) -> None:
    """Exit 1 with the line's number, whatever the form."""
    lines = ledger.read_text().splitlines(keepends=True)
    lines[2] = lines[2].replace("service/ingest", "service/others")
    ledger.write_text("".join(lines))
    assert 1 == main(["ledger", str(ledger), "--format", form])
    assert (
        f"{ledger}:3: the chain is broken: it was edited: its hash is not that of what it says\n"
        == capsys.readouterr().err
    )


def test_a_torn_line_is_reported(ledger: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A crash is no forgery: said, and exit 0."""
    count = ledger.read_text().count("\n")
    ledger.write_bytes(ledger.read_bytes() + b'{"at":"20')
    assert 0 == main(["ledger", str(ledger)])
    assert f"{ledger}:{count + 1}: a line was cut off after 9 bytes\n" == capsys.readouterr().err


def test_evidence_anchors_the_ledger(ledger: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A ledger whose end was cut off, or that was written anew, is whole by itself: the evidence's head tells."""
    lines = ledger.read_bytes().splitlines(keepends=True)
    last = json.loads(lines[-1])
    evidence = tmp_path / "evidence.json"

    def write(head: LedgerHead | None) -> None:
        evidence.write_text(pack(Made(ledger=head).statement()))

    command = ["ledger", str(ledger), "--evidence", str(evidence)]
    write(LedgerHead(lines=last["seq"], sha256=last["hash"]))
    assert 0 == main(command)
    ledger.write_bytes(b"".join(lines[:-1]))
    assert 0 == main(["ledger", str(ledger)])
    assert 1 == main(command)
    assert f"at line {last['seq']}, and this ledger doesn't hold it\n" in capsys.readouterr().err
    write(None)
    assert 1 == main(command)
    assert "its run kept no ledger" in capsys.readouterr().err
    evidence.write_text("{}")
    assert 2 == main(command)


def test_no_ledger(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing to read is exit 2 with one line."""
    assert 2 == main(["ledger", str(tmp_path / "none.jsonl")])
    assert 1 == capsys.readouterr().err.count("\n")
