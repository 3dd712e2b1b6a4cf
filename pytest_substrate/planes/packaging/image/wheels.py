"""Whether a wheel was built for the image's Python and platform, by the tags of its WHEEL file (PEP 425, 600, 656)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from packaging.tags import Tag, compatible_tags, cpython_tags, parse_tag

from pytest_substrate.planes.packaging.image.facts import ImageFacts
from pytest_substrate.planes.packaging.image.python import Python
from pytest_substrate.planes.packaging.image.required import PYTHON_MACHINES

_NEWEST_GLIBC: Final = 99
_NEWEST_MUSL: Final = 99
_LEGACY: Final = {17: "manylinux2014", 12: "manylinux2010", 5: "manylinux1"}


def fits(image: ImageFacts, python: Python, tags: Iterable[str]) -> bool:
    """Whether any of a wheel's tags is one of the image's Python; true where no tag can be read."""
    told: set[Tag] = set()
    for tag in tags:
        if tag.count("-") == 2:
            told |= parse_tag(tag)
    if not told or python.implementation != "cpython":
        return True
    return not told.isdisjoint(_supported(image, python))


def _supported(image: ImageFacts, python: Python) -> set[Tag]:
    machine = PYTHON_MACHINES.get(image.config.platform.architecture, image.config.platform.architecture)
    platforms = list(_platforms(image, python, machine))
    short = f"{python.version[0]}{python.version[1]}"
    own = f"cp{short}{python.threads}"
    found = set(cpython_tags(python.version, abis=[own, "abi3", "none"], platforms=platforms))
    return found | set(compatible_tags(python.version, interpreter=f"cp{short}", platforms=platforms))


def _platforms(image: ImageFacts, python: Python, machine: str) -> Iterator[str]:
    file = image.file(python.place)
    loader = file.elf.loader if file is not None and file.elf is not None else ""
    yield f"linux_{machine}"
    if "ld-musl" in loader:
        for minor in range(_NEWEST_MUSL, -1, -1):
            yield f"musllinux_1_{minor}_{machine}"
        return
    for minor in range(_glibc(image) or _NEWEST_GLIBC, 4, -1):
        yield f"manylinux_2_{minor}_{machine}"
        if minor in _LEGACY:
            yield f"{_LEGACY[minor]}_{machine}"


def _glibc(image: ImageFacts) -> int | None:
    """The minor version of the image's glibc, by the newest of its symbols' versions; None where it isn't found."""
    for folder in (
        f"/lib/{PYTHON_MACHINES.get(image.config.platform.architecture, '')}-linux-gnu",
        "/lib64",
        "/lib",
        "/usr/lib64",
    ):
        file = image.file(f"{folder}/libc.so.6")
        for word in file.words if file is not None else ():
            if word.startswith("glibc 2."):
                return int(word.removeprefix("glibc 2."))
    return None
