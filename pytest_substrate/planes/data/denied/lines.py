"""The lines of a log, taken out of what a collector or an export wrapped them in. Bounded in memory.

A line may be the JSON of an envelope (Docker's json-file, Fluent Bit, an event of CloudWatch Logs), a JSON document may
hold many log lines (an export, an answer of the CLI), and may itself stand on many lines. What is not such a document
is left as it is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pytest_substrate.planes.data.denied.hints import is_wanted

MOST_LINES: Final = 400_000
MOST_CHARACTERS: Final = 32 * 1024 * 1024
"""Of a JSON document on several lines; a longer one is read as lines of text."""

_ENVELOPE: Final = frozenset(
    (
        *("log", "stream", "time", "timestamp", "date", "message", "id", "eventId", "ingestionTime", "logStreamName"),
        *("@timestamp", "@message", "@ptr", "@log", "@logStream", "logGroup", "logStream", "attrs", "source", "tag"),
        *("kubernetes", "container_id", "container_name", "host", "hostname", "partition_key", "ec2_instance_id"),
        *("ecs_cluster", "ecs_task_arn", "ecs_task_definition"),
    )
)
"""Keys that an envelope has beside the line that it carries."""
_CARRIED: Final = ("log", "@message", "message")
_MANY: Final = ("Records", "events", "Events", "logEvents", "results", "log_events")
"""Keys whose list holds log lines, each an event of its own."""
_MAY_CARRY: Final = re.compile(r"\"(?:log|@?message)\"")
"""What stands in an envelope; a document without it and without a hint may stay as it is."""
_JSON_LINE: Final = re.compile(r"^\s*(?:[\"{}\[\],]|-?\d|true\b|false\b|null\b|$)")
_JSON_OPENS: Final = re.compile(r"^\s*[\[{](?:\s*|.*[,\[{]\s*)$")
_TOKEN: Final = re.compile(r"\"(?:[^\"\\]|\\.)*\"|[{}\[\]]")
_ROOM: Final = re.compile(r"[\s,]*")
_LIST: Final = re.compile(rf"\"(?:{'|'.join(_MANY)})\"\s*:\s*\[")
_DECODER: Final = json.JSONDecoder()


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of a log. `closed`: a document of its own, which neither continues another nor is continued."""

    number: int
    text: str
    closed: bool = False
    document: Any = None
    """The JSON that it is, where it is a whole object."""


def lines_of(raw: Iterable[str]) -> Iterator[Line]:
    """Every line, whose raw text comes with or without its end."""
    gathered: list[str] = []
    first = depth = size = 0
    for number, one in enumerate(raw, start=1):
        text = one.rstrip("\r\n\0")
        if "\0" in text:  # UTF-16 that was read as UTF-8
            text = text.replace("\0", "")
        if gathered:
            if _JSON_LINE.match(text) and len(gathered) < MOST_LINES and size < MOST_CHARACTERS:
                gathered.append(text)
                size += len(text)
                depth += _depth(text)
                if depth > 0:
                    continue
                yield from _document(gathered, first)
                gathered = []
                continue
            yield from _replayed(gathered, first)
            gathered = []
        if text.lstrip()[:1] not in ("{", "["):
            yield Line(number=number, text=text)
            continue
        if _JSON_OPENS.match(text) and (deep := _depth(text)) > 0:
            gathered, first, depth, size = [text], number, deep, len(text)
            continue
        yield from _line(text, number)
    yield from _replayed(gathered, first)


def _replayed(gathered: list[str], first: int) -> Iterator[Line]:
    for number, text in enumerate(gathered, start=first):
        yield from _line(text, number)


def _depth(text: str) -> int:
    """How many brackets a line leaves open, those in strings left out."""
    found = _TOKEN.findall(text)
    return sum((token in "{[") - (token in "}]") for token in found if len(token) == 1)


def _line(text: str, number: int) -> Iterator[Line]:
    if text.lstrip()[:1] in ("{", "[") and (_MAY_CARRY.search(text) or is_wanted(text)):
        found = _loaded(text)
        if isinstance(found, (dict, list)) and found:
            yield from _parts(text, found, number)
            return
    yield Line(number=number, text=text)


def _document(gathered: list[str], first: int) -> Iterator[Line]:
    text = "\n".join(gathered)
    found = _loaded(text)
    if isinstance(found, (dict, list)):
        yield from _parts(text, found, first)
    else:
        yield from _replayed(gathered, first)


def _parts(text: str, found: Any, number: int) -> Iterator[Line]:
    """The lines in a document: those of its list, what its envelope carries, or itself."""
    if isinstance(found, dict):
        carried = _carried(found)
        if carried is not None:
            yield from _within(carried, number)
            return
        at = _LIST.search(text) if any(isinstance(found.get(key), list) for key in _MANY) else None
    else:
        at = re.match(r"\s*\[", text) if any(isinstance(one, (dict, list, str)) for one in found) else None
    if at is None:
        yield Line(number=number, text=text, closed=True, document=found if isinstance(found, dict) else None)
        return
    place = at.end()
    while True:
        room = _ROOM.match(text, place)
        begin = room.end() if room else place
        try:
            value, place = _DECODER.raw_decode(text, begin)
        except (ValueError, RecursionError):
            return
        at_line = number + text.count("\n", 0, begin) if "\n" in text else number
        if isinstance(value, list) and (insight := _insight(value)) is not None:
            yield from _within(insight, at_line)
        elif isinstance(value, (dict, list)) and value:
            yield from _parts(text[begin:place], value, at_line)
        elif isinstance(value, str):
            yield from _within(value, at_line)


def _within(carried: str, number: int) -> Iterator[Line]:
    """What an envelope carries: a JSON document of its own, or a line."""
    text = carried.rstrip("\r\n")
    if text.lstrip()[:1] == "{" and isinstance(found := _loaded(text), dict) and found:
        yield from _parts(text.replace("\n", " "), found, number)
        return
    yield Line(number=number, text=text.replace("\r", "").replace("\n", "\\n"))


def _carried(found: Mapping[str, Any]) -> str | None:
    if not set(found) <= _ENVELOPE:
        return None
    return next((one for key in _CARRIED if isinstance(one := found.get(key), str)), None)


def _insight(value: list[Any]) -> str | None:
    """The message of a row that Logs Insights answered."""
    for one in value:
        if isinstance(one, dict) and one.get("field") == "@message" and isinstance(one.get("value"), str):
            return str(one["value"])
    return None


def _loaded(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
