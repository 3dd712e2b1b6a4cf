"""Whatever somebody tries, by the command line, by configuration, by a conftest or by a plugin: never READY unproven.

Each run is made twice, plain and with workers; it is red and names the trick.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest

from tests.plugin.conftest import REQUIRED
from tests.plugin.tricks import HOOKS

if TYPE_CHECKING:
    from tests.plugin.conftest import Project

RUNG = "substrate.toml::messaging_plane::MSG-110[service-ingest]"
REQUIRE = "--substrate-require=messaging_plane"


def problems(project: Project) -> set[str]:
    """The reasons in the evidence for which the run is red beside its records."""
    return {problem["reason"] for problem in project.predicate["problems"]}


def missing(project: Project) -> int:
    """How many required rungs the evidence has no record of."""
    count: int = project.predicate["missing"]
    return count


SELECTIONS = {
    "-m": (REQUIRE, "-m", "not messaging_plane"),
    "-m of a mark": (REQUIRE, "-m", "messaging_plane and slow"),
    "-k": (REQUIRE, "-k", "MSG-160"),
    "--deselect of the file": (REQUIRE, "--deselect", "substrate.toml"),
    "node id": (RUNG,),
    "node id beside -m": ("-m", "messaging_plane", RUNG),
    "-o addopts": (REQUIRE, "-o", "addopts=-k MSG-160"),
}


@pytest.mark.parametrize("selection", SELECTIONS)
def test_a_part_is_never_the_whole(project: Project, spread: tuple[str, ...], selection: str) -> None:
    """Selecting a part of a demanded plane, by whatever option, leaves rungs without a record."""
    result = project.run(*SELECTIONS[selection], *spread)
    assert 10 == result.ret, str(result.stdout) + str(result.stderr)
    assert 0 < missing(project) <= REQUIRED
    assert "missing" in project.verdict(result)


@pytest.mark.parametrize(
    "arguments",
    [
        ("--ignore=substrate.toml",),
        ("--ignore-glob=*.toml",),
        ("--confcutdir=.",),
        ("-o", "norecursedirs=*"),
        ("-o", "testpaths=nowhere"),
        ("-o", "python_files=nothing.py"),
        ("-o", "xfail_strict=true"),
        ("-o", "empty_parameter_set_mark=skip"),
        ("--strict-markers",),
        ("--exitfirst",),
        ("--keep-duplicates",),
        ("-W", "error"),
    ],
    ids=" ".join,
)
def test_options_that_take_nothing_away(project: Project, spread: tuple[str, ...], arguments: tuple[str, ...]) -> None:
    """The whole of a demanded plane is proven all the same."""
    result = project.messaging(*arguments, *spread)
    assert 0 == result.ret, str(result.stdout) + str(result.stderr)
    assert f"required {REQUIRED}  passed {REQUIRED}" in project.verdict(result)


@pytest.mark.parametrize("option", ["--lf", "--sw", "--ff", "--nf"])
def test_what_the_cache_leaves_out(project: Project, spread: tuple[str, ...], option: str) -> None:
    """`--lf` and `--sw` go on where a red run stopped, and so prove a part; `--ff` and `--nf` only reorder."""
    run = partial(project.pytester.runpytest_inprocess, "-p", "no:hypothesispytest")
    project.red(MSG_110=("VIOLATION", None))
    assert run("-m", "messaging_plane", option, *spread).ret in (1, 2)
    project.red()
    result = run("-m", "messaging_plane", option, *spread)
    if option in ("--ff", "--nf"):
        assert 0 == result.ret, str(result.stdout)
        return
    assert 10 == result.ret, str(result.stdout)
    assert {"deselected"} == problems(project)
    assert " ! deselected: " in str(result.stdout)


@pytest.mark.parametrize("where", ["PYTEST_ADDOPTS", "addopts", "-c"])
def test_wherever_an_option_comes_from(
    project: Project, monkeypatch: pytest.MonkeyPatch, spread: tuple[str, ...], where: str
) -> None:
    """An option from the environment or from a configuration file selects like one of the command line."""
    arguments: list[str] = []
    if where == "PYTEST_ADDOPTS":
        monkeypatch.setenv("PYTEST_ADDOPTS", "-k 'not MSG-110'")
    else:
        ini = project.path / ("pytest.ini" if where == "addopts" else "other.ini")
        ini.write_text("[pytest]\naddopts = -k 'not MSG-110'\n")
        arguments = [] if where == "addopts" else ["-c", "other.ini"]
    result = project.messaging(*arguments, *spread)
    assert 10 == result.ret, str(result.stdout)
    assert {"deselected"} == problems(project)


@pytest.mark.parametrize("hook", HOOKS)
def test_hooks(project: Project, spread: tuple[str, ...], hook: str) -> None:
    """A plugin that takes a violated rung away, or makes its test say something else, is red, and named where seen."""
    text, reason = HOOKS[hook]
    project.red(MSG_110=("VIOLATION", None))
    project.plugin("trick", "import pytest\n" + text)
    result = project.messaging("-p", "trick", *spread)
    assert 0 != result.ret, str(result.stdout)
    if result.ret in (2, 3, 4):
        assert not project.evidence_path.exists()
        return
    assert "NOT READY" in project.verdict(result)
    assert "NOT READY" == project.predicate["verdict"]
    found = {one["check"]: one["outcome"] for one in project.predicate["records"]}
    assert found.get("MSG-110") in (None, "VIOLATION")
    if reason is not None:
        assert reason in problems(project), str(result.stdout)
    else:
        assert "MSG-110" not in found or "violated 1" in project.verdict(result)


@pytest.mark.parametrize("hook", HOOKS)
def test_hooks_of_a_conftest(project: Project, spread: tuple[str, ...], hook: str) -> None:
    """The same by a conftest beside the declaration, whose hooks may not even act on rungs."""
    project.red(MSG_110=("VIOLATION", None))
    project.conftest(HOOKS[hook][0])
    result = project.messaging(*spread)
    assert 0 != result.ret, str(result.stdout)
    assert not project.evidence_path.exists() or "NOT READY" == project.predicate["verdict"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ["substrate.toml", "schema"]),
        ("# nothing\n", ["substrate.toml", "schema"]),
        (
            'schema = 1\nenvironment = "dev"\naccount = "111122223333"\nregion = "eu-west-2"\n',
            ["nothing is declared", "declare a cluster"],
        ),
    ],
    ids=["empty", "comment", "nothing to prove"],
)
def test_empty_declarations(project: Project, spread: tuple[str, ...], text: str, words: list[str]) -> None:
    """A declaration that declares nothing proves nothing, and is refused before anything is asked."""
    (project.path / "substrate.toml").write_text(text)
    result = project.messaging(*spread)
    assert 4 == result.ret
    told = str(result.stderr)
    assert all(word in told for word in words), told
    assert [] == project.calls


@pytest.mark.parametrize("mode", ["prepend", "append", "importlib"])
def test_a_shadowed_acceptance_module(project: Project, spread: tuple[str, ...], mode: str) -> None:
    """A user's file of the name of ours, at the top and as a module that is there already, answers for nothing."""
    project.red(MSG_110=("VIOLATION", None))
    mine = "def test_messaging_plane(): pass\n"
    (project.path / "test_messaging_plane.py").write_text(mine)
    (project.path / "acceptance").mkdir()
    (project.path / "acceptance" / "__init__.py").touch()
    (project.path / "acceptance" / "test_messaging_plane.py").write_text(mine)
    assert 1 == project.run_apart("-m", "messaging_plane", f"--import-mode={mode}", *spread).ret
    project.conftest(
        "import sys, types\nfake = types.ModuleType('pytest_substrate.acceptance.test_messaging_plane')\n"
        "fake.__file__ = __file__\nfake.test_messaging_plane = lambda: None\nsys.modules[fake.__name__] = fake\n"
    )
    result = project.run_apart("-m", "messaging_plane", f"--import-mode={mode}", *spread)
    assert 0 != result.ret, str(result.stdout)
    assert not project.evidence_path.exists() or "NOT READY" == project.predicate["verdict"]


def test_without_the_plugin(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it isn't loaded, its options are unknown, and nothing of a plane is selected: no 0, and no evidence."""
    assert 4 == project.run_apart("-p", "no:substrate", REQUIRE).ret
    assert 5 == project.run_apart("-p", "no:substrate", "-m", "messaging_plane").ret
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    assert 4 == project.run_apart(REQUIRE).ret
    assert 5 == project.run_apart("-m", "messaging_plane").ret
    assert not project.evidence_path.exists()


@pytest.mark.parametrize("workers", [(), ("-p", "xdist", "-n", "2")], ids=["plain", "xdist"])
def test_loaded_by_name(project: Project, monkeypatch: pytest.MonkeyPatch, workers: tuple[str, ...]) -> None:
    """With autoloading off, the plugin works as well where it is named."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    result = project.run_apart("-p", "pytest_substrate.plugin", "-m", "messaging_plane", *workers)
    assert 0 == result.ret, str(result.stdout) + str(result.stderr)
    assert "READY" == project.predicate["verdict"]


@pytest.mark.parametrize(
    "part",
    [
        "main",
        "python",
        "runner",
        "skipping",
        "fixtures",
        "mark",
        "reports",
        "assertion",
        "unraisableexception",
        "threadexception",
        "warnings",
        "junitxml",
        "logging",
        "faulthandler",
        "stepwise",
        "setuponly",
        "terminalprogress",
    ],
)
def test_without_a_part_of_pytest(project: Project, part: str) -> None:
    """With any other plugin blocked, a violated run is not green, and has no evidence that says so."""
    project.red(MSG_240=("VIOLATION", None))
    result = project.messaging("-p", f"no:{part}", "-p", "no:xdist")
    assert 0 != result.ret
    assert not project.evidence_path.exists() or "NOT READY" == project.predicate["verdict"]


@pytest.mark.parametrize("dist", ["load", "loadscope", "loadfile", "loadgroup", "worksteal", "no", "each"])
def test_any_distribution(project: Project, dist: str) -> None:
    """A violated rung is red however work is dealt; `each` is refused."""
    project.red(MSG_240=("VIOLATION", None))
    result = project.messaging("-n", "2", "--dist", dist)
    assert (4 if dist == "each" else 1) == result.ret, str(result.stdout) + str(result.stderr)


@pytest.mark.parametrize(
    "mark", ["flaky(reruns=3)", "repeat(2)", "xfail(strict=True)", "skipif(True, reason='x')", "timeout(0)"]
)
def test_marks(project: Project, spread: tuple[str, ...], mark: str) -> None:
    """No mark that a conftest puts on a rung makes a violated one green."""
    project.red(MSG_110=("VIOLATION", None))
    project.conftest(
        "def pytest_collection_modifyitems(items):\n"
        f"    [item.add_marker(pytest.mark.{mark}) for item in items if 'MSG-110' in item.name]\n"
    )
    result = project.messaging(*spread)
    assert result.ret in (1, 10), str(result.stdout)
    assert "NOT READY" == project.predicate["verdict"]


def test_the_terminal_junit_and_the_evidence_agree(project: Project, dealt: tuple[str, ...]) -> None:
    """Of each rung they say the same, and of the whole too."""
    import xml.etree.ElementTree as ET

    project.red(MSG_050=("VIOLATION", "rotation"), MSG_160=("INCONCLUSIVE", None))
    result = project.messaging("-v", "--junitxml=j.xml", *dealt)
    records = {f"{one['check']}[{one['subject'].replace('/', '-')}]": one for one in project.predicate["records"]}
    cases = {case.attrib["name"]: case for case in ET.parse(project.path / "j.xml").iter("testcase")}  # noqa: S314  ours
    assert records.keys() == cases.keys()
    green = {name for name, case in cases.items() if case.find("failure") is None}
    assert {name for name, one in records.items() if one["outcome"] == "PASS"} == green
    for name, case in cases.items():
        if name not in green:
            assert f"  {records[name]['outcome']}: " in (case.findtext("failure") or "")
    words = {
        "PASS": "PASSED",
        "VIOLATION": "VIOLATION (",
        "INCONCLUSIVE": "INCONCLUSIVE (",
        "NOT_REACHED": "NOT REACHED (",
    }
    for name, one in records.items():
        [line] = [line for line in result.stdout.lines if f"::{name}" in line and "[" in line and "%]" in line]
        assert words[one["outcome"]] in line
    counts, said = project.predicate["counts"], project.verdict(result)
    assert (
        f"passed {counts['PASS']}  violated {counts['VIOLATION']}  inconclusive {counts['INCONCLUSIVE']}  "
        f"not reached {counts['NOT_REACHED']}" in said
    )
