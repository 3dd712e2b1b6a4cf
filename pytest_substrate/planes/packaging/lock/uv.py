"""`uv.lock` (version 1): a graph that leads from the project to what it needs, for every platform at once.

Source: uv's "Resolution" and what uv 0.4 to 0.9 write. Development groups and extras of the project are left out, as
`uv sync --no-dev` leaves them out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Final

from packaging.utils import canonicalize_name

from pytest_substrate.planes.packaging.lock.graph import Edge, Lock
from pytest_substrate.planes.packaging.lock.written import Written

_ROOTS: Final = ("virtual", "editable", "directory")
_EXPORT: Final = "name one member's: uv export --package MEMBER --format pylock.toml -o pylock.toml"


def read_uv(data: bytes, *, name: str) -> Lock:
    """The lock of the one project; BadInput for anything else."""
    written = Written(data, name=name)
    if written.document.get("version") != 1:
        written.refuse("version", "is not 1, and no other is known", "export it: uv export --format pylock.toml")
    tables = written.packages("package")
    places: dict[str, list[int]] = {}
    for number, table in enumerate(tables):
        place = f"package[{number}]"
        places.setdefault(canonicalize_name(written.locked(table, place).name), []).append(number)
    root = _root(written, tables)
    reader = _Edges(written, tables, places)
    packages = tuple(
        written.locked(
            table,
            f"package[{number}]",
            needs=reader.of(table, "dependencies", f"package[{number}]"),
            extras=reader.optional(table, f"package[{number}]"),
        )
        for number, table in enumerate(tables)
    )
    return Lock(
        name=name,
        digest="sha256:" + hashlib.sha256(data).hexdigest(),
        packages=packages,
        roots=packages[root].needs,
        requires_python=written.text(written.document, "requires-python", ""),
    )


def _root(written: Written, tables: list[Mapping[str, Any]]) -> int:
    """The project: the only package whose source is this folder."""
    members = written.texts(written.table(written.document, "manifest", ""), "members", "manifest")
    sources = [written.table(table, "source", f"package[{number}]") for number, table in enumerate(tables)]
    roots = [number for number, source in enumerate(sources) if any(source.get(kind) == "." for kind in _ROOTS)]
    if len(members) > 1:
        written.refuse("manifest.members", "names several projects", _EXPORT)
    if len(roots) != 1:
        written.refuse("package", "holds no project of this folder, or several", _EXPORT)
    return roots[0]


class _Edges:
    def __init__(self, written: Written, tables: list[Mapping[str, Any]], places: Mapping[str, list[int]]) -> None:
        self._written, self._tables, self._places = written, tables, places

    def of(self, holder: Mapping[str, Any], key: str, place: str) -> tuple[Edge, ...]:
        """The dependencies under a key."""
        found = self._written.tables(holder, key, place)
        return tuple(self._edge(one, f"{place}.{key}[{number}]") for number, one in enumerate(found))

    def optional(self, table: Mapping[str, Any], place: str) -> dict[str, tuple[Edge, ...]]:
        """Those of each extra."""
        key = "optional-dependencies"
        extras = self._written.table(table, key, place)
        return {canonicalize_name(extra): self.of(extras, extra, f"{place}.{key}") for extra in extras}

    def _edge(self, one: Mapping[str, Any], place: str) -> Edge:
        written = self._written
        locked = written.locked(one, place)
        candidates = self._places.get(canonicalize_name(locked.name), [])
        if locked.version is not None:
            candidates = [number for number in candidates if self._tables[number].get("version") == locked.version]
        if len(candidates) > 1 and "source" in one:
            candidates = [number for number in candidates if self._tables[number].get("source") == one["source"]]
        if len(candidates) != 1:
            written.refuse(place, "names no package of the lock, or several")
        return Edge(
            package=candidates[0],
            marker=written.marker(written.text(one, "marker", place), f"{place}.marker"),
            extras=frozenset(canonicalize_name(extra) for extra in written.texts(one, "extra", place)),
        )
