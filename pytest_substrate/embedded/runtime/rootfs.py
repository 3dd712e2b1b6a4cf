"""Layers become a root file system: unpacked once for each image, and given to each container as a tree of its own.

Nothing in an archive is trusted: no member is written, linked or followed outside the root, devices are left out, and
a stream that is larger than an image may be ends the unpacking. Unpacked files are read-only and shared with the
containers' trees by hard links; who writes gets a copy first (see `inside/paths.py`).
"""

from __future__ import annotations

import io
import os
import shutil
import tarfile
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath
from typing import Final

from pytest_substrate.embedded.runtime.images import digest_of

LARGEST_BYTES: Final = 2 * 1024**3
MOST_MEMBERS: Final = 200_000
_WHITEOUT: Final = ".wh."
_OPAQUE: Final = ".wh..wh..opq"
_SITE: Final = {"site-packages", "dist-packages"}
_locks: dict[Path, threading.Lock] = {}


class UnsafeArchive(Exception):
    """A layer that would write outside its root, is not what its digest says, or is larger than any image."""


def unpacked(digest: str, layers: Sequence[tuple[str, bytes]], cache: Path) -> Path:
    """The shared tree of the image `digest`, made from its layers (digest and bytes, lowest first) on first use."""
    target = cache / digest.replace(":", "-")
    with _locks.setdefault(target, threading.Lock()):
        if not target.exists():
            draft = cache / f".{target.name}.{os.getpid()}"
            shutil.rmtree(draft, ignore_errors=True)
            draft.mkdir(parents=True)
            budget = _Budget()
            for layer_digest, blob in layers:
                if digest_of(blob) != layer_digest:
                    raise UnsafeArchive(f"layer {layer_digest} is not what its digest says")
                _Unpacking(draft, budget).apply(blob)
            draft.rename(target)
    return target


def private_tree(shared: Path, target: Path, *, folders: Iterable[str] = ()) -> tuple[str, ...]:
    """A container's own tree: folders of its own, files linked to the shared ones; the relative `folders` exist then.

    Site folders, with their hundreds of files, are one link each and stay read-only: those are returned.
    """
    linked: list[str] = []
    _share_folder(str(shared), str(target), "", linked)
    for folder in folders:
        (target / folder).mkdir(parents=True, exist_ok=True)
    return tuple(linked)


def _share_folder(source: str, target: str, inside: str, linked: list[str]) -> None:
    Path(target).mkdir()
    with os.scandir(source) as entries:
        for entry in entries:
            place, name = f"{target}/{entry.name}", f"{inside}/{entry.name}"
            if entry.is_symlink():
                Path(place).symlink_to(Path(entry.path).readlink())
            elif entry.name in _SITE:
                Path(place).symlink_to(entry.path)
                linked.append(name)
            elif entry.is_dir():
                _share_folder(entry.path, place, name, linked)
            else:
                _share(entry.path, place)


def _share(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # a file system without hard links
        shutil.copy2(source, target)


class _Budget:
    def __init__(self) -> None:
        self.bytes = LARGEST_BYTES
        self.members = MOST_MEMBERS

    def take(self, size: int) -> None:
        self.bytes -= size
        self.members -= 1
        if self.bytes < 0 or self.members < 0:
            raise UnsafeArchive(f"the image is larger than {LARGEST_BYTES} bytes or {MOST_MEMBERS} members")


class _Unpacking:
    """One layer over what lies below it."""

    def __init__(self, root: Path, budget: _Budget) -> None:
        self.root = root
        self.budget = budget
        self.added: set[str] = set()
        self.folders: dict[PurePosixPath, Path] = {}

    def apply(self, blob: bytes) -> None:
        try:
            with tarfile.open(fileobj=io.BytesIO(blob), mode="r|*") as archive:
                for member in archive:
                    self._member(archive, member)
        except (tarfile.TarError, EOFError, OSError) as error:
            raise UnsafeArchive(f"a layer can't be read: {error}") from error

    def _member(self, archive: tarfile.TarFile, member: tarfile.TarInfo) -> None:
        self.budget.take(member.size if member.isfile() else 0)
        pure = PurePosixPath(member.name)
        if pure.is_absolute() or ".." in pure.parts:
            raise UnsafeArchive(f"a layer names {member.name!r}")
        if not pure.parts:
            return
        parent = self._folder(pure.parent)
        if pure.name == _OPAQUE:
            self._hide(parent, [entry.name for entry in parent.iterdir()])
        elif pure.name.startswith(_WHITEOUT):
            self._hide(parent, [pure.name.removeprefix(_WHITEOUT)])
        else:
            self._write(archive, member, parent / pure.name)

    def _folder(self, pure: PurePosixPath) -> Path:
        """The real folder, made where it lacks; symbolic links in the way are followed only within the root."""
        known = self.folders.get(pure)
        if known is not None:
            return known
        place = self.root
        for part in pure.parts:
            place /= part
            if place.is_symlink() or not place.is_dir():
                real = Path(os.path.realpath(place))
                if not real.is_relative_to(os.path.realpath(self.root)):
                    raise UnsafeArchive(f"{pure} leads out of the root")
                if real.exists() and not real.is_dir():
                    real.unlink()
                real.mkdir(parents=True, exist_ok=True)
                place = real
        self.folders[pure] = place
        return place

    def _hide(self, parent: Path, names: Iterable[str]) -> None:
        for name in names:
            place = parent / name
            if name not in {"", ".", ".."} and "/" not in name and str(place) not in self.added:
                self._remove(place, self.added)

    def _write(self, archive: tarfile.TarFile, member: tarfile.TarInfo, place: Path) -> None:
        if member.isdir():
            if place.is_symlink() or not place.is_dir():
                self._remove(place)
                place.mkdir()
        elif member.issym():
            self._remove(place)
            place.symlink_to(self._within(member.linkname, place.parent))
        elif member.islnk():
            self._link(member, place)
        elif member.isfile():
            self._remove(place)
            content = archive.extractfile(member)
            assert content is not None  # noqa: S101  a regular member has content
            mode = 0o555 if member.mode & 0o111 else 0o444
            with os.fdopen(os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode), "wb") as stream:
                shutil.copyfileobj(content, stream, 1 << 20)
        else:
            return
        self.added.add(str(place))
        self.added.add(str(place.parent))

    def _link(self, member: tarfile.TarInfo, place: Path) -> None:
        target = PurePosixPath(member.linkname)
        if target.is_absolute() or ".." in target.parts or not target.parts:
            raise UnsafeArchive(f"{member.name!r} is a hard link to {member.linkname!r}")
        source = self._folder(target.parent) / target.name
        if source.is_symlink() or not source.is_file():
            raise UnsafeArchive(f"{member.name!r} is a hard link to nothing")
        if source != place:
            self._remove(place)
            os.link(source, place)

    def _within(self, target: str, parent: Path) -> str:
        """A link's target as a relative path that stays in the root, whatever the image says."""
        start = "/" if target.startswith("/") else "/" + str(parent.relative_to(self.root))
        inside = os.path.normpath(f"/{start}/{target}").lstrip("/")
        return os.path.relpath(self.root / inside, parent)

    def _remove(self, place: Path, spared: frozenset[str] | set[str] = frozenset()) -> None:
        """Remove what is there; of a folder in which this layer put something, only what lies below that."""
        try:
            place.unlink()
        except FileNotFoundError:
            return
        except (IsADirectoryError, PermissionError):
            self.folders.clear()
            for entry in list(place.iterdir()):
                if str(entry) not in spared:
                    self._remove(entry, spared)
            if str(place) not in spared and not any(place.iterdir()):
                place.rmdir()
