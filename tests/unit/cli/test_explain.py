"""`substrate explain`: everything that the catalogue knows about a check."""

from __future__ import annotations

import json

import pytest

from pytest_substrate.cli.main import main
from pytest_substrate.model.command import shown
from pytest_substrate.planes.catalogue import BUILT, catalogue


@pytest.mark.parametrize("name", list(catalogue()))
def test_explains_every_check(capsys: pytest.CaptureFixture[str], name: str) -> None:
    """Statement, why, how, when red, layer, causes, permissions and next command, none cut."""
    check = catalogue()[name]
    assert 0 == main(["explain", name])
    out = capsys.readouterr().out
    words = " ".join(out.split())
    for said in (check.statement[1:], check.why, check.how, check.red_when, shown(check.next), check.docs):
        assert " ".join(said.split()) in words
    assert out.startswith(f"{name} · {check.plane.value} · layer {check.layer.value}")
    assert ("not built yet" in out) == (check.plane not in BUILT)
    commands = [shown(command) for command in (check.next, *check.nexts.values())]
    assert "{" not in "".join(commands)
    assert max(len(line) for line in out.splitlines() if not line.endswith(tuple(commands))) <= 100


def test_json_holds_every_field(capsys: pytest.CaptureFixture[str]) -> None:
    """The same as data."""
    check = catalogue()["REL-030"]
    assert 0 == main(["explain", "rel-030", "--format", "json"])
    said = json.loads(capsys.readouterr().out)
    assert {
        "schema": "substrate.check/1",
        "check": "REL-030",
        "plane": "release_plane",
        "built": True,
        "statement": check.statement,
        "why": check.why,
        "how": check.how,
        "red_when": check.red_when,
        "layer": "identity",
        "subjects": "The role that CI assumes, where a release is declared.",
        "needs": [],
        "runtime": False,
        "permissions": ["iam:GetRole"],
        "causes": [{"cause": cause.slug, "meaning": cause.meaning} for cause in check.causes],
        "next": shown(check.next),
        "docs": "docs/checks/release_plane.md#rel-030",
    } == said


def test_an_unknown_id_is_one_line_with_its_neighbours(capsys: pytest.CaptureFixture[str]) -> None:
    """A slip of the finger finds its way back."""
    assert 2 == main(["explain", "MSG-165"])
    out, err = capsys.readouterr()
    assert "" == out
    assert err.startswith("substrate explain: CHECK-ID: 'MSG-165' is not the id of a check; one of MSG-")
    assert 1 == err.count("\n")
