"""One place in a text where a refusal is told."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from pytest_substrate.planes.data.denied.denial import Effect, Source
from pytest_substrate.planes.data.denied.operations import permission_for, service_of

_REQUEST: Final = re.compile(
    r"(?:Request(?:[ -]?I[dD]|ID)|requestId|request id|aws_request_id|\bRid)[\"'<>:= (]{0,6}(?:Some\(\"|Optional\(\")?"
    r"(?!null)([0-9A-Za-z][0-9A-Za-z-]{5,63})"
)
_KMS: Final = re.compile(r"ciphertext refers to a|KMS access was denied|\bKMS\b|kms:", re.IGNORECASE)
_URL: Final = re.compile(r"Access to the resource (https?://\S+?) is denied")


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One form that was found, and what it says beside AWS's sentence."""

    start: int
    end: int
    operation: str | None = None
    """Its name, with the service before it where that is known: what tells one refusal from another."""
    action: str | None = None
    principal: str | None = None
    resource: str | None = None
    effect: Effect = Effect.UNKNOWN
    source: Source = Source.UNKNOWN
    of_kms: bool = False
    request: str | None = None


def told_of(
    *, start: int, end: int, message: str, before: str = "", operation: str | None = None, service: str | None = None
) -> Told:
    """A form with what its message says; `before` is what stands before it, `service` as an SDK calls it."""
    prefix = None if service is None else service_of(service)
    of_kms = prefix == "kms" or _KMS.search(message) is not None
    action = permission_for(operation, prefix)
    if of_kms and action is not None and not action.startswith("kms:"):
        action = None  # it is a permission of the key that lacks, and the operation tells of another
    url = _URL.search(message) or _URL.search(before)
    return Told(
        start=start,
        end=end,
        operation=operation,
        action=action,
        resource=None if url is None else url[1],
        of_kms=of_kms,
        request=request_in(message),
    )


def request_in(text: str) -> str | None:
    """The id of the request of which a text tells."""
    found = _REQUEST.search(text) if "equest" in text or "Rid" in text else None
    return None if found is None else found[1]
