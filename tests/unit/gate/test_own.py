"""A user's own checks: what is admitted joins the ladder, and what its judge says is a diagnosis or an error."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_substrate.gate.declared import read_declaration
from pytest_substrate.gate.own import admitted, judged
from pytest_substrate.model.errors import BadInput
from pytest_substrate.model.outcome import DEMANDABLE, Layer, Outcome, Plane
from pytest_substrate.own import Diagnosis, OwnCheck, inconclusive, passed, violated
from pytest_substrate.planes.catalogue import catalogue

FULL = read_declaration(
    (Path(__file__).parents[3] / "fixtures/declarations/full.toml").read_bytes(), name="substrate.toml"
)
CHECK = OwnCheck(
    id="ACME-010",
    plane="messaging_plane",
    statement="it holds",
    layer="policy",
    subjects=["service/ingest"],
    judge=lambda: passed("fine"),
    next="look",
    docs="wiki",
)
TEXT = st.one_of(st.text(max_size=12), st.sampled_from(["MSG-005", "ACME-010", "SUB-010"]))
ANYTHING = st.one_of(TEXT, st.none(), st.integers(), st.lists(TEXT, max_size=2), st.binary(max_size=3))


def test_what_it_becomes() -> None:
    """A check of the plane, with the given page, for the given subjects."""
    [check] = admitted([CHECK], FULL, [Plane.MESSAGING], catalogue())
    assert ("ACME-010", Plane.MESSAGING, Layer.POLICY, "wiki") == (check.id, check.plane, check.layer, check.docs)
    assert ("service/ingest",) == tuple(check.subjects(FULL))


def test_other_planes() -> None:
    """Those of planes that aren't demanded are left out, but not their errors."""
    assert () == admitted([CHECK], FULL, [Plane.DATA], catalogue())
    with pytest.raises(BadInput, match="no subjects"):
        admitted([replace(CHECK, subjects=[])], FULL, [Plane.DATA], catalogue())


@given(st.sampled_from(["id", "plane", "layer", "statement", "next", "docs", "subjects", "needs", "judge"]), ANYTHING)
def test_whatever_is_registered(name: str, value: object) -> None:
    """It is admitted or refused by name, never by another error; and what is admitted is no check of ours."""
    words: dict[str, Any] = {name: value}
    try:
        found = admitted([replace(CHECK, **words)], FULL, DEMANDABLE, catalogue())
    except BadInput:
        return
    assert all(check.id not in catalogue() and list(check.subjects(FULL)) for check in found)


@pytest.mark.parametrize("found", [None, True, "PASS", Outcome.PASS, {"outcome": "PASS"}], ids=repr)
def test_what_is_no_diagnosis(found: object) -> None:
    """Nothing that merely looks like a PASS is one."""
    with pytest.raises(TypeError, match="ACME-010 returned"):
        judged(found, "ACME-010")


def test_what_is_a_diagnosis() -> None:
    """Its layer may be given as a word, its command is one line, its cause a slug."""
    loose: Diagnosis = violated("old", "old", layer="artifact", next="a\nb")  # type: ignore[arg-type]  # untyped users
    assert (Layer.ARTIFACT, "a b") == (judged(loose, "X").layer, judged(loose, "X").next)
    assert Outcome.INCONCLUSIVE is judged(inconclusive("unseen", "unseen"), "X").outcome
    with pytest.raises(ValueError, match="slug"):
        judged(violated("Too Old", "old"), "X")
    with pytest.raises(ValueError, match="lair"):
        judged(replace(loose, layer="lair"), "X")  # type: ignore[arg-type]  # the same
