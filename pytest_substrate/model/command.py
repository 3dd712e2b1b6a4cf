"""The command that a red check leads to: a template with `{words}` that a run fills in, quoted for a shell.

Some of the words were chosen by a peer, so that each is quoted. A word that isn't known stays a blank for a person to
fill, in capitals.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from typing import Final

from pytest_substrate.model.facts import FACTS, FactValue, Kind

_WORD: Final = re.compile(r"\{(\w+)\}")


def blanks(template: str) -> tuple[str, ...]:
    """The words that a template takes."""
    return tuple(dict.fromkeys(_WORD.findall(template)))


def filled(template: str, words: Mapping[str, FactValue]) -> str:
    """The command; `brokers`, `broker`, `host` and `port` stand in for each other as far as they can."""
    known = _with_addresses(words)
    return _WORD.sub(lambda found: _quoted(found[1], known.get(found[1])), template)


def shown(template: str) -> str:
    """The template as a person reads it before any run: every word a blank."""
    return filled(template, {})


def _quoted(name: str, value: FactValue) -> str:
    if value is None:
        return name.upper()
    items = value if isinstance(value, (list, tuple)) else [value]
    if FACTS.get(name) is Kind.ADDRESS:
        return shlex.quote(",".join(map(str, items)))
    return " ".join(shlex.quote(str(item)) for item in items)


def _with_addresses(words: Mapping[str, FactValue]) -> Mapping[str, FactValue]:
    broker, brokers = words.get("broker"), words.get("brokers")
    first = broker or (brokers[0] if isinstance(brokers, (list, tuple)) and brokers else None)
    if first is None:
        return words
    host, _, port = str(first).rpartition(":")
    found: dict[str, FactValue] = {"broker": first, "brokers": [str(first)], "host": host.strip("[]"), "port": port}
    return {**found, **{name: value for name, value in words.items() if value is not None}}
