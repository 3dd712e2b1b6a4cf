"""Which interpreter a path leads to, and what is known of it: virtual environment, version, names in its binary.

As CPython decides it (Modules/getpath.py), without running it; the version is told by a name, a linked library, a text
in the binary, or the library beside it.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pytest_substrate.planes.packaging.image.facts import ImageFacts

STANDARD: Final = ("os.py", "os.pyc")
"""By which getpath knows a standard library."""

_NAMED: Final = re.compile(r"(python|pypy)(\d)\.(\d{1,2})(t?)d?")
_LIBPYTHON: Final = re.compile(r"libpython(3)\.(\d{1,2})(t?)d?\.so.*")
_LIBRARY: Final = re.compile(r"(python|pypy)(3)\.(\d{1,2})(t?)")
_PY_VERSION: Final = re.compile(r'^#define\s+PY_VERSION\s+"([0-9.abrc]+)\+?"', re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """Implementation and version; `threads` is `t` for a build without the global lock."""

    implementation: str
    version: tuple[int, int]
    threads: str = ""

    @property
    def folder(self) -> str:
        """How its library is named."""
        name = "pypy" if self.implementation == "pypy" else "python"
        return f"{name}{self.version[0]}.{self.version[1]}{self.threads}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Interpreter:
    """`program` is the path by which it is started, `real` the binary behind links and virtual environments.

    `config` are the settings of its virtual environment, None where it is in none. `words` are the names in its binary.
    """

    program: str
    real: str
    config: Mapping[str, str] | None
    release: Release
    words: tuple[str, ...]

    @property
    def home(self) -> str:
        """Where a virtual environment's own interpreter is; empty where there is no such setting."""
        return (self.config or {}).get("home", "")


def interpreter_of(image: ImageFacts, program: str) -> Interpreter | None:
    """The interpreter that an absolute path starts; None where nothing says its version."""
    config = _venv_config(image, program)
    base = _base(image, program, (config or {}).get("home", ""))
    place = image.tree.locate(base)
    real = f"/{place}" if place is not None else base
    words = _words(image, real)
    release = _release(image, program, real, words, config or {})
    if release is None:
        return None
    return Interpreter(program=program, real=real, config=config, release=release, words=words)


def full_version(image: ImageFacts, python: Interpreter, prefix: str) -> str | None:
    """The whole version, None where nothing in the image says it. `prefix` is where its library lies."""
    minor = f"{python.release.version[0]}.{python.release.version[1]}."
    told = {word.removeprefix("python ") for word in python.words if word.startswith(f"python {minor}")}
    if len(told) == 1:
        return told.pop()
    for include in (python.release.folder, f"{python.release.folder}m"):  # `m` until 3.7
        header = image.file(f"{prefix}/include/{include}/patchlevel.h")
        found = _PY_VERSION.search(header.read()) if header is not None else None
        if found is not None and found[1].startswith(minor):
            return found[1]
    config = python.config or {}
    environment = image.config.environment
    for text in (config.get("version_info", ""), config.get("version", ""), environment.get("PYTHON_VERSION", "")):
        number = re.match(r"\d+\.\d+\.\d+", text)
        if number is not None and number[0].startswith(minor):
            return number[0]
    return None


def holds(image: ImageFacts, folder: str, names: Sequence[str]) -> bool:
    """Whether a folder holds any of the names."""
    return any(image.tree.entry(f"{folder}/{name}") is not None for name in names)


def _venv_config(image: ImageFacts, program: str) -> dict[str, str] | None:
    """A virtual environment's settings, beside the interpreter or one folder above."""
    folder = posixpath.dirname(program)
    for place in (folder, posixpath.dirname(folder)):
        file = image.file(f"{place}/pyvenv.cfg")
        if file is not None:
            pairs = (line.partition("=") for line in file.read().splitlines())
            return {key.strip().lower(): value.strip() for key, equals, value in pairs if equals}
    return None


def _base(image: ImageFacts, program: str, home: str) -> str:
    """The interpreter behind a virtual environment's, else the program itself."""
    if not home:
        return program
    for name in (posixpath.basename(program), "python3", "python"):
        if image.file(f"{home}/{name}") is not None:
            return f"{home}/{name}"
    return program if image.file(program) is not None else f"{home}/{posixpath.basename(program)}"


def _release(
    image: ImageFacts, program: str, real: str, words: Sequence[str], config: Mapping[str, str]
) -> Release | None:
    for name in (posixpath.basename(real), posixpath.basename(program)):
        found = _NAMED.fullmatch(name)
        if found is not None:
            return _named(found)
    implementation = "pypy" if "pypy" in posixpath.basename(real) else "cpython"
    file = image.file(real)
    for needed in file.elf.needed if file is not None and file.elf is not None else ():
        linked = _LIBPYTHON.fullmatch(posixpath.basename(needed))
        if linked is not None:
            version = (int(linked[1]), int(linked[2]))
            return Release(implementation=implementation, version=version, threads=linked[3])
    versions = {word.removeprefix("python ").rpartition(".")[0] for word in words if word.startswith("python ")}
    if len(versions) == 1:
        major, _, minor = versions.pop().partition(".")
        return Release(implementation=implementation, version=(int(major), int(minor)))
    beside = _beside(image, real)
    if beside is not None:
        return beside
    parts = config.get("version_info", config.get("version", "")).split(".")
    if len(parts) > 1 and parts[0].isdigit() and parts[1].isdigit():
        return Release(implementation=implementation, version=(int(parts[0]), int(parts[1])))
    return None


def _beside(image: ImageFacts, real: str) -> Release | None:
    """The only library of a Python beside or above the interpreter."""
    folder = posixpath.dirname(real)
    while True:
        libraries = [_LIBRARY.fullmatch(name) for name in sorted(image.tree.names(f"{folder}/lib"))]
        found = [one for one in libraries if one and holds(image, f"{folder}/lib/{one[0]}", STANDARD)]
        if found:
            return _named(found[0]) if len(found) == 1 else None
        if folder in ("", "/"):
            return None
        folder = posixpath.dirname(folder)


def _words(image: ImageFacts, real: str) -> tuple[str, ...]:
    """What is known of the interpreter's binary and of the library that it is linked with."""
    file = image.file(real)
    if file is None:
        return ()
    words = list(file.words)
    prefix = posixpath.dirname(posixpath.dirname(real))
    for needed in file.elf.needed if file.elf is not None else ():
        name = posixpath.basename(needed)
        if _LIBPYTHON.fullmatch(name):
            found = (image.file(f"{place}/{name}") for place in (f"{prefix}/lib", "/usr/lib", "/usr/local/lib"))
            words += next((library.words for library in found if library is not None), ())
    return tuple(words)


def _named(found: re.Match[str]) -> Release:
    implementation = "pypy" if found[1] == "pypy" else "cpython"
    return Release(implementation=implementation, version=(int(found[2]), int(found[3])), threads=found[4])
