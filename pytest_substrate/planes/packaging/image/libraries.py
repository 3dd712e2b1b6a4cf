"""Which shared libraries a binary of the image would load, and which of them its loader would not find.

As glibc's `ld.so` (elf/dl-load.c) and musl's (ldso/dynlink.c) look for them. `ld.so.conf` is read by `ldconfig` alone:
what isn't in the cache is found in the loader's own folders or not at all. A library of another machine is passed over;
a damaged one is an end.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from pytest_substrate.planes.packaging.image.elf import Elf
from pytest_substrate.planes.packaging.image.facts import ImageFacts

MACHINES: Final = {
    "amd64": (62, 64, True),
    "386": (3, 32, True),
    "arm64": (183, 64, True),
    "arm": (40, 32, True),
    "ppc64le": (21, 64, True),
    "ppc64": (21, 64, False),
    "s390x": (22, 64, False),
    "riscv64": (243, 64, True),
    "loong64": (258, 64, True),
    "mips64le": (8, 64, True),
    "mipsle": (8, 32, True),
}
"""ELF machine, word size and byte order of each architecture (Go's names)."""

_TRIPLETS: Final = {
    "amd64": "x86_64-linux-gnu",
    "386": "i386-linux-gnu",
    "arm64": "aarch64-linux-gnu",
    "arm": "arm-linux-gnueabihf",
    "ppc64le": "powerpc64le-linux-gnu",
    "s390x": "s390x-linux-gnu",
    "riscv64": "riscv64-linux-gnu",
}
_PLATFORMS: Final = {"amd64": "x86_64", "arm64": "aarch64", "386": "i686", "arm": "v7l"}
_LONGEST_PATH: Final = 4096
_MUSL_OWN: Final = ("c", "pthread", "rt", "m", "dl", "util", "xnet")
"""Libraries that musl's loader takes itself for (`reserved` in ldso/dynlink.c)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """`cause` is a slug of PKG-090; `library` the one that is missing."""

    cause: str
    binary: str
    library: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Loaded:
    path: str
    elf: Elf
    parent: _Loaded | None = None


class Loader:
    """The loader of one process: what its program brought in is there for everything that is loaded later."""

    def __init__(self, image: ImageFacts) -> None:
        self._image = image
        self._architecture = image.config.platform.architecture
        self._machine = MACHINES.get(self._architecture)
        self._main: _Loaded | None = None
        self._present: set[str] = set()
        self._musl = False
        self._cache = _cache_of(image)

    def program(self, path: str) -> list[Trouble]:
        """What is wrong with the process's program and all that it needs; what it loads stays loaded."""
        elf = self._elf(path)
        if elf is None:
            return []
        wrong = self._unfit(path, elf)
        if wrong is not None:
            return [wrong]
        self._main = _Loaded(path=path, elf=elf)
        self._musl = "ld-musl" in elf.loader
        if elf.loader:
            loader = self._elf(elf.loader)
            if loader is None:
                return [_missing(path, elf.loader, "its loader")]
            wrong = self._unfit(elf.loader, loader)
            if wrong is not None:
                return [wrong]
            self._present.add(posixpath.basename(elf.loader))
            self._present |= {loader.soname} if loader.soname else set()
        return self._closure(self._main, self._present)

    def library(self, path: str) -> list[Trouble]:
        """What is wrong with a library that the running program opens, and with all that it needs."""
        file = self._image.file(path)
        if file is None:
            return []
        elf = file.elf
        if elf is None:
            return [_damaged(path, "is no ELF file")]
        wrong = self._unfit(path, elf)
        if wrong is not None:
            return [wrong]
        return self._closure(_Loaded(path=path, elf=elf, parent=self._main), set(self._present))

    def _closure(self, first: _Loaded, present: set[str]) -> list[Trouble]:
        troubles: list[Trouble] = []
        queue = [first]
        for one in queue:
            for needed in one.elf.needed:
                if self._is_there(needed, present):
                    continue
                found = self._find(needed, one)
                if isinstance(found, Trouble):
                    troubles.append(found)
                    present.add(needed)
                    continue
                present |= {needed, found.elf.soname} if found.elf.soname else {needed}
                queue.append(found)
        return troubles

    def _is_there(self, needed: str, present: set[str]) -> bool:
        if needed in present:
            return True
        if self._musl:
            return needed.startswith("lib") and needed[3:].partition(".")[0] in _MUSL_OWN and "." in needed
        return needed.startswith(("ld-linux", "ld64.so", "ld.so")) and self._main is not None

    def _find(self, needed: str, parent: _Loaded) -> _Loaded | Trouble:
        for place in self._places(needed, parent):
            file = self._image.file(place)
            if file is None:
                continue
            if file.elf is None:
                return _damaged(place, "is no ELF file")
            if file.elf.problem:
                return _damaged(place, file.elf.problem)
            if file.elf.unread:
                return Trouble(cause="unread", binary=place, message=f"{place} can't be read in a stream")
            if self._fits(file.elf):
                return _Loaded(path=place, elf=file.elf, parent=parent)
        return _missing(parent.path, needed, needed)

    def _places(self, needed: str, parent: _Loaded) -> Iterator[str]:
        if "/" in needed:  # a path, with the same words as in a search path
            yield from self._expanded(parent, needed)
            return
        for folder in self._folders(parent):
            yield f"{folder}/{needed}"
        if not self._musl:
            yield from self._cache.get(needed, ())
        for folder in self._own_folders():
            yield f"{folder}/{needed}"

    def _folders(self, parent: _Loaded) -> Iterator[str]:
        """RPATH of the object and of those that led to it, LD_LIBRARY_PATH, RUNPATH of the object alone."""
        environment = self._image.config.environment.get("LD_LIBRARY_PATH", "")
        if self._musl:  # both are the same to it, and those that led to an object count as well
            yield from (folder for folder in environment.replace(";", ":").split(":") if folder)
            yield from (
                folder for one in _chain(parent) for folder in self._expanded(one, one.elf.runpath or one.elf.rpath)
            )
            return
        if not parent.elf.runpath:
            seen = list(_chain(parent))
            if self._main is not None and self._main not in seen:
                seen.append(self._main)
            for one in seen:
                if not one.elf.runpath:
                    yield from self._expanded(one, one.elf.rpath)
        yield from (folder or "." for folder in environment.replace(";", ":").split(":") if environment)
        yield from self._expanded(parent, parent.elf.runpath)

    def _expanded(self, one: _Loaded, path: str) -> Iterator[str]:
        if not path:
            return
        place = one.path
        if one is self._main:
            place = f"/{self._image.tree.locate(one.path) or one.path.lstrip('/')}"  # /proc/self/exe
        library = "lib64" if self._machine and self._machine[1] == 64 else "lib"
        words = {"ORIGIN": posixpath.dirname(place), "PLATFORM": _PLATFORMS.get(self._architecture, ""), "LIB": library}
        for folder in path.split(":"):
            text = folder
            for word, value in words.items():
                text = text.replace(f"${{{word}}}", value).replace(f"${word}", value)
            if text:
                yield text

    def _own_folders(self) -> Sequence[str]:
        if self._musl:
            name = posixpath.basename(self._main.elf.loader) if self._main is not None else ""
            told = self._image.file(f"/etc/{name.removesuffix('.so.1')}.path")
            if told is not None:
                return [folder for folder in told.read().replace("\n", ":").split(":") if folder]
            return ("/lib", "/usr/local/lib", "/usr/lib")
        triplet = _TRIPLETS.get(self._architecture, "")
        multiarch = [f"/lib/{triplet}", f"/usr/lib/{triplet}"] if triplet else []
        wide = ["/lib64", "/usr/lib64"] if self._machine and self._machine[1] == 64 else []
        return [*multiarch, *wide, "/lib", "/usr/lib"]

    def _elf(self, path: str) -> Elf | None:
        file = self._image.file(path)
        return None if file is None else file.elf

    def _fits(self, elf: Elf) -> bool:
        return self._machine is None or (elf.machine, elf.bits, elf.little) == self._machine

    def _unfit(self, path: str, elf: Elf) -> Trouble | None:
        if elf.problem:
            return _damaged(path, elf.problem)
        if elf.unread:
            return Trouble(cause="unread", binary=path, message=f"{path} can't be read in a stream")
        if not self._fits(elf):
            message = f"{path} is for another machine than {self._architecture}"
            return Trouble(cause="other-machine", binary=path, message=message)
        return None


def _chain(one: _Loaded) -> Iterator[_Loaded]:
    here: _Loaded | None = one
    while here is not None:
        yield here
        here = here.parent


def _missing(binary: str, library: str, what: str) -> Trouble:
    message = (
        f"{binary} needs {what}, which its loader doesn't find"
        if what == library
        else f"{what} {library} of {binary} isn't in the image"
    )
    return Trouble(cause="library-missing", binary=binary, library=library, message=message)


def _damaged(path: str, problem: str) -> Trouble:
    return Trouble(cause="binary-damaged", binary=path, message=f"{path} {problem}")


def _cache_of(image: ImageFacts) -> dict[str, list[str]]:
    """`/etc/ld.so.cache` (sysdeps/generic/dl-cache.h, the form since glibc 2.2): each name with its paths."""
    file = image.file("/etc/ld.so.cache")
    data = file.data if file is not None else b""
    start = data.find(b"glibc-ld.so.cache1.1")
    found: dict[str, list[str]] = {}
    if start < 0 or len(data) < start + 48:
        return found
    order: Literal["big", "little"] = "big" if data[start + 28 : start + 29] == b"\3" else "little"
    count = int.from_bytes(data[start + 20 : start + 24], order)
    for at in range(start + 48, min(start + 48 + 24 * count, len(data) - 23), 24):
        name, path = (int.from_bytes(data[at + off : at + off + 4], order) for off in (4, 8))
        texts = [data[start + one : start + one + _LONGEST_PATH].partition(b"\0") for one in (name, path)]
        if all(end for _, end, _ in texts):
            key, place = (text.decode("utf-8", "surrogateescape") for text, _, _ in texts)
            found.setdefault(key, []).append(place)
    return found
