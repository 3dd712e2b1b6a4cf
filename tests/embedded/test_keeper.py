"""Whatever way the platform's process ends, its processes and its folder go with it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from pytest_substrate.embedded import keeper

OWNER = """
import sys, time
from pathlib import Path
from pytest_substrate.embedded import keeper
folder = keeper.make_folder()
kept = keeper.keep(folder) if sys.argv[1] == "kept" else None
child = "import subprocess, sys, time; subprocess.Popen([sys.executable, *sys.argv[1:]]); time.sleep(60)"
argv = [sys.executable, "-c", child, "-c", "import time; time.sleep(60)"]
process = keeper.spawn(argv, folder=folder, name="sleeper", env={})
print(folder, process.pid, flush=True)
time.sleep(60)
"""


def until(true: Callable[[], bool], deadline_s: float = 8.0) -> bool:
    """Whether it became true in time."""
    end = time.monotonic() + deadline_s
    while not true() and time.monotonic() < end:
        time.sleep(0.02)
    return true()


def gone(pid: int) -> bool:
    """Whether no such process runs any more (one that waits for its parent to look counts as gone)."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


@pytest.fixture
def owner(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], Path, int]]:
    """A process that owns a platform's folder with a sleeping process and its child."""
    process = subprocess.Popen(
        [sys.executable, "-c", OWNER, request.param],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    assert process.stdout is not None
    folder, pid = process.stdout.readline().split()
    assert until(lambda: len(psutil.Process(int(pid)).children()) == 1)
    yield process, Path(folder), int(pid)
    process.kill()
    process.wait()
    keeper.end_all(Path(folder), grace_s=0.1)
    keeper.remove(Path(folder))


@pytest.mark.parametrize("owner", ["kept"], indirect=True)
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_nothing_outlives_a_killed_owner(owner: tuple[subprocess.Popen[str], Path, int], how: signal.Signals) -> None:
    """The keeper ends the process and its child, and removes the folder."""
    process, folder, pid = owner
    child = psutil.Process(pid).children()[0].pid
    process.send_signal(how)
    process.wait()
    assert until(lambda: gone(pid) and gone(child) and not folder.exists())


@pytest.mark.parametrize("owner", ["alone"], indirect=True)
def test_a_sweep_takes_what_a_power_cut_left(
    owner: tuple[subprocess.Popen[str], Path, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next start finds the folder of a dead owner, and leaves the one of a living owner alone."""
    process, folder, pid = owner
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert keeper.sweep() == []
    process.kill()
    process.wait()
    assert [folder] == keeper.sweep()
    assert until(lambda: gone(pid) and not folder.exists())


def test_a_reused_process_id_is_never_ended(tmp_path: Path) -> None:
    """A line whose creation time is not the process's own names nobody."""
    (tmp_path / "processes").write_text(f"{os.getpid()} 12.00\n", encoding="ascii")
    keeper.end_all(tmp_path, grace_s=0.1)
    assert psutil.pid_exists(os.getpid())


def test_a_process_that_nobody_could_write_down_is_found(tmp_path: Path) -> None:
    """It bears its platform's mark from its first instruction; another platform's does not end it."""
    (tmp_path / "logs").mkdir()
    process = keeper.spawn([sys.executable, "-c", "import time; time.sleep(60)"], folder=tmp_path, name="a", env={})
    (tmp_path / "processes").unlink()
    keeper.end_all(tmp_path / "another", grace_s=0.1)
    assert process.poll() is None
    keeper.end_all(tmp_path, grace_s=0.1)
    assert gone(process.pid)


def test_a_platform_that_ends_starts_nothing_more(tmp_path: Path) -> None:
    """A thread of an unfinished start can't start what nobody would end."""
    (tmp_path / "logs").mkdir()
    keeper.shut(tmp_path)
    with pytest.raises(keeper.Shut):
        keeper.spawn([sys.executable, "-c", ""], folder=tmp_path, name="late", env={})
    assert not (tmp_path / "processes").exists()


STARTER = """
import os, sys, time
from pytest_substrate.embedded.client import start_server
def progress(line):
    print(line, flush=True)
    if sys.argv[1] == "forked" and (child := os.fork()) == 0:
        time.sleep(60)
with start_server(progress=progress):
    print("ready", flush=True)
    time.sleep(60)
"""
"""It starts a platform; `forked` has a child that holds its ends of all pipes open after its death."""


def bearing(tmp_path: Path) -> dict[int, str]:
    """The processes that have the folder in their environment: the starter, and all that its platform is made of."""
    found = {}
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if any(str(tmp_path) in value for value in process.environ().values()) and not gone(process.pid):
                found[process.pid] = " ".join(process.cmdline())
    return found


@pytest.mark.parametrize(
    ("how", "processes", "starter"),
    [
        (signal.SIGKILL, 2, "plain"),  # the platform's process has just begun
        (signal.SIGKILL, 4, "plain"),  # the cloud is on its way
        (signal.SIGKILL, 6, "forked"),  # and both brokers
        (signal.SIGINT, 6, "plain"),
    ],
)
def test_an_unfinished_start_ends_with_its_owner(
    tmp_path: Path, how: signal.Signals, processes: int, starter: str
) -> None:
    """At whatever moment of the start: every process and the folder are gone, long before the start would be done."""
    owner = subprocess.Popen(
        [sys.executable, "-c", STARTER, starter],
        stdout=subprocess.PIPE,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    others = 1 if starter == "forked" else 0
    assert until(lambda: len(bearing(tmp_path)) >= processes + others, 30.0)
    forked = [child.pid for child in psutil.Process(owner.pid).children() if child.cmdline()[1:2] == ["-c"]]
    assert len(forked) == others
    owner.send_signal(how)
    owner.wait(10.0)
    assert until(lambda: bearing(tmp_path).keys() <= set(forked) and not list(tmp_path.glob(f"{keeper.PREFIX}*")), 5.0)
    for child in forked:
        os.kill(child, signal.SIGKILL)
    assert owner.stdout is not None
    assert b"ready" not in owner.stdout.read()


def test_a_folder_is_private() -> None:
    """Only its owner can enter it."""
    folder = keeper.make_folder()
    try:
        assert folder.stat().st_mode & 0o777 == 0o700
    finally:
        keeper.remove(folder)


def test_what_is_expendable_is_not_waited_for(tmp_path: Path) -> None:
    """A process that puts things in order when it is asked to end gets the time for it; an expendable one is killed."""
    deaf = (
        "import signal, time; signal.signal(signal.SIGTERM, lambda *_: None); print('deaf', flush=True); time.sleep(60)"
    )
    (tmp_path / "logs").mkdir()
    processes = {
        start.__name__: start([sys.executable, "-c", deaf], folder=tmp_path, name=start.__name__, env={})
        for start in (keeper.spawn, keeper.spawn_expendable)
    }
    logs = [tmp_path / "logs" / f"{name}.log" for name in processes]
    assert until(lambda: all(log.read_text(encoding="ascii") for log in logs))
    polite, expendable = processes.values()
    with ThreadPoolExecutor(1) as pool:
        ending = pool.submit(keeper.end_all, tmp_path, grace_s=30.0)
        assert until(lambda: expendable.poll() is not None)  # deaf to everything that it could hear
        assert polite.poll() is None
        polite.kill()
        polite.wait()
        ending.result(10.0)
