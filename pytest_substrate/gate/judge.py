"""The verdict: what a run's records come to, measured against what the declaration requires. Pure.

Rules:
- The denominator is what is required. Nothing required is NOT READY: nothing proven is nothing ready.
- Each required pair has exactly one record. None, two, or one that nobody asked for is a problem, and a problem is red.
- Only PASS and WAIVED are green. READY is all green and no problem.
- Of two records for a pair, the worse one counts, so that a second one never hides the first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from pytest_substrate.model.check import Pair
from pytest_substrate.model.outcome import Outcome, Verdict
from pytest_substrate.model.record import Record, first_red

_WORST_FIRST: Final = (Outcome.VIOLATION, Outcome.INCONCLUSIVE, Outcome.NOT_REACHED, Outcome.WAIVED, Outcome.PASS)

EXIT_READY: Final = 0
EXIT_VIOLATED: Final = 1
EXIT_UNDECIDED: Final = 10
EXIT_NO_EVIDENCE: Final = 11
_PYTESTS_OWN: Final = frozenset({2, 3, 4})
"""Interrupted, internal error, usage error: pytest's codes that come before ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Why the records don't answer for what is required: a slug, and one line for a person."""

    reason: str
    message: str
    pair: Pair | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """The verdict with its counts; `records` holds one a pair, in the order in which they are required."""

    verdict: Verdict
    records: tuple[Record, ...]
    problems: tuple[Problem, ...]
    required: int
    counts: Mapping[Outcome, int] = field(default_factory=dict)
    missing: int = 0

    @property
    def first_red(self) -> Record | None:
        """The first VIOLATION in the order of the ladder, else the first INCONCLUSIVE, else what was not reached."""
        return first_red(self.records)

    @property
    def ready(self) -> bool:
        """Whether the verdict is READY."""
        return self.verdict is Verdict.READY


def judge(required: Sequence[Pair], records: Iterable[Record], problems: Iterable[Problem] = ()) -> Judgement:
    """The verdict on `records` for `required`; `problems` are those that the run itself saw (a lost worker, a skip)."""
    order = {pair: place for place, pair in enumerate(required)}
    found: dict[Pair, list[Record]] = {}
    for record in records:
        found.setdefault(Pair(record.check, record.subject), []).append(record)

    seen = list(problems)
    explained = {problem.pair for problem in seen}
    missing = [pair for pair in order if pair not in found]
    seen += [
        Problem(reason="missing", message=f"{_name(pair)} has no record", pair=pair)
        for pair in missing
        if pair not in explained
    ]
    if len(order) < len(required):
        seen.append(Problem(reason="required-twice", message="a check is required twice of one subject"))
    for pair, doubles in found.items():
        if pair not in order:
            seen.append(Problem(reason="not-required", message=f"{_name(pair)} was not asked for", pair=pair))
        elif len(doubles) > 1:
            seen.append(Problem(reason="duplicated", message=f"{_name(pair)} has {len(doubles)} records", pair=pair))
    if not required:
        seen.append(Problem(reason="nothing-required", message="the declaration requires nothing of these planes"))

    kept = tuple(min(found[pair], key=_badness) for pair in order if pair in found)
    ready = not seen and all(record.outcome.green for record in kept)
    return Judgement(
        verdict=Verdict.READY if ready else Verdict.NOT_READY,
        records=kept,
        problems=tuple(seen),
        required=len(required),
        counts=Counter(record.outcome for record in kept),
        missing=len(missing),
    )


def exit_code(judgement: Judgement, *, pytest_code: int, tests_failed: bool, evidence_failed: bool) -> int:
    """The run's exit code, first match: pytest's 2, 3, 4 · 11 · 1 · 10 · any other code · 0.

    `pytest_code` is what pytest and other plugins decided; its 1 counts only by its cause: `tests_failed` says whether
    a test that is not a rung failed, as a rung's red speaks through the judgement.
    """
    if pytest_code in _PYTESTS_OWN:
        return pytest_code
    if evidence_failed:
        return EXIT_NO_EVIDENCE
    if tests_failed or judgement.counts.get(Outcome.VIOLATION, 0):
        return EXIT_VIOLATED
    return pytest_code if judgement.ready else EXIT_UNDECIDED


def _badness(record: Record) -> int:
    return _WORST_FIRST.index(record.outcome)


def _name(pair: Pair) -> str:
    return f"{pair.check} {pair.subject}"
