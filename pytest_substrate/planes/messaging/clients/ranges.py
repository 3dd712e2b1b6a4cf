"""Which API versions a client of a known release asks for, by its configured `api_version`. Pure but for its own data.

A client that isn't in the data, or a release newer than the data, is not known: nothing is guessed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final

API_NAMES: Final[Mapping[int, str]] = {
    0: "Produce",
    1: "Fetch",
    2: "ListOffsets",
    3: "Metadata",
    8: "OffsetCommit",
    9: "OffsetFetch",
    10: "FindCoordinator",
    11: "JoinGroup",
    12: "Heartbeat",
    13: "LeaveGroup",
    14: "SyncGroup",
}
"""The APIs that producing, consuming and a consumer group take."""

GROUP_APIS: Final = frozenset({8, 9, 10, 11, 12, 13, 14})

Range = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """A client's release: the mechanisms that it knows, and the range that it asks of each API."""

    mechanisms: tuple[str, ...]
    ranges: Mapping[int, Range]


def release_of(client: str, version: str, api_version: str | None) -> Release | None:
    """What a release asks for, with this configured `api_version` (None: it negotiates); None where it isn't known."""
    data = _data(client)
    number = numbers(version)
    if data is None or not number:
        return None
    for family in data["families"]:
        if numbers(family["from"]) <= number < numbers(family["before"]):
            ranges = _negotiated(family) if api_version is None else _pinned(family, data["brokers"], api_version)
            return None if ranges is None else Release(mechanisms=tuple(family["mechanisms"]), ranges=ranges)
    return None


def is_known(client: str) -> bool:
    """Whether the data has the client at all; every one in it is a Python distribution."""
    return _data(client) is not None


def is_version(text: str) -> bool:
    """Whether a setting is a version and nothing else: `0.10.2` or, as Python writes it, `(0, 10, 2)`."""
    return re.fullmatch(r"\(?\s*\d+(\s*[.,]\s*\d+)*\s*,?\s*\)?", text) is not None


def numbers(version: str) -> tuple[int, ...]:
    """`0.10.2`, `(0, 10, 2)` and `2.2.0.dev1` as numbers; empty for what does not begin as a version."""
    found = re.match(r"\(?\s*(\d+(?:\s*[.,]\s*\d+)*)", version)
    return tuple(int(part) for part in re.findall(r"\d+", found[1])) if found else ()


def _negotiated(family: Mapping[str, Any]) -> Mapping[int, Range]:
    return {int(api): (0, highest) for api, highest in family["highest"].items()}


def _pinned(family: Mapping[str, Any], brokers: Mapping[str, Any], api_version: str) -> Mapping[int, Range] | None:
    """The one version of each API that the release chooses for this setting."""
    pin = numbers(api_version)
    if not pin:
        return None
    if "thresholds" in family:
        chosen = {api: _passed(pin, thresholds) for api, thresholds in family["thresholds"].items()}
    else:
        known = [name for name in brokers if numbers(name) <= pin or numbers(name) == (*pin, 0)]
        row = brokers[max(known, key=numbers)] if known else {}
        chosen = {api: min(version, family["highest"].get(api, version)) for api, version in row.items()}
    return {int(api): (version, version) for api, version in chosen.items() if version is not None} or None


def _passed(pin: tuple[int, ...], thresholds: list[tuple[str, int]]) -> int | None:
    """The version of the first threshold that is not above the setting, compared as the client compares tuples."""
    return next((version for name, version in thresholds if numbers(name) <= pin), None)


@cache
def _data(client: str) -> Mapping[str, Any] | None:
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", client):
        return None
    file = files(__package__) / f"{client}.json"
    if not file.is_file():
        return None
    found: Mapping[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return found
