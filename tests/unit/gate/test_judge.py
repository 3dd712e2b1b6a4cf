"""The verdict, and the rules that no change of records may break."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_substrate.gate.judge import Judgement, Problem, exit_code, judge
from pytest_substrate.model.check import Pair
from pytest_substrate.model.outcome import Layer, Outcome, Plane, Vantage, Verdict
from pytest_substrate.model.record import Record

STRENGTH = (Outcome.VIOLATION, Outcome.INCONCLUSIVE, Outcome.NOT_REACHED, Outcome.WAIVED, Outcome.PASS)
"""From the weakest to the strongest."""


def record(pair: Pair, outcome: Outcome = Outcome.PASS) -> Record:
    """A record of a pair, of which only the outcome matters."""
    return Record(
        check=pair.check,
        plane=Plane.MESSAGING,
        subject=pair.subject,
        outcome=outcome,
        layer=Layer.NETWORK,
        cause=None if outcome is Outcome.PASS else "made-up",
        message="made up",
        next=None,
        vantage=Vantage.TASK,
        duration_ms=1.0,
    )


PAIRS = tuple(Pair(f"MSG-{number:03}", subject) for subject in ("service/a", "service/b") for number in (10, 20, 30))
RUNS = st.lists(st.sampled_from(Outcome), min_size=len(PAIRS), max_size=len(PAIRS)).map(
    lambda outcomes: [record(pair, outcome) for pair, outcome in zip(PAIRS, outcomes, strict=True)]
)
GREEN = st.lists(st.sampled_from([Outcome.PASS, Outcome.WAIVED]), min_size=len(PAIRS), max_size=len(PAIRS)).map(
    lambda outcomes: [record(pair, outcome) for pair, outcome in zip(PAIRS, outcomes, strict=True)]
)
PLACES = st.integers(0, len(PAIRS) - 1)


def better(one: Judgement, other: Judgement) -> bool:
    """Whether the first verdict is better than the second."""
    return one.ready and not other.ready


def test_nothing_is_not_ready() -> None:
    """Nothing required and nothing recorded proves nothing."""
    assert Verdict.NOT_READY is judge([], []).verdict
    assert Verdict.NOT_READY is judge([], [record(PAIRS[0])]).verdict
    assert Verdict.NOT_READY is judge(PAIRS, []).verdict


@given(GREEN)
def test_all_green_is_ready(records: list[Record]) -> None:
    """Exactly one green record for each required pair is READY."""
    assert Verdict.READY is judge(PAIRS, records).verdict


@given(RUNS)
def test_any_red_is_not_ready(records: list[Record]) -> None:
    """The verdict is READY exactly where every outcome is green."""
    assert all(one.outcome.green for one in records) == judge(PAIRS, records).ready


@given(RUNS, PLACES)
def test_removing_a_record_never_improves(records: list[Record], place: int) -> None:
    """A pair without its record is red, whatever the record said."""
    fewer = [*records[:place], *records[place + 1 :]]
    judgement = judge(PAIRS, fewer)
    assert not better(judgement, judge(PAIRS, records))
    assert Verdict.NOT_READY is judgement.verdict
    assert [PAIRS[place]] == [problem.pair for problem in judgement.problems if problem.reason == "missing"]


@given(RUNS, PLACES, st.sampled_from(Outcome))
def test_doubling_a_record_never_improves(records: list[Record], place: int, outcome: Outcome) -> None:
    """A second record, better or worse, makes the run red, and the worse one counts."""
    judgement = judge(PAIRS, [*records, record(PAIRS[place], outcome)])
    assert Verdict.NOT_READY is judgement.verdict
    assert min(outcome, records[place].outcome, key=STRENGTH.index) is judgement.records[place].outcome
    assert ["duplicated"] == [problem.reason for problem in judgement.problems]


@given(RUNS, PLACES, st.sampled_from(Outcome))
def test_weakening_a_record_never_improves(records: list[Record], place: int, outcome: Outcome) -> None:
    """A worse outcome never makes a better verdict."""
    weaker = min(outcome, records[place].outcome, key=STRENGTH.index)
    changed = [*records]
    changed[place] = replace(records[place], outcome=weaker)
    assert not better(judge(PAIRS, changed), judge(PAIRS, records))


@given(RUNS, st.randoms(use_true_random=False))
def test_order_does_not_matter(records: list[Record], random: object) -> None:
    """However the workers' reports interleave, the judgement is the same."""
    shuffled = [*records]
    random.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis' own Random
    assert judge(PAIRS, records) == judge(PAIRS, shuffled)


@given(GREEN)
def test_a_record_that_nobody_asked_for(records: list[Record]) -> None:
    """A record outside the denominator is no help, and is named."""
    judgement = judge(PAIRS, [*records, record(Pair("MSG-999", "service/a"))])
    assert Verdict.NOT_READY is judgement.verdict
    assert ["not-required"] == [problem.reason for problem in judgement.problems]


@given(GREEN, st.text(min_size=1))
def test_any_problem_is_red(records: list[Record], reason: str) -> None:
    """Whatever the run itself saw going wrong, all-green records don't outweigh it."""
    assert not judge(PAIRS, records, [Problem(reason=reason, message="seen")]).ready


def test_a_missing_pair_is_explained_once() -> None:
    """Where the run knows why a record is missing, that is what is said."""
    why = Problem(reason="deselected", message="was deselected", pair=PAIRS[0])
    judgement = judge(PAIRS[:1], [], [why])
    assert (why,) == judgement.problems
    assert 1 == judgement.missing


def test_counts() -> None:
    """The counts add up to what is required."""
    records = [record(PAIRS[0]), record(PAIRS[1], Outcome.VIOLATION), record(PAIRS[2], Outcome.NOT_REACHED)]
    judgement = judge(PAIRS, records)
    assert 6 == judgement.required == sum(judgement.counts.values()) + judgement.missing
    assert {Outcome.PASS: 1, Outcome.VIOLATION: 1, Outcome.NOT_REACHED: 1} == dict(judgement.counts)
    assert judgement.first_red is not None
    assert "MSG-020" == judgement.first_red.check


READY = judge(PAIRS, [record(pair) for pair in PAIRS])
VIOLATED = judge(PAIRS, [record(pair, Outcome.VIOLATION) for pair in PAIRS])
UNSEEN = judge(PAIRS, [record(pair, Outcome.INCONCLUSIVE) for pair in PAIRS])
MISSING = judge(PAIRS, [])


@pytest.mark.parametrize(
    ("judgement", "pytest_code", "tests_failed", "evidence_failed", "code"),
    [
        (READY, 0, False, False, 0),
        (READY, 1, True, False, 1),
        (READY, 0, True, False, 1),
        (READY, 0, False, True, 11),
        (READY, 5, False, False, 5),
        (READY, 6, False, False, 6),
        (READY, 7, False, False, 7),
        (READY, 1, False, False, 1),
        (READY, 2, False, False, 2),
        (VIOLATED, 1, False, False, 1),
        (VIOLATED, 0, False, False, 1),
        (VIOLATED, 1, False, True, 11),
        (VIOLATED, 2, False, True, 2),
        (VIOLATED, 3, False, False, 3),
        (VIOLATED, 4, False, False, 4),
        (UNSEEN, 1, False, False, 10),
        (UNSEEN, 1, True, False, 1),
        (UNSEEN, 7, False, False, 10),
        (MISSING, 5, False, False, 10),
        (MISSING, 0, False, False, 10),
    ],
)
def test_exit_code(
    judgement: Judgement, pytest_code: int, tests_failed: bool, evidence_failed: bool, code: int
) -> None:
    """The first that matches: pytest's 2, 3, 4 · 11 · 1 · 10 · any other code · 0."""
    assert code == exit_code(
        judgement, pytest_code=pytest_code, tests_failed=tests_failed, evidence_failed=evidence_failed
    )


@given(RUNS, st.integers(0, 255), st.booleans(), st.booleans())
def test_zero_only_where_ready(
    records: list[Record], pytest_code: int, tests_failed: bool, evidence_failed: bool
) -> None:
    """Exit code 0 is never given to anything but a READY run with evidence, in which nothing else went wrong."""
    judgement = judge(PAIRS, records)
    code = exit_code(judgement, pytest_code=pytest_code, tests_failed=tests_failed, evidence_failed=evidence_failed)
    assert (code == 0) == (judgement.ready and pytest_code == 0 and not tests_failed and not evidence_failed)
