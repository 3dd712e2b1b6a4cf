"""What is kept of a file's content: what a check reads, and nothing that could hold a secret."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field, replace
from typing import Final

from pytest_substrate.model.image import Refuted
from pytest_substrate.planes.packaging.image.elf import Elf

LARGEST_METADATA: Final = 16 * 1024 * 1024
"""The most bytes of a metadata file."""

MOST_KEPT: Final = 64 * 1024 * 1024
"""The most bytes that are kept of all files together: many times what a large image has."""

_UNPACKED: Final = 6 * 1024 * 1024
"""How much of it is kept as it is; packing more than that is worth its time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A regular file. `program` is how the kernel would start it: `elf`, `script` or neither.

    `shebang` is a script's first line without `#!`, as far as the kernel reads it. `text` is what was kept of a
    metadata file, `packed` or as it is; None where nothing was. `too_large` says that it was to be kept, and is beyond
    what is read. `words` are names that were found inside: a Python's version (`python 3.11.7`), a built-in module
    (`builtin zlib`), what a package or a `site` does.
    """

    mode: int
    uid: int = 0
    gid: int = 0
    program: str = ""
    shebang: str | None = None
    elf: Elf | None = None
    text: bytes | None = field(default=None, repr=False)
    packed: bool = False
    too_large: bool = False
    words: tuple[str, ...] = ()

    def read(self) -> str:
        """The text that was kept, bytes that aren't UTF-8 as the tree's names have them; empty where nothing was."""
        return self.data.decode("utf-8", "surrogateescape")

    @property
    def data(self) -> bytes:
        """The bytes that were kept."""
        return zlib.decompress(self.text) if self.text and self.packed else self.text or b""


class Files:
    """The files of an image by their numbers; those of which nothing is kept share one number by mode and owner."""

    def __init__(self) -> None:
        self.held: list[File] = []
        self._plain: dict[tuple[int, int, int], int] = {}
        self._kept = 0

    def add(self, file: File) -> int:
        """The number of a file of which something is kept."""
        if file.text:
            if self._kept + len(file.text) > _UNPACKED:
                file = replace(file, text=zlib.compress(file.text, 1), packed=True)
            self._kept += len(file.text or b"")
            if self._kept > MOST_KEPT:
                raise Refuted("image-corrupt", f"the image has more than {MOST_KEPT} bytes of metadata, packed")
        self.held.append(file)
        return len(self.held) - 1

    def plain(self, mode: int, uid: int, gid: int) -> int:
        """The number of files of that mode and owner, of which nothing is kept."""
        number = self._plain.get((mode, uid, gid))
        if number is None:
            number = self._plain[mode, uid, gid] = self.add(File(mode=mode, uid=uid, gid=gid))
        return number
