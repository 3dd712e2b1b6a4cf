"""Layers applied one over the other, as umoci and containerd apply them.

In the order of the archive, through links of what lies below, and never out of the root. A whiteout hides what lower
layers hold and nothing of its own layer.
"""

from __future__ import annotations

from typing import Final, NamedTuple, NoReturn

from pytest_substrate.model.image import Refuted
from pytest_substrate.planes.packaging.image.tar import FOLDER, LINK, REGULAR, SPECIAL, Member
from pytest_substrate.planes.packaging.image.tree import Entry, Tree, parts_of

LONGEST_PATH: Final = 4095
LONGEST_NAME: Final = 255
MOST_LINKS: Final = 255
"""How many links umoci and containerd follow where they unpack."""

MOST_ENTRIES: Final = 4_000_000
"""Of one image; ten times more than large ones have, and what a memory can hold."""

_MARK: Final = ".wh."
_OPAQUE: Final = ".wh..wh..opq"


def inside(name: str) -> str:
    """A name of an archive as a path from the root, `.` and `..` resolved by their text; Refuted where it leaves it."""
    if "/." not in name and "//" not in name and name[:1] != ".":
        return name.strip("/")
    found: list[str] = []
    for part in name.split("/"):
        if part == "..":
            if not found:
                _refuse("has a path that leaves the root")
            found.pop()
        elif part not in ("", "."):
            found.append(part)
    return "/".join(found)


class _Place(NamedTuple):
    """Where the entry before was put, and mostly the next one is: the folder as asked, and without links."""

    asked: str
    folder: str
    held: dict[str, Entry]
    own: set[str]
    deep: bool


class Merge:
    """A tree while its layers are applied, the lowest first."""

    def __init__(self) -> None:
        self.tree = Tree()
        self._count = 0
        self._own: dict[str, set[str]] = {}
        self._bared: set[str] = set()
        self._at: _Place | None = None

    def next_layer(self) -> None:
        """What follows is of the next layer."""
        self._own, self._bared, self._at = {}, set(), None

    def apply(self, member: Member, number: int) -> None:
        """One entry; `number` is that of its file. Refuted where no runtime would unpack it."""
        path = inside(member.name)
        if not path:
            if member.kind != FOLDER:
                _refuse("has a root that is no folder")
            return
        folder, _, name = path.rpartition("/")
        if len(name) > LONGEST_NAME // 4 and len(name.encode("utf-8", "surrogateescape")) > LONGEST_NAME:
            _refuse("has a name that no file system takes")
        if name[:4] == _MARK:
            self._at = None
            self._whiteout(folder, name)
            return
        at = self._at
        if at is None or at.asked != folder:
            at = self._at = self._place(folder)
        before = at.held.get(name)
        if member.kind is REGULAR and before is not True and not isinstance(before, str) and not at.deep:
            if before is None:
                self._counted()
            at.held[name] = number
            at.own.add(name)
        else:
            self._put(at, name, member, number)

    def _place(self, folder: str) -> _Place:
        at = self._enter(folder)
        deep = len(at) > LONGEST_PATH // 8
        return _Place(folder, at, self.tree.folders[at], self._own.setdefault(at, set()), deep)

    def _put(self, at: _Place, name: str, member: Member, number: int) -> None:
        """An entry of any kind over whatever is there."""
        before = at.held.get(name)
        place = _join(at.folder, name)
        entry = self._entry(member, number, place)
        if before is True:
            if entry is not True:
                self._at = None
                self._remove(place)
        elif entry is True:
            self.tree.folders[place] = {}
        if before is None:
            self._counted()
        elif isinstance(before, str):
            self._at = None  # other paths led through the link
        at.held[name] = entry
        at.own.add(name)

    def _counted(self) -> None:
        self._count += 1
        if self._count > MOST_ENTRIES:
            _refuse(f"makes more than {MOST_ENTRIES} files")

    def _entry(self, member: Member, number: int, place: str) -> Entry:
        if member.kind == REGULAR:
            return number
        if member.kind == FOLDER:
            return True
        if member.kind == SPECIAL:
            return False
        if member.kind == LINK:
            return member.link
        return self._linked(member.link, place)

    def _linked(self, link: str, place: str) -> Entry:
        """What a hard link names, its own last component not followed. What is at its place goes first."""
        found = self.tree.locate(inside(link), follow=False)
        target = None if found is None else self.tree.at(found)
        if found is None or target is None or target is True or f"{found}/".startswith(f"{place}/"):
            _refuse("has a hard link to nothing")
        return target

    def _enter(self, folder: str) -> str:
        """The folder's path without links, made where it is missing; links lead on inside the root."""
        found = self._reach(folder, make=True)
        if found is None:
            _refuse("has a path through a file")
        return found

    def _reach(self, folder: str, *, make: bool) -> str | None:
        """The folder's path without links; None where a file is in the way, or where it is missing and isn't made."""
        if folder in self.tree.folders:
            return folder
        rest, here, links = parts_of(folder), "", 0
        while rest:
            part = rest.pop()
            if part == "..":
                here = here.rpartition("/")[0]
                continue
            entry = self.tree.folders[here].get(part)
            if isinstance(entry, str):
                links += 1
                if links > MOST_LINKS:
                    _refuse("has a path through a loop of links")
                rest += parts_of(entry)
                here = "" if entry.startswith("/") else here
                continue
            if entry is None and make:
                self._make(here, part)
            elif entry is not True:
                return None
            here = _join(here, part)
        return here

    def _make(self, folder: str, name: str) -> None:
        if len(name.encode("utf-8", "surrogateescape")) > LONGEST_NAME:
            _refuse("has a name that no file system takes")
        self._counted()
        self.tree.folders[folder][name] = True
        self.tree.folders[_join(folder, name)] = {}
        self._own.setdefault(folder, set()).add(name)

    def _whiteout(self, folder: str, name: str) -> None:
        hidden = name.removeprefix(_MARK)
        if name.startswith(".wh..wh.") and name != _OPAQUE:
            return  # what AUFS keeps for itself
        if hidden in ("", ".", ".."):
            _refuse("has a whiteout of nothing")
        at = self._reach(folder, make=False)
        if at is None:
            return
        if name == _OPAQUE:
            self._bare(at)
            return
        entry = self.tree.folders[at].get(hidden)
        if entry is None:
            return
        if entry is True:
            path = _join(at, hidden)
            self._bare(path)
            if self.tree.folders[path] or hidden in self._own.get(at, ()):
                return
        elif hidden in self._own.get(at, ()):
            return
        self._drop(at, hidden)

    def _bare(self, path: str) -> None:
        """Take away what lower layers hold below a folder."""
        order = [path]
        for folder in order:  # it grows: a walk without recursion, as a path may be deep
            if folder not in self._bared:
                held = self.tree.folders[folder]
                order += [_join(folder, name) for name, entry in held.items() if entry is True]
        for folder in reversed(order):
            if folder in self._bared:
                continue
            own = self._own.get(folder, set())
            for name, entry in list(self.tree.folders[folder].items()):
                below = entry is True and bool(self.tree.folders[_join(folder, name)])
                if name not in own and not below:
                    self._drop(folder, name)
            self._bared.add(folder)

    def _remove(self, path: str) -> None:
        """Everything below a folder, and the folder."""
        order = [path]
        for folder in order:
            order += [_join(folder, name) for name, entry in self.tree.folders[folder].items() if entry is True]
        for folder in order:
            self._count -= len(self.tree.folders[folder])
            del self.tree.folders[folder]
            self._own.pop(folder, None)
            self._bared.discard(folder)

    def _drop(self, folder: str, name: str) -> None:
        if self.tree.folders[folder].pop(name) is True:
            self._remove(_join(folder, name))
        self._count -= 1


def _join(folder: str, name: str) -> str:
    path = f"{folder}/{name}" if folder else name
    if len(path) > LONGEST_PATH:
        _refuse("has a path that no file system takes")
    return path


def _refuse(how: str) -> NoReturn:
    raise Refuted("image-corrupt", f"a layer's archive {how}")
