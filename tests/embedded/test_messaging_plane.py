"""The messaging plane on the embedded platform: green as it is, and red in exactly one place for each fault."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pytest_substrate.embedded.client import ATTACH_VARIABLE, read_attachment
from pytest_substrate.embedded.faults import Fault, faults
from pytest_substrate.gate.declared import read_declaration
from pytest_substrate.model.outcome import Plane, TargetKind, Vantage
from pytest_substrate.model.record import first_red
from pytest_substrate.planes.catalogue import checks_of
from pytest_substrate.targets import make_target
from tests.embedded.faulting import DECLARATION, READY, assert_first_red, is_green_beside, verdict
from tests.embedded.runs import Run, run_plane

MESSAGING = [fault for fault in faults().values() if fault.check.startswith(("SUB-", "MSG-"))]
WHOLE_RUNS = (
    "wired-to-another-cluster",
    "secret-of-another-principal",
    "rotated-without-redeploy",
    "topic-write-denied",
    "api-version-pinned",
)
"""The faults that are each told by a run of pytest, and followed by a green one. All others climb in this process."""
IN_PROCESS = [fault for fault in MESSAGING if fault.name not in WHOLE_RUNS]


@pytest.fixture
def attached(kept_platform: Path) -> Mapping[str, str]:
    """The environment of a run on the kept platform."""
    return {**os.environ, ATTACH_VARIABLE: str(kept_platform)}


@pytest.mark.parametrize("fault", IN_PROCESS, ids=[fault.name for fault in IN_PROCESS])
def test_a_fault_turns_its_own_check_red_first(fault: Fault, kept_platform: Path, tmp_path: Path) -> None:
    """Wiring, principal, credential, the way there, what may be done: each is told where it belongs."""
    assert_first_red(fault, plane=Plane.MESSAGING, platform=kept_platform, folder=tmp_path)


@pytest.mark.parametrize("name", WHOLE_RUNS)
def test_a_run_tells_a_fault(name: str, attached: Mapping[str, str], tmp_path: Path) -> None:
    """As a person sees it: a whole run is red in that place, with exit code 1; undone, the next is green again."""
    fault = faults()[name]
    broken = run_plane(tmp_path, "--substrate-fault", name, env=attached)
    red = first_red(broken.records)
    assert red is not None, broken.output
    assert (fault.check, fault.layer, fault.cause) == (red.check, red.layer, red.cause), broken.output
    assert not [record for record in broken.records[: broken.records.index(red)] if not is_green_beside(record, red)]
    assert ("NOT READY", 1) == verdict(broken)
    mended = run_plane(tmp_path, env=attached)
    assert READY == verdict(mended), mended.output


def test_all_faults_are_undone(attached: Mapping[str, str], tmp_path: Path) -> None:
    """After every fault was applied and undone, the platform is as it was."""
    mended = run_plane(tmp_path, env=attached)
    assert READY == verdict(mended), mended.output


def test_every_check_has_a_fault() -> None:
    """Each rung of the plane is seen to turn red first."""
    checks = {check.id for plane in (Plane.SUBSTRATE, Plane.MESSAGING) for check in checks_of(plane)}
    assert set() == checks - {fault.check for fault in MESSAGING}


def test_workers_give_the_same_verdict(attached: Mapping[str, str], tmp_path: Path) -> None:
    """Under xdist every check has its one record, and all are green."""
    run = run_plane(tmp_path, "-n", "2", env=attached)
    assert READY == verdict(run), run.output
    assert 25 == len({(record.check, record.subject) for record in run.records})


def test_the_main_job_needs_nothing_of_the_machine(tmp_path: Path) -> None:
    """From nothing, with a PATH that holds Python alone: no Java, Maven, Node or Docker of the machine is used."""
    alone = tmp_path / "bin"
    alone.mkdir()
    (alone / "python3").symlink_to(sys.executable)
    kept = {name: value for name, value in os.environ.items() if name in ("HOME", "XDG_CACHE_HOME", "SUBSTRATE_CACHE")}
    run = run_plane(tmp_path, env={**kept, "PATH": str(alone)})
    assert READY == verdict(run), run.output


def test_two_runs_side_by_side_do_not_meet(tmp_path: Path) -> None:
    """Each has a platform of its own; both are green, and neither leaves a folder behind."""
    environment = {name: value for name, value in os.environ.items() if name != ATTACH_VARIABLE}

    def run_alone(name: str) -> Run:
        (reports := tmp_path / f"{name}-reports").mkdir()
        (temporary := tmp_path / name).mkdir()
        return run_plane(reports, env={**environment, "TMPDIR": str(temporary)})

    with ThreadPoolExecutor(2) as pool:
        runs = list(pool.map(run_alone, ("one", "two")))
    assert [READY, READY] == [verdict(run) for run in runs], "\n".join(run.output for run in runs)
    assert [] == [left.name for left in tmp_path.glob("*/substrate-embedded-*")]


def test_no_secret_of_the_platform_is_in_an_output(
    attached: Mapping[str, str], kept_platform: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither the terminal nor a file of the run holds the service's password or the operator's key."""
    monkeypatch.setenv(ATTACH_VARIABLE, str(kept_platform))
    declaration = read_declaration(DECLARATION.read_bytes(), name=DECLARATION.name)
    (tmp_path / "target").mkdir()
    target = make_target(
        TargetKind.EMBEDDED,
        declaration,
        vantage=Vantage.TASK,
        folder=tmp_path / "target",
        owner=True,
        progress=lambda _: None,
    )
    try:
        program = "import json, os; print(json.loads(os.environ['KAFKA_CREDENTIAL'])['password'])"
        password = target.execute("ingest", ["python", "-c", program], deadline_s=20).stdout.strip()
    finally:
        target.close()
    run = run_plane(tmp_path, "-vv", "--showlocals", f"--junitxml={tmp_path / 'junit.xml'}", env=attached)
    assert READY == verdict(run), run.output
    written = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    for secret in (password, read_attachment(kept_platform).content["credentials"]["secret_access_key"].encode()):
        assert len(secret) > 20
        assert not [text for text in (run.output.encode(), *written) if secret in text]


def test_the_temporary_folder_is_left_as_it_was(attached: Mapping[str, str], tmp_path: Path) -> None:
    """A run on a kept platform leaves nothing in the temporary folder, its own here as others use it too."""
    (temporary := tmp_path / "temporary").mkdir()
    run = run_plane(tmp_path, env={**attached, "TMPDIR": str(temporary)})
    assert READY == verdict(run), run.output
    assert [] == list(temporary.iterdir())
