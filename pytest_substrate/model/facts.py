"""The allow-list of facts: what a record may carry, by name and kind.

A fact that is not listed here, or that is not of its kind, is our own bug and raises. So an environment value, a raw
log line, the query of a URL or a hash of a secret has no field to travel in. Values that a peer chose (a broker's
error text, an AWS message) are cut to one printable line.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum
from typing import Final, TypeAlias

FactValue: TypeAlias = str | int | float | bool | list[str] | tuple[str, ...] | list[int] | None


class Kind(Enum):
    """The kinds of facts; a text kind's value is the pattern of one whole item."""

    NAME = r"[\w .:/@+=,#*$()\[\]{}^~%!?;'\"<>|&-]{0,256}"
    """A name that a person or a service gave: a user, a topic, a group, a software name."""
    ARN = r"arn:aws[a-z-]*:[a-z0-9-]*:[a-z0-9-]*:\d{0,12}:[^\s?]{1,1024}"
    DIGEST = r"sha256:[0-9a-f]{64}"
    TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)"
    ADDRESS = r"[\w.:\[\]-]{1,300}"
    """`host:port`, a host, or an address."""
    SLUG = r"[a-z0-9][a-z0-9_.-]{0,127}"
    ID = r"[\w:./-]{1,300}"
    """An id that a service gave: a version id, a request id, a stream name."""
    CODE = r"[\w:.]{1,128}"
    """An error code of a service, an exception's class name, an operation as IAM names it."""
    LINE = r"[^\x00-\x1f\x7f]{0,300}"
    """A peer's own one-line words, scrubbed; never a log line and never an environment value."""
    NUMBER = "number"
    FLAG = "flag"


FACTS: Final[Mapping[str, Kind]] = {
    # identities
    "principal": Kind.NAME,
    "expected_principal": Kind.NAME,
    "role_arn": Kind.ARN,
    "caller_arn": Kind.ARN,
    "task_role_arn": Kind.ARN,
    "execution_role_arn": Kind.ARN,
    # AWS things
    "arn": Kind.ARN,
    "cluster_arn": Kind.ARN,
    "secret_arn": Kind.ARN,
    "injected_arn": Kind.ARN,
    "expected_arn": Kind.ARN,
    "key_arn": Kind.ARN,
    "task_arn": Kind.ARN,
    "task_arns": Kind.ARN,
    "running_task_arns": Kind.ARN,
    "task_definition_arn": Kind.ARN,
    "twin_arn": Kind.ARN,
    "region": Kind.SLUG,
    "secret_name": Kind.NAME,
    "parameter": Kind.NAME,
    "json_key": Kind.NAME,
    "expected_json_key": Kind.NAME,
    "version_stage": Kind.NAME,
    "key_manager": Kind.NAME,
    "key_spec": Kind.NAME,
    "key_usage": Kind.NAME,
    "connectivity": Kind.SLUG,
    "authentication": Kind.SLUG,
    "authentications": Kind.SLUG,
    "version_id": Kind.ID,
    "state": Kind.NAME,
    "operation": Kind.CODE,
    "error_code": Kind.CODE,
    "reason": Kind.SLUG,
    "detail": Kind.LINE,
    "stop_code": Kind.NAME,
    "stop_reason": Kind.LINE,
    "exit_code": Kind.NUMBER,
    "log_group": Kind.ID,
    "log_stream": Kind.ID,
    "image_digest": Kind.DIGEST,
    "image_digests": Kind.DIGEST,
    "expected_digest": Kind.DIGEST,
    "platform_digest": Kind.DIGEST,
    "image": Kind.NAME,
    "repository": Kind.NAME,
    "platform": Kind.NAME,
    "platforms": Kind.NAME,
    "commit": Kind.ID,
    "build": Kind.LINE,
    "deployment_arn": Kind.ARN,
    "revision_arn": Kind.ARN,
    "running": Kind.NUMBER,
    "desired": Kind.NUMBER,
    "pending": Kind.NUMBER,
    # times, UTC, as the service gave them
    "at": Kind.TIME,
    "since": Kind.TIME,
    "created_at": Kind.TIME,
    "changed_at": Kind.TIME,
    "started_at": Kind.TIME,
    "not_after": Kind.TIME,
    # counts and durations (milliseconds unless the name says otherwise)
    "count": Kind.NUMBER,
    "total": Kind.NUMBER,
    "stale": Kind.NUMBER,
    "undecided": Kind.NUMBER,
    "malformed": Kind.NUMBER,
    "duration_ms": Kind.NUMBER,
    "deadline_s": Kind.NUMBER,
    # Kafka
    "broker": Kind.ADDRESS,
    "brokers": Kind.ADDRESS,
    "endpoint": Kind.ADDRESS,
    "endpoints": Kind.ADDRESS,
    "expected_endpoints": Kind.ADDRESS,
    "address": Kind.ADDRESS,
    "addresses": Kind.ADDRESS,
    "port": Kind.NUMBER,
    "tls_version": Kind.NAME,
    "mechanism": Kind.NAME,
    "mechanisms": Kind.NAME,
    "kafka_error": Kind.NUMBER,
    "kafka_error_name": Kind.CODE,
    "peer_message": Kind.LINE,
    "topic": Kind.NAME,
    "group": Kind.NAME,
    "operations": Kind.SLUG,
    "missing_operations": Kind.SLUG,
    "partition": Kind.NUMBER,
    "partitions": Kind.NUMBER,
    "offset": Kind.NUMBER,
    "client": Kind.NAME,
    "client_version": Kind.NAME,
    "api_version": Kind.NAME,
    "api": Kind.NAME,
    "client_range": Kind.NAME,
    "broker_range": Kind.NAME,
    "session_lifetime_ms": Kind.NUMBER,
    "reauthentication": Kind.SLUG,
    # the gate's own
    "needed_check": Kind.ID,
    "needed_subject": Kind.NAME,
    "waived_outcome": Kind.CODE,
    "owner": Kind.LINE,
    "ticket": Kind.LINE,
    "expires_at": Kind.TIME,
    # a pending infrastructure change: addresses, types and attributes as the plan names them, and no value
    "resource": Kind.NAME,
    "resources": Kind.NAME,
    "resource_type": Kind.SLUG,
    "previous_resource": Kind.NAME,
    "actions": Kind.SLUG,
    "action_reason": Kind.SLUG,
    "attributes": Kind.NAME,
    # images
    "manifest_digest": Kind.DIGEST,
    "lock_digest": Kind.DIGEST,
    "layers": Kind.NUMBER,
    "labels": Kind.NAME,
    "applicable": Kind.FLAG,
    "python_version": Kind.NAME,
    "distributions": Kind.NAME,
    "requirements": Kind.NAME,
    "modules": Kind.NAME,
    "missing_modules": Kind.NAME,
    "error": Kind.CODE,
    "frames": Kind.NAME,
    "files": Kind.NAME,
    "libraries": Kind.NAME,
    "program": Kind.NAME,
    # a refusal, and what was refused
    "action": Kind.CODE,
    "effect": Kind.SLUG,
    "source": Kind.SLUG,
    "policy": Kind.LINE,
    "attributed": Kind.FLAG,
    "missing_statement": Kind.LINE,
    "unseen": Kind.NAME,
    "policy_digest": Kind.DIGEST,
    "trust_digest": Kind.DIGEST,
    # objects in a bucket
    "bucket": Kind.NAME,
    "bucket_behind": Kind.NAME,
    "vpc": Kind.ID,
    "bucket_region": Kind.SLUG,
    "object_key": Kind.NAME,
    "http_status": Kind.NUMBER,
    "encryption": Kind.NAME,
    "default_encryption": Kind.NAME,
    "endpoint_conditions": Kind.NAME,
    "bucket_key": Kind.FLAG,
    "ownership": Kind.NAME,
    "requester_pays": Kind.FLAG,
    "condition_keys": Kind.NAME,
    # the CI job, its token and its role; of a token the subject, the audiences and the issuer, and nothing else
    "places": Kind.NAME,
    "provider": Kind.LINE,
    "issuer": Kind.LINE,
    "audience": Kind.LINE,
    "audiences": Kind.LINE,
    "token_subject": Kind.LINE,
    "boundary_arn": Kind.ARN,
    "statement": Kind.NUMBER,
    "filters": Kind.NAME,
    "revision": Kind.LINE,
    "builder": Kind.LINE,
    "source_uri": Kind.LINE,
    "workflow": Kind.LINE,
    "attested_commit": Kind.ID,
    "signature": Kind.SLUG,
    "signed_at": Kind.TIME,
    "signer": Kind.LINE,
    "signer_issuer": Kind.LINE,
    "service_controls": Kind.SLUG,
    "tags": Kind.NAME,
    # wiring
    "container": Kind.NAME,
    "variable": Kind.NAME,
    "variables": Kind.NAME,
    "field": Kind.NAME,
    "fields": Kind.NAME,
    "differences": Kind.NAME,
    "services": Kind.NAME,
}
"""Every fact by its name. Sequences hold items of that kind."""


def checked_facts(facts: Mapping[str, FactValue]) -> dict[str, FactValue]:
    """The facts, sequences as lists, None left out; ValueError for a name or a value that the list does not admit."""
    checked: dict[str, FactValue] = {}
    for name, value in facts.items():
        if value is None:
            continue
        kind = FACTS.get(name)
        if kind is None:
            raise ValueError(f"{name} is not in the list of facts (pytest_substrate/model/facts.py)")
        items = list(value) if isinstance(value, (list, tuple)) else [value]
        for item in items:
            if not _admits(kind, item):
                raise ValueError(f"the fact {name} is not a {kind.name.lower()}")
        checked[name] = list(value) if isinstance(value, tuple) else value
    return checked


def admitted(name: str, value: FactValue) -> FactValue:
    """The value where the list admits it under that name, else None: for words that somebody outside chose."""
    try:
        return checked_facts({name: value}).get(name)
    except ValueError:
        return None


def _admits(kind: Kind, item: object) -> bool:
    if kind is Kind.FLAG:
        return isinstance(item, bool)
    if kind is Kind.NUMBER:
        return isinstance(item, (int, float)) and not isinstance(item, bool)
    return isinstance(item, str) and re.fullmatch(kind.value, item) is not None


def number_of(number: int, thing: str) -> str:
    """`1 service`, `2 services`: a count in a sentence, of a thing whose plural takes an s."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def line(text: object, limit: int = 300) -> str:
    """A peer's words as one printable line of at most `limit` characters, for a fact of kind LINE."""
    words = " ".join("".join(c if c.isprintable() else " " for c in str(text)).split())
    return words if len(words) <= limit else words[: limit - 1] + "…"
