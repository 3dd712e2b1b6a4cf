"""What the rungs of a transcript have in common: what is asked of them, what can't be judged, how a failure is told."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeAlias

from pytest_substrate.model.aws.kafka import TopicState
from pytest_substrate.model.diagnosis import Diagnosis, inconclusive, violated
from pytest_substrate.model.facts import FactValue, admitted, line
from pytest_substrate.model.observation import Missing, Unobserved
from pytest_substrate.model.outcome import Layer
from pytest_substrate.model.transcript import ClientSeen, Failure, Transcript
from pytest_substrate.model.unseen import UNSEEN_CAUSES
from pytest_substrate.planes.messaging.diagnose.causes import (
    ERROR_NAMES,
    LAYERS,
    MEANINGS,
    TRANSCRIPT_CAUSES,
    cause_of,
)

SMOKE_RETENTION_MS = 3_600_000
"""What a smoke topic may keep at most: an hour, as the design demands of a declared cluster."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the declaration (or a command line) says about what a rung judges; each rung takes what it needs."""

    role: str | None = None
    """The declared task role's name."""
    account: str | None = None
    defined_role: str | None = None
    """The task role that the service's live task definition names; None where it names none, or could not be seen."""
    not_started: str | None = None
    """The cause of MSG-055 where no task of the service told anything of itself."""
    in_running_task: bool = False
    """Whether the probe ran in a task that was running already (vantage exec)."""
    principal: str | None = None
    """The declared Kafka principal."""
    topic: str | None = None
    operations: tuple[str, ...] = ()
    """Of `topic`: `describe`, `read`, `write`."""
    described: TopicState | Missing | Unobserved | None = None
    """The topic that the rung is about (the smoke topic of MSG-200) as MSK's own API has it; None where not asked."""
    group: str | None = None
    smoke_topic: str | None = None
    retention_limit_ms: int | None = None
    """Where given, MSG-200 demands that `described` shows the smoke topic to keep no record for longer."""
    client: ClientSeen | None = None
    """Instead of the transcript's own, where the client is named rather than found."""
    own_interpreter: bool = True
    """Whether the probe ran on the image's own Python, and so saw what the runtime's would."""
    run_facts: Mapping[str, FactValue] = field(default_factory=dict)
    """Facts of the task that carried the probe (stop reason, exit code, stream), told where a rung is not seen."""


Seen: TypeAlias = Transcript | Unobserved
Rung: TypeAlias = Callable[[Seen, Asked], Diagnosis]

_TRANSCRIPT_WORDS = {cause.slug: cause.meaning for cause in (*TRANSCRIPT_CAUSES, *UNSEEN_CAUSES)}


def unseen_transcript(seen: Unobserved, asked: Asked) -> Diagnosis:
    """INCONCLUSIVE: there is no transcript to judge, and what the task's end says about it."""
    why = _TRANSCRIPT_WORDS.get(seen.reason, seen.reason)
    found = inconclusive(
        seen.reason,
        f"the probe's transcript could not be read: {why}",
        operation=admitted("operation", seen.operation),
        error_code=admitted("error_code", seen.code),
        detail=None if seen.detail is None else line(seen.detail),
    )
    return found.with_facts(asked.run_facts)


def not_observed(transcript: Transcript, asked: Asked, what: str) -> Diagnosis:
    """INCONCLUSIVE: the transcript has nothing on `what`."""
    if transcript.crash is not None:
        return inconclusive(
            "probe-crashed",
            f"the probe ended on an error of its own before {what}",
            error_code=admitted("error_code", transcript.crash.type),
            detail=line(transcript.crash.at),
        ).with_facts(asked.run_facts)
    return inconclusive("not-observed", f"the probe did not come to {what}").with_facts(asked.run_facts)


def failed(failure: Failure, what: str, *, layer: Layer | None = None) -> Diagnosis:
    """What a failure comes to: a VIOLATION in the cause's own layer, else in `layer`, else in the check's.

    Time that was up, a version that the probe lacks, and a credential that it wasn't given prove nothing about the
    cluster: INCONCLUSIVE.
    """
    cause = cause_of(failure)
    meaning = MEANINGS.get(cause) or _TRANSCRIPT_WORDS.get(cause)
    if meaning is None:
        return unknown_cause(cause, what)
    told = f"{what}: {meaning}"
    facts = failure_facts(failure)
    if failure.kafka_error is not None:
        told += f" (error {failure.kafka_error})"
    if cause in ("out-of-time", "version-unsupported", "no-credential"):
        return inconclusive(cause, told).with_facts(facts)
    return violated(cause, told, layer=LAYERS.get(cause, layer)).with_facts(facts)


def unknown_cause(cause: str, what: str) -> Diagnosis:
    """INCONCLUSIVE: the transcript names a cause that this version does not know, so it is not of this probe."""
    return inconclusive("malformed", f"{what}: the probe's transcript names an unknown cause", detail=line(cause))


def failure_facts(failure: Failure) -> dict[str, FactValue]:
    """The facts of a failure; what a peer chose is left out where the list of facts does not admit it."""
    return {
        "broker": admitted("broker", failure.broker),
        "kafka_error": failure.kafka_error,
        "kafka_error_name": None if failure.kafka_error is None else ERROR_NAMES.get(failure.kafka_error),
        "peer_message": None if failure.peer_message is None else line(failure.peer_message),
        "detail": None if failure.detail is None else line(failure.detail),
    }


def iso_of(openssl_time: str | None) -> str | None:
    """`Jun  1 12:00:00 2027 GMT` as ISO 8601; None for anything else."""
    try:
        return datetime.fromtimestamp(ssl.cert_time_to_seconds(openssl_time or ""), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError, OSError):
        return None


def names(items: tuple[str, ...], limit: int = 3) -> str:
    """A few names in a sentence."""
    shown = ", ".join(items[:limit])
    return shown if len(items) <= limit else f"{shown} and {len(items) - limit} more"
