"""The distributions that the image's Python sees: on its path, by their metadata, the first of a name counting.

As `importlib.metadata` finds them, with two differences: a folder without Name and Version is none, and what would make
the answer depend on the order of a folder (two versions, a folder of another name) is told.
"""

from __future__ import annotations

import csv
import io
import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email.parser import HeaderParser
from typing import Final

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from pytest_substrate.planes.packaging.image.facts import ImageFacts
from pytest_substrate.planes.packaging.image.imports import module_in
from pytest_substrate.planes.packaging.image.python import Python

_SUFFIXES: Final = (".dist-info", ".egg-info")
_EGG: Final = re.compile(r"(?P<name>[^-]+)(?:-(?P<version>[^-]+)(?:-py[^-]+(?:-.+)?)?)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Distribution:
    """One installed distribution; `folder` is the path's entry that holds it, `home` its metadata's folder or file."""

    name: str
    version: str
    folder: str
    home: str
    requires: tuple[str, ...] = ()
    requires_python: str = ""
    extras: frozenset[str] = frozenset()
    tags: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """The name as all spellings of it have it."""
        return canonicalize_name(self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """`counted` by their keys. `odd` are sentences about folders that make the answer a matter of chance.

    `too_large` are metadata files beyond what is read, of distributions or of the path itself.
    """

    counted: Mapping[str, Distribution]
    odd: tuple[tuple[str, str], ...] = ()
    too_large: tuple[str, ...] = ()


def installed_in(image: ImageFacts, python: Python) -> Installed:
    """What is installed on the path of the image's Python."""
    counted: dict[str, Distribution] = {}
    odd: list[tuple[str, str]] = []
    too_large: list[str] = []
    for site in python.sites:
        places = (f"{site}/{name}" for name in image.tree.names(site) if name.endswith(".pth"))
        too_large += [place for place in places if (file := image.file(place)) is not None and file.too_large]
    for folder in _folders(image, python):
        here: dict[str, Distribution] = {}
        for home in _homes(image, folder):
            too_large += _too_large(image, home)
            found = _distribution(image, folder, home)
            if found is None:
                continue
            other = _misnamed(found)
            if other is not None:
                odd.append((found.name, f"{home} holds the metadata of {other}"))
            first = here.setdefault(found.key, found)
            if _differs(first.version, found.version):
                odd.append((found.name, f"{folder} holds {found.name} {first.version} and {found.version}"))
        for key, found in here.items():
            counted.setdefault(key, found)
    return Installed(counted=counted, odd=tuple(odd), too_large=tuple(too_large))


def _folders(image: ImageFacts, python: Python) -> Iterator[str]:
    """The path's folders, each once, however many names lead to it."""
    seen: set[str] = set()
    for entry in python.path:
        place = image.tree.locate(entry)
        if place is not None and place in image.tree.folders and place not in seen:
            seen.add(place)
            yield entry


def _homes(image: ImageFacts, folder: str) -> Iterator[str]:
    for name in sorted(image.tree.names(folder)):
        lower = name.lower()
        if not name.startswith("~") and lower.endswith(_SUFFIXES):
            yield f"{folder}/{name}"
    if folder.lower().endswith(".egg"):
        yield f"{folder}/EGG-INFO"


def _too_large(image: ImageFacts, home: str) -> Iterator[str]:
    for place in (home, *(f"{home}/{name}" for name in sorted(image.tree.names(home)))):
        file = image.file(place)
        if file is not None and file.too_large:
            yield place


def _distribution(image: ImageFacts, folder: str, home: str) -> Distribution | None:
    dist_info = home.lower().endswith(".dist-info")
    for place in (
        (f"{home}/METADATA", f"{home}/PKG-INFO") if dist_info else (f"{home}/PKG-INFO", f"{home}/METADATA", home)
    ):
        file = image.file(place)
        if file is not None and file.text is not None:
            break
    else:
        return None
    headers = HeaderParser().parsestr(file.read())
    name, version = (str(headers.get(key) or "").strip() for key in ("Name", "Version"))
    if not name or not version:
        return None
    requires = tuple(" ".join(str(one).split()) for one in headers.get_all("Requires-Dist", []))
    extras = [str(one).strip() for one in headers.get_all("Provides-Extra", [])]
    if not requires and not dist_info:
        requires, more = _egg_requires(image, home)
        extras += more
    return Distribution(
        name=name,
        version=version,
        folder=folder,
        home=home,
        requires=requires,
        requires_python=str(headers.get("Requires-Python") or "").strip(),
        extras=frozenset(canonicalize_name(one) for one in extras),
        tags=_tags(image, home),
    )


def _egg_requires(image: ImageFacts, home: str) -> tuple[tuple[str, ...], list[str]]:
    """`requires.txt` as setuptools writes it: sections `[extra]`, `[:marker]`, `[extra:marker]`."""
    file = image.file(f"{home}/requires.txt")
    found: list[str] = []
    extras: list[str] = []
    section = ""
    for line in file.read().splitlines() if file is not None else ():
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        if text.startswith("[") and text.endswith("]"):
            section = text[1:-1]
            extra = section.partition(":")[0]
            extras += [extra] if extra else []
            continue
        extra, _, marker = section.partition(":")
        conditions = [f"({marker})"] if marker else []
        conditions += [f'extra == "{extra}"'] if extra else []
        found.append(f"{text} ; {' and '.join(conditions)}" if conditions else text)
    return tuple(found), extras


def _tags(image: ImageFacts, home: str) -> tuple[str, ...]:
    file = image.file(f"{home}/WHEEL")
    if file is None:
        return ()
    return tuple(str(tag).strip() for tag in HeaderParser().parsestr(file.read()).get_all("Tag", []))


def _misnamed(found: Distribution) -> str | None:
    """What the metadata says where its folder says something else."""
    name = posixpath.basename(found.home)
    stem, _, suffix = name.rpartition(".")
    if name == "EGG-INFO":
        return None
    if suffix.lower() == "dist-info":
        told, _, version = stem.rpartition("-")
    else:
        parts = _EGG.fullmatch(stem)
        told, version = (parts["name"], parts["version"] or "") if parts is not None else (stem, "")
    if canonicalize_name(told) != found.key or (version and _differs(version.replace("_", "-"), found.version)):
        return f"{found.name} {found.version}"
    return None


def _differs(one: str, other: str) -> bool:
    try:
        return Version(one) != Version(other)
    except InvalidVersion:
        return one.replace("_", "-") != other.replace("_", "-")


@dataclass(frozen=True, slots=True, kw_only=True)
class Presence:
    """Whether a distribution's files are there: `missing` ones, or None where nothing says which they are."""

    missing: tuple[str, ...] | None


def presence_of(image: ImageFacts, python: Python, found: Distribution) -> Presence:
    """By RECORD, else installed-files.txt, else a top_level.txt that resolves."""
    for name, base in (("RECORD", found.folder), ("installed-files.txt", found.home)):
        file = image.file(f"{found.home}/{name}")
        if file is not None and file.text is not None:
            paths = _recorded(file.read()) if name == "RECORD" else file.read().splitlines()
            if paths:
                return Presence(missing=tuple(_missing(image, found.folder, base, paths)))
    file = image.file(f"{found.home}/top_level.txt")
    names = file.read().split() if file is not None else []
    if names and all(module_in(image, python, found.folder, name) for name in names):
        return Presence(missing=())
    return Presence(missing=None)


def files_of(image: ImageFacts, found: Distribution) -> tuple[str, ...]:
    """The paths that a distribution's RECORD or installed-files.txt names, inside its folder."""
    for name, base in (("RECORD", found.folder), ("installed-files.txt", found.home)):
        file = image.file(f"{found.home}/{name}")
        if file is not None and file.text is not None:
            paths = _recorded(file.read()) if name == "RECORD" else file.read().splitlines()
            return tuple(place for path in paths if (place := _inside(found.folder, base, path)) is not None)
    return ()


def _recorded(text: str) -> list[str]:
    """RECORD's paths, folders left out; none where it isn't the CSV that it should be."""
    try:
        return [row[0] for row in csv.reader(io.StringIO(text)) if row and row[0] and not row[0].endswith("/")]
    except csv.Error:
        return []


def _missing(image: ImageFacts, folder: str, base: str, paths: list[str]) -> Iterator[str]:
    for path in paths:
        place = _inside(folder, base, path)
        if place is not None and not place.endswith((".pyc", ".pyo")) and image.file(place) is None:
            yield place


def _inside(folder: str, base: str, path: str) -> str | None:
    place = posixpath.normpath(posixpath.join(base, path))
    return place if place.startswith(folder.rstrip("/") + "/") and path.strip() else None
