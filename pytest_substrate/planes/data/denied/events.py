"""A log as events: a line, with what continues it (a stack, a cause, a wrapped message). Bounded in memory."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from pytest_substrate.planes.data.denied.plain import plain

MOST_LINES: Final = 2_000
MOST_CHARACTERS: Final = 1 << 20
"""Of an event; what is longer is cut into several."""

_STAMP: Final = r"(?:\[?\d{4}[-/]\d\d[-/]\d\d[T ]\d\d:\d\d:\d\d[\d.,]*(?:Z|[+-]\d\d:?\d\d)?\]?)"
_PREFIX: Final = re.compile(
    rf"^(?:\S{{1,60}}\s*\|\s?|{_STAMP} (?:stdout|stderr) [FP] ?|{_STAMP}\s+\S*/\S+/\S+\s"
    rf"|{_STAMP}(?=\s+(?:at |\.\.\. |File \")))"
)
"""What a collector puts before each line: docker compose, CRI, `aws logs tail`, or a time before a frame alone."""
_CONTINUES: Final = re.compile(
    r"^(?:\s+\S|Caused by:|Suppressed:|Traceback \(most recent|During handling of|The above exception|[}\])]+[,;]?\s*$"
    r"|\.\.\. \d+ more|at [\w.$<>]+\(|status code: \d|</)"
)
_FRAME: Final = re.compile(r"^\s+(?:File \"|at |\S)")
_RAISED: Final = re.compile(r"^[A-Za-z_][\w.]*(?:Error|Exception|Denied|Forbidden|Failure|Warning|Fault)?(?::\s|$)")
_CHAINED: Final = re.compile(r"^(?:During handling of|The above exception|Traceback \(most recent)")


@dataclass(slots=True, kw_only=True)
class Event:
    """The text of one event, its escapes undone, and where its lines begin."""

    first: int
    text: str = ""
    starts: list[int] = field(default_factory=list)

    def add(self, line: str) -> None:
        """One more line of the log."""
        self.starts.append(len(self.text))
        self.text += plain(line) + "\n"

    def line_at(self, offset: int) -> int:
        """The number of the log's line in which a character of the text stands."""
        low, high = 0, len(self.starts)
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self.starts[middle] <= offset else (low, middle)
        return self.first + low


def events(lines: Iterable[str]) -> Iterator[Event]:
    """The events of a log, whose lines come with or without their ends."""
    held: Event | None = None
    trace = False  # inside a Python traceback, whose last line is not indented
    for number, raw in enumerate(lines, start=1):
        line = raw.rstrip("\r\n")
        bare = _PREFIX.sub("", line)
        if held is not None and _belongs(held, bare, trace=trace):
            trace = (trace or "Traceback (most recent" in bare) and not (bare[:1].strip() and _RAISED.match(bare))
            if len(held.starts) < MOST_LINES and len(held.text) < MOST_CHARACTERS:
                held.add(bare)
                continue
        if held is not None:
            yield held
        held, trace = Event(first=number), "Traceback (most recent" in bare
        held.add(line)
    if held is not None:
        yield held


def _belongs(held: Event, bare: str, *, trace: bool) -> bool:
    if not bare.strip():
        return trace or "Traceback (most recent" in held.text
    if _CONTINUES.match(bare) and not (bare[:1].isspace() and held.text.endswith("\n\n") and not trace):
        return True
    if bare.startswith("<"):
        return "<Code>" not in held.text or "(truncated" in held.text
    if trace and _RAISED.match(bare):
        return True
    return not _BEGINS.match(bare) and goes_on(held.text[-800:], bare)


_BEGINS: Final = re.compile(
    rf"^(?:{_STAMP}|\[|\d{{2}}:\d\d:\d\d|(?:TRACE|DEBUG|INFO|WARN|WARNING|ERROR|FATAL|START|END|REPORT)\b"
    r"|.{0,80}User: )"
)
"""What only a new line of a log begins with."""
_FLOW: Final = ("is", "not", "authorized", "to", "perform:", None, "on", "resource:", None)
_SILENT: Final = ("because", "no")
_DENYING: Final = ("with", "an", "explicit", "deny", "in")
_REASON_WORDS: Final = 8
_NAMED_REASON: Final = re.compile(r"^\S*[\"']?\s*(?:because\b|with\s+an\s+explicit|on\s+resource)")


def goes_on(tail: str, following: str) -> bool:
    """Whether AWS's sentence breaks off at the end of `tail`, so that the next line goes on with it.

    It may break between two words or within one. Where it could have ended with its resource, what follows decides.
    """
    ends = tail.rstrip("\n")
    return any(_unfinished(text, following) for text in dict.fromkeys((ends, ends.replace("\n", ""))))


def _unfinished(tail: str, following: str) -> bool:
    at = tail.rfind("User:")
    begun = tail[at + 5 :] if at >= 0 else tail[tail.rfind("arn:aws") :] if "arn:aws" in tail else ""
    if at < 0 and "authorized" not in begun:
        return False
    words = begun.split()
    if not words or words[-1] == "action":
        return not words
    rest = _after_name(words)
    for wanted in _FLOW:
        if not rest:
            return True
        word, *rest = rest
        if word in ("because", "with"):
            return _breaks_off(word, rest)
        if wanted is not None and word.rstrip(":") != wanted.rstrip(":"):
            return not rest and wanted.startswith(word)
    return _NAMED_REASON.match(following) is not None if not rest else _breaks_off(rest[0], rest[1:])


def _after_name(words: list[str]) -> list[str]:
    """What stands behind the principal, whose name may be broken into several words."""
    at = next((number for number, word in enumerate(words) if word == "is" and number > 0), len(words))
    return words[at:] if at <= 4 else []


def _breaks_off(first: str, rest: list[str]) -> bool:
    """Whether a reason that has begun does not end here."""
    if first == "because":
        return len(rest) < _REASON_WORDS and (not rest or "no".startswith(rest[0]))
    expected = _DENYING[1:]
    return (
        all(one.startswith(word) for one, word in zip(expected, rest, strict=False)) and len(rest) < len(expected) + 2
    )
