"""The declaration is collected as a test file, in every layout that a repository may have."""

from __future__ import annotations

import os
import venv
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.plugin.conftest import Project

REQUIRED = 25
RUNG = "substrate.toml::messaging_plane::MSG-160[service-ingest]"
WHOLE = f"required {REQUIRED}  passed {REQUIRED}"


def whole(project: Project, result: pytest.RunResult) -> None:
    """The whole plane was proven, and nothing else was run."""
    assert 0 == result.ret, str(result.stdout) + str(result.stderr)
    result.assert_outcomes(passed=REQUIRED)
    assert WHOLE in project.verdict(result)


def test_a_venv_in_the_rootdir(project: Project, spread: tuple[str, ...]) -> None:
    """A virtual environment in the rootdir, where packages then lie, takes nothing away."""
    venv.create(project.path / ".venv", with_pip=False)
    whole(project, project.messaging(*spread))


def test_a_declaration_in_an_ignored_folder(project: Project, spread: tuple[str, ...]) -> None:
    """It is collected from a folder into which pytest wouldn't look."""
    venv.create(project.path / "env", with_pip=False)
    (project.path / "substrate.toml").rename(project.path / "env" / "substrate.toml")
    result = project.messaging("--substrate", "env/substrate.toml", "-v", *spread)
    whole(project, result)
    assert f"env/{RUNG} " in str(result.stdout)


def test_testpaths(project: Project, spread: tuple[str, ...]) -> None:
    """Without a path, a gate collects the declaration alone: a test that can't be imported must not stop it."""
    project.pytester.makeini("[pytest]\ntestpaths = tests\n")
    (project.path / "tests").mkdir()
    (project.path / "tests" / "test_broken.py").write_text("import nothing_of_that_name\n")
    whole(project, project.messaging(*spread))


def test_own_checks(project: Project, spread: tuple[str, ...]) -> None:
    """The ini option names what is collected beside the declaration; `-m` selects in it as everywhere."""
    project.pytester.makeini("[pytest]\nsubstrate_tests = own other/test_more.py::test_named\n")
    (project.path / "own").mkdir()
    (project.path / "own" / "test_own.py").write_text(
        "import pytest\n\n@pytest.mark.messaging_plane\ndef test_marked(): pass\n\ndef test_plain(): pass\n"
    )
    (project.path / "other").mkdir()
    (project.path / "other" / "test_more.py").write_text(
        "import pytest\npytestmark = pytest.mark.messaging_plane\ndef test_named(): pass\ndef test_other(): pass\n"
    )
    result = project.messaging(*spread)
    assert 0 == result.ret
    result.assert_outcomes(passed=REQUIRED + 2, deselected=0 if "-n" in spread else 1)
    assert WHOLE in project.verdict(result)


def test_from_a_subdirectory(project: Project, monkeypatch: pytest.MonkeyPatch, spread: tuple[str, ...]) -> None:
    """From anywhere in the repository, the rootdir's declaration is meant, and evidence lands in the rootdir."""
    project.pytester.makeini("[pytest]\n")
    below = project.path / "deep" / "down"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    whole(project, project.messaging("--rootdir", os.path.relpath(project.path), *spread))
    assert project.evidence_path.exists()


def test_a_declaration_above_the_rootdir(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """With no file that configures pytest, a subdirectory is its own rootdir; the line names the declaration above."""
    (project.path / "sub").mkdir()
    monkeypatch.chdir(project.path / "sub")
    result = project.messaging()
    assert 4 == result.ret
    result.stderr.fnmatch_lines([f"ERROR: *one lies above it, {project.path}/substrate.toml; write --substrate=*"])


@pytest.mark.parametrize(
    "ini",
    [
        "python_files = check_*.py",
        "python_functions = check_*",
        "python_classes = Check*",
        "python_files = nothing\npython_functions = nothing",
        "collect_imported_tests = false",
        "addopts = --import-mode=importlib",
        "addopts = --import-mode=append",
        "addopts = --strict-markers --strict-config",
        "norecursedirs = *",
        "addopts = --keep-duplicates",
        "addopts = --ignore=substrate.toml",
        "addopts = --ignore-glob=*.toml",
        "empty_parameter_set_mark = fail_at_collect",
    ],
)
def test_ini_options(project: Project, ini: str) -> None:
    """No option of pytest's about what is a test takes a rung away."""
    project.pytester.makeini(f"[pytest]\n{ini}\n")
    run = project.run_apart if "append" in ini else project.run  # this process has a `conftest` of its own
    whole(project, run("-m", "messaging_plane"))


@pytest.mark.parametrize("mode", ["prepend", "importlib"])
def test_a_module_of_the_same_name(project: Project, mode: str, spread: tuple[str, ...]) -> None:
    """A user's file that is called like a shipped module is another module."""
    project.pytester.makepyfile(test_messaging_plane="def test_messaging_plane(): raise AssertionError\n")
    result = project.run(
        "--import-mode", mode, "--substrate-require=messaging_plane", "test_messaging_plane.py", *spread
    )
    assert 1 == result.ret
    result.assert_outcomes(passed=REQUIRED, failed=1)
    assert WHOLE in str(result.stdout)


def test_by_node_id(project: Project, spread: tuple[str, ...]) -> None:
    """A rung selected by its id runs, with what it needs judged; but a part of a plane can't be READY."""
    result = project.run(RUNG, *spread)
    assert 10 == result.ret
    result.assert_outcomes(passed=1)
    assert f"required {REQUIRED}  passed 1" in project.verdict(result)
    assert f"missing {REQUIRED - 1}" in project.verdict(result)
    assert "NOT READY" == project.predicate["verdict"]
    assert 1 == project.called("MSG-055[service/ingest]")


def test_by_check(project: Project) -> None:
    """A check's id alone selects it for every subject."""
    result = project.run("substrate.toml::messaging_plane::MSG-180", "substrate.toml::substrate")
    assert 10 == result.ret
    result.assert_outcomes(passed=2)


def test_an_id_that_is_not_there(project: Project, spread: tuple[str, ...]) -> None:
    """An id of no rung is a usage error, and nothing is started."""
    assert 4 == project.run("substrate.toml::messaging_plane::MSG-999[x]", *spread).ret
    assert not project.evidence_path.exists()
    assert [] == project.calls


def test_by_absolute_path(project: Project) -> None:
    """A node id may begin with an absolute path."""
    whole(project, project.run(f"{project.path}/substrate.toml::messaging_plane"))


def test_a_linked_declaration(project: Project) -> None:
    """A declaration behind a symbolic link is the same declaration."""
    (project.path / "substrate.toml").rename(project.path / "real.toml")
    (project.path / "substrate.toml").symlink_to("real.toml")
    whole(project, project.messaging())


def test_pyproject(project: Project) -> None:
    """The ini options can stand in pyproject.toml, and say where the declaration lies."""
    (project.path / "infra").mkdir()
    (project.path / "substrate.toml").rename(project.path / "infra" / "dev.toml")
    project.pytester.makepyprojecttoml(
        '[tool.pytest.ini_options]\nsubstrate_declaration = "infra/dev.toml"\nsubstrate_target = "localstack"\n'
    )
    result = project.messaging("-v")
    whole(project, result)
    assert f"infra/dev.toml::{RUNG.partition('::')[2]} PASSED" in str(result.stdout)
    assert "localstack" == project.predicate["target"]["kind"]


def test_loadgroup(project: Project) -> None:
    """`--dist loadgroup` renames the tests of a group; their records are found all the same."""
    project.conftest(
        "def pytest_collection_modifyitems(items):\n"
        "    for item in items:\n"
        "        item.add_marker(pytest.mark.xdist_group('one'))\n"
    )
    whole(project, project.messaging("-n", "2", "--dist", "loadgroup"))


@pytest.mark.parametrize("dist", ["load", "loadscope", "loadfile", "worksteal"])
def test_distributions(project: Project, dist: str) -> None:
    """However xdist deals the rungs out, each is reported once."""
    whole(project, project.messaging("-n", "2", "--dist", dist))


def test_workers_that_find_another_rootdir(project: Project, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A folder that an option names, made only after the start, moves the workers' rootdir and nothing else."""
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "allure"
    project.pytester.makeini("[pytest]\nsubstrate_vantage = exec\n")
    result = project.messaging("-n", "2", "--alluredir", str(elsewhere))
    whole(project, result)
    assert "exec" == project.predicate["vantage"]
