"""How a way to a broker, or what was asked of it, can end: the causes, their words, and the layer that each is of.

The probe names what it saw (`Failure.cause`, an error of Kafka); which cause that is of which layer is decided here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pytest_substrate.model.check import Cause
from pytest_substrate.model.outcome import Layer
from pytest_substrate.model.transcript import Failure
from pytest_substrate.model.unseen import UNSEEN_CAUSES

MEANINGS: Final[Mapping[str, str]] = {
    # whatever the step
    "silent": "the peer said nothing until the deadline",
    "closed": "the peer closed the connection",
    "garbled": "what the peer said is not of the protocol",
    "kafka-error": "the broker answered with an error that no other cause stands for",
    # to a connection
    "no-bootstrap": "the list of bootstrap servers is empty or not there",
    "malformed-address": "an address is not HOST:PORT",
    "unresolved": "the name does not resolve",
    "connection-refused": "nobody listens at the address",
    "no-route": "there is no way to the address",
    # TLS
    "certificate-untrusted": "the certificate's chain does not end in the trust store",
    "certificate-wrong-name": "the certificate is for another name",
    "certificate-expired": "the certificate has expired",
    "certificate-not-yet-valid": "the certificate is not valid yet",
    "no-trust-store": "the interpreter has no trust store, and no CA file is declared",
    "ca-unreadable": "the declared CA file can't be read",
    "client-certificate": "the broker demands a client certificate, or refuses the one it got",
    "client-certificate-unreadable": "the declared client certificate or key can't be read",
    "alert": "the broker ended the handshake with an alert",
    "not-tls": "the port speaks Kafka without TLS",
    # Kafka's own handshakes
    "tls-expected": "the port speaks TLS, and the protocol is one without",
    "version-refused": "the broker refuses every version of ApiVersions",
    "mechanism-not-offered": "the listener offers other mechanisms",
    "no-sasl": "the listener knows no SASL",
    "rejected": "the broker refuses the credential",
    "connect-denied": "IAM denies kafka-cluster:Connect",
    "no-credential": "there is no credential to authenticate with",
    "server-signature": "the broker could not prove that it knows the credential",
    "server-nonce": "the broker did not take over the client's nonce",
    "server-iterations": "the broker demands an iteration count out of reason",
    # Metadata
    "sasl-expected": "the listener demands SASL, and the protocol is one without",
    "not-a-broker": "the port serves no Metadata: a controller, or no broker at all",
    "no-brokers": "the metadata names no broker",
    # topics, groups, records
    "topic-missing": "the topic does not exist",
    "topic-invalid": "the broker takes the name for no topic's",
    "topic-not-active": "the topic is being made or deleted",
    "no-leader": "a partition has no leader",
    "cannot-be-told": "the broker answers 29, for a missing topic as for a forbidden one, and MSK did not tell",
    "not-authorized": "the principal lacks operations",
    "operations-untold": "the broker does not tell which operations the principal may do",
    "no-group": "the service reads, and no consumer group is declared",
    "group-invalid": "the broker takes the name for no group's",
    "no-coordinator": "no broker coordinates the group",
    "no-smoke-topic": "the cluster has no smoke topic, and no other topic is ever written to",
    "retention-too-long": "the smoke topic keeps records for longer than an hour",
    "compacted": "the smoke topic is compacted, and no record of it goes by its age",
    "retention-unknown": "how long the smoke topic keeps records could not be seen",
    "write-forbidden": "the principal may not write to the smoke topic",
    "read-forbidden": "the principal may not read the smoke topic",
    "acks-timed-out": "not every replica acknowledged the record in time",
    "not-enough-replicas": "fewer replicas are in sync than the topic demands",
    "record-too-large": "the topic takes no record of 120 bytes",
    "time-stamp-refused": "the topic refuses the record's time stamp, that of the runtime's clock",
    "record-refused": "the topic refuses the record",
    "not-returned": "the record did not come back by the deadline",
    "other-record": "another record lies at the offset that was given",
    "offset-out-of-range": "the offset that was given is not in the log",
    "throttled-by-quota": "a quota holds the answer back",
    # the ladder's own limits
    "version-unsupported": "the broker lacks a version that the probe speaks",
}
"""Of every cause that a broker can give."""

_WIRING: Final = (
    "not-tls",
    "tls-expected",
    "sasl-expected",
    "no-sasl",
    "not-a-broker",
    "malformed-address",
    "no-bootstrap",
)
LAYERS: Final[Mapping[str, Layer]] = {
    **dict.fromkeys((*_WIRING, "topic-missing", "topic-invalid", "group-invalid"), Layer.WIRING),
    **dict.fromkeys(("connect-denied", "write-forbidden", "read-forbidden", "not-authorized"), Layer.AUTHORIZATION),
    **dict.fromkeys(("no-leader", "no-coordinator", "topic-not-active"), Layer.SUBSTRATE),
    "time-stamp-refused": Layer.RUNTIME,
    "no-smoke-topic": Layer.DECLARATION,
    "no-group": Layer.DECLARATION,
}
"""Where a cause is of another layer than its check; on the way to an advertised broker, see `STAGE_LAYERS`."""

STAGE_LAYERS: Final[Mapping[str, Layer]] = {
    "dns": Layer.NETWORK,
    "tcp": Layer.NETWORK,
    "tls": Layer.TLS,
    "api-versions": Layer.COMPATIBILITY,
    "mechanism": Layer.IDENTITY,
    "authenticate": Layer.CREDENTIAL,
    "metadata": Layer.NETWORK,
}

_BY_ERROR: Final[Mapping[tuple[str, int], str]] = {
    ("api-versions", 35): "version-refused",
    ("mechanism", 33): "mechanism-not-offered",
    ("mechanism", 34): "no-sasl",
    ("authenticate", 58): "rejected",
    ("reauthenticate", 58): "rejected",
    ("metadata", 35): "not-a-broker",
    ("topics", 3): "topic-missing",
    ("topics", 17): "topic-invalid",
    ("group", 14): "no-coordinator",
    ("group", 15): "no-coordinator",
    ("group", 16): "no-coordinator",
    ("group", 24): "group-invalid",
    ("group", 30): "not-authorized",
    ("produce", 3): "topic-missing",
    ("produce", 7): "acks-timed-out",
    ("produce", 10): "record-too-large",
    ("produce", 17): "topic-invalid",
    ("produce", 19): "not-enough-replicas",
    ("produce", 20): "not-enough-replicas",
    ("produce", 29): "write-forbidden",
    ("produce", 32): "time-stamp-refused",
    ("produce", 44): "record-refused",
    ("produce", 87): "record-refused",
    ("fetch", 1): "offset-out-of-range",
    ("fetch", 3): "topic-missing",
    ("fetch", 29): "read-forbidden",
}

ERROR_NAMES: Final[Mapping[int, str]] = {
    1: "OFFSET_OUT_OF_RANGE",
    3: "UNKNOWN_TOPIC_OR_PARTITION",
    5: "LEADER_NOT_AVAILABLE",
    6: "NOT_LEADER_OR_FOLLOWER",
    7: "REQUEST_TIMED_OUT",
    10: "MESSAGE_TOO_LARGE",
    14: "COORDINATOR_LOAD_IN_PROGRESS",
    15: "COORDINATOR_NOT_AVAILABLE",
    16: "NOT_COORDINATOR",
    17: "INVALID_TOPIC_EXCEPTION",
    19: "NOT_ENOUGH_REPLICAS",
    20: "NOT_ENOUGH_REPLICAS_AFTER_APPEND",
    24: "INVALID_GROUP_ID",
    29: "TOPIC_AUTHORIZATION_FAILED",
    30: "GROUP_AUTHORIZATION_FAILED",
    32: "INVALID_TIMESTAMP",
    33: "UNSUPPORTED_SASL_MECHANISM",
    34: "ILLEGAL_SASL_STATE",
    35: "UNSUPPORTED_VERSION",
    42: "INVALID_REQUEST",
    44: "POLICY_VIOLATION",
    58: "SASL_AUTHENTICATION_FAILED",
    72: "LISTENER_NOT_FOUND",
    87: "INVALID_RECORD",
}
"""https://kafka.apache.org/protocol#protocol_error_codes, those that the ladder meets."""

TRANSCRIPT_CAUSES: Final[tuple[Cause, ...]] = (
    Cause(slug="no-transcript", meaning="the task left no transcript in its log"),
    Cause(slug="parts-missing", meaning="the log does not hold every part of the transcript"),
    Cause(slug="parts-cut", meaning="a part of the transcript is cut or changed"),
    Cause(slug="parts-doubled", meaning="a part of the transcript is there twice"),
    Cause(slug="parts-reordered", meaning="the parts of the transcript are out of order"),
    Cause(slug="parts-foreign", meaning="the log holds parts of another transcript"),
    Cause(slug="probe-crashed", meaning="the probe ended on an error of its own before this rung"),
    Cause(slug="not-observed", meaning="the probe did not come to this rung, or was not asked to"),
    Cause(slug="out-of-time", meaning="the time of the whole probe was up before the rung's own deadline"),
    *UNSEEN_CAUSES,
)
"""Why a rung of the probe can be INCONCLUSIVE whatever it is about."""


def causes(*slugs: str) -> tuple[Cause, ...]:
    """The causes of a rung at a broker: these, those that any step can have, and those of the transcript."""
    chosen = dict.fromkeys((*slugs, "silent", "closed", "garbled", "kafka-error"))
    return (*(Cause(slug=slug, meaning=MEANINGS[slug]) for slug in chosen), *TRANSCRIPT_CAUSES)


def cause_of(failure: Failure) -> str:
    """The stable cause of what the probe saw."""
    if failure.kafka_error is None:
        return failure.cause
    cause = _BY_ERROR.get((failure.stage, failure.kafka_error), "kafka-error")
    if cause == "rejected" and "access denied" in (failure.peer_message or "").lower():
        return "connect-denied"
    return cause
