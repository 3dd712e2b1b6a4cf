"""However a run ends, at its start, in its middle or after it: where no verdict was reached, no evidence is left.

None of this run, and none of an earlier one; and `substrate verify` is red.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from pytest_substrate.cli.main import main
from tests.plugin.conftest import QUICK

if TYPE_CHECKING:
    from pathlib import Path

    from tests.plugin.conftest import Project

REQUIRE = "--substrate-require=messaging_plane"


def problems(project: Project) -> set[str]:
    """The reasons in the evidence for which the run is red beside its records."""
    return {problem["reason"] for problem in project.predicate["problems"]}


def missing(project: Project) -> int:
    """How many required rungs the evidence has no record of."""
    count: int = project.predicate["missing"]
    return count


def refused_by_verify(project: Project, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """The reasons of `substrate verify`, as lenient as it can be, which must be red."""
    capsys.readouterr()
    assert 1 == main(["verify", str(project.evidence_path), "--allow-unsigned", "--allow-waivers", "--allow-embedded"])
    return [line.split(": ")[1] for line in capsys.readouterr().out.splitlines()]


def no_restart(spread: tuple[str, ...]) -> tuple[str, ...]:
    """Let a worker that dies be gone."""
    return ("--max-worker-restart=0",) if "-n" in spread else ()


LEAVING = {
    "unconfigure": "def pytest_unconfigure(config): os._exit(0)\n",
    "cmdline": "@pytest.hookimpl(wrapper=True)\ndef pytest_cmdline_main(config):\n    yield\n    return 0\n",
    "atexit": "import atexit\natexit.register(lambda: os._exit(0))\n",
}


@pytest.mark.parametrize("way", LEAVING)
def test_an_exit_code_after_the_end(
    project: Project, spread: tuple[str, ...], way: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever sets the process's exit code when the session is over can't change what is in the evidence."""
    project.red(MSG_240=("VIOLATION", None))
    project.conftest(LEAVING[way])
    assert 0 == project.run_apart("-m", "messaging_plane", *spread).ret
    assert "NOT READY" == project.predicate["verdict"]
    assert "not-ready" in refused_by_verify(project, capsys)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("sys.exit(0)", 1),
        ("raise SystemExit", 1),
        ("os._exit(0)", None),
        ("os.abort()", None),
        ("pytest.exit('x', 0)", None),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_test_that_leaves(
    project: Project, dealt: tuple[str, ...], body: str, code: int | None, capsys: pytest.CaptureFixture[str]
) -> None:
    """A user's test that ends the process: a failed test, or the end of a run that leaves no evidence at all."""
    project.earlier()
    project.pytester.makepyfile(test_own=f"import os, pytest, sys\ndef test_own():\n    {body}\n")
    dying = body.startswith("os.") and "-n" not in dealt
    run = project.run_apart if dying else project.run
    result = run(REQUIRE, "test_own.py", *dealt, *no_restart(dealt))
    if code is not None:  # pytest catches it: a test of the user's failed, and the rungs are what they are
        assert code == result.ret, str(result.stdout)
        assert "READY" == project.predicate["verdict"]
        return
    if "-n" in dealt and project.evidence_path.exists():
        assert 0 != result.ret
        assert problems(project) & {"worker-lost"} or missing(project), str(result.stdout)
        assert "NOT READY" in project.verdict(result)
        return
    if project.evidence_path.exists():
        assert 0 != result.ret
        assert "NOT READY" == project.predicate["verdict"]
    assert refused_by_verify(project, capsys)


@pytest.mark.parametrize("ending", ["os._exit(0)", "sys.exit(0)", "raise KeyboardInterrupt", "pytest.exit('x', 0)"])
@pytest.mark.parametrize("place", ["setup", "diagnosis", "import"])
def test_a_rung_that_leaves(
    project: Project, spread: tuple[str, ...], place: str, ending: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same in a conftest, in a hook around a rung, and in the middle of a judgement."""
    text = {
        "setup": f"def pytest_runtest_setup(item):\n    if 'MSG-110' in item.name: {ending}\n",
        "diagnosis": "def leaving(self, context):\n    def diagnose(check, subject):\n"
        f"        if check == 'MSG-110': {ending}\n        return passed('fine')\n    return diagnose\n"
        "StandIn.diagnose = leaving\n",
        "import": f"def pytest_collection_modifyitems(items):\n    {ending}\n",
    }[place]
    project.earlier()
    if place == "diagnosis":
        project.conftest("import sys\n" + text)
    project.plugin("trick", "import os, pytest, sys\n" + (text if place != "diagnosis" else ""))
    run = project.run if ending != "os._exit(0)" or "-n" in spread else project.run_apart
    result = run("-m", "messaging_plane", "-p", "trick", *spread, *no_restart(spread))
    if ending != "os._exit(0)" or "-n" in spread:
        assert 0 != result.ret, str(result.stdout)
    if project.evidence_path.exists():
        assert "NOT READY" == project.predicate["verdict"]
        assert missing(project)
        assert problems(project)
    assert refused_by_verify(project, capsys)


@pytest.mark.parametrize("method", ["signal", "thread"])
def test_timeouts(project: Project, spread: tuple[str, ...], method: str) -> None:
    """pytest-timeout fails a rung, which then has no record, or ends its process."""
    project.earlier()
    project.conftest(
        "import time\ndef slow(self, context):\n    def diagnose(check, subject):\n"
        "        time.sleep(20 if check == 'MSG-110' else 0)\n        return passed('as it should be')\n"
        "    return diagnose\n\nStandIn.diagnose = slow\n"
    )
    arguments = ("--timeout=1", f"--timeout-method={method}", *no_restart(spread))
    run = project.run if method == "signal" or "-n" in spread else project.run_apart
    result = run("-m", "messaging_plane", *arguments, *spread)
    assert 0 != result.ret
    if method == "signal":
        assert 10 == result.ret, str(result.stdout)
        assert {"broken"} == problems(project)
        assert "Timeout" in str(result.stdout)
    elif "-n" in spread:
        assert 10 == result.ret, str(result.stdout)
        assert {"lost", "worker-lost"} <= problems(project)
    else:
        assert not project.evidence_path.exists()


def test_an_interrupt(project: Project, spread: tuple[str, ...]) -> None:
    """SIGINT ends a run with 2, without evidence, and with how far it came."""
    project.conftest(
        "import time\ndef slow(self, context):\n    def diagnose(check, subject):\n        log('slow')\n"
        "        time.sleep(30 if check == 'MSG-110' else 0)\n        return passed('as it should be')\n"
        "    return diagnose\n\nStandIn.diagnose = slow\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "pytest", *QUICK, "-m", "messaging_plane", *spread],
        cwd=project.path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    until = time.monotonic() + 60
    while project.called("slow") < 10 and time.monotonic() < until:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    assert 2 == process.returncode, output
    assert "NOT READY" in output
    assert not project.evidence_path.exists()


def test_a_collection_error(project: Project, spread: tuple[str, ...]) -> None:
    """A file of the user's that can't be imported interrupts the run, or, as workers go on, fails it."""
    project.earlier()
    project.pytester.makepyfile(test_own="raise RuntimeError('oh')\n")
    result = project.run(REQUIRE, "test_own.py", *spread)
    assert "RuntimeError: oh" in str(result.stdout)
    if "-n" in spread:
        assert 1 == result.ret
        assert "but the run is red: 1 file of your own could not be collected" in str(result.stdout)
    else:
        assert 2 == result.ret
        assert not project.evidence_path.exists()


@pytest.mark.parametrize("name", ["pytest_collect_file", "pytest_make_collect_report"])
def test_a_hook_that_breaks_collection(project: Project, spread: tuple[str, ...], name: str) -> None:
    """Where a conftest keeps our rungs from being collected, the run is red."""
    project.conftest(f"@pytest.hookimpl(tryfirst=True)\ndef {name}():\n    raise RuntimeError('oh')\n")
    result = project.messaging(*spread)
    assert 0 != result.ret
    assert not project.evidence_path.exists() or "NOT READY" == project.predicate["verdict"]


def kill_at(project: Project, path: Path, delay: float) -> int:
    """Run the plane and kill it `delay` seconds after the first rung was judged."""
    path.unlink(missing_ok=True)
    process = subprocess.Popen(
        [sys.executable, "-m", "pytest", "-q", *QUICK, "-p", "no:xdist", "-m", "messaging_plane"],
        cwd=project.path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    until = time.monotonic() + 60
    while not path.exists() and time.monotonic() < until and process.poll() is None:
        time.sleep(0.002)
    time.sleep(delay)
    process.kill()
    return process.wait()


def test_killed_at_any_moment(project: Project) -> None:
    """Whenever it is killed, a run leaves no evidence or a whole one, beside it its draft, the ledger and a lock."""
    left = set()
    for step in range(8):
        kill_at(project, project.path / "calls.log", step * 0.018)
        if project.evidence_path.exists():
            assert "READY" == project.predicate["verdict"]
        left.add(project.evidence_path.exists())
        if project.evidence_path.parent.exists():
            names = {path.name for path in project.evidence_path.parent.iterdir()}
            drafts = {name for name in names if name.startswith(".evidence.json.") and name.endswith(".draft")}
            assert names <= {"evidence.json", "ledger.jsonl", ".ledger.jsonl.lock"} | drafts
    assert False in left


@pytest.mark.parametrize(
    ("arguments", "conftest"),
    [
        ((REQUIRE, "--nonsense"), ""),
        (("-m", "messaging_plane", "--nonsense"), ""),
        (("-m", "messaging_plane"), "raise RuntimeError('oh')\n"),
        (("-m", "messaging_plane"), "import nothing_of_that_name\n"),
        (("-m", "messaging_plane"), "def pytest_nonsense(): pass\n"),
        (("-m", "messaging_plane"), "def pytest_configure(config): raise pytest.UsageError('oh')\n"),
        (("-m", "messaging_plane", "nowhere.py"), ""),
        (("-m", "messaging_plane", "-c", "nowhere.ini"), ""),
        (("-m", "messaging_plane", "-p", "nothing_of_that_name"), ""),
    ],
)
def test_a_run_that_never_began(
    project: Project, spread: tuple[str, ...], arguments: tuple[str, ...], conftest: str
) -> None:
    """A command that pytest refuses, and a conftest that breaks, leave nothing of an earlier run."""
    project.earlier()
    project.conftest(conftest)
    assert project.run(*arguments, *spread).ret in (1, 3, 4, 10)
    if "-p" not in arguments and "-c" not in arguments:  # pytest meets these before it knows of any plugin
        assert not project.evidence_path.exists() or "NOT READY" == project.predicate["verdict"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("--help", "-m", "messaging_plane"),
        ("--version", "-m", "messaging_plane"),
        ("--markers", "-m", "messaging_plane"),
        ("--fixtures", "-m", "messaging_plane"),
        ("-m", "not messaging_plane", "--nonsense"),
    ],
    ids=" ".join,
)
def test_looks_leave_evidence_alone(project: Project, arguments: tuple[str, ...]) -> None:
    """What demands nothing takes nothing away."""
    project.earlier()
    project.run(*arguments, "-p", "no:xdist")
    assert project.evidence_path.exists()
