"""The ladder of a transcript without a declaration: which rungs a person asked for, and the record of each. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from pytest_substrate.model.check import Check
from pytest_substrate.model.command import filled
from pytest_substrate.model.diagnosis import Diagnosis
from pytest_substrate.model.facts import FactValue, admitted, checked_facts
from pytest_substrate.model.observation import Unobserved
from pytest_substrate.model.outcome import Outcome, Vantage
from pytest_substrate.model.record import Record
from pytest_substrate.model.transcript import ClientSeen, Transcript
from pytest_substrate.planes.messaging.checks_broker import BROKER_CHECKS, CONFIG
from pytest_substrate.planes.messaging.diagnose.rungs import RUNGS
from pytest_substrate.planes.messaging.diagnose.seen import Asked, Seen

OPERATIONS: Final = ("describe", "read", "write")
CHECKS: Final[Mapping[str, Check]] = {check.id: check for check in BROKER_CHECKS}

_NEXT: Final[Mapping[str, str]] = {
    "MSG-120": "nc -vz {host} {port}",
    "MSG-150": f"kafka-configs.sh --bootstrap-server {{broker}}{CONFIG} --describe --entity-type brokers --all",
    "MSG-160": f"kafka-configs.sh --bootstrap-server {{broker}}{CONFIG} --describe --entity-type users "
    "--entity-name {principal}",
    "MSG-180": f"kafka-topics.sh --bootstrap-server {{broker}}{CONFIG} --describe --topic {{topic}}",
    "MSG-200": f"kafka-topics.sh --bootstrap-server {{broker}}{CONFIG} --describe --topic {{topic}}",
}
"""Where a check's own command is AWS's: what a person types against any broker."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a command line asks for."""

    bootstrap: tuple[str, ...]
    protocol: str = "SASL_SSL"
    mechanism: str | None = "SCRAM-SHA-512"
    principal: str | None = None
    topics: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    group: str | None = None
    smoke: str | None = None
    client: ClientSeen | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One rung, asked of one subject."""

    check: Check
    subject: str
    asked: Asked


def questions(wanted: Wanted) -> tuple[Question, ...]:
    """The rungs that the options ask for, in ladder order: without TLS no MSG-130, without SASL no MSG-150 and 160."""
    return tuple(
        Question(check=check, subject=subject, asked=asked)
        for check in BROKER_CHECKS
        for subject, asked in _subjects(check.id, wanted)
    )


def _subjects(check: str, wanted: Wanted) -> Iterator[tuple[str, Asked]]:
    way = ["MSG-110", "MSG-120", "MSG-140", "MSG-170"]
    way += ["MSG-130"] if wanted.protocol.endswith("SSL") else []
    way += ["MSG-150", "MSG-160"] if wanted.protocol.startswith("SASL") else []
    if check in way:
        yield "cluster", Asked(principal=wanted.principal)
    elif check in ("MSG-180", "MSG-190"):
        for topic, operations in wanted.topics.items():
            yield f"topic/{topic}", Asked(topic=topic, operations=operations)
    elif check == "MSG-195" and wanted.group is not None:
        yield f"group/{wanted.group}", Asked(group=wanted.group)
    elif check in ("MSG-200", "MSG-210") and wanted.smoke is not None:
        yield f"topic/{wanted.smoke}", Asked(smoke_topic=wanted.smoke)
    elif check == "MSG-220" and wanted.client is not None:
        yield f"client/{wanted.client.name}", Asked(client=wanted.client, group=wanted.group)


def records_of(seen: Seen, wanted: Wanted) -> tuple[Record, ...]:
    """A record for each question; what needs a red rung is NOT_REACHED and is not judged."""
    found: dict[tuple[str, str], Record] = {}
    for question in questions(wanted):
        red = next((record for record in _needs(question, found) if not record.outcome.green), None)
        record = _judged(question, seen, wanted) if red is None else _not_reached(question, red, found)
        found[question.check.id, question.subject] = record
    return tuple(found.values())


def _needs(question: Question, found: Mapping[tuple[str, str], Record]) -> Iterator[Record]:
    """The records that a question stands on: of its own subject, else of the cluster; one that isn't asked for stands
    for its own needs."""
    open_needs = list(question.check.needs)
    while open_needs:
        need = open_needs.pop()
        record = found.get((need, question.subject)) or found.get((need, "cluster"))
        if record is not None:
            yield record
        elif need in CHECKS:
            open_needs += CHECKS[need].needs


def _judged(question: Question, seen: Seen, wanted: Wanted) -> Record:
    check = question.check
    diagnosis = RUNGS[check.id](seen, question.asked)
    return Record(
        check=check.id,
        plane=check.plane,
        subject=question.subject,
        outcome=diagnosis.outcome,
        layer=diagnosis.layer or check.layer,
        cause=diagnosis.cause,
        message=diagnosis.message,
        facts=diagnosis.facts,
        next=None if diagnosis.outcome is Outcome.PASS else _next(question, diagnosis, wanted),
        vantage=Vantage.HERE,
        duration_ms=0.0 if isinstance(seen, Unobserved) else _duration(check.id, seen),
    )


def _duration(check: str, seen: Transcript) -> float:
    return seen.durations_ms.get(check, 0.0)


def _not_reached(question: Question, red: Record, found: Mapping[tuple[str, str], Record]) -> Record:
    root = red
    if red.outcome is Outcome.NOT_REACHED:
        root = found[str(red.facts["needed_check"]), str(red.facts["needed_subject"])]
    return Record(
        check=question.check.id,
        plane=question.check.plane,
        subject=question.subject,
        outcome=Outcome.NOT_REACHED,
        layer=question.check.layer,
        cause="not-reached",
        message=f"not judged: it needs {root.check} of {root.subject}, which is {root.outcome}",
        facts=checked_facts({"needed_check": root.check, "needed_subject": admitted("needed_subject", root.subject)}),
        next=None,
        vantage=Vantage.HERE,
        duration_ms=0.0,
    )


def _next(question: Question, diagnosis: Diagnosis, wanted: Wanted) -> str:
    if diagnosis.next is not None:
        return diagnosis.next
    words: dict[str, FactValue] = {
        "brokers": [str(diagnosis.facts.get("broker") or wanted.bootstrap[0])],
        "principal": wanted.principal,
        "topic": wanted.smoke,
        "smoke_topic": wanted.smoke,
        "group": wanted.group,
    }
    words |= {name: value for name, value in diagnosis.facts.items() if name != "brokers"}
    template = question.check.command(diagnosis.cause)
    if template.startswith("aws ") or template == question.check.next:
        template = _NEXT.get(question.check.id, question.check.next)
    if wanted.protocol == "PLAINTEXT":
        template = template.replace(CONFIG, "")
    return filled(template, words)
