"""The verdict of a run, and everything that must not make it green."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.plugin.conftest import Project

REQUIRED = 25
RUNG = "substrate.toml::messaging_plane::MSG-160[service-ingest]"


def problems(project: Project) -> set[str]:
    """The reasons in the evidence for which the run is red beside its records."""
    return {problem["reason"] for problem in project.predicate["problems"]}


def test_ready(project: Project, dealt: tuple[str, ...]) -> None:
    """All green: READY, exit code 0, one record a pair."""
    result = project.messaging(*dealt)
    assert 0 == result.ret
    assert (
        f"READY   required {REQUIRED}  passed {REQUIRED}  violated 0  inconclusive 0  not reached 0  waived 0"
        == project.verdict(result)
    )
    assert {"messaging_plane": "READY"} == project.predicate["planes"]


def test_violated(project: Project, dealt: tuple[str, ...]) -> None:
    """A violation: exit code 1; what needs it is not reached, what doesn't goes on; the first red is named."""
    project.red(MSG_050=("VIOLATION", "rotation"), MSG_160=("VIOLATION", None))
    result = project.messaging(*dealt)
    assert 1 == result.ret
    assert (
        "NOT READY   first red MSG-050 (rotation)   "
        "required 25  passed 15  violated 2  inconclusive 0  not reached 8  waived 0" == project.verdict(result)
    )
    result.stdout.fnmatch_lines(
        [
            " ✓ SUB-010, MSG-005 … MSG-040  6 rungs",
            " ✗ MSG-050 every running task holds the current credential",
            "     made to fail",
            "     layer  rotation*",
            "     why    substrate explain MSG-050",
            " ✓ MSG-055 … MSG-150  8 rungs",
            " ✗ MSG-160 *",
            " ✓ MSG-220  1 rung",
            " · MSG-170 … MSG-210, 230, 240: 8 not reached (count as red)",
        ]
    )
    assert "Traceback" not in str(result.stdout)
    assert "= FAILURES =" not in str(result.stdout)


def test_inconclusive(project: Project, spread: tuple[str, ...]) -> None:
    """Nothing is violated, but something could not be observed: exit code 10."""
    project.red(MSG_040=("INCONCLUSIVE", None))
    result = project.messaging(*spread)
    assert 10 == result.ret
    assert "NOT READY   first red MSG-040 (wiring)" in project.verdict(result)


@pytest.mark.parametrize(
    ("plane", "own", "code"),
    [("PASS", "pass", 0), ("PASS", "assert False", 1), ("INCONCLUSIVE", "pass", 10), ("INCONCLUSIVE", "assert 0", 1)],
)
def test_own_tests(project: Project, plane: str, own: str, code: int) -> None:
    """A user's own failing test is exit code 1, and changes nothing about what the records say."""
    project.red(MSG_240=(plane, None))
    project.pytester.makepyfile(test_own=f"def test_own(): {own}\n")
    result = project.run("--substrate-require=messaging_plane", "test_own.py")
    assert code == result.ret
    assert ("READY" if plane == "PASS" else "NOT READY") == project.predicate["verdict"]
    if own == "pass":
        assert "of your own" not in str(result.stdout)
    elif plane == "PASS":
        assert "READY  but the run is red: 1 test of your own failed" == result.stdout.lines[-1]
    else:
        assert "exit code 1: 1 test of your own failed" == result.stdout.lines[-2]


def test_a_file_that_cannot_be_collected(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of the user's that can't be imported is told as the reason, also in a narrow terminal."""
    monkeypatch.setenv("COLUMNS", "60")
    project.pytester.makepyfile(test_own="import nothing_of_that_name\n")
    result = project.run("--substrate-require=messaging_plane", "--continue-on-collection-errors", "test_own.py")
    assert 1 == result.ret
    assert "READY  but the run is red" == result.stdout.lines[-1]
    assert "  but the run is red: 1 file of your own could not be" == result.stdout.lines[-3]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("-k", "not MSG-160"), "deselected"),
        (("--deselect", "substrate.toml::messaging_plane::MSG-160[service-ingest]"), "deselected"),
        (("-k", "nothing_of_that_name"), "deselected"),
    ],
    ids=["-k", "--deselect", "-k nothing"],
)
def test_deselected(project: Project, spread: tuple[str, ...], arguments: tuple[str, ...], reason: str) -> None:
    """A deselected rung is missing, and told why."""
    result = project.messaging(*arguments, *spread)
    assert 10 == result.ret
    assert "NOT READY" in project.verdict(result)
    assert {reason} == problems(project)
    many = "nothing_of_that_name" in arguments
    said = "SUB-010, MSG-005 … MSG-240 (25)" if many else "MSG-160 service/ingest was deselected"
    assert f" ! deselected: {said}" in result.stdout.lines


TRICKS = {
    "skipped": "def pytest_collection_modifyitems(items):\n    items[10].add_marker(pytest.mark.skip)\n",
    "xpassed": "def pytest_collection_modifyitems(items):\n    items[10].add_marker(pytest.mark.xfail)\n",
    "missing": "def pytest_collection_modifyitems(items):\n    del items[10]\n",
    "duplicated": "def pytest_collection_modifyitems(items):\n    items.append(items[10])\n",
    "setup-failed": (
        "@pytest.fixture(autouse=True)\ndef broken(request):\n    if 'MSG-110' in request.node.name: raise ValueError\n"
    ),
    "teardown-failed": (
        "@pytest.fixture(autouse=True)\ndef broken(request):\n    yield\n"
        "    if 'MSG-110' in request.node.name: raise ValueError\n"
    ),
    "changed": (
        "@pytest.fixture\ndef rung(request):\n"
        "    class Fake:\n        class record:\n            class outcome:\n                green = False\n"
        "    return Fake if 'MSG-110' in request.node.name else request.node\n"
    ),
}


@pytest.mark.parametrize("reason", TRICKS)
def test_tricks(project: Project, dealt: tuple[str, ...], reason: str) -> None:
    """Whatever takes a rung away, or makes its test say something else than its record, is red and named."""
    project.conftest(TRICKS[reason])
    result = project.messaging(*dealt)
    if reason == "duplicated" and "-n" in dealt:  # xdist deals each node id once, or refuses
        assert 0 != result.ret
        return
    assert 10 == result.ret, str(result.stdout)
    assert "NOT READY" in project.verdict(result)
    assert reason in problems(project)
    said = " ! MSG-110: 1 without a record" if reason == "missing" else f" ! {reason}: MSG-110 service/ingest"
    assert said in str(result.stdout)


def test_xfail_does_not_hide(project: Project, spread: tuple[str, ...]) -> None:
    """A violation that is marked as an expected failure is a violation."""
    project.red(MSG_110=("VIOLATION", None))
    project.conftest("def pytest_collection_modifyitems(items):\n    items[10].add_marker(pytest.mark.xfail)\n")
    result = project.messaging(*spread)
    assert 1 == result.ret
    assert "xfailed" in problems(project)


def test_a_fixture_cannot_make_a_record(project: Project, spread: tuple[str, ...]) -> None:
    """A conftest that replaces the rung by a green one changes nothing: the record is the item's own."""
    project.red(MSG_110=("VIOLATION", None))
    project.conftest(
        "@pytest.fixture\ndef rung():\n    class Green:\n        class record:\n            class outcome:\n"
        "                green = True\n    return Green\n"
    )
    result = project.messaging(*spread)
    assert 1 == result.ret
    assert "changed" in problems(project)


def test_a_forged_record(project: Project) -> None:
    """A record that another test's report brings is nobody's."""
    project.red(MSG_240=("INCONCLUSIVE", None))
    project.pytester.makepyfile(
        test_own=(
            "import json\n"
            "def test_own(record_property):\n"
            "    record_property('substrate.record', json.dumps({'check': 'MSG-240', 'plane': 'messaging_plane',\n"
            "        'subject': 'service/ingest', 'outcome': 'PASS', 'layer': 'credential', 'cause': None,\n"
            "        'message': 'm', 'facts': {}, 'next': None, 'vantage': 'task', 'duration_ms': 1}))\n"
        )
    )
    assert 10 == project.run("--substrate-require=messaging_plane", "test_own.py").ret
    assert "INCONCLUSIVE" == project.predicate["records"][-1]["outcome"]


@pytest.mark.parametrize("flag", ["-x", "--maxfail=1"])
def test_stopped_early(project: Project, spread: tuple[str, ...], flag: str) -> None:
    """What was never run because of `-x` is missing."""
    project.red(SUB_010=("INCONCLUSIVE", None))
    result = project.messaging(flag, *spread)
    assert result.ret in (2, 10)
    assert "NOT READY" in project.verdict(result)


def test_other_plugins_code(project: Project) -> None:
    """Another plugin's exit code stands where the run is READY, and not where it isn't."""
    project.conftest("@pytest.hookimpl(trylast=True)\ndef pytest_sessionfinish(session):\n    session.exitstatus = 7\n")
    result = project.messaging()
    assert 7 == result.ret
    assert "READY  but the run is red: another plugin ended it with 7" == result.stdout.lines[-1]
    project.red(MSG_240=("INCONCLUSIVE", None))
    project.conftest("@pytest.hookimpl(trylast=True)\ndef pytest_sessionfinish(session):\n    session.exitstatus = 0\n")
    assert 10 == project.messaging().ret


@pytest.mark.parametrize("where", ["conftest.py", "own/conftest.py"])
def test_a_conftest_that_wants_the_last_word(project: Project, where: str) -> None:
    """Another wrapper that wants to be the outermost is not, wherever it stands."""
    project.red(MSG_240=("VIOLATION", None))
    hook = (
        "import pytest\n@pytest.hookimpl(wrapper=True, tryfirst=True)\ndef pytest_sessionfinish(session):\n"
        "    yield\n    session.exitstatus = 0\n"
    )
    (project.path / "own").mkdir()
    (project.path / "own" / "test_own.py").write_text("def test_own(): pass\n")
    if where == "conftest.py":
        project.conftest(hook)
    else:
        (project.path / where).write_text(hook)
    assert 1 == project.run("--substrate-require=messaging_plane", "own").ret


ENDINGS = {
    "exit 0": ("pytest.exit('bye', returncode=0)", 1, 0),
    "exit": ("pytest.exit('bye')", 1, 0),
    "exit 7": ("pytest.exit('bye', returncode=7)", 1, 7),
    "exit 2": ("pytest.exit('bye', returncode=2)", 2, 2),
    "SystemExit": ("raise SystemExit(0)", 1, 0),
    "error": ("raise RuntimeError('bye')", 1, 10),
    "interrupt": ("raise KeyboardInterrupt", 2, 2),
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_hook_that_raises_at_the_end(project: Project, ending: str, spread: tuple[str, ...]) -> None:
    """Whatever another hook raises at the end, the verdict is decided, shown and kept; a red run never ends with 0."""
    raising, red, green = ENDINGS[ending]
    hook = (
        "@pytest.hookimpl(tryfirst=True)\ndef pytest_sessionfinish(session):\n"
        f"    if not hasattr(session.config, 'workeroutput'):\n        {raising}\n"
    )
    project.red(MSG_240=("VIOLATION", None))
    project.conftest(hook)
    result = project.messaging(*spread)
    assert red == result.ret, str(result.stdout) + str(result.stderr)
    assert "NOT READY" in project.verdict(result)
    assert (red != 2) == project.evidence_path.exists()
    project.red()
    project.conftest(hook)
    result = project.messaging(*spread)
    assert green == result.ret
    assert 1 == sum("READY" in line for line in result.stdout.lines)


@pytest.mark.parametrize("raising", ["pytest.exit('bye', returncode=0)", "raise SystemExit(0)"])
@pytest.mark.parametrize("arguments", [(), ("-k", "MSG-160"), (RUNG,)], ids=["whole", "-k", "by id"])
@pytest.mark.parametrize("hook", ["sessionstart", "collection", "collection_finish", "runtestloop", "sessionfinish"])
def test_leaving_with_zero(project: Project, hook: str, arguments: tuple[str, ...], raising: str) -> None:
    """A run that something ends with 0 before all is proven, or of a part of a plane, never ends with 0."""
    project.red(MSG_160=("VIOLATION", None))
    project.conftest(f"def pytest_{hook}(session):\n    {raising}\n")
    assert 0 != project.messaging(*arguments, "-p", "no:xdist").ret
    assert not project.evidence_path.exists() or "NOT READY" == project.predicate["verdict"]


def test_last_failed(project: Project) -> None:
    """`--lf` leaves out what was green, so it can't be READY, although it ran what was red."""
    project.red(MSG_240=("INCONCLUSIVE", None))
    for arguments in ((), ("--lf",)):
        result = project.pytester.runpytest_inprocess("-m", "messaging_plane", "-p", "no:hypothesispytest", *arguments)
        assert 10 == result.ret
    result.assert_outcomes(deselected=24)
    assert {"deselected"} == problems(project)


def test_a_lost_worker(project: Project) -> None:
    """A worker that dies takes its rung and its end with it: red, named, exit code 10."""
    project.conftest(
        "def pytest_runtest_setup(item):\n    if item.name.startswith('MSG-110'): os._exit(0)\n"
        "def pytest_plugin_registered(plugin): pass\n"
    )
    project.plugin(
        "lost", "import os\ndef pytest_runtest_setup(item):\n    if item.name.startswith('MSG-110'): os._exit(0)\n"
    )
    result = project.messaging("-n", "2", "-p", "lost", "--max-worker-restart=1")
    assert 10 == result.ret, str(result.stdout)
    assert {"lost", "worker-lost"} <= problems(project)
    assert "lost: MSG-110 service/ingest was lost with its worker" in str(result.stdout)


def test_a_worker_that_does_not_report(project: Project) -> None:
    """Records alone are not enough: every worker that started must report its end."""
    project.conftest(
        "@pytest.hookimpl(wrapper=True)\ndef pytest_sessionfinish(session):\n"
        "    getattr(session.config, 'workeroutput', {}).pop('substrate', None)\n    return (yield)\n"
    )
    result = project.messaging("-n", "2")
    assert 10 == result.ret
    assert {"worker-lost"} == problems(project)


def test_a_bug_of_ours(project: Project, spread: tuple[str, ...]) -> None:
    """A diagnosis that raises is no finding: its traceback is shown, its rung has no record, exit code 10."""
    project.conftest(
        "def broken(self, context):\n    def diagnose(check, subject):\n        raise RuntimeError('our own bug')\n"
        "    return diagnose\n\nStandIn.diagnose = broken\n"
    )
    result = project.messaging(*spread)
    assert 10 == result.ret
    assert "RuntimeError: our own bug" in str(result.stdout)
    assert "broken" in problems(project)


def test_exit_without_a_word(project: Project) -> None:
    """A test that ends the process leaves no evidence, of this run or an earlier one."""
    project.earlier()
    project.pytester.makepyfile(test_own="import os\ndef test_own(): os._exit(0)\n")
    assert 0 == project.run_apart("--substrate-require=messaging_plane", "test_own.py").ret
    assert not project.evidence_path.exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_killed(project: Project, number: signal.Signals) -> None:
    """An interrupted or killed run leaves no evidence; an interrupted one still shows how far it came."""
    project.earlier()
    project.conftest(
        "import time\ndef slow(self, context):\n    def diagnose(check, subject):\n        log('slow')\n"
        "        time.sleep(30 if check == 'MSG-110' else 0)\n        return passed('as it should be')\n"
        "    return diagnose\n\nStandIn.diagnose = slow\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-m", "messaging_plane"],
        cwd=project.path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    until = time.monotonic() + 60
    while project.called("slow") < 10 and time.monotonic() < until:
        time.sleep(0.05)
    process.send_signal(number)
    output, _ = process.communicate(timeout=30)
    assert not project.evidence_path.exists()
    assert (2 if number is signal.SIGINT else -signal.SIGKILL) == process.returncode
    if number is signal.SIGINT:
        assert "NOT READY" in output
        assert 1 == project.called("close")
