"""The way of a transcript, of whichever program, through the lines of a log stream, and how it is read at its end.

A part of it is one line, `substrate-transcript NONCE INDEX/TOTAL SHA256 DATA`: DATA is a piece of ASCII JSON without a
space, SHA256 the digest of the whole of it, INDEX counts from 1.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, Generic, Protocol, TypeVar

from pytest_substrate.model.observation import Unobserved

if TYPE_CHECKING:
    from pydantic import TypeAdapter

MARKER: Final = "substrate-transcript"

_PART = re.compile(r"(\S+) (\d{1,5})/(\d{1,5}) ([0-9a-f]{64}) (\S+)")


class Transcribed(Protocol):
    """What every transcript says of itself."""

    @property
    def schema(self) -> str:
        """Its form."""

    @property
    def nonce(self) -> str:
        """Which request it answers."""


T = TypeVar("T", bound=Transcribed)


class TranscriptForm(Generic[T]):
    """How one kind of transcript is read: strictly, of its own schema, and in answer to the request that was made."""

    def __init__(self, kind: type[T], schema: str) -> None:
        self._kind = kind
        self._schema = schema

    def read(self, lines: Iterable[str], nonce: str) -> T | Unobserved:
        """The transcript in the lines of one log stream; the reasons are those of `joined_parts`, or `malformed`."""
        text = joined_parts(lines, nonce)
        return text if isinstance(text, Unobserved) else self._parse(text, nonce)

    def taken(self, data: Mapping[str, Any]) -> T | Unobserved:
        """The transcript that a probe in this process returned; `malformed` for anything else."""
        return self._parse(json.dumps(data), str(data.get("nonce")))

    @cached_property
    def _adapter(self) -> TypeAdapter[T]:
        from pydantic import TypeAdapter

        return TypeAdapter(self._kind)

    def _parse(self, text: str, nonce: str) -> T | Unobserved:
        from pydantic import ValidationError

        try:
            transcript = self._adapter.validate_json(text, strict=True)
        except ValidationError as error:
            places = sorted({".".join(map(str, item["loc"])) for item in error.errors(include_input=False)})
            return Unobserved(reason="malformed", detail=", ".join(places)[:200])
        if transcript.schema != self._schema:
            return Unobserved(reason="malformed", detail="schema")
        return transcript if transcript.nonce == nonce else Unobserved(reason="parts-foreign")


def joined_parts(lines: Iterable[str], nonce: str) -> str | Unobserved:
    """The text of the transcript that is marked by `nonce`; lines that bear no marker are ignored.

    Parts must be whole and come once each, in order, all of this nonce and one digest. Else: `no-transcript`,
    `parts-cut`, `parts-foreign`, `parts-doubled`, `parts-reordered` or `parts-missing`.
    """
    marked = [line.strip()[len(MARKER) :].lstrip() for line in lines if line.strip().startswith(MARKER)]
    found = [_PART.fullmatch(part) for part in marked]
    parts = [part for part in found if part is not None]
    reason = "parts-cut" if len(parts) != len(found) else _fault(parts, nonce)
    if reason is None:
        text = "".join(part[5] for part in parts)
        if hashlib.sha256(text.encode()).hexdigest() == parts[0][4]:
            return text
        reason = "parts-cut"
    return Unobserved(reason=reason, detail=f"{len(parts)} parts")


def _fault(parts: list[re.Match[str]], nonce: str) -> str | None:
    if not parts:
        return "no-transcript"
    if {part[1] for part in parts} != {nonce} or len({(part[3], part[4]) for part in parts}) != 1:
        return "parts-foreign"
    indexes = [int(part[2]) for part in parts]
    if len(set(indexes)) != len(indexes):
        return "parts-doubled"
    if set(indexes) != set(range(1, int(parts[0][3]) + 1)):
        return "parts-missing"
    return "parts-reordered" if indexes != sorted(indexes) else None
