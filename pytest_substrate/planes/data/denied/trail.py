"""CloudTrail records: their own fields say who was refused what."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from pytest_substrate.planes.data.denied.denial import Denial, Effect, Source
from pytest_substrate.planes.data.denied.exclusions import is_no_denial
from pytest_substrate.planes.data.denied.operations import permission_for, service_of
from pytest_substrate.planes.data.denied.plain import plain
from pytest_substrate.planes.data.denied.sentence import sentences

_CODE: Final = re.compile(
    r"(?:Client\.|Server\.)?(?:AccessDenied(?:Exception|Fault)?|UnauthorizedOperation|AuthorizationError(?:Exception)?"
    r"|KMS\.?AccessDenied(?:Exception)?|VpceAccessDenied|AllAccessDisabled)$"
)
_KEYS: Final = {"eventSource", "eventName"}
_OPENED: Final = re.compile(r"\{[^{]{0,40}\"(?:eventVersion|version|detail|Records|userIdentity)\"")
_VERSIONED: Final = re.compile(r"\d{8}(?:v\d)?$")
"""Lambda's operations carry the version of its API."""
_VPCE: Final = "VpceAccessDenied"
_DECODER: Final = json.JSONDecoder()


def records(document: Any) -> Iterator[Mapping[str, Any]]:
    """The CloudTrail records in a JSON document: one, a list, a file's `Records`, an event's `detail`."""
    if isinstance(document, list):
        for item in document:
            yield from records(item)
    elif isinstance(document, dict):
        if set(document) >= _KEYS:
            yield document
            return
        for key in ("Records", "detail", "Events", "aws", "event", "_source", "cloudtrail"):
            if isinstance(document.get(key), (list, dict)):
                yield from records(document[key])
        for key in ("CloudTrailEvent", "message", "@message", "log", "original"):
            text = document.get(key)
            if isinstance(text, str) and '"eventSource"' in text:
                yield from records(_loaded(text))


def denials_of(document: Any, line: int) -> list[Denial] | None:
    """What the records in a document tell; None where it holds none."""
    found = list(records(document))
    if not found:
        return None
    return [denial for record in found if (denial := denial_of(record, line)) is not None]


def embedded(text: str, line_at: Callable[[int], int]) -> list[Denial] | None:
    """What a record tells that stands in a line behind something else; None where none can be read whole."""
    opened = _OPENED.search(text)
    if opened is None:
        return None
    try:
        document = _DECODER.raw_decode(text, opened.start())[0]
    except (ValueError, RecursionError):
        return None
    return denials_of(document, line_at(opened.start()))


def _loaded(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def denial_of(record: Mapping[str, Any], line: int) -> Denial | None:
    """What a record tells, None where nobody was refused."""
    code = record.get("errorCode")
    if not isinstance(code, str) or _CODE.match(code) is None:
        return None
    message = record.get("errorMessage")
    text = plain(message) if isinstance(message, str) else ""
    said = next(iter(sentences(text)), None)
    if said is None and is_no_denial(text):
        return None
    service = service_of(str(record["eventSource"]).partition(".")[0])
    action = (said.action if said else None) or permission_for(_VERSIONED.sub("", str(record["eventName"])), service)
    source = said.source if said else Source.UNKNOWN
    if source is Source.UNKNOWN and (code == _VPCE or record.get("vpcEndpointPolicyDenied") is True):
        source = Source.VPC_ENDPOINT
    if source is Source.UNKNOWN and service == "kms":
        source = Source.KMS
    return Denial(
        line=line,
        principal=(said.principal if said else None) or _principal(record.get("userIdentity")),
        action=action,
        resource=(said.resource if said else None) or _resource(record, action),
        effect=said.effect if said else Effect.UNKNOWN,
        policy=said.policy if said else None,
        source=source,
    )


def _principal(identity: Any) -> str | None:
    if not isinstance(identity, dict):
        return None
    names = [identity.get("arn")]
    if identity.get("type") == "AWSService":
        names.append(identity.get("invokedBy"))
    return next((name for name in names if isinstance(name, str) and name), None)


def _resource(record: Mapping[str, Any], action: str | None) -> str | None:
    listed = record.get("resources")
    arns = {
        arn: str(one.get("type"))
        for one in (listed if isinstance(listed, list) else [])
        if isinstance(one, dict) and isinstance(arn := one.get("ARN") or one.get("arn"), str)
    }
    if len(arns) > 1:
        of_object = action is not None and action.startswith("s3:") and "Object" in action
        wanted = "AWS::S3::Object" if of_object else "AWS::S3::Bucket"
        arns = {arn: kind for arn, kind in arns.items() if kind == wanted}
    if len(arns) == 1:
        return next(iter(arns))
    asked = record.get("requestParameters")
    return _asked(record, asked) if isinstance(asked, dict) and not arns else None


def _asked(record: Mapping[str, Any], asked: Mapping[str, Any]) -> str | None:
    """The one resource that the request itself names by its ARN, or S3's bucket and key."""
    bucket, key = asked.get("bucketName"), asked.get("key")
    if isinstance(bucket, str) and str(record.get("eventSource")).startswith("s3."):
        region = str(record.get("awsRegion"))
        partition = "aws-cn" if region.startswith("cn-") else "aws-us-gov" if region.startswith("us-gov-") else "aws"
        name = bucket if bucket.startswith("arn:") else f"arn:{partition}:s3:::{bucket}"
        return f"{name}/{key}" if isinstance(key, str) and key else name
    named = {one for one in asked.values() if isinstance(one, str) and one.startswith("arn:") and ":policy/" not in one}
    return named.pop() if len(named) == 1 else None
