"""Since when the ledger has shown a fact as it is now."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from pytest_substrate.evidence.chain import RunLine, Scope
from pytest_substrate.evidence.since import known_since, read_known_since
from pytest_substrate.model.outcome import Outcome, TargetKind, Verdict

FACT, SUBJECT = "DAT-070 policy_digest", "job/oracle"
BEGIN = datetime(2030, 1, 1, tzinfo=UTC)
SCOPE = {"target": "aws", "account": "111122223333", "region": "eu-west-2", "environment": "dev"}


def line(number: int, value: str | None, *, environment: str = "dev") -> RunLine:
    """A run of that minute that saw this value; one that did not look for None."""
    body = {
        "schema": "substrate.ledger/1",
        "kind": "run",
        "seq": number + 1,
        "previous": "0" * 64,
        "hash": "1" * 64,
        "at": (BEGIN + timedelta(minutes=number)).isoformat().replace("+00:00", "Z"),
        "run_id": f"run-{number}",
        "scope": {**SCOPE, "environment": environment},
        "declaration": "2" * 64,
        "verdict": Verdict.READY.value,
        "planes": {},
        "counts": {Outcome.PASS.value: 1},
        "facts": {} if value is None else {SUBJECT: {FACT: value}},
    }
    return RunLine.model_validate_json(json.dumps(body))


def since(*values: str | None, value: str = "A") -> datetime | None:
    """By a ledger of these runs."""
    lines = [(number + 1, line(number, one)) for number, one in enumerate(values)]
    return known_since(lines, Scope.model_validate_json(json.dumps(SCOPE)), subject=SUBJECT, fact=FACT, value=value)


def test_the_present_streak_counts() -> None:
    """What was so before, and was otherwise in between, is new."""
    assert BEGIN == since("A", "A")
    assert BEGIN + timedelta(minutes=2) == since("A", "B", "A", "A")
    assert since("A", "B") is None
    assert since() is None
    assert BEGIN == since("A", None, "A")


def test_another_scope_says_nothing() -> None:
    """Of another environment."""
    other = [(1, line(0, "A", environment="prod"))]
    scope = Scope.model_validate_json(json.dumps(SCOPE))
    assert known_since(other, scope, subject=SUBJECT, fact=FACT, value="A") is None
    assert TargetKind.AWS is scope.target


def test_a_ledger_that_can_t_be_trusted_says_nothing(tmp_path: Path) -> None:
    """Missing, or with a chain that is broken."""
    what = (SUBJECT, FACT, "A")
    assert read_known_since(tmp_path / "none.jsonl", SCOPE, what) is None
    broken = tmp_path / "ledger.jsonl"
    broken.write_text('{"schema": "substrate.ledger/1"}\n', encoding="utf-8")
    assert read_known_since(broken, SCOPE, what) is None


@given(st.lists(st.sampled_from(["A", "B", None]), max_size=12))
def test_it_is_the_first_of_an_unbroken_row(values: list[str | None]) -> None:
    """By its definition."""
    looked = [(number, value) for number, value in enumerate(values) if value is not None]
    row = []
    for number, value in reversed(looked):
        if value != "A":
            break
        row.append(number)
    expected = BEGIN + timedelta(minutes=row[-1]) if row else None
    assert expected == since(*values)
