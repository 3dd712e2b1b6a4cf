"""What is kept of a file's content: what a check reads, and nothing that could hold a secret."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from typing import Final

from pytest_substrate.model.image import Refuted
from pytest_substrate.planes.packaging.image.elf import Elf

LARGEST_METADATA: Final = 16 * 1024 * 1024
"""The most bytes of a metadata file."""

MOST_KEPT: Final = 64 * 1024 * 1024
"""The most bytes that are kept of all files together, packed: twenty times what a large image has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A regular file. `program` is how the kernel would start it: `elf`, `script` or neither.

    `shebang` is a script's first line without `#!`, as far as the kernel reads it. `text` is what was kept of a
    metadata file, packed; None where nothing was. `too_large` says that it was to be kept, and is beyond what is read.
    `words` are names that were found inside: a Python's version (`python 3.11.7`), a built-in module (`builtin zlib`).
    """

    mode: int
    uid: int = 0
    gid: int = 0
    program: str = ""
    shebang: str | None = None
    elf: Elf | None = None
    text: bytes | None = field(default=None, repr=False)
    too_large: bool = False
    words: tuple[str, ...] = ()
    empty: bool = False

    def read(self) -> str:
        """The text that was kept, bytes that aren't UTF-8 as the tree's names have them; empty where nothing was."""
        return "" if self.text is None else zlib.decompress(self.text).decode("utf-8", "surrogateescape")


class Files:
    """The files of an image by their numbers; those of which nothing is kept share one number by their mode."""

    def __init__(self) -> None:
        self.held: list[File] = []
        self._plain: dict[File, int] = {}
        self._kept = 0

    def add(self, file: File) -> int:
        """The file's number."""
        if file.text is not None:
            self._kept += len(file.text)
            if self._kept > MOST_KEPT:
                raise Refuted("image-corrupt", f"the image has more than {MOST_KEPT} bytes of metadata, packed")
        elif file.shebang is None and file.elf is None and not file.words:
            number = self._plain.get(file)
            if number is None:
                number = self._plain[file] = self._append(file)
            return number
        return self._append(file)

    def _append(self, file: File) -> int:
        self.held.append(file)
        return len(self.held) - 1


def packed(text: bytes) -> bytes:
    """A text as it is kept."""
    return zlib.compress(text, 1)
