"""One container: a local process with its own tree, an exact environment, its output pumped line by line.

It is the first process of its container, as under any runtime: when it ends, everything that it started ends too.
It does not outlive us either: on Linux the kernel ends its process group when our end of a pipe closes, by whatever
death; elsewhere, and for what left the group, the platform's keeper does.
"""

from __future__ import annotations

import contextlib
import fcntl
import marshal
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from pytest_substrate.embedded.runtime import inside
from pytest_substrate.embedded.runtime.inside import program

LINE_BYTES: Final = 16 * 1024
"""A longer line reaches the log in pieces, as with the container runtimes' own drivers."""
Line = tuple[int, str]
"""When it was read (milliseconds since the epoch), and the text without its line end."""
_START: Final = str(Path(inside.__file__).with_name("start.py"))
_LOADER: Final = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")


class CannotStart(Exception):
    """There is nothing to execute; the message is the container runtime's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerSpec:
    """What a container is. `environment` may hold secrets and is shown by no `repr`; `frozen` are read-only folders."""

    name: str
    tree: Path
    argv: tuple[str, ...]
    environment: Mapping[str, str] = field(repr=False)
    working_dir: str = "/"
    user: str = ""
    read_only: bool = False
    mounts: tuple[tuple[str, Path, bool], ...] = ()
    frozen: tuple[str, ...] = ()
    stop_timeout_s: float = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """What a command inside a container came to."""

    exit_code: int
    stdout: bytes
    stderr: bytes


class Container:
    """A started container. `ended` is set once it has ended and its last line has been delivered."""

    def __init__(
        self,
        spec: ContainerSpec,
        *,
        identifier: str,
        folder: Path,
        note: Callable[[int], None],
        deliver: Callable[[Sequence[Line]], None],
        on_end: Callable[[Container], None] = lambda _: None,
    ) -> None:
        """Start it. `identifier` is its 64 hexadecimal digits; `folder` is for its own files.

        `note` is told each process id; `deliver` gets the lines in order; `on_end` is called once, from a thread of
        the container. Raises CannotStart.
        """
        self.id = identifier
        self.spec = spec
        self.ended = threading.Event()
        self.exit_code: int | None = None
        self._note, self._deliver, self._on_end = note, deliver, on_end
        self._folder = Path(os.path.realpath(folder))
        self._user = _user(spec.user, os.path.realpath(spec.tree))
        given = {"HOSTNAME": self.id[:12], "HOME": self._user.home, "PATH": program.DEFAULT_PATH}
        self._environment = {**given, **spec.environment}
        self._launch = self._prepare()
        reading, writing = os.pipe()
        try:
            self._process, self._lifeline = self._spawn(
                spec.argv, stdin=subprocess.DEVNULL, stdout=writing, stderr=writing
            )
        except BaseException:
            os.close(reading)
            raise
        finally:
            os.close(writing)
        self._pump = threading.Thread(target=self._read, args=(reading,), daemon=True, name=f"log-{spec.name}")
        self._pump.start()
        threading.Thread(target=self._wait, daemon=True, name=f"wait-{spec.name}").start()

    @property
    def pid(self) -> int:
        """The process id of the container's first process."""
        return self._process.pid

    def stop(self, grace_s: float | None = None) -> None:
        """SIGTERM to its first process; after `grace_s` (default: its own stop timeout) SIGKILL to all; then return."""
        if not self.ended.is_set():
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGTERM)
            if not self.ended.wait(self.spec.stop_timeout_s if grace_s is None else grace_s):
                self._kill(self._process)
                self.ended.wait(2.0)

    def remove(self) -> None:
        """Forget its files."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def execute(self, argv: Sequence[str], *, deadline_s: float, stdin: bytes = b"") -> Ran:
        """Run a command in it: same environment, tree and working directory. Exit code 127 where there is none.

        Raises TimeoutError, once the command and what it started are ended, after `deadline_s` seconds.
        """
        if self.ended.is_set():
            raise CannotStart("the container is not running")
        try:
            pipe = subprocess.PIPE
            process, lifeline = self._spawn(argv, stdin=pipe, stdout=pipe, stderr=pipe)
        except CannotStart as error:
            return Ran(exit_code=127, stdout=b"", stderr=f"{error}\n".encode())
        try:
            out, err = process.communicate(stdin, timeout=deadline_s)
        except subprocess.TimeoutExpired:
            raise TimeoutError(f"not done within {deadline_s:g} s") from None
        finally:
            self._kill(process)
            process.wait(2.0)
            os.close(lifeline)
        return Ran(exit_code=_exit_code(process.returncode), stdout=out, stderr=err)

    def _prepare(self) -> list[str]:
        """Write what the process inside needs; the words that every process of this container starts with."""
        root = os.path.realpath(self.spec.tree)
        python = getattr(sys, "_base_executable", None) or sys.executable
        launch = [python, "-I", "-S", *(["-u"] if self._environment.get("PYTHONUNBUFFERED") else [])]
        launch += [_START, str(self._folder)]
        try:
            _, environment = program.python_arguments(
                self.spec.argv, root, self._environment["PATH"], self.spec.working_dir
            )
        except (program.NotRunnable, IndexError) as error:
            raise CannotStart(str(error) if self.spec.argv else "no command specified") from None
        interpreter = f"{environment}/bin/python3" if environment else "python3"
        again = self._folder / "bin" / "python3"
        again.parent.mkdir(parents=True)
        words = " ".join("'" + word.replace("'", "'\\''") + "'" for word in [*launch, interpreter])
        again.write_text(f'#!/bin/sh\nexec {words} "$@"\n', encoding="utf-8")
        again.chmod(0o755)
        settings = {
            "root": root,
            "mounts": [(point, os.path.realpath(source), only) for point, source, only in self.spec.mounts],
            "read_only": self.spec.read_only,
            "frozen": self.spec.frozen,
            "uid": self._user.uid,
            "gid": self._user.gid,
            "loader": [name for name in _LOADER if name not in self._environment and name in os.environ],
            "python": str(again),
            "interpreter": interpreter,
            "launch": launch,
        }
        (self._folder / "inside.bin").write_bytes(marshal.dumps(settings))
        return launch

    def _spawn(
        self, argv: Sequence[str], *, stdin: int, stdout: int, stderr: int
    ) -> tuple[subprocess.Popen[bytes], int]:
        """A process of this container, and our end of the pipe whose closing ends it."""
        root = os.path.realpath(self.spec.tree)
        if not argv:
            raise CannotStart("no command specified")
        try:
            program.python_arguments(argv, root, self._environment["PATH"], self.spec.working_dir)
        except program.NotRunnable as error:
            raise CannotStart(str(error)) from None
        loader = {name: os.environ[name] for name in _LOADER if name in os.environ}
        lifeline, ours = os.pipe()
        try:
            process = subprocess.Popen(
                [*self._launch, *argv],
                env={**loader, **self._environment},
                cwd=self._real_folder(root),
                pass_fds=(lifeline,),
                start_new_session=True,
                stdin=stdin,
                stdout=stdout,
                stderr=stderr,
            )
            with contextlib.suppress(OSError, AttributeError):
                fcntl.fcntl(lifeline, fcntl.F_SETOWN, -process.pid)
                fcntl.fcntl(lifeline, fcntl.F_SETFL, fcntl.fcntl(lifeline, fcntl.F_GETFL) | os.O_ASYNC)
        except OSError as error:
            os.close(ours)
            raise CannotStart(f"{error.strerror}") from error
        finally:
            os.close(lifeline)
        self._note(process.pid)
        return process, ours

    def _real_folder(self, root: str) -> str:
        for point, source, _ in self.spec.mounts:
            if self.spec.working_dir == point or self.spec.working_dir.startswith(f"{point}/"):
                return str(source) + self.spec.working_dir[len(point) :]
        folder = root + os.path.normpath(f"/{self.spec.working_dir}")
        Path(folder).mkdir(parents=True, exist_ok=True)
        return folder

    def _kill(self, process: subprocess.Popen[bytes]) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)

    def _wait(self) -> None:
        self._process.wait()
        self._kill(self._process)
        self._pump.join(2.0)
        os.close(self._lifeline)
        self.exit_code = _exit_code(self._process.returncode)
        self.ended.set()
        self._on_end(self)

    def _read(self, reading: int) -> None:
        rest = b""
        with open(reading, "rb", buffering=0) as stream:
            while chunk := stream.read(1 << 16):
                now = time.time_ns() // 1_000_000
                *whole, rest = (rest + chunk).split(b"\n")
                if len(rest) >= LINE_BYTES:
                    whole, rest = [*whole, rest], b""
                self._hand_over(now, whole)
        self._hand_over(time.time_ns() // 1_000_000, [rest] if rest else [])

    def _hand_over(self, now: int, lines: Sequence[bytes]) -> None:
        pieces = [line[at : at + LINE_BYTES] for line in lines for at in range(0, len(line) or 1, LINE_BYTES)]
        if pieces:
            self._deliver([(now, piece.removesuffix(b"\r").decode("utf-8", "replace")) for piece in pieces])


def _exit_code(returned: int) -> int:
    return returned if returned >= 0 else 128 - returned


@dataclass(frozen=True, slots=True)
class _User:
    uid: int = 0
    gid: int = 0
    home: str = "/"


def _user(user: str, root: str) -> _User:
    """Who `user` or `user:group` is, by the image's own files; root where nothing is said. Raises CannotStart."""
    name, _, group = user.partition(":")
    row = _entry(f"{root}/etc/passwd", name or "0")
    if row is None and name and not name.isdecimal():
        raise CannotStart(f"unable to find user {name}: no matching entries in passwd file")
    uid, gid, home = (int(row[2]), int(row[3]), row[5]) if row else (int(name or 0), 0, "/")
    if group:
        found = _entry(f"{root}/etc/group", group)
        if found is None and not group.isdecimal():
            raise CannotStart(f"unable to find group {group}: no matching entries in group file")
        gid = int(found[2] if found else group)
    return _User(uid, gid, home or "/")


def _entry(file: str, wanted: str) -> list[str] | None:
    """The row of `passwd` or `group` with that name or number."""
    with contextlib.suppress(OSError):
        for line in Path(file).read_text(encoding="utf-8").splitlines():
            row = line.split(":")
            if len(row) > 2 and wanted in {row[0], row[2]}:
                return row + [""] * 4
    return None
