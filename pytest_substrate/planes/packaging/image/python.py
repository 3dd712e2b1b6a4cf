"""The image's Python: the one that its entry point starts, with its version and its module path; without running it."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from pytest_substrate.planes.packaging.image.asked import asked_of
from pytest_substrate.planes.packaging.image.facts import ImageFacts
from pytest_substrate.planes.packaging.image.interpreter import full_version, interpreter_of
from pytest_substrate.planes.packaging.image.modulepath import ModulePath
from pytest_substrate.planes.packaging.image.start import PYTHON, Start, absolute, started

_SHELLS: Final = frozenset({"sh", "bash", "dash", "ash", "busybox", "zsh"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Python:
    """`path` is the modules' path in order; `sites` those of it that are site folders.

    `full` is the whole version, None where nothing in the image says it. `certain` is false where something that isn't
    looked into starts the interpreter, so that the working directory or a script's folder may be on the path as well.
    `soabi` is what its extension modules are named after, where its binary says it. `executed` are `.pth` files with
    lines that run code.
    """

    program: str
    place: str
    version: tuple[int, int]
    full: str | None
    implementation: str = "cpython"
    threads: str = ""
    path: tuple[str, ...] = ()
    sites: tuple[str, ...] = ()
    builtins: frozenset[str] = frozenset()
    soabi: str | None = None
    executed: tuple[str, ...] = ()
    certain: bool = True

    @property
    def minor(self) -> str:
        """Major and minor version."""
        return f"{self.version[0]}.{self.version[1]}"


def python_of(image: ImageFacts, start: Start) -> Python | None:
    """The Python that the image's entry point starts, else the one along PATH; None where the image has none.

    A wrapper (`tini -- python …`, `entrypoint.sh gunicorn`) is taken to start the first Python that its words name.
    """
    for tried, certain in _starts(image, start):
        if tried.python or (tried.problem is not None and PYTHON.fullmatch(posixpath.basename(tried.argv[0]))):
            found = _modelled(image, tried, certain=certain)
            if found is not None:
                return found
    return None


def _starts(image: ImageFacts, start: Start) -> Iterator[tuple[Start, bool]]:
    if start.argv:
        yield start, True
    words = start.argv
    is_shell = bool(words) and posixpath.basename(words[0]) in _SHELLS
    if not (is_shell and any(word.startswith("-") and "c" in word for word in words[1:])):
        for at in range(1, len(words)):
            if not words[at].startswith("-"):
                found = started(image, words[at:])
                if found.python:
                    yield found, True
                    break
    for name in ("python3", "python"):
        yield started(image, (name,)), False


def _modelled(image: ImageFacts, start: Start, *, certain: bool) -> Python | None:
    program = absolute(image, start.argv[0]) if "/" in start.argv[0] else ""
    found = interpreter_of(image, posixpath.normpath(program)) if program else None
    if found is None:
        return None
    asked = asked_of(start.argv[1:]) if certain else None
    path = ModulePath(image, found, asked)
    words = {kind: [word for key, _, word in map(_parted, found.words) if key == kind] for kind in ("builtin", "soabi")}
    return Python(
        program=found.program,
        place=found.real,
        version=found.release.version,
        full=full_version(image, found, path.prefix),
        implementation=found.release.implementation,
        threads=found.release.threads,
        path=tuple(path.path),
        sites=tuple(path.sites),
        builtins=frozenset(words["builtin"]),
        soabi=next(iter(words["soabi"]), None),
        executed=tuple(path.executed),
        certain=certain,
    )


def _parted(word: str) -> tuple[str, str, str]:
    return word.partition(" ")
