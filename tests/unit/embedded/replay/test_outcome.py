"""Whether a chapter came out as told: any difference is one, and what is not looked at can't make it right."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_substrate.embedded.replay.outcome import differences, reds_of
from pytest_substrate.embedded.replay.stage import Seen
from pytest_substrate.embedded.replay.story import Chapter, Same
from pytest_substrate.gate.judge import judge
from pytest_substrate.model.outcome import Outcome
from pytest_substrate.model.record import first_red
from tests.unit.embedded.replay.making import LADDER, chapter, record, red, seen

MUTABLE = red("REL-090", "tags-mutable")
DENIED = red("REL-070", "action-denied", says=("ecr:PutImage",), facts={"action": "ecr:PutImage"})
DENIED_RECORD = record("REL-070", "action-denied", message="may not ecr:PutImage", facts={"action": "ecr:PutImage"})
MUTABLE_RECORD = record("REL-090", "tags-mutable")
VERSION = Same(check="MSG-010", subject="service/ingest", fact="version_id", what="version")


def told(one: Chapter, found: Seen, logs: tuple[str, ...] = ()) -> tuple[str, ...]:
    """The differences where nothing has to stay."""
    return differences(one, found, {"REL-070": logs}, before={}, now={})


def test_a_chapter_that_is_as_told_differs_in_nothing() -> None:
    """The first red and what is expected behind it; and green where green is expected."""
    assert () == told(chapter(DENIED, MUTABLE), seen(DENIED_RECORD, MUTABLE_RECORD))
    assert () == told(chapter(), seen())


@pytest.mark.parametrize(
    ("one", "found", "words"),
    [
        (chapter(), seen(MUTABLE_RECORD), "expected READY, and the first red is REL-090 (artifact, tags-mutable)"),
        (chapter(MUTABLE), seen(), "expected REL-090 (artifact, tags-mutable) to be the first red, and nothing is red"),
        (chapter(MUTABLE), seen(DENIED_RECORD, MUTABLE_RECORD), "and it is REL-070 (authorization, action-denied)"),
        (chapter(MUTABLE), seen(record("REL-090", "tag-exempt")), "and it is REL-090 (artifact, tag-exempt)"),
        (chapter(DENIED, MUTABLE), seen(DENIED_RECORD), "expected REL-090 (artifact, tags-mutable) to be violated"),
        (chapter(DENIED), seen(record("REL-070", "action-denied")), "expected REL-070 to say 'ecr:PutImage'"),
        (chapter(DENIED), seen(record("REL-070", "action-denied")), "expected action ecr:PutImage of REL-070"),
        (
            chapter(MUTABLE),
            seen(record("REL-090", "tags-mutable", outcome=Outcome.INCONCLUSIVE)),
            "expected REL-090 (artifact, tags-mutable) to be violated, and it is INCONCLUSIVE",
        ),
        (chapter(red("MSG-040", "foreign-endpoint")), seen(), "to be violated, and it is not there"),
    ],
)
def test_each_difference_is_told(one: Chapter, found: Seen, words: str) -> None:
    """What was expected, and what came."""
    assert [] != [line for line in told(one, found) if words in line], told(one, found)


def test_green_is_the_verdict_and_not_the_absence_of_red() -> None:
    """Records that answer for nothing are not READY."""
    assert ("expected READY, and it is NOT READY: the declaration requires nothing of these planes",) == told(
        chapter(), Seen(judgement=judge([], []))
    )


def test_a_log_must_say_what_it_is_told_to_say() -> None:
    """An empty log says nothing."""
    one = chapter(red("REL-070", "action-denied", logs="ModuleNotFoundError"))
    assert () == told(one, seen(DENIED_RECORD), logs=("Traceback", "ModuleNotFoundError: No module named 'kafka'"))
    for logs in ((), ("Traceback",)):
        [difference] = told(one, seen(DENIED_RECORD), logs=logs)
        assert "expected 'ModuleNotFoundError' in the log" in difference


def test_what_must_stay_has_to_be_known() -> None:
    """Another value is a difference, and so is none: what nobody saw is not the same."""
    for before, now in (("one", "two"), ("one", None), (None, None)):
        [difference] = differences(chapter(), seen(), {}, before={VERSION: before}, now={VERSION: now})
        assert "version had to stay" in difference
    assert () == differences(chapter(), seen(), {}, before={VERSION: "one"}, now={VERSION: "one"})


OUTCOMES = st.sampled_from([Outcome.PASS, Outcome.VIOLATION, Outcome.INCONCLUSIVE, Outcome.NOT_REACHED])


@given(outcomes=st.tuples(*[OUTCOMES] * len(LADDER)))
def test_only_all_green_is_green(outcomes: tuple[Outcome, ...]) -> None:
    """Whatever is not green, anywhere, is a difference to READY."""
    found = seen(
        *(
            record(check, None if outcome is Outcome.PASS else "some-cause", outcome=outcome)
            for check, outcome in zip(LADDER, outcomes, strict=True)
        )
    )
    assert (not told(chapter(), found)) is all(outcome is Outcome.PASS for outcome in outcomes)


@given(outcomes=st.tuples(*[OUTCOMES] * len(LADDER)), expected=st.sampled_from(LADDER))
def test_no_other_first_red_is_the_expected_one(outcomes: tuple[Outcome, ...], expected: str) -> None:
    """As told only where the very rung is the first VIOLATION."""
    found = seen(
        *(
            record(check, None if outcome is Outcome.PASS else "some-cause", outcome=outcome)
            for check, outcome in zip(LADDER, outcomes, strict=True)
        )
    )
    first = first_red(found.records)
    is_it = first is not None and first.check == expected and first.outcome is Outcome.VIOLATION
    assert is_it is (not told(chapter(red(expected, "some-cause")), found))


def test_the_red_rungs_of_a_chapter_are_told_once_each() -> None:
    """The first red, then what it expects behind; not what is red beside."""
    other = record("REL-060", "wildcard-action")
    found = seen(DENIED_RECORD, MUTABLE_RECORD)
    assert (DENIED_RECORD, MUTABLE_RECORD) == reds_of(chapter(DENIED, MUTABLE), found.records)
    assert (DENIED_RECORD,) == reds_of(chapter(DENIED), found.records)
    assert (other, DENIED_RECORD) == reds_of(chapter(DENIED), seen(other, DENIED_RECORD).records)
    assert () == reds_of(chapter(), seen().records)


def test_a_rung_of_another_subject_is_not_the_expected_one() -> None:
    """Where a story names whose rung it is."""
    assert () == told(chapter(red("REL-090", "tags-mutable", subject="role/ci-publish")), seen(MUTABLE_RECORD))
    differing = told(chapter(red("REL-090", "tags-mutable", subject="role/other")), seen(MUTABLE_RECORD))
    assert ["to be the first red", "not there"] == [
        words for words, line in zip(("to be the first red", "not there"), differing, strict=True) if words in line
    ]
