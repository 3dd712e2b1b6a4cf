"""The messaging plane's list of checks, as a whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_substrate.model.aws.operations import OPERATIONS
from pytest_substrate.model.check import Check
from pytest_substrate.model.declaration import Declaration, parse_declaration
from pytest_substrate.model.outcome import Layer, Plane
from pytest_substrate.planes.messaging.checks import CHECKS
from pytest_substrate.planes.messaging.diagnose.rungs import RUNGS
from pytest_substrate.planes.messaging.judge import _OF_AWS

BY_ID = {check.id: check for check in CHECKS}
PERMISSIONS = {permission for operation in OPERATIONS.values() for permission in operation.permissions}


@pytest.fixture(scope="module")
def declaration() -> Declaration:
    """The declaration of dev_min."""
    path = Path(__file__).parents[4] / "fixtures" / "dev_min" / "substrate.toml"
    return parse_declaration(path.read_text(encoding="utf-8"), name="substrate.toml")


def test_ladder_order() -> None:
    """Every id of the plane, in the order of the ladder."""
    wanted = "005 010 020 030 040 050 055 060 070 110 120 130 140 150 160 170 180 190 195 200 210 220 230 240"
    assert [f"MSG-{number}" for number in wanted.split()] == list(BY_ID)


def test_layers() -> None:
    """The usual layers of what AWS says."""
    layers = {
        "MSG-005": Layer.SUBSTRATE,
        "MSG-010": Layer.CREDENTIAL,
        "MSG-020": Layer.CREDENTIAL,
        "MSG-030": Layer.WIRING,
        "MSG-040": Layer.WIRING,
        "MSG-050": Layer.ROTATION,
        "MSG-055": Layer.RUNTIME,
    }
    assert layers == {check.id: check.layer for check in CHECKS[: len(layers)]}


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.id)
class TestEach:
    """Each check of the plane."""

    def test_is_judged(self, check: Check) -> None:
        """Somebody judges it."""
        assert check.id == "MSG-005" or check.id in RUNGS or check.id in _OF_AWS
        assert Plane.MESSAGING is check.plane

    def test_needs_come_before(self, check: Check) -> None:
        """A check needs only what lies below it on the ladder."""
        order = list(BY_ID)
        assert all(order.index(need) < order.index(check.id) for need in check.needs)

    def test_causes_are_told_apart(self, check: Check) -> None:
        """No slug stands for two causes."""
        slugs = [cause.slug for cause in check.causes]
        assert len(set(slugs)) == len(slugs)

    def test_permissions_are_in_the_table(self, check: Check) -> None:
        """What the observer must be allowed is what the table of operations says."""
        assert set(check.permissions) <= PERMISSIONS


def test_the_probe_needs_nothing_of_aws_but_a_started_task() -> None:
    """No rung of the probe stands on MSG-010 … MSG-050, directly or through another; MSG-060 stands on none."""

    def below(check: str) -> set[str]:
        return {check}.union(*(below(need) for need in BY_ID[check].needs))

    for check in RUNGS:
        assert "MSG-055" in below(check) or check == "MSG-060"
        assert not {"MSG-005", "MSG-010", "MSG-020", "MSG-030", "MSG-040", "MSG-050"} & below(check)


def test_subjects(declaration: Declaration) -> None:
    """The rungs about a secret are asked of services with one, the rest of every service with messaging."""
    assert ("cluster/spine",) == tuple(BY_ID["MSG-005"].subjects(declaration))
    for check in ("MSG-010", "MSG-020", "MSG-030", "MSG-040", "MSG-050", "MSG-055"):
        assert ("service/ingest",) == tuple(BY_ID[check].subjects(declaration))


def test_no_rung_about_a_secret_without_one(declaration: Declaration) -> None:
    """Under IAM no secret takes part, so nothing about one is asked."""
    text = (Path(__file__).parents[4] / "fixtures" / "dev_min" / "substrate.toml").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("credential")]
    iam = parse_declaration("\n".join(lines).replace('auth = "scram"', 'auth = "iam"'), name="substrate.toml")
    for check in ("MSG-010", "MSG-020", "MSG-030", "MSG-050", "MSG-070"):
        assert () == tuple(BY_ID[check].subjects(iam))
    for check in ("MSG-040", "MSG-055", "MSG-160"):
        assert ("service/ingest",) == tuple(BY_ID[check].subjects(iam))
