"""CloudTrail records: their own fields say who was refused what."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from pytest_substrate.planes.data.denied.denial import Denial, Source
from pytest_substrate.planes.data.denied.operations import permission_for, service_of
from pytest_substrate.planes.data.denied.plain import plain
from pytest_substrate.planes.data.denied.sentence import sentences

_CODES: Final = (
    "AccessDenied",
    "AccessDeniedException",
    "Client.UnauthorizedOperation",
    "UnauthorizedOperation",
    "Client.AccessDenied",
    "AuthorizationError",
    "KMS.AccessDeniedException",
)
_KEYS: Final = {"eventSource", "eventName"}


def records(document: Any) -> Iterator[Mapping[str, Any]]:
    """The CloudTrail records in a JSON document: one, a list, a file's `Records`, an event's `detail`."""
    if isinstance(document, list):
        for item in document:
            yield from records(item)
    elif isinstance(document, dict):
        if set(document) >= _KEYS:
            yield document
        else:
            for key in ("Records", "detail", "Events"):
                if isinstance(document.get(key), (list, dict)):
                    yield from records(document[key])
            text = document.get("CloudTrailEvent")
            if isinstance(text, str):
                yield from records(_loaded(text))


def _loaded(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def denial_of(record: Mapping[str, Any], line: int) -> Denial | None:
    """What a record tells, None where nobody was refused."""
    if record.get("errorCode") not in _CODES:
        return None
    message = record.get("errorMessage")
    said = next(iter(sentences(plain(message))), None) if isinstance(message, str) else None
    if isinstance(message, str) and "expired" in message.lower() and said is None:
        return None
    service = service_of(str(record["eventSource"]).partition(".")[0])
    identity = record.get("userIdentity")
    arn = identity.get("arn") if isinstance(identity, dict) else None
    action = (said.action if said else None) or permission_for(str(record["eventName"]), service)
    return Denial(
        line=line,
        principal=(said.principal if said else None) or (arn if isinstance(arn, str) else None),
        action=action,
        resource=(said.resource if said else None) or _resource(record),
        **(
            {"effect": said.effect, "source": said.source, "policy": said.policy}
            if said
            else {"source": Source.KMS if service == "kms" else Source.UNKNOWN}
        ),
    )


def _resource(record: Mapping[str, Any]) -> str | None:
    listed = record.get("resources")
    arns = [
        arn
        for one in (listed if isinstance(listed, list) else [])
        if isinstance(one, dict) and isinstance(arn := one.get("ARN") or one.get("arn"), str)
    ]
    return arns[0] if len(arns) == 1 else None
