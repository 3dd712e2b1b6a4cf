"""The denominator: which pairs a declaration demands, in which order, and what is refused as nothing."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_substrate.gate.declared import read_declaration
from pytest_substrate.gate.required import applicable, check_set, check_set_digest, required_pairs
from pytest_substrate.model.check import Pair
from pytest_substrate.model.declaration import Declaration
from pytest_substrate.model.errors import BadInput
from pytest_substrate.model.outcome import DEMANDABLE, Plane
from pytest_substrate.planes.catalogue import catalogue

FIXTURES = Path(__file__).parents[3] / "fixtures"


def declared(name: str) -> Declaration:
    """A declaration of the fixtures."""
    return read_declaration((FIXTURES / name).read_bytes(), name=name)


FULL = declared("declarations/full.toml")
DEV_MIN = declared("dev_min/substrate.toml")


def test_the_embedded_platform_demands_the_whole_messaging_ladder() -> None:
    """Every rung of the design for the one service, its topic's beside the service's own, in ladder order."""
    service, topic = "service/ingest", "service/ingest/topic/events.raw"
    numbers = ["010", "020", "030", "040", "050", "055", "060", "070"]
    numbers += ["110", "120", "130", "140", "150", "160", "170"]
    expected = [Pair("SUB-010", "ecs-cluster/main"), Pair("MSG-005", "cluster/spine")]
    expected += [Pair(f"MSG-{number}", service) for number in numbers]
    expected += [Pair("MSG-180", topic), Pair("MSG-190", topic)]
    expected += [Pair(f"MSG-{number}", service) for number in ("195", "200", "210", "220", "230", "240")]
    assert tuple(expected) == required_pairs(DEV_MIN, [Plane.MESSAGING])


def test_the_substrates_rungs_stand_once_whichever_planes_are_demanded() -> None:
    """SUB-010 is asked for each ECS cluster of a declared service or job, once."""
    for planes in ([Plane.MESSAGING], [Plane.DATA, Plane.MESSAGING], list(DEMANDABLE), [Plane.SUBSTRATE, Plane.DATA]):
        pairs = required_pairs(FULL, planes)
        assert [Pair("SUB-010", "ecs-cluster/main"), Pair("SUB-010", "ecs-cluster/edge")] == [
            pair for pair in pairs if pair.check == "SUB-010"
        ]
        assert pairs[0].check == "SUB-010"


@given(st.sets(st.sampled_from(DEMANDABLE), min_size=1))
def test_planes_come_in_their_own_order_and_no_pair_twice(planes: set[Plane]) -> None:
    """What is demanded together is what each plane demands alone, whatever the order of the asking."""
    pairs = required_pairs(FULL, planes)
    assert {1} == set(Counter(pairs).values())
    order = [catalogue()[pair.check].plane for pair in pairs]
    assert sorted(order, key=[Plane.SUBSTRATE, *DEMANDABLE].index) == order
    assert planes | {Plane.SUBSTRATE} == set(order)
    assert set(pairs) == {pair for plane in planes for pair in required_pairs(FULL, [plane])}


def test_a_ladder_is_of_one_subject_and_in_the_order_of_its_checks() -> None:
    """Between two rungs of a service stands no other service's; the rungs keep the catalogue's order."""
    pairs = [pair for pair in required_pairs(FULL, [Plane.MESSAGING]) if pair.subject.startswith("service/")]
    holders = ["/".join(pair.subject.split("/")[:2]) for pair in pairs]
    assert ["service/ingest", "service/audit", "service/bridge"] == list(dict.fromkeys(holders))
    assert sorted(holders, key=list(dict.fromkeys(holders)).index) == holders
    order = list(catalogue())
    for holder in dict.fromkeys(holders):
        rungs = [pair.check for pair, owner in zip(pairs, holders, strict=True) if owner == holder]
        assert sorted(rungs, key=order.index) == rungs


def test_what_does_not_apply_is_left_out_and_stays_in_the_check_set() -> None:
    """A `not_applicable` entry takes a pair from the denominator, not from the ids that a waiver may name."""
    gone = Pair("PKG-080", "job/oracle")
    assert gone in check_set(FULL)
    assert gone not in required_pairs(FULL, [Plane.PACKAGING])


def test_a_plan_is_judged_only_where_it_is_asked_for() -> None:
    """PKG-120 waits for a plan; its pairs exist all the same."""
    asked = required_pairs(FULL, [Plane.PACKAGING], asked=["PKG-120"])
    plain = required_pairs(FULL, [Plane.PACKAGING])
    assert {"PKG-120"} == {pair.check for pair in set(asked) - set(plain)}
    assert {"PKG-120"} <= {pair.check for pair in check_set(FULL)}


def test_a_declared_plan_is_asked_for_by_every_run() -> None:
    """`[plan]` makes PKG-120 a part of what the declaration demands."""
    dev_min = declared("dev_min/substrate.toml")
    asked = required_pairs(dev_min, [Plane.PACKAGING], asked=["PKG-120"])
    assert asked == required_pairs(dev_min, [Plane.PACKAGING])
    assert ["service/ingest", "job/oracle"] == [pair.subject for pair in asked if pair.check == "PKG-120"]


@pytest.mark.parametrize("plane", [Plane.RELEASE, Plane.DATA])
def test_a_plane_without_a_pair_is_refused(plane: Plane) -> None:
    """Demanding a plane of which nothing is declared is an error, never a green of the substrate's rungs alone."""
    text = (FIXTURES / "dev_min/substrate.toml").read_text(encoding="utf-8")
    text = text.replace('record = "release/ingest.json"', "")
    text = text[: text.index("[job.oracle]")] + text[text.index("[service.ingest]") :]
    for check in ("REL-090", "REL-100", "REL-110"):
        text += f'[[not_applicable]]\ncheck = "{check}"\nsubject = "artifact/ingest"\nreason = "not released"\n'
    bare = read_declaration(text.encode(), name="substrate.toml")
    with pytest.raises(BadInput, match="holds nothing that this plane would check") as raised:
        required_pairs(bare, [Plane.MESSAGING, plane])
    assert plane.value == raised.value.where
    assert applicable(bare, [Plane.MESSAGING, plane]) == required_pairs(bare, [Plane.MESSAGING])


def test_nothing_demanded_is_nothing_required() -> None:
    """Without a plane there is no denominator, and so no verdict."""
    assert () == required_pairs(FULL, []) == applicable(FULL, [])


PAIRS = st.builds(Pair, st.sampled_from(["A-1", "A-2", "B-1"]), st.sampled_from(["x/1", "x/2", "x/1/topic/t"]))


@given(st.lists(PAIRS, unique=True), st.randoms())
def test_the_digest_is_of_the_set(pairs: list[Pair], random: object) -> None:
    """Order doesn't matter to it, and every pair does."""
    digest = check_set_digest(pairs)
    assert digest == check_set_digest(reversed(pairs))
    for pair in pairs:
        assert digest != check_set_digest(other for other in pairs if other != pair)
    assert digest.startswith("sha256:")
    assert 71 == len(digest)


def test_the_digest_is_stable() -> None:
    """A verifier of another version recomputes it: this is the form that is hashed."""
    expected = "sha256:d20fc95960abe81fb96ac3a2195d2fe18489c24e15cc8c4c290f4d1a8b99430d"
    pairs = [Pair("MSG-005", "cluster/spine"), Pair("MSG-010", "service/ingest")]
    assert expected == check_set_digest(pairs)


def test_no_two_subjects_of_a_check_read_alike_in_node_ids() -> None:
    """In every check of the catalogue, pairs of a real declaration have names of their own."""
    names = Counter(pair.node_name for pair in check_set(FULL))
    assert {1} == set(names.values())
