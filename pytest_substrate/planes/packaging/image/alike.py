"""How a program in a twin has to be started so that it imports as the workload's own would. Pure.

A twin runs `python3`. It stands for the workload's Python where both are of one folder and one build.
"""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from typing import Final

from pytest_substrate.planes.packaging.image.asked import asked_of
from pytest_substrate.planes.packaging.image.contents import Contents
from pytest_substrate.planes.packaging.image.python import Python, python_of
from pytest_substrate.planes.packaging.image.start import PYTHON, started

TWIN: Final = "python3"
_FLAGS: Final = ("E", "I", "P", "S", "s")
"""Options of Python that change its module path."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alike:
    """`first` is the folder of the workload's script, None where a module is started or none is on the path."""

    first: str | None = None
    flags: tuple[str, ...] = ()


def alike(contents: Contents) -> Alike | str:
    """How to start it, or why a twin can't stand for the workload."""
    python = contents.python
    if python is None:
        return "the image has no Python"
    if not python.certain:
        return "something that isn't looked into starts the workload's Python"
    if not _is_same(contents, python):
        return f"the workload runs {python.program}, and {TWIN} is another one"
    argv = contents.start.argv
    at = next((at for at, word in enumerate(argv) if PYTHON.fullmatch(posixpath.basename(word))), 0)
    asked = asked_of(argv[at + 1 :])
    flags = tuple(f"-{letter}" for letter in _FLAGS if letter in asked.flags)
    ignores = asked.flags & {"E", "I"}
    safe = asked.flags & {"I", "P"} or (not ignores and contents.image.config.environment.get("PYTHONSAFEPATH"))
    script = asked.what == "script" and not safe and python.path
    return Alike(first=python.path[0] if script else None, flags=flags)


def _is_same(contents: Contents, python: Python) -> bool:
    """Whether the twin's name leads to a Python of the same folder (which tells a virtual environment) and build."""
    found = started(contents.image, (TWIN,))
    twin = python_of(contents.image, found) if found.python else None
    return twin is not None and _build(twin) == _build(python)


def _build(python: Python) -> tuple[object, ...]:
    release = (python.implementation, python.version, python.full, python.threads, python.soabi, python.builtins)
    return (posixpath.dirname(python.program), posixpath.dirname(python.place), *release)
