"""Nothing outlives its platform: every process is written down, and someone is always there to end it.

- The platform's process watches a pipe of whoever asked for it; its end, by whatever death, stops the platform.
- The keeper, a process of its own, watches a pipe of the platform's process; its end makes the keeper end every
  process that is written down, and remove the folder.
- What a power cut leaves, `sweep` finds at the next start.

A process is known by its id and its creation time, so that a reused id is never ended. It also bears its platform's
name in its environment from its first instruction on: one whose starter was killed before it could write it down is
found by that. (The kernel's own PR_SET_PDEATHSIG doesn't serve: it fires when the *thread* that started a process
ends, and threads of a start end long before the platform does.)
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import psutil

PREFIX = "substrate-embedded-"
_BOOK = "processes"
_OWNER = "owner"
_EXPENDABLE = "expendable"
_MARK = "SUBSTRATE_PLATFORM"
_starting = threading.Lock()
_shut: set[Path] = set()
unfinished: set[Path] = set()
"""Folders elsewhere that this process is making something in: who ends in the middle of it removes them."""


class Shut(Exception):
    """The platform is ending: nothing of it is started any more."""


def make_folder() -> Path:
    """A private folder (mode 0700) for one platform, owned by this process."""
    folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    (folder / "logs").mkdir()
    (folder / _OWNER).write_text(_line(os.getpid()), encoding="ascii")
    return folder


def spawn(
    argv: Sequence[str],
    *,
    folder: Path,
    name: str,
    env: Mapping[str, str],
    cwd: Path | None = None,
    expendable: bool = False,
) -> subprocess.Popen[bytes]:
    """Start a process that belongs to the platform in `folder`; its output goes to `logs/NAME.log`.

    It has a process group of its own, an empty standard input, and exactly the environment that is given, with the
    platform's mark. An `expendable` one has nothing to put in order: at the platform's end it is killed at once. Raises
    Shut after `shut`.
    """
    with _starting:
        if folder in _shut:
            raise Shut(f"{name} is not started: its platform is ending")
        with (folder / "logs" / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                list(argv),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**env, _MARK: str(folder)},
                cwd=cwd,
                start_new_session=True,
            )
        write_down(folder, process.pid, expendable=expendable)
    return process


def shut(folder: Path) -> None:
    """Let no thread of this process start anything more for the platform in `folder`; what was begun is written down
    when this returns."""
    with _starting:
        _shut.add(folder)


def spawn_expendable(
    argv: Sequence[str], *, folder: Path, name: str, env: Mapping[str, str], cwd: Path | None = None
) -> subprocess.Popen[bytes]:
    """`spawn` for a process that has nothing to put in order when the platform ends, as its data goes too."""
    return spawn(argv, folder=folder, name=name, env=env, cwd=cwd, expendable=True)


def write_down(folder: Path, pid: int, *, expendable: bool = False) -> None:
    """Note a process as the platform's own. A line is one write, so that several processes may note at once."""
    with contextlib.suppress(psutil.NoSuchProcess), (folder / _BOOK).open("a", encoding="ascii") as book:
        book.write(_line(pid, _EXPENDABLE if expendable else ""))


def keep(folder: Path) -> subprocess.Popen[bytes]:
    """Start the keeper of `folder`; it acts when this process ends, or closes the keeper's standard input."""
    return subprocess.Popen(
        [sys.executable, "-I", "-m", __name__, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",
        start_new_session=True,
    )


def end_all(folder: Path, *, grace_s: float = 1.0) -> None:
    """End every process that `folder` notes, politely first but for expendable ones; bounded by `grace_s` seconds and
    one more."""
    noted = list(_alive(folder))
    for process, is_expendable in noted:
        with contextlib.suppress(psutil.Error):
            if is_expendable:
                process.kill()
            else:
                process.terminate()
    _, left = psutil.wait_procs([process for process, _ in noted], timeout=grace_s)
    for process in [*left, *(process for process, _ in _alive(folder))]:
        with contextlib.suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(left, timeout=1.0)


def remove(folder: Path) -> None:
    """Remove the folder; what a dying process still writes is retried for a second."""
    until = time.monotonic() + 1.0
    while folder.exists():
        shutil.rmtree(folder, ignore_errors=True)
        if time.monotonic() > until:
            return
        time.sleep(0.02)


def sweep() -> list[Path]:
    """End and remove what dead owners of this user left behind; the folders that were removed."""
    swept = []
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        try:
            if folder.is_symlink() or folder.stat().st_uid != os.getuid():
                continue
            owner = (folder / _OWNER).read_text(encoding="ascii")
        except FileNotFoundError:
            if time.time() - folder.stat().st_mtime < 60:  # being made this moment by someone else
                continue
            owner = ""
        except OSError:
            continue
        if _process(owner) is None:
            end_all(folder, grace_s=0.5)
            remove(folder)
            swept.append(folder)
    return swept


def _line(pid: int, word: str = "") -> str:
    return f"{pid} {psutil.Process(pid).create_time():.2f} {word}".rstrip() + "\n"


def _process(line: str) -> psutil.Process | None:
    try:
        pid, created = line.split()[:2]
        process = psutil.Process(int(pid))
        if abs(process.create_time() - float(created)) < 0.05 and process.status() != psutil.STATUS_ZOMBIE:
            return process
    except (ValueError, psutil.Error):
        pass
    return None


def _alive(folder: Path) -> Iterator[tuple[psutil.Process, bool]]:
    """What still runs of it, children first, and whether it is expendable."""
    try:
        lines = (folder / _BOOK).read_text(encoding="ascii").splitlines()
    except OSError:
        lines = []
    noted = set()
    for line in lines:
        process = _process(line)
        if process is not None:
            noted.add(process.pid)
            is_expendable = line.endswith(f" {_EXPENDABLE}")
            with contextlib.suppress(psutil.Error):
                yield from ((child, is_expendable) for child in process.children(recursive=True))
            yield process, is_expendable
    yield from ((process, True) for process in _marked(folder) if process.pid not in noted)


def _marked(folder: Path) -> Iterator[psutil.Process]:
    """The processes of this user that bear the mark of the platform in `folder`, written down or not."""
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.environ().get(_MARK) == str(folder) and process.pid != os.getpid():
                yield process


def _main(folder: Path) -> None:
    sys.stdin.buffer.read()
    end_all(folder)
    remove(folder)


if __name__ == "__main__":
    _main(Path(sys.argv[1]))
