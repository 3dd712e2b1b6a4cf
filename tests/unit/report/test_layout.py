"""How rungs are laid out in blocks, and how their ids are told in short."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_substrate.gate.declared import read_declaration
from pytest_substrate.gate.required import required_pairs
from pytest_substrate.model.check import Pair
from pytest_substrate.model.declaration import Declaration
from pytest_substrate.model.outcome import Plane
from pytest_substrate.planes.catalogue import catalogue, checks_of
from pytest_substrate.report.ladder import blocks, ids_text

RAW = (Path(__file__).parents[3] / "fixtures" / "dev_min" / "substrate.toml").read_bytes()
LADDER = [check.id for check in checks_of(Plane.MESSAGING)]


def declared(raw: bytes = RAW) -> Declaration:
    """The declaration of `dev_min`, or of a variant."""
    return read_declaration(raw, name="substrate.toml")


@pytest.mark.parametrize(
    ("ids", "text"),
    [
        (["MSG-220"], "MSG-220"),
        (["MSG-230", "MSG-240"], "MSG-230, 240"),
        (["SUB-010", *LADDER[:5]], "SUB-010, MSG-005 … MSG-040"),
        (["MSG-170", "MSG-180", "MSG-190", "MSG-195", "MSG-200", "MSG-210", "MSG-230", "MSG-240"],
         "MSG-170 … MSG-210, 230, 240"),
        (["MSG-010", "MSG-030", "MSG-050"], "MSG-010, 030, 050"),
        (["MSG-180", "MSG-180", "MSG-190"], "MSG-180, 190"),
        ([], ""),
    ],
)  # fmt: skip
def test_ids_in_short(ids: list[str], text: str) -> None:
    """Three or more that follow each other are a range; a number alone stands where the plane is clear."""
    assert text == ids_text(ids, ["SUB-010", *LADDER])


@given(st.sets(st.sampled_from(LADDER)))
def test_ids_in_short_lose_nothing(chosen: set[str]) -> None:
    """Read back, the short text names exactly the ids that went in."""
    ids = [check for check in LADDER if check in chosen]
    back: list[str] = []
    for part in ids_text(ids, LADDER).split(", ") if ids else []:
        first, _, last = part.partition(" … ")
        names = [name if name.startswith("MSG-") else f"MSG-{name}" for name in (first, last) if name]
        begin, end = LADDER.index(names[0]), LADDER.index(names[-1])
        back += LADDER[begin : end + 1]
    assert ids == back


def test_one_service() -> None:
    """What a service stands on is in its block, first; its topics' rungs stand where the ladder has them."""
    declaration = declared()
    [block] = blocks(required_pairs(declaration, [Plane.MESSAGING]), [], catalogue(), declaration)
    assert (Plane.MESSAGING, "service/ingest") == (block.plane, block.subject)
    assert ["SUB-010", *LADDER] == [rung.check.id for rung in block.rungs]


def test_two_services_on_one_cluster() -> None:
    """What both stand on is told once, in the first block."""
    text = RAW.decode()
    service = text[text.index("[service.ingest]") :]
    other = service.replace("service.ingest", "service.other").replace("main/ingest", "main/other")
    declaration = declared((text + other).encode())
    first, second = blocks(required_pairs(declaration, [Plane.MESSAGING]), [], catalogue(), declaration)
    assert ("service/ingest", "service/other") == (first.subject, second.subject)
    assert {"SUB-010", "MSG-005"} <= {rung.check.id for rung in first.rungs}
    assert not {"SUB-010", "MSG-005"} & {rung.check.id for rung in second.rungs}


def test_a_cluster_that_nobody_uses() -> None:
    """It has a block of its own."""
    spare = RAW.decode().replace("[artifact.ingest]", _SPARE + "[artifact.ingest]")
    declaration = declared(spare.encode())
    laid = blocks(required_pairs(declaration, [Plane.MESSAGING]), [], catalogue(), declaration)
    assert ["cluster/spare", "service/ingest"] == sorted(block.subject for block in laid)


@given(st.sets(st.sampled_from(list(Plane)[1:]), min_size=1))
def test_every_pair_is_in_exactly_one_block(planes: set[Plane]) -> None:
    """Whatever is demanded, nothing is left out and nothing is told twice."""
    declaration = declared()
    pairs = tuple(
        Pair(check.id, subject)
        for check in catalogue().values()
        if check.plane in planes or check.plane is Plane.SUBSTRATE
        for subject in check.subjects(declaration)
    )
    laid = [rung.pair for block in blocks(pairs, [], catalogue(), declaration) for rung in block.rungs]
    assert sorted(pairs) == sorted(laid)


_SPARE = """[cluster.spare]
arn = "arn:aws:kafka:eu-west-2:111122223333:cluster/spare/4a1f8e52-6c0d-4b7e-9a35-2d9f6f0c7b12-2"
auth = "scram"
connectivity = "vpc"
smoke_topic = "substrate.smoke"

"""
