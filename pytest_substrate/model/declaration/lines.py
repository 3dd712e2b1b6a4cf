"""Where each key of a TOML document stands: a path of keys and indices to its line.

`tomllib` gives values without places. This walks text that `tomllib` has already accepted, so it need not judge it: it
only has to know where a text, a comment, a table and a list begin and end. A path that the document doesn't hold (a key
that is missing) has the line of its nearest parent that it does hold.
"""

from __future__ import annotations

import contextlib
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

Path: TypeAlias = tuple[str | int, ...]
"""Keys of tables and indices of lists, from the document's root on."""

_KEY: Final = re.compile(r"""[ \t]*("(?:[^"\\\n]|\\.)*"|'[^'\n]*'|[A-Za-z0-9_-]+)[ \t]*""")
_TEXT: Final = re.compile(
    r'''"""(?:[^\\]|\\.)*?"{3,5}(?!")|\'\'\'.*?'{3,5}(?!')|"(?:[^"\\\n]|\\.)*"|'[^'\n]*\'''',
    re.DOTALL,
)
_BARE: Final = re.compile(r"[^\s,\]}#]+(?: \d{2}:[^\s,\]}#]+)?")
_BLANK: Final = re.compile(r"(?:\s|#[^\n]*)*")


def line_of(places: Mapping[Path, int], path: Path) -> int:
    """The line (from 1) of `path`, else of its nearest parent; 1 where nothing of it is in the document."""
    for length in range(len(path), 0, -1):
        line = places.get(path[:length])
        if line is not None:
            return line
    return 1


def places_of(text: str) -> dict[Path, int]:
    """The line (from 1) of every key and list item of a TOML document that `tomllib` accepts."""
    walker = _Walker(text=text.replace("\r\n", "\n"))
    walker.document()
    return walker.places


def declared_twice(text: str) -> tuple[Path, int, bool] | None:
    """What the end of `text` declares a second time: its path, the line (from 1) of the first, and whether by a header.

    `text` is a document as far as `tomllib` accepted it: up to the character at which it refused a repetition. None
    where nothing like it stands before.
    """
    walker = _Walker(text=text)
    with contextlib.suppress(IndexError, AssertionError):  # it may end inside a table or a list
        walker.document()
    path, line, is_header = walker.last
    return None if line is None else (path, line, is_header)


@dataclass(slots=True, kw_only=True)
class _Walker:
    text: str
    at: int = 0
    line: int = 1
    places: dict[Path, int] = field(default_factory=dict)
    last: tuple[Path, int | None, bool] = ((), None, False)
    """The path of what was declared last, the line where it had been declared before, and whether by a header."""
    lengths: dict[Path, int] = field(default_factory=dict)
    """How many tables each list of tables (`[[name]]`) has so far."""

    def document(self) -> None:
        table: Path = ()
        self.skip(_BLANK)
        while self.at < len(self.text):
            if self.text.startswith("[[", self.at):
                self.at += 2
                table = self.entered(self.keys(), listed=True)
                self.at += 2
            elif self.text.startswith("[", self.at):
                self.at += 1
                table = self.entered(self.keys(), listed=False)
                self.at += 1
            else:
                self.pair(table)
            self.skip(_BLANK)

    def entered(self, keys: list[str], *, listed: bool) -> Path:
        """The path of a header's table, where a name on the way stands for the last table of its list."""
        path: Path = ()
        for number, key in enumerate(keys, 1):
            path = (*path, key)
            if number == len(keys):
                self.last = (path, self.places.get(path), True)
            if number == len(keys) and not listed:
                self.places[path] = self.line  # its own header is a better place than that of a table inside it
            self.places.setdefault(path, self.line)
            if listed and number == len(keys):
                self.lengths[path] = self.lengths.get(path, 0) + 1
            if path in self.lengths:
                path = (*path, self.lengths[path] - 1)
                self.places.setdefault(path, self.line)
        return path

    def pair(self, table: Path) -> None:
        keys = self.keys()
        path: Path = (*table, *keys)
        last = (path, self.places.get(path), False)
        for length in range(len(table) + 1, len(path) + 1):
            self.places.setdefault(path[:length], self.line)
        self.at += 1  # the `=`
        self.value(path)
        self.last = last

    def value(self, path: Path) -> None:
        self.skip(_BLANK)
        opening = self.text[self.at]
        if opening == "[":
            self.sequence(path)
        elif opening == "{":
            self.inline_table(path)
        else:
            self.skip(_TEXT if opening in "\"'" else _BARE)

    def sequence(self, path: Path) -> None:
        self.at += 1
        index = 0
        while self.upto("]"):
            self.places[*path, index] = self.line
            self.value((*path, index))
            index += 1

    def inline_table(self, path: Path) -> None:
        self.at += 1
        while self.upto("}"):
            self.pair(path)

    def upto(self, closing: str) -> bool:
        """Whether another item comes before `closing`, which is passed over where none does."""
        self.skip(_BLANK)
        if self.text[self.at] == ",":
            self.at += 1
            self.skip(_BLANK)
        if self.text[self.at] == closing:
            self.at += 1
            return False
        return True

    def keys(self) -> list[str]:
        """A dotted key, whose parts may be quoted; a key never spans lines."""
        parts: list[str] = []
        while True:
            found = _KEY.match(self.text, self.at)
            assert found is not None  # noqa: S101  tomllib accepted the document, so a key stands here
            part = found[1]
            parts.append(next(iter(tomllib.loads(f"{part} = 0"))) if part[0] in "\"'" else part)
            self.at = found.end()
            if self.text[self.at] != ".":
                return parts
            self.at += 1

    def skip(self, pattern: re.Pattern[str]) -> None:
        found = pattern.match(self.text, self.at)
        if found is not None:
            self.line += found[0].count("\n")
            self.at = found.end()
