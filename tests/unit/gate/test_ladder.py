"""The ladder: a red need stops what stands on it, and nothing else; whoever asks, and in whatever order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_substrate.gate.declared import read_declaration
from pytest_substrate.gate.ladder import Ladder
from pytest_substrate.model import subjects
from pytest_substrate.model.check import Cause, Check, Pair
from pytest_substrate.model.declaration import Declaration, NotApplicable, Waiver
from pytest_substrate.model.diagnosis import Diagnosis, inconclusive, passed, violated
from pytest_substrate.model.outcome import Layer, Outcome, Plane, Vantage
from pytest_substrate.model.record import Record

FULL = read_declaration(
    (Path(__file__).parents[3] / "fixtures/declarations/full.toml").read_bytes(), name="substrate.toml"
)
NOW = datetime(2026, 6, 1, tzinfo=UTC)
LATER = datetime(2026, 7, 1, tzinfo=UTC)

FAMILIES = {
    "cluster": subjects.clusters,
    "service": subjects.messaging_services,
    "topic": subjects.topics,
}


def check(
    number: int, family: str, *needs: str, command: str = "look", runtime: bool = False, fresh: bool = False
) -> Check:
    """A check of our own making."""
    return Check(
        id=f"TST-{number:03}",
        plane=Plane.MESSAGING,
        statement="it holds",
        layer=Layer.NETWORK,
        subjects=FAMILIES[family],
        needs=needs,
        causes=(Cause(slug="broken", meaning="it is broken"),),
        next=command,
        why="because",
        how="so",
        red_when="not",
        runtime=runtime,
        fresh=fresh,
    )


@dataclass(frozen=True, kw_only=True)
class World:
    """Checks, what each comes to when it is judged, and what is declared about them."""

    checks: Mapping[str, Check]
    outcomes: Mapping[Pair, Outcome]
    waived: frozenset[Pair]
    gone: frozenset[Pair]

    @property
    def pairs(self) -> list[Pair]:
        """Every pair that is asked for."""
        return [pair for pair in self.held if pair not in self.gone]

    @property
    def held(self) -> list[Pair]:
        """Every pair, also those that don't apply."""
        return [Pair(check.id, subject) for check in self.checks.values() for subject in check.subjects(FULL)]

    @property
    def declaration(self) -> Declaration:
        """The full declaration with this world's waivers and exceptions."""
        return FULL.model_copy(
            update={
                "waiver": tuple(
                    Waiver(check=p.check, subject=p.subject, owner="me", ticket="T-1", reason="why", expires=LATER)
                    for p in sorted(self.waived)
                ),
                "not_applicable": tuple(
                    NotApplicable(check=p.check, subject=p.subject, reason="why") for p in sorted(self.gone)
                ),
            }
        )

    def records(self, order: list[Pair]) -> tuple[dict[Pair, Record], Counter[Pair]]:
        """What a ladder comes to when it is asked in this order, and how often each pair was judged."""
        judged: Counter[Pair] = Counter()

        def diagnose(check: str, subject: str) -> Diagnosis:
            pair = Pair(check, subject)
            judged[pair] += 1
            if self.outcomes[pair] is Outcome.PASS:
                return passed("fine")
            make = violated if self.outcomes[pair] is Outcome.VIOLATION else inconclusive
            return make("broken", "it is broken")

        ladder = Ladder(self.declaration, diagnose, NOW, Vantage.TASK, checks=self.checks, clock=lambda: 0.0)
        return {pair: ladder.record(pair) for pair in order}, judged

    def stands_on(self, pair: Pair) -> Iterator[Pair]:
        """Said once more, and plainly: what a pair stands on, through what doesn't apply."""
        for need in self.checks[pair.check].needs:
            held = set(self.held)
            family = self.checks[need].subjects
            service = "/".join(pair.subject.split("/")[:2])
            cluster = ""
            if service.startswith("service/"):
                messaging = FULL.service[service.removeprefix("service/")].messaging
                cluster = f"cluster/{messaging.cluster}" if messaging else ""
            places = [place for place in (pair.subject, service, cluster) if Pair(need, place) in held]
            assert not places or places[0] in family(FULL)
            place = Pair(need, places[0]) if places else Pair(need, pair.subject)
            if places and place not in self.gone:
                yield place
            else:
                yield from self.stands_on(place)


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Up to eight checks, each with needs among those before it."""
    checks: dict[str, Check] = {}
    for number in range(1, draw(st.integers(1, 8)) + 1):
        needs = draw(st.lists(st.sampled_from(sorted(checks)), unique=True, max_size=2)) if checks else []
        made = check(number, draw(st.sampled_from(sorted(FAMILIES))), *needs)
        checks[made.id] = made
    held = [Pair(made.id, subject) for made in checks.values() for subject in made.subjects(FULL)]
    kinds = st.sampled_from([Outcome.PASS, Outcome.PASS, Outcome.VIOLATION, Outcome.INCONCLUSIVE])
    gone = draw(st.frozensets(st.sampled_from(held), max_size=4))
    return World(
        checks=checks,
        outcomes={pair: draw(kinds) for pair in held},
        waived=draw(st.frozensets(st.sampled_from(held), max_size=4)) - gone,
        gone=gone,
    )


@given(worlds())
def test_a_red_need_never_lets_what_stands_on_it_be_judged(world: World) -> None:
    """A pair is NOT_REACHED exactly where something that it stands on isn't green; else its own diagnosis counts."""
    records, judged = world.records(world.pairs)
    for pair, record in records.items():
        if any(not records[need].outcome.green for need in world.stands_on(pair)):
            assert Outcome.NOT_REACHED is record.outcome
            assert 0 == judged[pair]
        elif world.outcomes[pair] is Outcome.PASS or pair not in world.waived:
            assert world.outcomes[pair] is record.outcome
        else:
            assert Outcome.WAIVED is record.outcome


@given(worlds(), st.data())
def test_the_order_of_the_asking_changes_nothing(world: World, data: st.DataObject) -> None:
    """Every worker comes to the same records, whichever part of the ladder it holds, and judges no rung twice."""
    expected, judged = world.records(world.pairs)
    order = data.draw(st.permutations(world.pairs))
    part = order[: data.draw(st.integers(0, len(order)))]
    records, again = world.records(part + part)
    assert {pair: expected[pair] for pair in part} == records
    assert all(count == 1 for count in (*judged.values(), *again.values()))


@given(worlds())
def test_making_a_rung_red_makes_nothing_green(world: World) -> None:
    """Turning any one diagnosis from PASS to VIOLATION leaves no pair greener than it was."""
    before, _ = world.records(world.pairs)
    for pair in world.pairs[:3]:
        worse = World(
            checks=world.checks,
            outcomes={**world.outcomes, pair: Outcome.VIOLATION},
            waived=world.waived,
            gone=world.gone,
        )
        after, _ = worse.records(world.pairs)
        assert not [other for other in world.pairs if after[other].outcome.green and not before[other].outcome.green]


@given(worlds())
def test_what_is_not_reached_names_the_rung_that_is_red_of_itself(world: World) -> None:
    """Behind a chain of unreached rungs a person reads the one that must be mended."""
    records, _ = world.records(world.pairs)
    for record in records.values():
        if record.outcome is Outcome.NOT_REACHED:
            root = records[Pair(str(record.facts["needed_check"]), str(record.facts["needed_subject"]))]
            assert root.outcome in (Outcome.VIOLATION, Outcome.INCONCLUSIVE)
            assert ("not-reached", None) == (record.cause, record.next)


def world_of(*checks: Check, red: Mapping[Pair, Outcome], waived: frozenset[Pair] = frozenset()) -> World:
    """A world in which everything passes but what is named."""
    by_id = {made.id: made for made in checks}
    outcomes = {Pair(made.id, subject): Outcome.PASS for made in checks for subject in made.subjects(FULL)}
    return World(checks=by_id, outcomes={**outcomes, **red}, waived=waived, gone=frozenset())


def test_a_topic_stands_on_its_services_rungs_and_a_service_on_its_clusters() -> None:
    """A need that isn't the subject's own is the holder's, else that of what the holder uses."""
    checks = (check(1, "cluster"), check(2, "service", "TST-001"), check(3, "topic", "TST-002"))
    red = {Pair("TST-001", "cluster/shared"): Outcome.VIOLATION}
    world = world_of(*checks, red=red)
    records, _ = world.records(world.pairs)
    unreached = sorted(pair for pair, record in records.items() if record.outcome is Outcome.NOT_REACHED)
    assert [
        Pair("TST-002", "service/bridge"),
        Pair("TST-003", "service/bridge/topic/events.shared"),
    ] == unreached
    assert "not judged: it needs TST-001 of cluster/shared, which is VIOLATION" == records[unreached[1]].message


def test_a_waiver_says_who_answers_for_what_until_when() -> None:
    """A waived rung shows what it came to, and what needs it goes on."""
    pair = Pair("TST-001", "cluster/spine")
    checks = (check(1, "cluster"), check(2, "service", "TST-001"))
    world = world_of(*checks, red={pair: Outcome.INCONCLUSIVE}, waived=frozenset({pair}))
    records, _ = world.records(world.pairs)
    record = records[pair]
    assert (Outcome.WAIVED, "broken", Layer.NETWORK) == (record.outcome, record.cause, record.layer)
    assert "waived by me (T-1), 30 days left: why; it is broken" == record.message
    assert {
        "waived_outcome": "INCONCLUSIVE",
        "owner": "me",
        "ticket": "T-1",
        "expires_at": "2026-07-01T00:00:00Z",
    } == record.facts
    assert Outcome.PASS is records[Pair("TST-002", "service/ingest")].outcome


@pytest.mark.parametrize(
    ("left", "said"),
    [
        (timedelta(days=2, hours=23), "2 days left"),
        (timedelta(days=1), "1 day left"),
        (timedelta(minutes=1), "less than a day left"),
    ],
    ids=str,
)
def test_how_long_a_waiver_stands(left: timedelta, said: str) -> None:
    """Whole days, counted down."""
    pair = Pair("TST-001", "cluster/spine")
    world = world_of(check(1, "cluster"), red={pair: Outcome.VIOLATION}, waived=frozenset({pair}))
    ladder = Ladder(
        world.declaration,
        lambda *_: violated("broken", "it is broken"),
        LATER - left,
        Vantage.TASK,
        checks=world.checks,
    )
    assert f"waived by me (T-1), {said}: why; it is broken" == ladder.record(pair).message


def test_a_waived_check_that_passes_is_a_pass_and_says_that_the_waiver_can_go() -> None:
    """A waiver never makes a record worse, and isn't forgotten."""
    pair = Pair("TST-001", "cluster/spine")
    records, _ = world_of(check(1, "cluster"), red={}, waived=frozenset({pair})).records([pair])
    assert (Outcome.PASS, "fine; its waiver (T-1) can go") == (records[pair].outcome, records[pair].message)
    assert {} == records[pair].facts


def test_what_is_not_reached_can_not_be_waived() -> None:
    """A waiver on a rung that could not be judged excuses nothing."""
    below, above = Pair("TST-001", "cluster/spine"), Pair("TST-002", "cluster/spine")
    checks = (check(1, "cluster"), check(2, "cluster", "TST-001"))
    world = world_of(*checks, red={below: Outcome.VIOLATION}, waived=frozenset({above}))
    assert Outcome.NOT_REACHED is world.records([above])[0][above].outcome


def test_an_expired_waiver_excuses_nothing() -> None:
    """The run's own time decides, and not the clock's."""
    pair = Pair("TST-001", "cluster/spine")
    checks = {"TST-001": check(1, "cluster")}
    world = World(checks=checks, outcomes={pair: Outcome.VIOLATION}, waived=frozenset({pair}), gone=frozenset())
    ladder = Ladder(
        world.declaration, lambda _, __: violated("broken", "broken"), LATER, Vantage.HERE, checks=world.checks
    )
    assert Outcome.VIOLATION is ladder.record(pair).outcome


def test_a_command_is_filled_from_declaration_and_facts_and_quoted() -> None:
    """What a peer chose can't become a second command; what isn't known stays a blank to fill."""
    command = "do {cluster_arn} {region} {ecs_cluster} {peer_message} {missing} {topic}"
    made = check(1, "topic", command=command)

    def diagnose(_: str, __: str) -> Diagnosis:
        return violated("broken", "broken", peer_message="x; rm -rf /")

    ladder = Ladder(FULL, diagnose, NOW, Vantage.TASK, checks={made.id: made})
    record = ladder.record(Pair("TST-001", "service/ingest/topic/events.raw"))
    arn = FULL.cluster["spine"].arn
    assert f"do {arn} eu-west-2 main 'x; rm -rf /' MISSING events.raw" == record.next


def test_a_pass_has_no_next_command_and_a_diagnosis_may_bring_its_own() -> None:
    """A command is for what is red; the diagnosis knows better than the check where it says one."""
    made = {"TST-001": check(1, "cluster")}
    pair = Pair("TST-001", "cluster/spine")
    green = Ladder(FULL, lambda _, __: passed("fine"), NOW, Vantage.TASK, checks=made).record(pair)
    red = Ladder(
        FULL,
        lambda _, __: violated("broken", "broken", next="mend it", layer=Layer.TLS),
        NOW,
        Vantage.TASK,
        checks=made,
    ).record(pair)
    assert (None, Layer.NETWORK) == (green.next, green.layer)
    assert ("mend it", Layer.TLS) == (red.next, red.layer)


@pytest.mark.parametrize(("runtime", "vantage"), [(True, Vantage.EXEC), (False, Vantage.HERE)])
def test_only_what_is_proven_in_the_runtime_takes_its_vantage(runtime: bool, vantage: Vantage) -> None:
    """What AWS says was seen from here, wherever the probe ran."""
    made = check(1, "cluster", runtime=runtime)
    ladder = Ladder(FULL, lambda _, __: passed("fine"), NOW, Vantage.EXEC, checks={made.id: made})
    assert vantage is ladder.record(Pair("TST-001", "cluster/spine")).vantage


@pytest.mark.parametrize(("vantage", "outcome"), [(Vantage.TASK, Outcome.NOT_REACHED), (Vantage.EXEC, Outcome.PASS)])
def test_a_running_task_needs_no_fresh_one(vantage: Vantage, outcome: Outcome) -> None:
    """At vantage exec a rung goes on without the fresh task that none starts there, and not without the rest."""
    first, second = check(1, "cluster"), check(2, "cluster", "TST-001", fresh=True)
    made = {each.id: each for each in (first, second, check(3, "cluster", "TST-002"))}
    pair = Pair("TST-003", "cluster/spine")

    def ladder(red: str) -> Ladder:
        def judge(check: str, _: str) -> Diagnosis:
            return inconclusive("unseen", "not seen") if check == red else passed("fine")

        return Ladder(FULL, judge, NOW, vantage, checks=made)

    assert outcome is ladder("TST-002").record(pair).outcome
    assert Outcome.NOT_REACHED is ladder("TST-001").record(pair).outcome


def test_what_is_not_asked_for_has_no_record() -> None:
    """A pair outside the declaration, or declared not applicable, is our own bug where it is asked for."""
    gone = Pair("TST-001", "cluster/spine")
    world = World(checks={"TST-001": check(1, "cluster")}, outcomes={}, waived=frozenset(), gone=frozenset({gone}))
    for pair in (gone, Pair("TST-001", "cluster/other"), Pair("TST-999", "cluster/spine")):
        with pytest.raises(KeyError):
            world.records([pair])


def test_durations_are_of_the_judging_alone() -> None:
    """A rung doesn't bear the time of what it needs."""
    ticks = iter([0.0, 0.010, 1.0, 1.002])
    checks = {made.id: made for made in (check(1, "cluster"), check(2, "cluster", "TST-001"))}
    ladder = Ladder(FULL, lambda _, __: passed("fine"), NOW, Vantage.TASK, checks=checks, clock=lambda: next(ticks))
    second = ladder.record(Pair("TST-002", "cluster/spine"))
    first = ladder.record(Pair("TST-001", "cluster/spine"))
    assert (10.0, 2.0) == (round(first.duration_ms, 3), round(second.duration_ms, 3))
