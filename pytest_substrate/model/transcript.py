"""What a probe is asked, and what it saw: the request, the transcript, and the way back through log lines.

The request is public: it holds names of environment variables, never a value that could be a secret. The transcript
holds what the probe saw at its vantage, rung by rung, and decides nothing: outcome, layer and words are the diagnoses'
(`planes/messaging/diagnose`). Its JSON is written by `pytest_substrate/probe`, which imports nothing of ours, so the
field names here and there are one contract (`tests/unit/model/test_transcript.py` holds it).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Final

from pytest_substrate.model.observation import Unobserved
from pytest_substrate.model.transcript_parts import TranscriptForm

REQUEST_SCHEMA: Final = "substrate.probe/1"
TRANSCRIPT_SCHEMA: Final = "substrate.transcript/1"
UNTOLD: Final = -(1 << 31)
"""The bits of authorized operations where a broker does not tell them."""
EXPECTED_ENV: Final = "SUBSTRATE_EXPECTED"
"""The variable by which a twin injects the declared secret's current value (the reference of MSG-070)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeRequest:
    """What a probe shall look at. Of each pair of a literal and `…_env`, the variable of the container wins if named.

    `nonce` marks the transcript and is 32 hex digits. `deadline_s` bounds each rung, eight of them the whole;
    `client_deadline_s` bounds the runtime's own client (MSG-230) and comes on top.
    """

    nonce: str
    deadline_s: float = 5.0
    bootstrap: tuple[str, ...] = ()
    bootstrap_env: str | None = None
    """The variable whose value lists `host:port[,…]`, as the service is wired."""
    protocol: str = "SASL_SSL"
    """SASL_SSL, SASL_PLAINTEXT, SSL or PLAINTEXT."""
    mechanism: str | None = "SCRAM-SHA-512"
    """SCRAM-SHA-256, SCRAM-SHA-512, PLAIN or AWS_MSK_IAM; None for a protocol without SASL."""
    credential_env: str | None = None
    """The variable that holds the JSON of an MSK secret; else `username_env` and `password_env`."""
    username_env: str | None = None
    password_env: str | None = None
    expected_env: str | None = None
    """`EXPECTED_ENV` where the received credential shall be compared (MSG-070)."""
    principal: str | None = None
    """The declared principal; the probe says only whether the received user name is this one."""
    ca_file: str | None = None
    ca_file_env: str | None = None
    cert_file: str | None = None
    cert_file_env: str | None = None
    key_file: str | None = None
    key_file_env: str | None = None
    topics: tuple[str, ...] = ()
    group: str | None = None
    smoke_topic: str | None = None
    """The only topic that is written to."""
    client: str | None = None
    """The distribution name of the runtime's own client (`kafka-python`)."""
    api_version: str | None = None
    api_version_env: str | None = None
    client_round_trip: bool = False
    client_deadline_s: float = 20.0
    identity: bool = False
    """Whether the container's credentials are fetched and asked who they are (MSG-060)."""
    region: str | None = None
    sts_endpoint: str | None = None
    """Only for local targets; else the regional endpoint of STS."""
    reauthenticate: bool = False

    def to_json(self) -> str:
        """The program's one argument: compact, without what isn't asked for."""
        return json.dumps(self.asked(), separators=(",", ":"))

    def run_s(self) -> float:
        """The seconds that the program may take: eight deadlines, and its client's."""
        return 8 * self.deadline_s + (self.client_deadline_s if self.client_round_trip else 0)

    def read(self, lines: Iterable[str]) -> Transcript | Unobserved:
        """The transcript of this request in the lines of a log stream."""
        return read_transcript(lines, self.nonce)

    def asked(self) -> dict[str, Any]:
        """As the probe reads it: every field but those that are None, empty or False."""
        found = {item.name: getattr(self, item.name) for item in fields(self)}
        return {"schema": REQUEST_SCHEMA} | {
            name: value for name, value in found.items() if value not in (None, (), False)
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """How a step ended short. `cause` is a slug, `stage` the step (`dns`, `tcp`, `tls`, `api-versions`, `mechanism`,
    `authenticate`, `metadata`, `topics`, `group`, `produce`, `fetch`, `client`, `reauthenticate`, `identity`,
    `credential`, `bootstrap`)."""

    cause: str
    stage: str
    broker: str | None = None
    kafka_error: int | None = None
    peer_message: str | None = None
    """The peer's own words, scrubbed, one line."""
    detail: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentitySeen:
    """Who the container's credential endpoint and STS say the task is (MSG-060)."""

    role_arn: str | None = None
    """As the credential document names it."""
    caller_arn: str | None = None
    """As STS names it; None where it could not be reached (`sts` says why) or did not answer."""
    sts: str | None = None
    """`answered`, `unreachable`, `refused`, or None where it was not asked."""
    error_code: str | None = None
    shadowed_by: tuple[str, ...] = ()
    """Variables and files of the container that an SDK takes before the task role."""
    failure: Failure | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialSeen:
    """Whether what the container received is what was expected (MSG-070); names of fields, never values."""

    variables: tuple[str, ...] = ()
    compared: bool = False
    differs: tuple[str, ...] = ()
    principal_matches: bool | None = None
    failure: Failure | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerSeen:
    """One way to one broker, as far as it went (MSG-110 … MSG-160, and the advertised brokers of MSG-170)."""

    address: str
    """`host:port` as wired or advertised."""
    addresses: tuple[str, ...] = ()
    """What the name resolved to."""
    tls_version: str | None = None
    not_after: str | None = None
    """When the broker's certificate ends, in OpenSSL's words (`Jun  1 12:00:00 2027 GMT`)."""
    apis: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    """The advertised version range of the APIs that clients need, by API key."""
    mechanisms: tuple[str, ...] = ()
    session_lifetime_ms: int | None = None
    passed: tuple[str, ...] = ()
    """The stages that were completed."""
    failure: Failure | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MetadataSeen:
    """What Metadata answered, and the way to each advertised broker (MSG-170)."""

    brokers: tuple[BrokerSeen, ...] = ()
    failure: Failure | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicSeen:
    """A topic in Metadata (MSG-180, MSG-190). `authorized` has the bits of KIP-430."""

    kafka_error: int = 0
    partitions: int = 0
    leaderless: tuple[int, ...] = ()
    authorized: int = UNTOLD
    failure: Failure | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupSeen:
    """A consumer group, described by its coordinator without joining it (MSG-195)."""

    kafka_error: int = 0
    authorized: int = UNTOLD
    failure: Failure | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProduceSeen:
    """One fresh record to the smoke topic with acks=all (MSG-200)."""

    topic: str
    partition: int | None = None
    offset: int | None = None
    failure: Failure | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchSeen:
    """The way back of that record, from the offset that it was given (MSG-210)."""

    offset: int | None = None
    throttle_ms: int = 0
    failure: Failure | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientSeen:
    """The runtime's own client (MSG-220) and what became of its round trip (MSG-230)."""

    name: str
    version: str | None = None
    """As its distribution's metadata in the image names it; None where there is none."""
    api_version: str | None = None
    """As configured; None where it is left to negotiation."""
    ran: bool = False
    phase: str | None = None
    """Where the round trip ended: `start`, `import`, `producer`, `produce`, `consumer`, `consume`, `other`, `done`."""
    error_code: str | None = None
    """The class name of the client's exception."""
    failure: Failure | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReauthenticationSeen:
    """The credential's second use (MSG-240)."""

    way: str
    """`same-connection` where the broker gives a session lifetime, else `fresh-connection`."""
    session_lifetime_ms: int = 0
    failure: Failure | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Crash:
    """The probe's own bug: the exception's class and the line of the program, nothing of its text."""

    type: str
    at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcript:
    """All that one probe saw. A part is None where it was not asked for, or where what comes before it failed."""

    schema: str
    nonce: str
    python: str
    started_at: str
    durations_ms: Mapping[str, float] = field(default_factory=dict)
    """By check id."""
    protocol: str = "SASL_SSL"
    mechanism: str | None = None
    identity: IdentitySeen | None = None
    credential: CredentialSeen | None = None
    bootstrap: tuple[BrokerSeen, ...] = ()
    bootstrap_failure: Failure | None = None
    """Why there is no list of addresses at all (variable absent, malformed)."""
    metadata: MetadataSeen | None = None
    topics: Mapping[str, TopicSeen] = field(default_factory=dict)
    group: GroupSeen | None = None
    produce: ProduceSeen | None = None
    fetch: FetchSeen | None = None
    client: ClientSeen | None = None
    reauthentication: ReauthenticationSeen | None = None
    crash: Crash | None = None


_FORM: Final = TranscriptForm(Transcript, TRANSCRIPT_SCHEMA)


def transcript_from(data: Mapping[str, Any]) -> Transcript | Unobserved:
    """The transcript that a probe in this process returned; `malformed` for anything else."""
    return _FORM.taken(data)


def read_transcript(lines: Iterable[str], nonce: str) -> Transcript | Unobserved:
    """The transcript in the lines of one log stream, marked by `nonce`; lines that bear no marker are ignored.

    Parts must be whole and come once each, in order, all of this nonce and one digest. Else: `no-transcript`,
    `parts-cut`, `parts-foreign`, `parts-doubled`, `parts-reordered`, `parts-missing` or `malformed`.
    """
    return _FORM.read(lines, nonce)
