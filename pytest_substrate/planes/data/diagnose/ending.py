"""How a call of S3 ended, by S3's own codes, and what that comes to where nothing was granted or refused. Pure.

Codes are from S3's API reference ("Error responses"); HEAD is answered without a document, so that only its status
tells.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import Final

from pytest_substrate.model.data_transcript import CallSeen
from pytest_substrate.model.diagnosis import Diagnosis, inconclusive, violated
from pytest_substrate.model.facts import FactValue, admitted, line
from pytest_substrate.model.outcome import Layer

_DENIED: Final = frozenset({"AccessDenied", "AllAccessDisabled", "AccountProblem", "AccessDeniedException"})
_CREDENTIALS: Final = frozenset(
    {
        "ExpiredToken",
        "InvalidAccessKeyId",
        "InvalidToken",
        "RequestExpired",
        "RequestTimeTooSkewed",
        "SignatureDoesNotMatch",
        "TokenRefreshRequired",
    }
)
_ELSEWHERE: Final = frozenset(
    {"AuthorizationHeaderMalformed", "IllegalLocationConstraintException", "PermanentRedirect", "TemporaryRedirect"}
)
_IN_THE_WAY: Final = frozenset({"ConditionalRequestConflict", "PreconditionFailed"})
_UNTRUSTED: Final = ("certificate-", "ca-", "alert")


class Ending(Enum):
    """Where a call ended."""

    DONE = auto()
    DENIED = auto()
    NO_KEY = auto()
    NO_BUCKET = auto()
    ELSEWHERE = auto()
    """The bucket is in another region than the one that was asked."""
    NOT_REACHED = auto()
    CREDENTIALS = auto()
    """S3 doesn't accept the credentials or the clock."""
    KEY_UNUSABLE = auto()
    """KMS has the key disabled, scheduled for deletion, or not at all."""
    ARCHIVED = auto()
    IN_THE_WAY = auto()
    FAILED = auto()
    """S3's own failure, or too many requests."""
    OUT_OF_TIME = auto()
    OTHER = auto()


def ending_of(call: CallSeen) -> Ending:  # noqa: PLR0911  one return for each ending
    """How the call ended."""
    if call.status is None:
        return Ending.OUT_OF_TIME if call.cause == "out-of-time" else Ending.NOT_REACHED
    if call.done:
        return Ending.DONE
    code = call.code or ""
    if call.status in (301, 302, 307) or code in _ELSEWHERE:
        return Ending.ELSEWHERE
    if code.startswith("KMS."):
        return Ending.KEY_UNUSABLE
    if code == "InvalidObjectState":
        return Ending.ARCHIVED
    if code in _CREDENTIALS:
        return Ending.CREDENTIALS
    if code in _IN_THE_WAY or call.status == 412:
        return Ending.IN_THE_WAY
    if call.status == 403 and (code in _DENIED or not code):
        return Ending.DENIED
    if call.status == 404:
        return Ending.NO_BUCKET if code == "NoSuchBucket" else Ending.NO_KEY
    if call.status >= 500 or call.status == 429 or code == "SlowDown":
        return Ending.FAILED
    return Ending.OTHER


def told(call: CallSeen, bucket: str) -> Diagnosis:
    """What an ending comes to that is neither done nor a refusal of rights."""
    ending, facts = ending_of(call), call_facts(call)
    if ending is Ending.IN_THE_WAY:
        said = f"{call.key} has another content than the declared ETag stands for"
        found = violated("object-changed", said, layer=Layer.SUBSTRATE)
    elif ending is Ending.NOT_REACHED:
        cause = call.cause or "silent"
        layer = Layer.TLS if cause.startswith(_UNTRUSTED) else Layer.NETWORK
        found = violated("bucket-not-reached", f"{bucket} could not be reached from the task: {cause}", layer=layer)
    elif ending is Ending.NO_BUCKET:
        found = violated("bucket-missing", f"there is no bucket {bucket}", layer=Layer.SUBSTRATE)
    elif ending is Ending.ELSEWHERE:
        where = f", S3 says it is in {call.region}" if call.region else ""
        found = violated(
            "bucket-elsewhere", f"the bucket {bucket} is not in the declared region{where}", layer=Layer.WIRING
        )
    elif ending is Ending.CREDENTIALS:
        told_by = f"S3 doesn't accept the task's credentials or its clock ({call.code})"
        found = violated("credentials-refused", told_by, layer=Layer.IDENTITY)
    elif ending is Ending.KEY_UNUSABLE:
        found = violated(
            "key-unusable", f"KMS can't use the key of {_what(call, bucket)} ({call.code})", layer=Layer.SUBSTRATE
        )
    elif ending is Ending.ARCHIVED:
        found = violated("object-archived", f"{call.key} is archived, and can't be read now", layer=Layer.SUBSTRATE)
    elif ending is Ending.NO_KEY:
        found = violated("object-missing", f"there is no object {call.key} in {bucket}", layer=Layer.SUBSTRATE)
    elif ending is Ending.OUT_OF_TIME:
        found = inconclusive("out-of-time", f"the probe's time was up before {call.operation} of {_what(call, bucket)}")
    elif ending is Ending.FAILED:
        found = inconclusive("service-error", f"S3 answered {call.operation} with {call.code or call.status}")
    else:
        found = inconclusive("answered-otherwise", f"S3 answered {call.operation} with {call.code or call.status}")
    return found.with_facts(facts)


def call_facts(call: CallSeen) -> dict[str, FactValue]:
    """What is told of a call that was not done."""
    return {
        "operation": f"s3:{call.operation}",
        "object_key": admitted("object_key", call.key or call.target),
        "error_code": admitted("error_code", call.code),
        "http_status": call.status,
        "detail": line(call.message or call.cause or "") or None,
    }


def _what(call: CallSeen, bucket: str) -> str:
    return call.key or bucket
