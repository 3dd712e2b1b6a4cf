"""The packaging plane on the embedded platform: green as it is, and red in exactly one place for each fault."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from pytest_substrate.embedded.client import ATTACH_VARIABLE
from pytest_substrate.embedded.faults import Fault, faults
from pytest_substrate.model.outcome import Plane
from pytest_substrate.planes.catalogue import checks_of
from tests.embedded.faulting import DECLARATION, READY, assert_first_red, climbed, verdict
from tests.embedded.runs import run_plane

PLANE = "packaging_plane"
CHECKS = checks_of(Plane.PACKAGING)
PACKAGING = [fault for fault in faults().values() if fault.check.startswith("PKG-")]


@pytest.fixture
def attached(kept_platform: Path) -> Mapping[str, str]:
    """The environment of a run on the kept platform."""
    return {**os.environ, ATTACH_VARIABLE: str(kept_platform)}


@pytest.mark.parametrize("fault", PACKAGING, ids=[fault.name for fault in PACKAGING])
def test_a_fault_turns_its_own_check_red_first(fault: Fault, kept_platform: Path, tmp_path: Path) -> None:
    """What is released, what runs, what stops, what an image holds: each is told where it belongs."""
    assert_first_red(fault, plane=Plane.PACKAGING, platform=kept_platform, folder=tmp_path)


@pytest.mark.parametrize(
    ("modules", "expected"),
    [
        (["kafka", "ingest"], ("PASS", None)),
        (["kafka", "kafka.__main__"], ("VIOLATION", "import-failed")),
    ],
    ids=["whole", "fails-when-run"],
)
def test_imports_are_tried_in_a_task(
    modules: list[str], expected: tuple[str, str | None], kept_platform: Path, tmp_path: Path
) -> None:
    """What runs on import, only running tells: a module that is there may end whoever imports it."""
    told = DECLARATION.read_text(encoding="utf-8")
    text = told.replace('imports = ["kafka", "ingest"]', f'imports = {json.dumps(modules)}, imports_at = "task"')
    assert text != told
    with climbed(Plane.PACKAGING, kept_platform, tmp_path, text=text, checks=["PKG-080"]) as records:
        assert ["service/ingest", "job/oracle"] == [record.subject for record in records]
        for record in records:
            assert expected == (record.outcome.value, record.cause), record.message
            assert "task" == record.vantage
            assert record.facts["task_arn"]


def test_all_faults_are_undone(attached: Mapping[str, str], tmp_path: Path) -> None:
    """After every fault was applied and undone, the platform is as it was, and two workers say so."""
    run = run_plane(tmp_path, "-n", "2", env=attached, plane=PLANE)
    assert READY == verdict(run), run.output
    assert 21 == len({(record.check, record.subject) for record in run.records})


def test_every_check_has_a_fault() -> None:
    """Each rung of the plane is seen to turn red first."""
    assert set() == {check.id for check in CHECKS} - {fault.check for fault in PACKAGING}
    assert len(PACKAGING) >= 25
