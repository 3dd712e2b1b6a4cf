"""The merged file system of an image: folders by their paths, and links followed inside the root, never outside.

Contents are not held, only numbers under which something may be known of a file.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, TypeAlias

Entry: TypeAlias = int | str | bool
"""Of a folder: a file by its number, a link by its target, True for a folder, False for what is neither (a device)."""

MOST_LINKS: Final = 40
"""How many links the kernel follows before it calls them a loop."""


@dataclass(slots=True)
class Tree:
    """Each folder by its path without links (`""` is the root), with what it holds."""

    folders: dict[str, dict[str, Entry]] = field(default_factory=lambda: {"": {}})

    def entry(self, path: str) -> Entry | None:
        """What is at a path, links followed; None where there is nothing, or a loop."""
        found = self.locate(path)
        return None if found is None else self.at(found)

    def at(self, path: str) -> Entry | None:
        """What is at a path without links."""
        if not path:
            return True
        parent, _, name = path.rpartition("/")
        return self.folders.get(parent, {}).get(name)

    def locate(self, path: str, *, follow: bool = True) -> str | None:
        """The path without links of what is there; `follow` says whether a link at its end is followed, too."""
        plain = path.strip("/")
        parent, _, name = plain.rpartition("/")
        held = self.folders.get(parent)
        if held is not None and name not in ("", ".", ".."):
            entry = held.get(name)
            if entry is None:
                return None
            if not isinstance(entry, str) or not follow:
                return plain
        return self._walk(path, follow=follow)

    def _walk(self, path: str, *, follow: bool) -> str | None:
        rest, here, links = parts_of(path), "", 0
        while rest:
            part = rest.pop()
            if part == "..":
                here = here.rpartition("/")[0]
                continue
            place = f"{here}/{part}" if here else part
            entry = self.folders[here].get(part)
            if isinstance(entry, str) and (rest or follow):
                links += 1
                if links > MOST_LINKS:
                    return None
                rest += parts_of(entry)
                here = "" if entry.startswith("/") else here
            elif entry is None or (rest and entry is not True):
                return None
            else:
                here = place
                if entry is not True:
                    return None if rest else here
        return here

    def names(self, path: str) -> dict[str, Entry]:
        """What the folder at a path holds, links followed; nothing where it is no folder."""
        found = self.locate(path)
        return {} if found is None else self.folders.get(found, {})

    def is_folder(self, path: str) -> bool:
        """Whether a folder is there, links followed."""
        found = self.locate(path)
        return found is not None and found in self.folders

    def file(self, path: str) -> int | None:
        """The number of the regular file at a path, links followed."""
        entry = self.entry(path)
        return None if entry is None or isinstance(entry, (str, bool)) else entry


def parts_of(path: str) -> list[str]:
    """The components of a path, the last one first."""
    return [part for part in reversed(path.split("/")) if part not in ("", ".")]


def everything(tree: Tree) -> Iterator[tuple[str, Entry]]:
    """Each path without links, in order, with what is there."""
    for folder in sorted(tree.folders):
        for name, entry in sorted(tree.folders[folder].items(), key=lambda item: item[0]):
            yield (f"{folder}/{name}" if folder else name), entry
