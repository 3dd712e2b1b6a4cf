"""What was read of images, kept in the user's cache folder: safe to delete, ignored where anything is wrong with it.

A file is written beside its place and moved there, so that no reader sees half of one; a cache that can't be written is
no error, and one that others can write to is not read. The oldest go when there are too many.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from pytest_substrate.planes.packaging.image.stored import Stored, from_bytes, reader_version, to_bytes

_LARGEST: Final = 128 * 1024 * 1024
_MOST_FILES: Final = 64
_SUFFIX: Final = ".image"


class ImageCache:
    """Files in one folder, each named after a manifest's digest and the reader's version."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @classmethod
    def of_user(cls, environ: Mapping[str, str] = os.environ) -> ImageCache:
        """In the folder that `SUBSTRATE_CACHE` names, else in that of the XDG specification."""
        named = environ.get("SUBSTRATE_CACHE")
        if not named:
            home = environ.get("XDG_CACHE_HOME") or str(Path(environ.get("HOME") or "~").expanduser() / ".cache")
            named = f"{home}/pytest-substrate"
        return cls(Path(named).expanduser() / "images")

    def load(self, manifest_digest: str) -> Stored | None:
        """What was kept of a manifest; None where that is nothing that could be used."""
        try:
            with self._place(manifest_digest).open("rb") as file:
                if not (_ours_alone(self._folder.stat()) and _ours_alone(os.fstat(file.fileno()))):
                    return None
                data = file.read(_LARGEST + 1)
        except OSError:
            return None
        return from_bytes(data, manifest_digest) if len(data) <= _LARGEST else None

    def store(self, stored: Stored) -> None:
        """Keep it, if that can be done."""
        data = to_bytes(stored)
        if len(data) > _LARGEST:
            return
        with contextlib.suppress(OSError):
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=self._folder)
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(data)
                Path(name).replace(self._place(stored.manifest_digest))
            except BaseException:
                Path(name).unlink(missing_ok=True)
                raise
            self._prune()

    def _place(self, manifest_digest: str) -> Path:
        name = hashlib.sha256(f"{manifest_digest} {reader_version()}".encode()).hexdigest()
        return self._folder / f"{name}{_SUFFIX}"

    def _prune(self) -> None:
        held = sorted(self._folder.glob(f"*{_SUFFIX}"), key=lambda path: path.stat().st_mtime)
        for path in held[:-_MOST_FILES]:
            path.unlink(missing_ok=True)


def _ours_alone(state: os.stat_result) -> bool:
    """Whether nobody else can write there: what others put into a cache would be believed."""
    return state.st_uid == os.geteuid() and not state.st_mode & 0o022
