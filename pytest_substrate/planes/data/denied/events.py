"""A log as events: a line, with what continues it (a stack, a cause, a wrapped message). Bounded in memory."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from pytest_substrate.planes.data.denied.hints import is_hinted
from pytest_substrate.planes.data.denied.lines import Line
from pytest_substrate.planes.data.denied.plain import plain
from pytest_substrate.planes.data.denied.prefixes import BEGINS, SIBLING, STAMPED, bare
from pytest_substrate.planes.data.denied.wrapping import goes_on

MOST_LINES: Final = 2_000
MOST_CHARACTERS: Final = 1 << 20
"""Of an event; what is longer is cut into several."""

_TRACEBACK: Final = "Traceback (most recent"
_CONTINUES: Final = re.compile(
    r"^(?:\s+\S|Caused by:|Suppressed:|Traceback \(most recent|During handling of|The above exception|[}\])]+[,;]?\s*$"
    r"|\.\.\. \d+ (?:more|common frames)|at [\w.$<>/]+\(|status code: \d|</|Wrapped by:|--- End of "
    r"|HTTP Status Code:|AWS Error Code:|Error Type:|Request ID:|Exception name:|Error message:|Details:\s*$"
    r"|[ \t]*\^+\s*$|\| )"
)
_NOTEBOOK: Final = re.compile(r"^(?:File |Cell In|Input In|-{3,}|-+> |[\w.]+ +Traceback \(most|/\S+ in |~|<ipython)")
"""How IPython prints a traceback, whose frames are not indented."""
_RAISED: Final = re.compile(r"^[A-Za-z_][\w.]*(?:Error|Exception|Denied|Forbidden|Failure|Warning|Fault)?(?::\s|$)")
_THROWN: Final = re.compile(
    r"^(?:Exception in thread \"[^\"]*\" )?(?:[a-z][\w$]*\.){2,}[\w$]+(?:Exception|Error)(?::|$)"
)
"""An exception of the JVM, which a logger prints on the line after its own."""
_CALLED: Final = re.compile(r"when calling the \w{1,80} operation(:?(?: U| Us| Use| User)?)$")
"""Where botocore's words break off before what the service says."""
_RAW: Final = re.compile(r"^(?:AccessDenied|Access Denied:?)\s*$")
"""A code and its message, as the SDK for C++ prints them below what it was doing."""


@dataclass(slots=True, kw_only=True)
class Event:
    """The lines of one event, escapes undone."""

    first: int
    numbers: list[int] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    pieces: list[str] = field(default_factory=list)
    length: int = 0
    document: Any = None
    traced: bool = False
    has_body: bool = False
    speaks: bool = False
    """Whether it may hold a sentence that goes on."""
    hinted: bool = False
    """Whether it holds a word without which nothing is a denial."""

    @property
    def text(self) -> str:
        """All of it."""
        return "".join(self.pieces)

    @property
    def tail(self) -> str:
        """Its end, long enough to see where a sentence breaks off."""
        text = ""
        for piece in reversed(self.pieces):
            text = piece + text
            if len(text) >= 800:
                break
        return text[-800:]

    def add(self, number: int, line: str) -> None:
        """One more line of the log."""
        piece = plain(line) + "\n"
        self.numbers.append(number)
        self.starts.append(self.length)
        self.pieces.append(piece)
        self.length += len(piece)
        self.traced = self.traced or _TRACEBACK in piece
        self.has_body = self.has_body or "<Code>" in piece
        self.speaks = self.speaks or "User" in piece or "arn:aws" in piece or "uthorized" in piece
        self.hinted = self.hinted or is_hinted(piece)

    def line_at(self, offset: int) -> int:
        """The number of the log's line in which a character of the text stands."""
        return self.numbers[max(0, bisect_right(self.starts, offset) - 1)]


def events(lines: Iterable[Line]) -> Iterator[Event]:
    """The events of a log."""
    held: Event | None = None
    trace = False  # inside a Python traceback, whose last line is not indented
    for line in lines:
        if line.closed:
            if held is not None:
                yield held
            held = None
            yield _document(line)
            continue
        text = bare(line.text)
        if held is not None and _belongs(held, text, trace=trace):
            trace = (trace or _TRACEBACK in text) and not (text[:1].strip() and _RAISED.match(text))
            if len(held.starts) < MOST_LINES and held.length < MOST_CHARACTERS:
                held.add(line.number, text)
                continue
        if held is not None:
            yield held
        held, trace = Event(first=line.number), _TRACEBACK in text
        held.add(line.number, line.text)
    if held is not None:
        yield held


def _document(line: Line) -> Event:
    event = Event(first=line.number, document=line.document)
    for number, text in enumerate(line.text.split("\n"), start=line.number):
        event.add(number, text)
    return event


def _belongs(held: Event, text: str, *, trace: bool) -> bool:
    if not text.strip() or SIBLING.match(text):
        return not text.strip() and (trace or held.traced)
    blank = held.pieces[-1] == "\n"
    if text.startswith("<"):
        return _CONTINUES.match(text) is not None or not held.has_body or "(truncated" in held.tail
    if _CONTINUES.match(text) and not (text[:1].isspace() and blank and not trace and not held.traced):
        return True
    if held.traced and (_NOTEBOOK.match(text) or text.startswith(("  ", "->")) or (trace and _RAISED.match(text))):
        return True
    if blank:
        return False
    return _is_below(held, text) or _is_said(held, text) or (held.speaks and _speaks_on(held, plain(text)))


def _is_said(held: Event, text: str) -> bool:
    called = _CALLED.search(held.pieces[-1].rstrip())
    return called is not None and f"{called[1]}{text}".lstrip(": ").startswith("User:")


def _speaks_on(held: Event, text: str) -> bool:
    return not BEGINS.match(text) and goes_on(held.tail, text)


def _is_below(held: Event, text: str) -> bool:
    """Whether a line is the error itself, which a logger or an SDK prints below what it was doing."""
    if len(held.pieces) == 1 and _THROWN.match(text):
        return STAMPED.match(held.pieces[0]) is not None
    if text.startswith("{"):  # Go's dump of it
        return text.strip() == "{" and ("Exception" in held.pieces[-1] or "Error" in held.pieces[-1])
    return len(held.pieces) <= 2 and _RAW.match(text) is not None
