"""What a lock file says, whatever tool wrote it: packages at their versions, and which of them an image needs. Pure.

A flat lock needs each package whose own marker holds. One that keeps a graph needs what its project leads to, along the
edges whose markers hold. Both are asked with the image's own environment, never the host's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from packaging.requirements import Requirement

from pytest_substrate.planes.packaging.image.required import Surroundings, Undecided

MOST: Final = 20_000
"""How many packages a lock holds at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """A package that is needed: its place in the lock, under which marker, with which of its extras."""

    package: int
    marker: str | None = None
    extras: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Locked:
    """A package. Without a version (a source tree) any version will do; edges of an extra stand under its name."""

    name: str
    version: str | None
    needs: tuple[Edge, ...] = ()
    extras: Mapping[str, tuple[Edge, ...]] = field(default_factory=dict)

    def requirement(self, marker: str | None = None) -> Requirement:
        """As PEP 508 has it."""
        pinned = "" if self.version is None else f"=={self.version}"
        return Requirement(f"{self.name}{pinned}" + (f" ; {marker}" if marker else ""))


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """A lock file and its digest. `groups` are the dependency groups that are installed unless told otherwise."""

    name: str
    digest: str
    packages: tuple[Locked, ...]
    roots: tuple[Edge, ...]
    requires_python: str | None = None
    groups: frozenset[str] = frozenset()

    def everything(self) -> tuple[Requirement, ...]:
        """Every package that could be needed: of an image that has no Python to ask the markers of."""
        return tuple({package.name: package.requirement() for package in self.packages}.values())

    def required(self, surroundings: Surroundings) -> tuple[Requirement, ...]:
        """What an image with this environment needs, each once; what can't be told keeps the marker that says why."""
        certain: dict[tuple[int, str], None] = {}
        perhaps: dict[tuple[int, str], str] = {}
        waiting = [(edge, "") for edge in reversed(self.roots)]
        while waiting:
            edge, doubt = waiting.pop()
            try:
                if not self._holds(edge, surroundings):
                    continue
            except Undecided:
                doubt = doubt or str(edge.marker)
            asked = [(edge.package, extra) for extra in ("", *sorted(edge.extras))]
            new = [one for one in asked if one not in certain and not (doubt and one in perhaps)]
            if doubt:
                perhaps.update(dict.fromkeys(new, doubt))
            else:
                certain.update(dict.fromkeys(new))
            package = self.packages[edge.package]
            for _, extra in new:
                following = package.needs if not extra else package.extras.get(extra, ())
                waiting += [(further, doubt) for further in reversed(following)]
        found = {number: self.packages[number].requirement() for number, extra in certain if not extra}
        for (number, _), marker in perhaps.items():
            found.setdefault(number, self.packages[number].requirement(marker))
        return tuple(found.values())

    def _holds(self, edge: Edge, surroundings: Surroundings) -> bool:
        if edge.marker is None:
            return True
        name = self.packages[edge.package].name
        return surroundings.applies(Requirement(f"{name} ; {edge.marker}"), groups=self.groups)
