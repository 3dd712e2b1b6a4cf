"""A whole stream: a JSON document of CloudTrail records by its fields, every other text line by line."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Iterator
from typing import IO, Any, Final

from pytest_substrate.planes.data.denied.denial import Denial
from pytest_substrate.planes.data.denied.find import find_denials
from pytest_substrate.planes.data.denied.trail import denial_of, records

LARGEST: Final = 64 * 1024 * 1024
"""Characters of a JSON document that is looked at as a whole; a longer one is read as lines."""


def denials_in(stream: IO[str]) -> tuple[Denial, ...]:
    """Every denial of a log or of a CloudTrail file."""
    head = ""
    while not head.strip():
        piece = stream.read(4096)
        if not piece:
            return ()
        head += piece
    if head.lstrip()[0] in "{[":
        text = head + stream.read(LARGEST)
        whole = _json(text)
        if whole is not None:
            trail = list(records(whole))
            if trail:
                found = (
                    denial_of(record, number) for record, number in zip(trail, _lines_of(text, trail), strict=True)
                )
                return tuple(denial for denial in found if denial is not None)
        return tuple(_found(itertools.chain(text.split("\n"), stream)))
    return tuple(_found(_rejoined(head, stream)))


def _found(lines: Iterable[str]) -> Iterator[Denial]:
    """Lines that are CloudTrail records by their fields, runs of all others as a log."""
    pending: list[Denial] = []

    def others() -> Iterator[str]:
        for number, line in enumerate(lines, start=1):
            record = _record(line)
            if record is None:
                yield line
                continue
            pending.extend(denial for one in records(record) if (denial := denial_of(one, number)) is not None)
            yield ""

    for denial in find_denials(others()):
        while pending and pending[0].line <= denial.line:
            yield pending.pop(0)
        yield denial
    yield from pending


def _record(line: str) -> Any:
    if '"eventSource"' not in line or not line.lstrip().startswith(("{", "[")):
        return None
    found = _json(line)
    return found if any(True for _ in records(found)) else None


def _lines_of(text: str, trail: list[Any]) -> Iterator[int]:
    """The line on which each record's error stands, or the first."""
    at = 0
    for record in trail:
        place = text.find('"eventName"', at)
        at = place + 1 if place >= 0 else at
        yield text.count("\n", 0, max(place, 0)) + 1
        del record


def _rejoined(head: str, stream: IO[str]) -> Iterator[str]:
    *whole, rest = head.split("\n")
    yield from whole
    following = stream.readline()
    if rest or following:
        yield rest + following
    yield from stream


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
