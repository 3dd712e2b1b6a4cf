"""When a run demands a plane, and what it then collects."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

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
        (("-m", "data_plane"), ["data_plane", "no checks yet", "demand messaging_plane"]),
        (("--substrate-require", "drift_sweep"), ["drift_sweep", "no checks yet"]),
        (("substrate.toml::release_plane",), ["release_plane", "no checks yet"]),
        (("--substrate-require", "messaging"), ["--substrate-require", "'messaging' is not a plane", "one of"]),
        (("substrate.toml::nope",), ["node id", "'nope' is not a plane"]),
        (("substrate.toml",), ["substrate.toml", "demands no plane", "::messaging_plane"]),
        (("substrate.toml::substrate",), ["demand a plane"]),
        (("-m", "messaging_plane", "--substrate", "no.toml"), ["no.toml", "no declaration here", "--substrate"]),
        (("-m", "messaging_plane", "--substrate-target", "azure"), ["--substrate-target", "azure", "one of aws"]),
        (("--substrate-vantage", "moon"), ["--substrate-vantage", "moon", "one of task, exec, here"]),
        (("-m", "messaging_plane", "--substrate-fault", "x"), ["--substrate-fault", "embedded"]),
        (("-m", "messaging_plane", "--substrate-evidence", "."), ["evidence can't be written", "--substrate-evidence"]),
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


def test_a_broken_declaration(project: Project, spread: tuple[str, ...]) -> None:
    """Every problem of the declaration is a line with file and line number; nothing is started."""
    path = project.path / "substrate.toml"
    path.write_text(path.read_text().replace('account = "111122223333"', 'account = "1"\nnonsense = 1'))
    lines = usage_error(project.messaging(*spread))
    assert 2 <= len(lines)
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
    project.evidence_path.parent.mkdir()
    project.evidence_path.write_text("old")
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
    result = project.messaging("--substrate-adhoc", *spread)
    assert 1 == result.ret
    result.stdout.fnmatch_lines(["*MSG-050*", "AD HOC, NO VERDICT*"])
    assert "READY" not in str(result.stdout)
    assert not project.evidence_path.exists()


def test_subject_collision(project: Project) -> None:
    """Two subjects of one check with one node id are an error of the declaration that names both."""
    path = project.path / "substrate.toml"
    text = path.read_text().replace('"events.raw"', '"a-topic-b"')
    service = text[text.index("[service.ingest]") :].replace("service.ingest", "service.ingest-topic-a")
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
