"""The release plane on the embedded platform: green as it is, and red in exactly one place for each fault."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from pytest_substrate.embedded.client import ATTACH_VARIABLE, read_attachment
from pytest_substrate.embedded.cloud.cloud import control
from pytest_substrate.embedded.faults import Fault, faults
from pytest_substrate.model.outcome import Plane
from pytest_substrate.planes.catalogue import checks_of
from tests.embedded.faulting import READY, assert_first_red, verdict
from tests.embedded.runs import run_plane

PLANE = "release_plane"
RELEASE = [fault for fault in faults().values() if fault.check.startswith("REL-")]


@pytest.fixture
def attached(kept_platform: Path) -> Mapping[str, str]:
    """The environment of a run on the kept platform."""
    return {**os.environ, ATTACH_VARIABLE: str(kept_platform)}


@pytest.mark.parametrize("fault", RELEASE, ids=[fault.name for fault in RELEASE])
def test_a_fault_turns_its_own_check_red_first(fault: Fault, kept_platform: Path, tmp_path: Path) -> None:
    """What lies in the job, whom the role trusts, what it may do, what it left: each is told where it belongs."""
    assert_first_red(fault, plane=Plane.RELEASE, platform=kept_platform, folder=tmp_path)


def test_all_faults_are_undone(attached: Mapping[str, str], tmp_path: Path) -> None:
    """After every fault was applied and undone, the platform is as it was, and two workers say so."""
    run = run_plane(tmp_path, "-n", "2", env=attached, plane=PLANE)
    assert READY == verdict(run), run.output
    assert 12 == len({(record.check, record.subject) for record in run.records})


def test_every_check_has_a_fault() -> None:
    """Each rung of the plane is seen to turn red first."""
    assert set() == {check.id for check in checks_of(Plane.RELEASE)} - {fault.check for fault in RELEASE}


def test_no_token_is_in_an_output(attached: Mapping[str, str], kept_platform: Path, tmp_path: Path) -> None:
    """Neither the terminal nor a file of the run holds a token, or what a token is asked for with."""
    run = run_plane(tmp_path, "-vv", "--showlocals", f"--junitxml={tmp_path / 'junit.xml'}", env=attached, plane=PLANE)
    assert READY == verdict(run), run.output
    content = read_attachment(kept_platform).content
    job = control(str(content["endpoint"]), str(content["cloud_token"]), "GET", "/_substrate/ci")["environment"]
    written = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    token = re.compile(rb"eyJ[\w-]+\.eyJ[\w-]+\.[\w-]+|" + re.escape(job["ACTIONS_ID_TOKEN_REQUEST_TOKEN"].encode()))
    assert [] == [text for text in (run.output.encode(), *written) if token.search(text)]
