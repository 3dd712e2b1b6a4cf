"""Whether a module resolves in the image, as `importlib.machinery.PathFinder` would find it; nothing is run.

Packages before modules, extension modules before sources, sources before byte code; a folder without `__init__` only
where nothing else is found along the whole path (a namespace package). What a package does to its own `__path__` isn't
known, but for the two ways in which namespace packages did it.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from pytest_substrate.planes.packaging.image.facts import ImageFacts
from pytest_substrate.planes.packaging.image.python import Python

_TRIPLETS: Final = {
    "amd64": "x86_64-linux-gnu",
    "386": "i386-linux-gnu",
    "arm64": "aarch64-linux-gnu",
    "arm": "arm-linux-gnueabihf",
    "ppc64le": "powerpc64le-linux-gnu",
    "s390x": "s390x-linux-gnu",
    "riscv64": "riscv64-linux-gnu",
    "loong64": "loongarch64-linux-gnu",
}
_MUSL_NAMED: Final = (3, 11)
"""Since when extension modules for musl are named after it."""

_ALWAYS: Final = frozenset(
    """
    _abc _ast _codecs _collections _functools _imp _io _locale _operator _signal _sre _stat _string _symtable _thread
    _tracemalloc _warnings _weakref atexit builtins errno faulthandler gc itertools marshal posix pwd sys time xxsubtype
    _frozen_importlib _frozen_importlib_external zipimport __main__
    """.split()  # noqa: SIM905  a list of thirty words would be thirty lines
)
"""Modules that are built in or frozen in every CPython since 3.8 (Modules/config.c.in, Python/frozen.c)."""

_FINDER: Final = re.compile(r"__editable___\w+_finder\.py")
_BY_CODE: Final = frozenset({"os.path"})
"""Modules of the standard library that no file is named after."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """`place` is the file or folder that a module resolves to; None where it resolves to nothing.

    `stopped_at` is then the file that stands before where it would have been found, if there is one. `namespace` says
    that a folder was found and no file.
    """

    place: str | None = None
    namespace: bool = False
    stopped_at: str | None = None


def suffixes_of(image: ImageFacts, python: Python) -> tuple[str, ...]:
    """The endings of extension modules that this Python loads, in its order."""
    triplet = _TRIPLETS.get(image.config.platform.architecture, "")
    if python.implementation == "pypy":
        return (f".pypy{python.version[0]}{python.version[1]}-pp73-{triplet}.so", ".so")
    if _is_musl(image, python) and python.version >= _MUSL_NAMED:
        triplet = triplet.replace("-gnu", "-musl")
    soabi = python.soabi or f"cpython-{python.version[0]}{python.version[1]}{python.threads}-{triplet}"
    stable = () if python.threads else (".abi3.so",)
    return (f".{soabi}.so", *stable, ".so")


def _is_musl(image: ImageFacts, python: Python) -> bool:
    file = image.file(python.place)
    loader = file.elf.loader if file is not None and file.elf is not None else ""
    return "ld-musl" in loader


def resolve(image: ImageFacts, python: Python, module: str) -> Resolution:
    """What a dotted name resolves to."""
    return _Finder(image, python).resolve(module)


def module_in(image: ImageFacts, python: Python, folder: str, name: str) -> bool:
    """Whether a folder of the path holds a module or a package of that name, by itself."""
    found = _Finder(image, python).within(folder, name)
    return found is not None


class _Finder:
    def __init__(self, image: ImageFacts, python: Python) -> None:
        self._image, self._python = image, python
        self._endings = (*suffixes_of(image, python), ".py", ".pyc")
        self._zips: dict[str, frozenset[str]] = {}

    def resolve(self, module: str) -> Resolution:
        """Each part of the name in turn, where the part before it says."""
        parts = module.split(".")
        if parts[0] in _ALWAYS | self._python.builtins or module in _BY_CODE:
            if len(parts) == 1 or module in _BY_CODE:
                return Resolution(place="built-in")
            return Resolution()
        path: Sequence[str] = self._python.path
        found = Resolution()
        for at, part in enumerate(parts):
            found, below = self._step(part, path)
            if found.place is None and at == 0:
                found, below = self._editable(part)
            if found.place is None:
                return found
            if not below and at + 1 < len(parts):
                stands = self._elsewhere(parts[: at + 2], path)
                return Resolution(stopped_at=found.place if stands else None)
            if at + 1 < len(parts) and not found.namespace and self._misses(parts[at + 1], below):
                stands = self._elsewhere(parts[: at + 2], path)
                return Resolution(stopped_at=found.place if stands else None)
            path = below
        return found

    def _step(self, name: str, path: Sequence[str]) -> tuple[Resolution, list[str]]:
        """One name along a path: what it is, and where what lies below it is looked for."""
        portions: list[str] = []
        for folder in path:
            found = self.within(folder, name)
            if found is not None:
                place, is_package = found
                below = [posixpath.dirname(place)] if is_package else []
                if is_package and self._extends(place):
                    below += [f"{one}/{name}" for one in path if one != folder and self._is_folder(f"{one}/{name}")]
                return Resolution(place=place), below
            if self._is_folder(f"{folder}/{name}"):
                portions.append(f"{folder}/{name}")
        if portions:
            return Resolution(place=portions[0], namespace=True), portions
        return Resolution(), []

    def within(self, folder: str, name: str) -> tuple[str, bool] | None:
        """The file of a package or a module in one folder or zip, and whether it is a package."""
        archive = self._zipped(folder)
        if archive is not None:
            prefix, held = archive
            for place, is_package in ((f"{name}/__init__", True), (name, False)):
                for ending in (".pyc", ".py"):
                    if f"{prefix}{place}{ending}" in held:
                        return f"{folder}/{place}{ending}", is_package
            return None
        names = self._image.tree.names(folder)
        if name in names and self._is_folder(f"{folder}/{name}"):
            for ending in self._endings:
                if self._is_file(f"{folder}/{name}/__init__{ending}"):
                    return f"{folder}/{name}/__init__{ending}", True
        for ending in self._endings:
            if name + ending in names and self._is_file(f"{folder}/{name}{ending}"):
                return f"{folder}/{name}{ending}", False
        return None

    def _zipped(self, entry: str) -> tuple[str, frozenset[str]] | None:
        """The names in a zip on the path, and where in it the entry is; None for an entry that isn't in one."""
        head, dot, rest = entry.partition(".zip")
        if not dot or (rest and not rest.startswith("/")):
            return None
        file = self._image.file(head + dot)
        if file is None or file.text is None:
            return None
        if head not in self._zips:
            self._zips[head] = frozenset(file.read().splitlines())
        return f"{rest.strip('/')}/" if rest else "", self._zips[head]

    def _editable(self, name: str) -> tuple[Resolution, list[str]]:
        """A package that setuptools installed for editing: where its finder, which a `.pth` starts, says that it is."""
        for pth in self._python.executed:
            folder = posixpath.dirname(pth)
            for each in self._image.tree.names(folder):
                file = self._image.file(f"{folder}/{each}") if _FINDER.fullmatch(each) else None
                target = json.loads(file.read() or "{}").get(name) if file is not None else None
                if target is None:
                    continue
                if self._is_file(f"{target}/__init__.py"):
                    return Resolution(place=f"{target}/__init__.py"), [target]
                for ending in self._endings:
                    if self._is_file(f"{target}{ending}"):
                        return Resolution(place=f"{target}{ending}"), []
        return Resolution(), []

    def _misses(self, name: str, below: Sequence[str]) -> bool:
        return self._step(name, below)[0].place is None

    def _elsewhere(self, parts: Sequence[str], path: Sequence[str]) -> bool:
        """Whether another folder of the path holds the parent as a package with that module in it."""
        parent, name = parts[-2], parts[-1]
        return any(
            self._is_folder(f"{folder}/{parent}") and self._step(name, [f"{folder}/{parent}"])[0].place is not None
            for folder in path
        )

    def _extends(self, place: str) -> bool:
        file = self._image.file(place)
        return file is not None and "extends" in file.words

    def _is_folder(self, path: str) -> bool:
        return self._image.tree.is_folder(path)

    def _is_file(self, path: str) -> bool:
        return self._image.tree.file(path) is not None
