"""The statement as a reader takes it: every field typed, none unknown, none missing. The contract of `evidence/1`.

Nothing here trusts what it reads: it only settles that there is exactly one way to read it.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, PlainValidator, ValidationError

from pytest_substrate.evidence.envelope import PREDICATE_TYPE, STATEMENT_TYPE, NotEvidence, strict_json
from pytest_substrate.evidence.statement import SCHEMA
from pytest_substrate.model.check import Pair
from pytest_substrate.model.facts import FactValue
from pytest_substrate.model.outcome import Layer, Outcome, Plane, TargetKind, Vantage, Verdict
from pytest_substrate.model.record import Record

_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z")


def _moment(text: object) -> datetime:
    if not isinstance(text, str) or _TIME.fullmatch(text) is None:
        raise ValueError("not a time in UTC")
    return datetime.fromisoformat(text).astimezone(UTC)


Time: TypeAlias = Annotated[datetime, PlainValidator(_moment)]
Hex: TypeAlias = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Count: TypeAlias = Annotated[int, Field(ge=0)]
Word: TypeAlias = Annotated[str, Field(min_length=1)]


class Table(BaseModel):
    """Frozen, strict, without unknown keys, NaN or infinity; errors show no value."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, hide_input_in_errors=True, allow_inf_nan=False, populate_by_name=False
    )


class Digest(Table):
    """A digest as in-toto writes it."""

    sha256: Hex


class Subject(Table):
    """What something was proven of: the declaration first, then images."""

    name: Word
    digest: Digest


class Times(Table):
    """The run's id and its times."""

    id: Word
    started: Time
    finished: Time
    oldest_observation: Time


class Plugin(Table):
    """Who judged."""

    name: str
    version: str
    judged_by: str


class Target(Table):
    """Where it was checked."""

    kind: TargetKind
    account: str
    region: str
    environment: str
    observer_role: str | None = None
    vantage: Vantage | None = None


class Source(Table):
    """Which declaration."""

    name: Word
    sha256: Hex
    source: str
    commit: str | None
    modified: bool | None


class CheckSet(Table):
    """The denominator."""

    sha256: Hex
    required: Count


class RecordTable(Table):
    """A record in the contract's form."""

    check: Word
    plane: Plane
    subject: Word
    outcome: Outcome
    layer: Layer
    cause: str | None
    message: str
    facts: dict[str, FactValue]
    next: str | None
    vantage: Vantage
    duration_ms: Annotated[float, Field(ge=0)]

    @property
    def pair(self) -> Pair:
        """What it answers for."""
        return Pair(self.check, self.subject)

    def to_record(self) -> Record:
        """The record itself."""
        return Record(**{name: getattr(self, name) for name in type(self).model_fields})


class ProblemTable(Table):
    """Why the records did not answer for what was required."""

    reason: str
    message: str


class NotApplicableTable(Table):
    """A pair that was declared not applicable."""

    check: str
    subject: str
    reason: str


class WaiverTable(Table):
    """A waiver for a pair of this run."""

    check: str
    subject: str
    owner: str
    ticket: str
    reason: str
    expires: Time


class OwnCheckTable(Table):
    """A user's own check."""

    check: Word
    plane: Plane
    statement: Word
    layer: Layer
    subjects: Annotated[tuple[Word, ...], Field(min_length=1)]


class LedgerTable(Table):
    """Where the ledger ended."""

    lines: Annotated[int, Field(ge=1)]
    sha256: Hex


class Option(Table):
    """An option's value, and where it came from."""

    value: Any
    source: str


class Predicate(Table):
    """What a run proved, and all that it rests on."""

    schema_name: Literal["substrate.evidence/1"] = Field(alias="schema")
    run: Times
    plugin: Plugin
    target: Target
    observer: str | None
    vantage: Vantage
    declaration: Source
    check_set: CheckSet
    verdict: Verdict
    planes: dict[Plane, Verdict]
    counts: dict[Outcome, Count]
    missing: Count
    records: tuple[RecordTable, ...]
    problems: tuple[ProblemTable, ...]
    not_applicable: tuple[NotApplicableTable, ...]
    waivers: tuple[WaiverTable, ...]
    own_checks: tuple[OwnCheckTable, ...]
    ledger: LedgerTable | None
    attachments: tuple[dict[str, Any], ...]
    options: dict[str, Option]


class Statement(Table):
    """The in-toto statement."""

    type: Literal["https://in-toto.io/Statement/v1"] = Field(alias="_type")
    subject: Annotated[tuple[Subject, ...], Field(min_length=1)]
    predicate_type: Literal["urn:pytest-substrate:evidence:1"] = Field(alias="predicateType")
    predicate: Predicate


def read_statement(payload: bytes) -> Statement:
    """The statement in an envelope's payload; NotEvidence for anything that isn't one, whole and of this schema."""
    data = strict_json(payload)
    if not isinstance(data, dict) or data.get("_type") != STATEMENT_TYPE:
        raise NotEvidence("unknown-schema", f"the payload is not a {STATEMENT_TYPE}")
    if data.get("predicateType") != PREDICATE_TYPE:
        raise NotEvidence("unknown-schema", f"the statement's predicate is not of the type {PREDICATE_TYPE}")
    predicate = data.get("predicate")
    if not isinstance(predicate, dict) or predicate.get("schema") != SCHEMA:
        raise NotEvidence("unknown-schema", f"the predicate is not of the schema {SCHEMA}")
    try:
        return Statement.model_validate_json(json.dumps(data))
    except (ValidationError, RecursionError) as error:
        raise NotEvidence("malformed", f"the statement is not whole: {_places(error)}") from None


def _places(error: ValidationError | RecursionError) -> str:
    """Where it goes wrong, without a value; the first few places."""
    if isinstance(error, RecursionError):
        return "nested too deep"
    found = error.errors(include_input=False, include_url=False, include_context=False)
    shown = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['type']}" for each in found[:3])
    return "".join(c if c.isprintable() else "?" for c in shown[:300]) + (" …" if len(found) > 3 else "")
