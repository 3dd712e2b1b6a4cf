"""When a run demands a plane, and what it then collects."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_substrate.evidence.envelope import PREDICATE_TYPE, STATEMENT_TYPE, pack

if TYPE_CHECKING:
    from tests.plugin.conftest import Project

REQUIRED = 25
IDS = [
    "substrate.toml::substrate::SUB-010[ecs-cluster-main]",
    "substrate.toml::messaging_plane::MSG-005[cluster-spine]",
    "substrate.toml::messaging_plane::MSG-180[service-ingest-topic-events.raw]",
    "substrate.toml::messaging_plane::MSG-240[service-ingest]",
]
OWN = "def test_own(): pass\n"


def usage_error(result: pytest.RunResult) -> list[str]:
    """The lines of a usage error; nothing may have been asked or left."""
    assert 4 == result.ret, str(result.stdout) + str(result.stderr)
    return [line.removeprefix("ERROR: ") for line in result.stderr.lines if line.startswith("ERROR: ")]


def earlier_evidence(project: Project) -> None:
    """Leave what an earlier run would have left."""
    project.evidence_path.parent.mkdir(exist_ok=True)
    project.evidence_path.write_text(pack({"_type": STATEMENT_TYPE, "predicateType": PREDICATE_TYPE, "predicate": {}}))


def test_a_plain_run_is_none_of_ours(project: Project, spread: tuple[str, ...]) -> None:
    """Without a demanded plane nothing of ours is collected, started or written, even with a broken declaration."""
    (project.path / "substrate.toml").write_text("broken")
    project.pytester.makepyfile(test_own=OWN)
    result = project.run(*spread)
    assert 0 == result.ret
    result.assert_outcomes(passed=1)
    assert [] == project.calls
    assert not project.evidence_path.exists()
    assert "substrate:" not in str(result.stdout)


def test_ids(project: Project, spread: tuple[str, ...]) -> None:
    """Each check of each subject is a test of the declaration, and all of them are run once."""
    result = project.messaging("-v", *spread)
    assert 0 == result.ret
    for node_id in IDS:
        assert 1 == sum("PASSED" in line and f"{node_id} " in f"{line} " for line in result.stdout.lines)
    result.assert_outcomes(passed=REQUIRED)
    assert "READY" == project.verdict(result).split()[0]


@pytest.mark.parametrize(
    "arguments",
    [
        ("--substrate-require", "messaging_plane"),
        ("-m", "messaging_plane and not slow"),
        ("substrate.toml::messaging_plane",),
        ("-m", "messaging_plane", "substrate.toml"),
        ("-m", "messaging_plane", "."),
        ("-m", "messaging_plane", "--substrate", "substrate.toml", "--deselect", "test_own.py::test_own"),
    ],
    ids=" ".join,
)
def test_ways_of_demanding(project: Project, arguments: tuple[str, ...]) -> None:
    """Whichever way a plane is demanded, the whole of it is proven."""
    result = project.run(*arguments)
    assert 0 == result.ret, str(result.stdout)
    assert f"required {REQUIRED}  passed {REQUIRED}" in project.verdict(result)


def test_required_beside_own_tests(project: Project, spread: tuple[str, ...]) -> None:
    """A required plane is collected beside the paths that were asked for."""
    project.pytester.makepyfile(test_own=OWN)
    result = project.run("--substrate-require=messaging_plane", "test_own.py", *spread)
    assert 0 == result.ret
    result.assert_outcomes(passed=REQUIRED + 1)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("-m", "messaging_plane or not slow"), ["messaging_plane or not slow", "true without it"]),
        (("-m", "drift_sweep"), ["drift_sweep", "no checks yet", "demand release_plane, messaging_plane"]),
        (("--substrate-require", "drift_sweep"), ["drift_sweep", "no checks yet"]),
        (("substrate.toml::drift_sweep",), ["drift_sweep", "no checks yet"]),
        (("--substrate-require", "messaging"), ["--substrate-require", "'messaging' is not a plane", "one of"]),
        (("substrate.toml::nope",), ["node id", "'nope' is not a plane"]),
        (("substrate.toml::MSG-160",), ["FILE::PLANE::CHECK", "write 'substrate.toml::messaging_plane::MSG-160'"]),
        (
            ("substrate.toml::messaging_plane::MSG-160[service/ingest]",),
            ["no rung", "write 'substrate.toml::messaging_plane::MSG-160[service-ingest]'"],
        ),
        (("substrate.toml::messaging_plane::MSG-999[x]",), ["no rung", "pytest --collect-only -q substrate"]),
        (("substrate.toml",), ["substrate.toml", "demands no plane", "::messaging_plane"]),
        (("substrate.toml::substrate",), ["demand a plane"]),
        (("-m", "messaging_plane", "--substrate", "no.toml"), ["no.toml", "no declaration here", "--substrate"]),
        (("-m", "messaging_plane", "--substrate-target", "azure"), ["--substrate-target", "azure", "one of aws"]),
        (("--substrate-vantage", "moon"), ["--substrate-vantage", "moon", "one of task, exec, here"]),
        (("-m", "messaging_plane", "--substrate-fault", "x"), ["--substrate-fault", "embedded"]),
        (("-m", "messaging_plane", "--substrate-evidence", "."), ["evidence can't be written", "--substrate-evidence"]),
        (("-m", "messaging_plane", "--substrate-evidence=substrate.toml"), ["substrate.toml", "is the declaration"]),
        (("-m", "messaging_plane", "--substrate-evidence=conftest.py"), ["conftest.py", "is no evidence"]),
        (("-m", "messaging_plane", "--substrate-evidence=conftest.py/e.json"), ["evidence can't be written"]),
        (("-m", "messaging_plane", "--substrate-evidence="), ["--substrate-evidence", "nothing was given"]),
        (("--substrate-require", ","), ["--substrate-require", "','", "name planes: messaging_plane"]),
        (("--substrate-require", ""), ["--substrate-require", "''", "name planes: messaging_plane"]),
        (("--substrate-require", " "), ["--substrate-require", "' '", "name planes: messaging_plane"]),
        (("--substrate-require=messaging_plane", "--substrate-require="), ["''", "name planes: messaging_plane"]),
        (("-m", "messaging_plane", "-m", ""), ["-m ''", "-m 'messaging_plane'", "would not be proven"]),
        (("-m", "messaging_plane", "-m", "not slow"), ["-m 'not slow'", "-m 'messaging_plane'"]),
        (("--substrate-fault", "x", "--substrate-target=embedded"), ["--substrate-fault", "demands no plane"]),
        (("-m", "not messaging_plane", "--substrate-evidence=e.json"), ["--substrate-evidence", "demands no plane"]),
        (("--substrate-adhoc",), ["--substrate-adhoc", "demands no plane"]),
        (("--substrate-plan", "plan.json"), ["--substrate-plan", "demands no plane"]),
        (("-m", "messaging_plane", "--substrate-plan=p.json"), ["--substrate-plan", "no packaging_plane"]),
        (("-m", "packaging_plane", "--substrate-plan="), ["--substrate-plan", "nothing was given"]),
        (("-m", "messaging_plane", "--substrate-adhoc", "--substrate-evidence=e.json"), ["ad hoc", "leave one"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_usage_errors(project: Project, arguments: tuple[str, ...], words: list[str]) -> None:
    """What can't be meant is one line that names what, where and the mend, with exit code 4 and nothing started."""
    lines = usage_error(project.run(*arguments))
    assert 1 == len(lines)
    assert all(word in lines[0] for word in words), lines
    assert [] == project.calls
    assert not project.evidence_path.exists()


@pytest.mark.parametrize("value", ["", " ", ",", " , "], ids=repr)
@pytest.mark.parametrize("source", ["environment", "ini"])
def test_a_blank_requirement(project: Project, monkeypatch: pytest.MonkeyPatch, source: str, value: str) -> None:
    """A requirement that is given and requires nothing is refused, wherever it stands; no old evidence is left."""
    if source == "environment":
        monkeypatch.setenv("SUBSTRATE_REQUIRE", value)
    else:
        project.pytester.makeini(f"[pytest]\nsubstrate_require = {value}\n")
    earlier_evidence(project)
    project.pytester.makepyfile(test_own=OWN)
    lines = usage_error(project.run())
    where = "SUBSTRATE_REQUIRE" if source == "environment" else "ini option substrate_require"
    assert 1 == len(lines)
    assert where in lines[0]
    assert not project.evidence_path.exists()


def test_requirements_add_up(project: Project) -> None:
    """Several options name several planes; one that isn't built is refused wherever it stands."""
    for names in (("drift_sweep", "messaging_plane"), ("messaging_plane", "drift_sweep")):
        [line] = usage_error(project.run(*(f"--substrate-require={name}" for name in names)))
        assert "drift_sweep" in line
    assert 0 == project.run("--substrate-require=messaging_plane", "--substrate-require=messaging_plane").ret


def test_an_empty_expression_after_configured_ones(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the repository's own options demand can be left out by name, not by an empty expression."""
    project.pytester.makepyfile(test_own=OWN)
    project.pytester.makeini("[pytest]\naddopts = -m messaging_plane\n")
    assert 4 == project.run("-m", "").ret
    assert 0 == project.run("-m", "not messaging_plane").ret
    project.pytester.makeini("[pytest]\n")
    monkeypatch.setenv("PYTEST_ADDOPTS", "-m messaging_plane")
    assert 4 == project.run("-m", "").ret
    assert 0 == project.run("-m", "not slow").ret
    assert [] == project.calls


@pytest.mark.parametrize("kind", ["folder", "link", "fifo", "text", "another's"])
def test_evidence_takes_no_other_file(project: Project, kind: str) -> None:
    """What stands where evidence should go and isn't an earlier run's is never removed."""
    path = project.path / "mine"
    if kind == "folder":
        path.mkdir()
    elif kind == "link":
        path.symlink_to("conftest.py")
    elif kind == "fifo":
        os.mkfifo(path)
    else:
        path.write_text("mine" if kind == "text" else pack({"_type": STATEMENT_TYPE, "predicateType": "slsa"}))
    before = path.lstat()
    [line] = usage_error(project.messaging("--substrate-evidence=mine"))
    assert "mine" in line
    assert before.st_ino == path.lstat().st_ino


def test_no_folder_without_evidence(project: Project) -> None:
    """A run that comes to nothing makes no folder for its evidence."""
    assert 4 == project.messaging("-s").ret
    assert 10 == project.messaging("--collect-only").ret
    path = project.path / "substrate.toml"
    path.write_text(path.read_text().replace("schema = 1", "schema = 2"))
    assert 4 == project.messaging().ret
    assert not project.evidence_path.parent.exists()


def test_a_broken_declaration(project: Project, spread: tuple[str, ...]) -> None:
    """Every problem of the declaration is a line with file and line number, one below another; nothing is started."""
    path = project.path / "substrate.toml"
    path.write_text(path.read_text().replace('account = "111122223333"', 'account = "1"\nnonsense = 1'))
    lines = usage_error(project.messaging(*spread))
    assert 2 <= len(lines)
    shown = project.messaging(*spread).stderr.lines
    assert lines == [line.removeprefix("ERROR: ") for line in shown[: len(lines)]]
    assert all("substrate.toml:" in line for line in lines)
    assert [] == project.calls


def test_negation(project: Project) -> None:
    """`not P` demands and collects nothing."""
    project.pytester.makepyfile(test_own=OWN)
    result = project.run("-m", "not messaging_plane")
    assert 0 == result.ret
    result.assert_outcomes(passed=1)
    assert [] == project.calls


def test_wrong_expression(project: Project) -> None:
    """An expression that isn't one is refused in pytest's own words."""
    result = project.run("-m", "messaging_plane and and")
    assert 4 == result.ret
    assert [] == project.calls


@pytest.mark.parametrize("source", ["option", "environment", "ini", "default"])
def test_where_a_value_came_from(project: Project, monkeypatch: pytest.MonkeyPatch, source: str) -> None:
    """Option before environment before ini before default; the evidence says which."""
    arguments: list[str] = []
    if source == "option":
        arguments = ["--substrate-vantage", "exec"]
    if source in ("option", "environment"):
        monkeypatch.setenv("SUBSTRATE_VANTAGE", "here" if source == "option" else "exec")
    if source != "default":
        project.pytester.makeini(f"[pytest]\nsubstrate_vantage = {'exec' if source == 'ini' else 'here'}\n")
    assert 0 == project.messaging(*arguments).ret
    value = "task" if source == "default" else "exec"
    assert {"value": value, "source": source} == project.predicate["options"]["vantage"]


@pytest.mark.parametrize("source", ["option", "environment", "ini"])
def test_a_plan_that_is_given_is_asked_for(project: Project, monkeypatch: pytest.MonkeyPatch, source: str) -> None:
    """PKG-120 joins the denominator where a plan is given, wherever from, and the evidence says from where."""
    declaration = project.path / "substrate.toml"
    text = declaration.read_text(encoding="utf-8")
    declaration.write_text(text.replace('[plan]\nfile = "infrastructure/plan.json"\n', ""), encoding="utf-8")
    assert 0 == project.run("-m", "packaging_plane").ret
    plain = {(record["check"], record["subject"]) for record in project.predicate["records"]}
    if source == "environment":
        monkeypatch.setenv("SUBSTRATE_PLAN", "plan.json")
    if source == "ini":
        project.pytester.makeini("[pytest]\nsubstrate_plan = plan.json\n")
    arguments = ["--substrate-plan", "plan.json"] if source == "option" else []
    assert 0 == project.run("-m", "packaging_plane", *arguments).ret
    asked = {(record["check"], record["subject"]) for record in project.predicate["records"]}
    assert {("PKG-120", "service/ingest"), ("PKG-120", "job/oracle")} == asked - plain
    assert {"value": "plan.json", "source": source} == project.predicate["options"]["plan"]


def test_ini_require(project: Project) -> None:
    """A repository can demand its planes in its own configuration."""
    project.pytester.makeini("[pytest]\nsubstrate_require = messaging_plane\n")
    result = project.run()
    assert 0 == result.ret
    result.assert_outcomes(passed=REQUIRED)


def test_help_and_markers(project: Project) -> None:
    """`--help` and `--markers` work whatever is wrong, and name the options and the planes."""
    (project.path / "substrate.toml").write_text("broken")
    result = project.messaging("--help", "--substrate-target", "azure")
    assert 0 == result.ret
    result.stdout.fnmatch_lines(["*--substrate=FILE*", "*substrate_declaration (string)*"])
    result.stdout.fnmatch_lines(["*--substrate-require*"])
    result = project.run("--markers")
    assert 0 == result.ret
    result.stdout.fnmatch_lines(["@pytest.mark.messaging_plane: *"])
    assert [] == project.calls


def test_collect_only(project: Project, spread: tuple[str, ...]) -> None:
    """A run that only collects starts nothing and proves nothing: NOT READY, exit code 10, no evidence left."""
    earlier_evidence(project)
    result = project.messaging("--collect-only", "-q", *spread)
    assert 10 == result.ret
    for node_id in IDS:
        assert node_id in result.stdout.lines
    assert [] == project.calls
    assert not project.evidence_path.exists()
    assert "nothing was run" in str(result.stdout)


def test_adhoc(project: Project, spread: tuple[str, ...]) -> None:
    """A look without judging: the ladder, but no verdict, no evidence and pytest's own exit code, said so on screen."""
    project.red(MSG_050=("INCONCLUSIVE", None))
    earlier_evidence(project)
    result = project.messaging("--substrate-adhoc", *spread)
    assert "evidence reports/evidence.json of an earlier run was removed: an ad hoc run leaves none" in (
        result.stdout.lines
    )
    assert 1 == result.ret
    result.stdout.fnmatch_lines(["*MSG-050*", "AD HOC, NO VERDICT*"])
    assert "READY" not in str(result.stdout)
    assert not project.evidence_path.exists()


def test_subject_collision(project: Project) -> None:
    """Two subjects of one check with one node id are an error of the declaration that names both."""
    path = project.path / "substrate.toml"
    text = path.read_text().replace('"events.raw"', '"a-topic-b"')
    service = re.split(r"\n(?=\[(?!service))", text[text.index("[service.ingest]") :])[0]
    service = service.replace("service.ingest", "service.ingest-topic-a")
    path.write_text(text + service.replace('"a-topic-b"', '"b"').replace("main/ingest", "main/other"))
    lines = usage_error(project.messaging())
    assert "service/ingest/topic/a-topic-b" in lines[0]
    assert "service.ingest-topic-a.messaging.topics.b" in lines[0]


def test_outside_the_rootdir(project: Project, tmp_path: Path, spread: tuple[str, ...]) -> None:
    """A declaration elsewhere is collected under its own name."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (project.path / "substrate.toml").rename(elsewhere / "prod.toml")
    result = project.messaging("--substrate", str(elsewhere / "prod.toml"), "-v", *spread)
    assert 0 == result.ret
    assert "prod.toml::messaging_plane::MSG-160[service-ingest] " in str(result.stdout)
