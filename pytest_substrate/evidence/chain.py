"""The ledger's lines, and the chain that they make. Pure.

Each line holds the hash of the one before it, and its own. That shows an edit, a removal or an insertion in the middle;
it can't show that the end was cut off, or that the whole was written anew: for that a line's hash stands in each run's
signed evidence.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal, TypeAlias

from pydantic import Field, TypeAdapter

from pytest_substrate.evidence.document import Count, Hex, Table, Time, Word
from pytest_substrate.evidence.envelope import strict_json
from pytest_substrate.model.facts import FactValue
from pytest_substrate.model.outcome import Layer, Outcome, Plane, TargetKind, Verdict

SCHEMA: Final = "substrate.ledger/1"
GENESIS: Final = "0" * 64
"""What the first line has for the hash of the one before it."""


class Scope(Table):
    """Where something was checked: histories of two scopes never touch."""

    target: TargetKind
    account: str
    region: str
    environment: str


class _Line(Table):
    schema_name: Literal["substrate.ledger/1"] = Field(alias="schema")
    seq: Annotated[int, Field(ge=1)]
    previous: Hex
    hash: Hex
    at: Time


class RunLine(_Line):
    """A run: what it came to, and the identifying facts by subject, `CHECK fact` each."""

    kind: Literal["run"]
    run_id: Word
    scope: Scope
    declaration: Hex
    verdict: Verdict
    planes: dict[Plane, Verdict]
    counts: dict[Outcome, Count]
    facts: dict[str, dict[str, FactValue]]


class TransitionLine(_Line):
    """A check that came to something else than before; `before` is None where the ledger has no line about it yet,
    as it was always PASS, or never seen.
    """

    kind: Literal["transition"]
    run_id: Word
    scope: Scope
    check: Word
    subject: Word
    before: Outcome | None
    outcome: Outcome
    layer: Layer
    cause: str | None
    stands_on: tuple[Word, ...]
    """The subjects whose facts count as its own."""


class TornLine(_Line):
    """The line before this one was cut off while it was written; its bytes stand there still."""

    kind: Literal["torn"]
    bytes: Annotated[int, Field(ge=1)]
    sha256: Hex


Line: TypeAlias = RunLine | TransitionLine | TornLine
_LINE: Final[TypeAdapter[Line]] = TypeAdapter(Annotated[Line, Field(discriminator="kind")])


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A line of the file, by its number from 1, with what is wrong there."""

    number: int
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """A ledger as it was read: the lines that hold, up to the place where the chain breaks."""

    lines: tuple[tuple[int, Line], ...] = ()
    """Each with its number in the file."""
    broken: Place | None = None
    torn: tuple[Place, ...] = ()
    rest: bytes = b""
    """A last line that was cut off, and that no later line accounts for."""
    ended: bool = True
    """Whether the last line has its line end."""

    @property
    def seq(self) -> int:
        """How many lines it has."""
        return len(self.lines)

    @property
    def hash(self) -> str:
        """The hash of its last line."""
        return self.lines[-1][1].hash if self.lines else GENESIS


def chained(body: Mapping[str, Any]) -> tuple[str, str]:
    """A line in its one form, without a line end, and the hash that it bears."""
    found = hashlib.sha256(_canonical(body).encode()).hexdigest()
    return _canonical({**body, "hash": found}), found


def _canonical(body: Mapping[str, Any]) -> str:
    return json.dumps(body, sort_keys=True, separators=(",", ":"), allow_nan=False)


def read_chain(raw: bytes) -> Chain:
    """The ledger in a file's bytes. It doesn't raise: what is wrong with it is in the answer."""
    pieces = raw.split(b"\n")
    tail = pieces.pop()
    lines: list[tuple[int, Line]] = []
    torn: list[Place] = []
    cut: list[bytes] = []
    """What is no line; a later line may say that it was cut off."""
    for number, piece in enumerate([*pieces, tail] if tail else pieces, start=1):
        line = read_line(piece)
        if isinstance(line, str):
            cut.append(piece)
            reason = line
            continue
        fragment = b"\n".join(cut) if cut else None
        wrong = _misfit(line, seq=len(lines) + 1, previous=lines[-1][1].hash if lines else GENESIS, fragment=fragment)
        if wrong is not None:
            place = Place(number=number - len(cut), message=reason if cut else wrong)
            return Chain(lines=tuple(lines), torn=tuple(torn), broken=place)
        if fragment is not None:
            torn.append(Place(number=number - len(cut), message=f"cut off after {len(fragment)} bytes"))
            cut.clear()
        lines.append((number, line))
    broken, rest = None, b"\n".join(cut)
    if cut:
        number = len(pieces) + bool(tail) - len(cut) + 1
        if tail:
            torn.append(Place(number=number, message=f"cut off after {len(rest)} bytes"))
        else:
            broken = Place(number=number, message=reason)
    return Chain(lines=tuple(lines), torn=tuple(torn), broken=broken, rest=rest, ended=not tail)


def read_line(piece: bytes) -> Line | str:
    """The line in its bytes, or what is wrong with it; whether it follows from another is the chain's affair."""
    try:
        data = strict_json(piece)
        if not isinstance(data, dict):
            return "it is not a line of a ledger"
        if piece.decode() != chained({name: data[name] for name in data if name != "hash"})[0]:
            return "it was edited: its hash is not that of what it says"
        return _LINE.validate_json(piece)
    except (ValueError, RecursionError):  # NotEvidence and pydantic's ValidationError are ValueErrors
        return "it is not a line of a ledger"


def _misfit(line: Line, *, seq: int, previous: str, fragment: bytes | None) -> str | None:
    if fragment is not None and not isinstance(line, TornLine):
        return "it is not a line of a ledger"
    if isinstance(line, TornLine) and (
        fragment is None or (line.bytes, line.sha256) != (len(fragment), hashlib.sha256(fragment).hexdigest())
    ):
        return "what was cut off before it is not what it says"
    if line.seq != seq:
        return f"it says that it is line {line.seq} of the chain, where line {seq} belongs"
    return None if line.previous == previous else "it doesn't follow from the line before it"
