"""What a run starts, when, and what it refuses to start with."""

from __future__ import annotations

import re
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_substrate.model.outcome import DEMANDABLE
from pytest_substrate.running.options import PLANES

if TYPE_CHECKING:
    from tests.plugin.conftest import Project

REQUIRED = 25

GUARD = """
from pytest_substrate.targets.port import Refusal

def guard(self):
    return (
        Refusal(cause="account-differs", message="the account is 222233334444", mend="declare it"),
        Refusal(cause="endpoint-override", message="AWS_ENDPOINT_URL is set", mend="unset it"),
    )

Target.guard = guard
"""
FAILING = """
from pytest_substrate.targets.port import TargetError

def target(self, *args, **kwargs):
    raise TargetError("embedded target: Java is missing; set SUBSTRATE_JAVA")

StandIn.target = target
"""


def test_one_target_a_run(project: Project, dealt: tuple[str, ...]) -> None:
    """The controller starts the target once, workers join it, everyone gives it back, and each check is judged once."""
    assert 0 == project.messaging(*dealt).ret
    workers = project.called("join")
    assert workers in ((1, 2) if "-n" in dealt else (0,))  # a worker that came late finds nothing left to do
    assert 1 == project.called("start")
    assert 1 + workers == project.called("close")
    judged = {call.split()[0] for call in project.calls if "[" in call}
    assert REQUIRED == len(judged)
    if not workers:
        assert REQUIRED == sum("[" in call for call in project.calls)


def test_progress_on_screen(project: Project, spread: tuple[str, ...]) -> None:
    """A person sees what is being waited for."""
    result = project.messaging(*spread)
    assert "substrate: waiting for nothing" in result.stdout.lines
    looking = "substrate: a worker looks into service/ingest from task"
    assert ("-n" in spread) == (looking in result.stdout.lines)


@pytest.mark.parametrize("arguments", [("-q",), ("-qq",), ("-v",), ("-vv",), ("-p", "no:terminal")], ids=" ".join)
def test_terminals(project: Project, arguments: tuple[str, ...]) -> None:
    """More or less is said as asked for; the verdict is the last line, and without a terminal nothing breaks."""
    project.red(MSG_160=("VIOLATION", None))
    result = project.messaging(*arguments)
    assert 1 == result.ret
    assert "NOT READY" == project.predicate["verdict"]
    text = str(result.stdout)
    if "no:terminal" in arguments:
        assert "" == text
        return
    assert result.stdout.lines[-1].startswith("NOT READY   first red MSG-160 (credential)")
    assert ("✓" in text) == (arguments[0].startswith("-v"))
    assert ("✗ MSG-160" in text) == (arguments[0] != "-qq")
    assert ("✓ MSG-010 service/ingest: as it should be" in text) == arguments[0].startswith("-v")


def test_the_guard_comes_first(project: Project, spread: tuple[str, ...]) -> None:
    """Every reason of the target guard is a line; nothing is judged, nothing is left."""
    project.conftest(GUARD)
    result = project.messaging(*spread)
    assert 4 == result.ret
    errors = [line for line in result.stderr.lines if line.startswith("ERROR: ")]
    assert [
        "ERROR: substrate: target aws: the account is 222233334444; declare it",
        "ERROR: substrate: target aws: AWS_ENDPOINT_URL is set; unset it",
    ] == errors
    assert {"start", "close"} == {call.split()[0] for call in project.calls if call.split()[0] != "join"}
    assert not project.evidence_path.exists()


def test_a_target_that_cannot_serve(project: Project, spread: tuple[str, ...]) -> None:
    """A target that can't be had is one line with the mend, and exit code 4."""
    project.conftest(FAILING)
    result = project.messaging(*spread)
    assert 4 == result.ret
    assert ["ERROR: substrate: embedded target: Java is missing; set SUBSTRATE_JAVA"] == [
        line for line in result.stderr.lines if line.startswith("ERROR: ")
    ]
    assert not project.evidence_path.exists()


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        (("-s",), "-s"),
        (("--capture=no",), "-s"),
        (("--capture=sys",), "--capture=sys"),
        (("--capture=tee-sys",), "--capture=tee-sys"),
        (("--pdb",), "--pdb"),
        (("--trace",), "--trace"),
        (("--debug=traced.log",), "--debug"),
        (("-p", "no:capture"), "-p no:capture"),
        (("--tx", "2*popen", "--dist", "each"), "--dist each"),
        (("--reruns", "1"), "--reruns"),
        (("-o", "reruns=1"), "--reruns"),
        (("--count", "2"), "--count"),
        (("-p", "no:substrate_ending"), "-p no:substrate_ending"),
        (("-p", "no:substrate_fixtures"), "-p no:substrate_fixtures"),
        (("-p", "no:substrate_outputs"), "-p no:substrate_outputs"),
        (("-p", "no:substrate_reports"), "-p no:substrate_reports"),
        (("-p", "no:substrate_workers"), "-p no:substrate_workers"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_refused(project: Project, arguments: tuple[str, ...], name: str) -> None:
    """What a verdict can't be trusted with is refused by name; the earlier run's evidence stays out of the way."""
    result = project.messaging(*arguments)
    assert 4 == result.ret
    [line] = [line for line in result.stderr.lines + result.stdout.lines if line.startswith("ERROR: ")]
    assert f"substrate: {name}" in line
    assert "--substrate-adhoc" in line
    assert [] == project.calls


def test_refused_by_addopts(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """It doesn't matter by which way an option comes."""
    monkeypatch.setenv("PYTEST_ADDOPTS", "-s")
    assert 4 == project.messaging().ret
    monkeypatch.delenv("PYTEST_ADDOPTS")
    monkeypatch.setenv("PYTEST_DEBUG", "1")
    assert "substrate: PYTEST_DEBUG: " in str(project.messaging().stderr)
    monkeypatch.delenv("PYTEST_DEBUG")
    project.pytester.makeini("[pytest]\naddopts = --reruns 2\n")
    assert 4 == project.messaging().ret


def test_refusals_are_for_verdicts_alone(project: Project) -> None:
    """A plain run, and a look without a verdict, may be asked for all of that."""
    project.pytester.makepyfile(test_own="def test_own(): pass\n")
    assert 0 == project.run("-s", "--count", "2").ret
    assert 0 == project.messaging("--substrate-adhoc", "-s").ret


def test_a_red_rung_is_not_run_again(project: Project) -> None:
    """A mark that reruns a rung is named, and the rung stays red."""
    project.red(MSG_240=("INCONCLUSIVE", None))
    project.conftest(
        "def pytest_collection_modifyitems(items):\n    items[-1].add_marker(pytest.mark.flaky(reruns=2))\n"
    )
    assert 10 == project.messaging().ret
    assert "rerun" in {problem["reason"] for problem in project.predicate["problems"]}


LOADED = """
import sys, pytest
code = pytest.main(["-q", "-p", "no:cacheprovider", "-p", "no:allure_pytest", "-p", "no:xdist", "--rootdir=.",
                    "-p", "no:pytester", "-p", "no:hypothesispytest", "test_own.py", *sys.argv[1:]])
heavy = {"boto3", "botocore", "kafka", "pydantic", "allure", "cryptography", "ministack", "psutil", "moto"}
print("HEAVY", sorted(heavy & set(sys.modules)))
print("OURS", len([name for name in sys.modules if name.startswith("pytest_substrate")]))
sys.exit(code)
"""


@pytest.mark.parametrize("arguments", [(), ("--collect-only",), ("-m", "not slow")], ids=str)
def test_loading_is_light(pytester: pytest.Pytester, arguments: tuple[str, ...]) -> None:
    """A run that demands nothing imports nothing heavy, and few modules of ours."""
    pytester.makepyfile(test_own="def test_own(): pass\n", loaded=LOADED)
    result = pytester.run(sys.executable, "loaded.py", *arguments)
    assert 0 == result.ret, str(result.stdout)
    assert "HEAVY []" in result.stdout.lines
    [ours] = [int(line.split()[1]) for line in result.stdout.lines if line.startswith("OURS")]
    assert 0 < ours <= 6


def test_without_other_plugins(project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The plugin stands without xdist, allure, junit and the temporary folder plugin, and leaves no folder behind."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    blocked = ("xdist", "allure_pytest", "junitxml", "testinfra", "rerunfailures", "repeat", "tmpdir")
    assert 0 == project.messaging(*(part for name in blocked for part in ("-p", f"no:{name}"))).ret
    assert not list(tmp_path.glob("pytest-substrate-*"))


def test_the_markers_are_the_planes() -> None:
    """What a plain run knows of the planes, without loading them, is what they are."""
    assert tuple(plane.value for plane in DEMANDABLE) == PLANES


def test_waivers(project: Project, spread: tuple[str, ...]) -> None:
    """A waiver that stands makes its red rung WAIVED; one that has expired ends the run before anything is asked."""
    project.red(MSG_050=("VIOLATION", "rotation"))
    path = project.path / "substrate.toml"
    text = path.read_text()
    waiver = (
        '\n[[waiver]]\ncheck = "MSG-050"\nsubject = "service/ingest"\nowner = "platform"\nticket = "PLAT-17"\n'
        'reason = "redeployed tonight"\nexpires = {}-12-31T00:00:00Z\n'
    )
    path.write_text(text + waiver.format(2999))
    result = project.messaging(*spread)
    assert 0 == result.ret
    assert "waived 1" in project.verdict(result)
    assert " ~ MSG-050 every running task holds the current credential" in result.stdout.lines
    shown = " ".join(str(result.stdout).split())
    assert re.search(r"waived by platform \(PLAT-17\), \d{6} days left: redeployed tonight; made to fail", shown)
    [carried] = project.predicate["waivers"]
    assert ("PLAT-17", "redeployed tonight", f"{2999}-12-31T00:00:00Z") == tuple(
        carried[name] for name in ("ticket", "reason", "expires")
    )
    assert 1 == project.predicate["counts"]["WAIVED"]
    asked = len(project.calls)
    path.write_text(text + waiver.format(2020))
    result = project.messaging(*spread)
    assert 4 == result.ret
    [line] = [line for line in result.stderr.lines if line.startswith("ERROR: ")]
    assert "the waiver of MSG-050 for service/ingest ended at 2020-12-31T00:00:00Z" in line
    assert asked == len(project.calls)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("MSG-050", "MSG-051"), "waiver[0].check"),
        (("MSG-050", "MSG"), "waiver[0].check"),
        (('"service/ingest"', '"service/other"'), "waiver[0].subject"),
        (('"service/ingest"', '""'), "subject"),
        (('subject = "service/ingest"\n', ""), "subject"),
        (('"service/ingest"', '"service/*"'), "waiver[0].subject"),
        (('owner = "platform"\n', ""), "owner"),
        (('"PLAT-17"', '" "'), "ticket"),
        (('reason = "later"\n', ""), "reason"),
        (("T00:00:00Z", "T00:00:00"), "time zone"),
        (("expires = 2999-12-31T00:00:00Z", ""), "expires"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_wrong_waivers(project: Project, spread: tuple[str, ...], change: tuple[str, str], words: str) -> None:
    """Malformed, for a pair that isn't held, or for more than one: red before anything is asked."""
    path = project.path / "substrate.toml"
    waiver = (
        '\n[[waiver]]\ncheck = "MSG-050"\nsubject = "service/ingest"\nowner = "platform"\nticket = "PLAT-17"\n'
        'reason = "later"\nexpires = 2999-12-31T00:00:00Z\n'
    )
    path.write_text(path.read_text() + waiver.replace(*change))
    result = project.messaging(*spread)
    assert 4 == result.ret
    lines = [line for line in result.stderr.lines if line.startswith("ERROR: substrate: substrate.toml:")]
    assert lines
    assert [] == project.calls
    assert not project.evidence_path.exists()
    assert any(words in line for line in lines), lines


def test_a_rootdir_that_an_option_moved(project: Project, tmp_path_factory: pytest.TempPathFactory) -> None:
    """The second run with the evidence elsewhere says how to write the option; written so, every run works."""
    evidence = tmp_path_factory.mktemp("elsewhere") / "evidence.json"
    assert 0 == project.messaging("--substrate-evidence", evidence).ret
    result = project.messaging("--substrate-evidence", evidence)
    assert 4 == result.ret
    (line,) = [line for line in result.stderr.lines if line.startswith("ERROR")]
    assert f"made {evidence.parents[1]} the rootdir instead of {project.path}" in line
    assert line.endswith(f"write --substrate-evidence={evidence}")
    assert not evidence.exists()  # as after every run that is refused
    for _ in range(2):
        assert 0 == project.messaging(f"--substrate-evidence={evidence}").ret


def test_a_value_apart_that_moves_no_rootdir(project: Project) -> None:
    """Below the rootdir a value may stand apart from its option, in every run."""
    for _ in range(2):
        assert 0 == project.messaging("--substrate-evidence", project.evidence_path).ret
