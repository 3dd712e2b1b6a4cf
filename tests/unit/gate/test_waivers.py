"""Waivers: what only a time can settle, and that nothing malformed stands."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_substrate.gate.declared import read_declaration
from pytest_substrate.gate.ladder import Ladder
from pytest_substrate.gate.required import check_set
from pytest_substrate.gate.waivers import covers, standing, waiver_problems
from pytest_substrate.model.check import Pair
from pytest_substrate.model.declaration import Declaration, Waiver
from pytest_substrate.model.diagnosis import violated
from pytest_substrate.model.outcome import Outcome, Vantage

FULL = read_declaration(
    (Path(__file__).parents[3] / "fixtures/declarations/full.toml").read_bytes(), name="substrate.toml"
)
END = datetime(2026, 12, 31, tzinfo=UTC)
PAIR = Pair("REL-090", "artifact/ingest")


def waiving(**changes: object) -> Declaration:
    """The full declaration with its waiver changed, as if it had not come through the reader."""
    return FULL.model_copy(update={"waiver": (FULL.waiver[0].model_copy(update=changes),)})


def test_a_waiver_stands_until_its_end() -> None:
    """The moment before is in time; the moment itself is too late."""
    before = END - timedelta(microseconds=1)
    assert ({PAIR: FULL.waiver[0]}, ()) == (standing(FULL, before), waiver_problems(FULL, check_set(FULL), before))
    assert {} == standing(FULL, END)
    [problem] = waiver_problems(FULL, check_set(FULL), END)
    assert ("expired", PAIR) == (problem.reason, problem.pair)
    assert (
        "the waiver of REL-090 for artifact/ingest ended at 2026-12-31T00:00:00Z; mend the check, or renew the waiver"
    ) == problem.message


@given(st.datetimes(datetime(2026, 1, 1), datetime(2028, 1, 1)), st.integers(-14, 14))  # noqa: DTZ001  zones follow
def test_the_time_zone_of_the_asking_does_not_matter(naive: datetime, hours: int) -> None:
    """Exactly one of standing and expired is true of a waiver in good form, whatever zone a time is given in."""
    now = naive.replace(tzinfo=timezone(timedelta(hours=hours)))
    assert bool(standing(FULL, now)) != bool(waiver_problems(FULL, check_set(FULL), now))
    assert standing(FULL, now) == standing(FULL, now.astimezone(UTC))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"owner": " "}, "malformed"),
        ({"ticket": ""}, "malformed"),
        ({"reason": ""}, "malformed"),
        ({"subject": ""}, "malformed"),
        ({"check": "REL-*"}, "malformed"),
        ({"subject": "artifact/*"}, "malformed"),
        ({"expires": END.replace(tzinfo=None)}, "malformed"),
        ({"check": "REL-030"}, "unheld-pair"),
        ({"subject": "artifact/other"}, "unheld-pair"),
    ],
)
def test_what_is_malformed_or_for_no_pair_is_red(changes: dict[str, object], reason: str) -> None:
    """A waiver that can't be held against a pair is a reason to refuse the run."""
    [problem] = waiver_problems(waiving(**changes), check_set(FULL), END - timedelta(days=1))
    assert reason == problem.reason
    assert "\n" not in problem.message


def test_a_waiver_without_a_time_zone_never_stands() -> None:
    """A time that could be any of many is no end."""
    assert {} == standing(waiving(expires=END.replace(tzinfo=None)), END - timedelta(days=1))


def test_pairs_of_planes_that_nobody_demands_are_held_too() -> None:
    """The whole declaration's check set counts, whatever a run demands."""
    waiver = Waiver(
        check="DRF-120", subject="artifact/oracle", owner="platform", ticket="P-1", reason="known", expires=END
    )
    declaration = FULL.model_copy(update={"waiver": (waiver,)})
    assert () == waiver_problems(declaration, check_set(FULL), END - timedelta(days=1))


BORNE = ("aws_a.b", "aws_c.d")


@pytest.mark.parametrize(
    ("facts", "borne"),
    [
        ({"resources": ["aws_a.b"], "count": 1}, True),
        ({"resources": ["aws_a.b", "aws_c.d"], "count": 2}, True),
        ({"resources": ["aws_a.b", "aws_e.f"], "count": 2}, False),
        ({"resources": ["aws_a.b"], "count": 2}, False),
        ({"count": 0}, False),
        ({}, False),
    ],
)
def test_a_waiver_of_resources_bears_these_alone(facts: dict[str, Any], borne: bool) -> None:
    """A change that is not told, or not named, is borne by nobody; without resources a waiver bears what there is."""
    waiver = FULL.waiver[0].model_copy(update={"resources": BORNE})
    assert borne is covers(waiver, facts)
    assert covers(FULL.waiver[0], facts)


def test_resources_are_of_plans() -> None:
    """A waiver of another check that names some is malformed."""
    [problem] = waiver_problems(waiving(resources=BORNE), check_set(FULL), END - timedelta(days=60))
    assert "malformed" == problem.reason
    assert "names resources of a plan" in problem.message


@pytest.mark.parametrize(
    ("red", "outcome"), [(["aws_a.b"], Outcome.WAIVED), (["aws_a.b", "aws_x.y"], Outcome.VIOLATION)]
)
def test_a_rung_is_waived_for_its_resources(red: list[str], outcome: Outcome) -> None:
    """One more change than was borne, and the waiver lets nothing through."""
    declaration = waiving(check="PKG-120", subject="service/ingest", resources=BORNE, expires=END)
    found = violated("credential-overwritten", "it would be", resources=red, count=len(red))
    ladder = Ladder(declaration, lambda *_: found, END - timedelta(days=1), Vantage.TASK)
    assert outcome is ladder.record(Pair("PKG-120", "service/ingest")).outcome
