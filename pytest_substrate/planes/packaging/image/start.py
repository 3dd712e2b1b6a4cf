"""How the kernel would start the image: from entry point and command to the program that runs, without running it.

As runc and Linux do: PATH is searched for a name without a slash, x bits are the user's, a first line `#!` names
another program (`binfmt_script`: 256 bytes, one argument, five deep), and what `env` is given is looked for along PATH.
What a shell is told to do is not looked into.
"""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from pytest_substrate.planes.packaging.image.facts import ImageFacts
from pytest_substrate.planes.packaging.image.files import File

DEFAULT_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""What container runtimes set where an image sets none."""

PYTHON: Final = re.compile(r"(?:python|pypy)(?:3(?:\.\d{1,2})?)?[td]?")
_DEEPEST: Final = 5
_ASSIGNED: Final = re.compile(r"[A-Za-z_]\w*=.*", re.DOTALL)
_ENV_WITH_VALUE: Final = ("-u", "--unset", "-C", "--chdir")


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Why nothing starts: `cause` is a slug of PKG-100."""

    cause: str
    message: str
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """`argv` is what the last program is given, its first word the path by which it is started.

    `programs` are the binaries on the way, by their paths without links, the last one last. `python` says that the last
    one is a Python.
    """

    argv: tuple[str, ...] = ()
    programs: tuple[str, ...] = ()
    python: bool = False
    problem: Problem | None = None


def start_of(image: ImageFacts) -> Start:
    """What the image's own entry point and command come to."""
    argv = (*image.config.entrypoint, *image.config.command)
    if not argv:
        return Start(problem=Problem(cause="no-entrypoint", message="the image doesn't say what to run", path=""))
    if image.tree.entry(working_dir(image)) not in (None, True):
        message = f"the working directory {working_dir(image)} is no folder"
        return Start(problem=Problem(cause="entrypoint-missing", message=message, path=working_dir(image)))
    return started(image, argv)


def started(image: ImageFacts, argv: Sequence[str]) -> Start:
    """What a command line comes to."""
    return _Starting(image).run(tuple(argv))


def working_dir(image: ImageFacts) -> str:
    """Where the image's program starts."""
    return posixpath.normpath("/" + image.config.working_dir.lstrip("/"))


def absolute(image: ImageFacts, path: str) -> str:
    """A path as the program sees it, from its working directory; links and `..` are left as they are."""
    return path if path.startswith("/") else f"{working_dir(image).rstrip('/')}/{path}"


def search_path(image: ImageFacts) -> str:
    """PATH as the program has it."""
    return image.config.environment.get("PATH", DEFAULT_PATH)


class _Starting:
    def __init__(self, image: ImageFacts) -> None:
        self._image = image
        self._user = User(image)
        self._programs: list[str] = []

    def run(self, argv: tuple[str, ...]) -> Start:
        missing = "entrypoint-missing"
        by_env = False
        for _ in range(_DEEPEST + 1):
            path, problem = self._found(argv[0], missing)
            if problem is not None and problem.cause == "no-format":
                if by_env:  # execvp hands what has no format to a shell
                    argv, by_env = ("/bin/sh", path, *argv[1:]), False
                    continue
                problem = replace(problem, cause="not-executable")
            by_env = False
            if problem is not None:
                return Start(argv=argv, programs=tuple(self._programs), problem=problem)
            argv = (path, *argv[1:])
            place, file = self._file(path)
            if file.program == "script":
                argv, problem = _interpreted(argv, file.shebang or "")
                missing = "interpreter-missing"
                if problem is not None:
                    return Start(argv=argv, programs=tuple(self._programs), problem=problem)
                continue
            self._programs.append(place)
            name = posixpath.basename(path)
            if name == "env":
                inner = _operand(argv[1:])
                if inner:
                    argv, missing, by_env = inner, "interpreter-missing", True
                    continue
            is_python = bool(PYTHON.fullmatch(name) or PYTHON.fullmatch(posixpath.basename(place)))
            return Start(argv=argv, programs=tuple(self._programs), python=is_python)
        message = f"{argv[0]} is interpreted more than {_DEEPEST} times over"
        return Start(
            argv=argv,
            programs=tuple(self._programs),
            problem=Problem(cause="interpreter-missing", message=message, path=argv[0]),
        )

    def _file(self, path: str) -> tuple[str, File]:
        place = self._image.tree.locate(path)
        file = self._image.file(path)
        assert place is not None  # noqa: S101  `_found` has seen it
        assert file is not None  # noqa: S101  that too
        return place, file

    def _found(self, word: str, missing: str) -> tuple[str, Problem | None]:
        """The path by which a word is started, or why it can't be."""
        refused: Problem | None = None
        for path in self._places(word):
            problem = self._judge(path, missing)
            if problem is None:
                return path, None
            if problem.cause == "no-format":  # the kernel is asked for the first that may be executed, and refuses it
                return path, problem
            if refused is None or refused.cause == missing:
                refused = problem
        what = "the interpreter" if missing == "interpreter-missing" else "the program"
        if refused is None or ("/" not in word and refused.cause == missing):
            message = f"{what} {word!r} is nowhere along PATH"
            refused = Problem(cause=missing, message=message, path=word)
        return word, refused

    def _places(self, word: str) -> Iterator[str]:
        if "/" in word:
            yield absolute(self._image, word)
        elif word:
            for folder in search_path(self._image).split(":"):
                yield absolute(self._image, f"{folder or '.'}/{word}")

    def _judge(self, path: str, missing: str) -> Problem | None:
        what = "the interpreter" if missing == "interpreter-missing" else "the program"
        entry = self._image.tree.entry(path)
        if entry is None:
            return Problem(cause=missing, message=f"{what} {path} isn't in the image", path=path)
        file = self._image.file(path)
        if file is None or path.endswith("/"):
            return Problem(cause="not-executable", message=f"{what} {path} is no file", path=path)
        if not self._user.may_execute(file):
            return Problem(cause="not-executable", message=f"{what} {path} may not be executed", path=path)
        if not file.program:
            message = f"{what} {path} is neither a binary nor a script with `#!`"
            return Problem(cause="no-format", message=message, path=path)
        return None


def _interpreted(argv: tuple[str, ...], line: str) -> tuple[tuple[str, ...], Problem | None]:
    """The command line that a script's first line makes of the script's own."""
    words = line.strip(" \t").split(None, 1) if not line.endswith("\r") else line.strip(" \t").split(" ", 1)
    if not words:
        message = f"the script {argv[0]} names no interpreter"
        return argv, Problem(cause="interpreter-missing", message=message, path=argv[0])
    interpreter = words[0] if "/" in words[0] else f"./{words[0]}"
    return (interpreter, *(word.strip(" \t") for word in words[1:]), *argv), None


def _operand(words: Sequence[str]) -> tuple[str, ...]:
    """What `env` runs: behind its options and assignments; `-S` splits its argument. Empty where it runs nothing."""
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if word == "--":
            continue
        split = next(
            (word.removeprefix(option) for option in ("--split-string=", "-vS", "-S") if word.startswith(option)), None
        )
        if split is not None or word == "--split-string":
            text = split or (rest.pop(0) if rest else "")
            try:
                rest = shlex.split(text, comments=True) + rest
            except ValueError:
                return ()
        elif word in _ENV_WITH_VALUE:
            rest = rest[1:]
        elif not word.startswith("-") and not _ASSIGNED.fullmatch(word):
            return (word, *rest)
    return ()


class User:
    """Whom the image's program runs as; an unknown user is refused nothing that anybody may do."""

    def __init__(self, image: ImageFacts) -> None:
        name, _, group = image.config.user.partition(":")
        self._uid: int | None = 0 if not name else _number(name)
        self._groups: set[int] = set()
        for row in _rows(image, "etc/passwd"):
            if len(row) > 3 and (row[0] == name or (self._uid is not None and row[2] == str(self._uid))):
                self._uid = _number(row[2])
                self.home = row[5] if len(row) > 5 else ""
                self._groups |= {found for found in (_number(row[3]),) if found is not None}
                break
        else:
            self.home = "" if name else "/root"
            self._groups |= {0} if self._uid is not None else set()
        for row in _rows(image, "etc/group"):
            if len(row) > 2 and (
                row[0] == group or (not group and len(row) > 3 and name and name in row[3].split(","))
            ):
                self._groups |= {found for found in (_number(row[2]),) if found is not None}
        if group.isdigit():
            self._groups = {int(group)}

    def may_execute(self, file: File) -> bool:
        """By the file's mode alone."""
        if self._uid is None or self._uid == 0:
            return bool(file.mode & 0o111)
        if file.uid == self._uid:
            return bool(file.mode & 0o100)
        if file.gid in self._groups:
            return bool(file.mode & 0o010)
        return bool(file.mode & 0o001)


def _rows(image: ImageFacts, path: str) -> Iterator[list[str]]:
    file = image.file(path)
    if file is not None:
        for line in file.read().splitlines():
            yield line.split(":")


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 11 else None
