"""JSON as a policy store reads it: one object, no key twice, no NaN, of bounded depth; else BadInput with the place.

Numbers come back as the text they were written in, since conditions compare text; booleans stay booleans.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final, NoReturn

from pytest_substrate.model.errors import BadInput

DEEPEST: Final = 32
"""Levels of nesting that are read: a policy has at most seven."""

MEND: Final = "write a policy as IAM stores it"


class Number(str):
    """A JSON number, in its own spelling."""

    __slots__ = ()


class _Pairs(list[tuple[str, Any]]):
    """An object's members in order, twice-written keys still twice."""


def load_object(text: str | bytes, *, name: str) -> dict[str, Any]:
    """The one JSON object in `text`; BadInput (file, place, mend) for anything else."""
    if isinstance(text, bytes):
        try:
            text = text.decode("utf-8")
        except UnicodeDecodeError as error:
            raise BadInput(name, f"is not UTF-8 at byte {error.start}", "save it as UTF-8") from None
    if not text.strip():
        raise BadInput(name, "is empty", MEND)

    def constant(word: str) -> NoReturn:
        raise BadInput(name, f"{word} is not JSON", "write a number")

    try:
        read = json.loads(text, object_pairs_hook=_Pairs, parse_float=Number, parse_int=Number, parse_constant=constant)
    except json.JSONDecodeError as error:
        place = f"{name}: line {error.lineno} column {error.colno}"
        raise BadInput(place, f"is not JSON: {error.msg.lower()}", MEND) from None
    except RecursionError:
        raise BadInput(name, "is nested too deeply", MEND) from None
    if not isinstance(read, _Pairs):
        raise BadInput(name, "is not a JSON object", MEND)
    return dict(_members(read, name, "", 0))


def _members(pairs: _Pairs, name: str, place: str, depth: int) -> Iterator[tuple[str, Any]]:
    seen: set[str] = set()
    for key, value in pairs:
        path = f"{place}.{key}" if place else key
        if key in seen:
            raise BadInput(f"{name}: {path}", "the key stands twice in one object", "keep one of them, or merge them")
        seen.add(key)
        yield key, _plain(value, name, path, depth + 1)


def _plain(value: Any, name: str, place: str, depth: int) -> Any:
    if depth > DEEPEST:
        raise BadInput(name, "is nested too deeply", MEND)
    if isinstance(value, _Pairs):
        return dict(_members(value, name, place, depth))
    if isinstance(value, list):
        return [_plain(inner, name, f"{place}[{at}]", depth + 1) for at, inner in enumerate(value)]
    return value
