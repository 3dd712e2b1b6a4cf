"""Code that ends a run before it is judged, changes what the command asked for, or rewrites what a rung came to.

It runs inside the run, so not all of it can be told. But it is never green, and leaves no evidence that says so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.plugin.conftest import Project

PLAIN = ("-p", "no:xdist")

ENDING = {
    "not begun": "@pytest.hookimpl(tryfirst=True)\ndef pytest_cmdline_main(config): return 0\n",
    "exit in configure": "def pytest_configure(config): pytest.exit('x', returncode=0)\n",
    "the plugin unregistered": "def pytest_configure(config):\n    config.pluginmanager.unregister(name='substrate')\n",
    "the plugin blocked": "def pytest_configure(config):\n    config.pluginmanager.set_blocked('substrate')\n",
}


@pytest.mark.parametrize("way", ENDING)
def test_never_green_unjudged(project: Project, spread: tuple[str, ...], way: str) -> None:
    """Whoever keeps a run from being judged doesn't get 0 for it, and the earlier evidence is gone."""
    project.earlier()
    project.pytester.makepyfile(test_own="import pytest\n@pytest.mark.messaging_plane\ndef test_own(): pass\n")
    project.plugin("trick", "import pytest\n" + ENDING[way])
    result = project.messaging("-p", "trick", *spread)
    assert 10 == result.ret, str(result.stdout) + str(result.stderr)
    assert "substrate: the run ended before it was judged" in str(result.stderr)
    assert not project.evidence_path.exists()


@pytest.mark.parametrize("leaving", ["os._exit(0)", "sys.exit(0)", "pytest.exit('x', returncode=0)"])
def test_a_conftest_that_leaves_at_once(project: Project, leaving: str) -> None:
    """A command that demands a plane has removed earlier evidence before a conftest can end the process."""
    project.earlier()
    project.conftest(f"import sys\n{leaving}\n")
    assert project.run_apart("-m", "messaging_plane", *PLAIN).ret in (0, 3, 4)
    assert not project.evidence_path.exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ("--substrate-require=messaging_plane",),
        ("substrate.toml::messaging_plane",),
        ("-o", "substrate_require=messaging_plane"),
    ],
    ids=" ".join,
)
def test_however_it_is_demanded(project: Project, arguments: tuple[str, ...]) -> None:
    """The same for each way of demanding."""
    project.earlier()
    project.conftest("raise RuntimeError('oh')\n")
    assert 4 == project.run(*arguments, *PLAIN).ret
    assert not project.evidence_path.exists()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("markexpr = ''", "the demand for messaging_plane"),
        ("markexpr = 'not messaging_plane'", "the demand for messaging_plane"),
        ("substrate_adhoc = True", "--substrate-adhoc"),
    ],
)
def test_options_that_a_conftest_changes(project: Project, spread: tuple[str, ...], change: str, words: str) -> None:
    """What the command demanded is not taken back from inside: one line that says so, and no evidence."""
    project.earlier()
    project.conftest(f"def pytest_configure(config):\n    config.option.{change}\n")
    result = project.messaging(*spread)
    assert 4 == result.ret, str(result.stdout)
    [line] = [line for line in result.stderr.lines if line.startswith("ERROR: ")]
    assert words in line
    assert "a plugin or a conftest" in line
    assert not project.evidence_path.exists()


REWRITING = """
import json, pytest
def rewritten(report):
    if report.when == "call" and "MSG-240" in report.nodeid:
        report.outcome, report.longrepr, found = "passed", None, []
        for name, value in report.user_properties:
            if name == "substrate.record":
                value = json.dumps({**json.loads(value), "outcome": "PASS", "cause": None})
            found.append((name, value))
        report.user_properties = found
    return report

"""
WAYS = {
    "as it is made": (
        "@pytest.hookimpl(wrapper=True, tryfirst=True)\ndef pytest_runtest_makereport():\n"
        "    return rewritten((yield))\n"
    ),
    "as it comes": (
        "class Late:\n    @pytest.hookimpl(wrapper=True, tryfirst=True)\n"
        "    def pytest_runtest_logreport(self, report):\n        rewritten(report)\n        return (yield)\n"
        "@pytest.hookimpl(wrapper=True, tryfirst=True)\ndef pytest_runtestloop(session):\n"
        "    session.config.pluginmanager.register(Late())\n    return (yield)\n"
    ),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_record_that_something_rewrites(project: Project, dealt: tuple[str, ...], way: str) -> None:
    """A report whose record says PASS of a rung that came to a violation: red, and named."""
    project.red(MSG_240=("VIOLATION", None))
    project.plugin("trick", REWRITING + WAYS[way])
    result = project.messaging("-p", "trick", *dealt)
    assert 10 == result.ret, str(result.stdout)
    assert "MSG-240 service/ingest was reported as PASS with another cause" in " ".join(str(result.stdout).split())
    assert {"changed"} == {problem["reason"] for problem in project.predicate["problems"]}


def test_looks_are_no_runs(project: Project) -> None:
    """`--fixtures` collects and runs nothing, whatever is selected: it leaves what it finds."""
    project.earlier()
    before = project.evidence_path.read_bytes()
    for look in ("--fixtures", "--fixtures-per-test", "--markers", "--help"):
        assert 0 == project.messaging(look, *PLAIN).ret
    assert before == project.evidence_path.read_bytes()
    assert not project.evidence_path.with_name("ledger.jsonl").exists()


def test_required_by_the_repository(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the configuration requires the plugin, no run without it is green, even with tests of the plane's mark."""
    project.pytester.makeini(
        "[pytest]\nrequired_plugins = pytest-substrate\nmarkers = messaging_plane\naddopts = -m messaging_plane\n"
    )
    project.pytester.makepyfile(test_own="import pytest\n@pytest.mark.messaging_plane\ndef test_own(): pass\n")
    assert 0 == project.run_apart(*PLAIN).ret
    result = project.run_apart("-p", "no:substrate", *PLAIN)
    assert 4 == result.ret
    assert "Missing required plugins: pytest-substrate" in str(result.stderr)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    assert 4 == project.run_apart().ret
