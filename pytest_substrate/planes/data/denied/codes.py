"""The forms in which SDKs and services tell of an AccessDenied beside AWS's sentence. Free text about one is none.

Each form is a pattern of one SDK, with the operation and the service where it names them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from pytest_substrate.planes.data.denied.operations import permission_for, service_of

CODE: Final = (
    r"(?:Client\.)?(?:AccessDenied(?:Exception|Fault)?|UnauthorizedOperation|AuthorizationError(?:Exception)?"
    r"|KMS\.?AccessDenied(?:Exception|Fault)?|KmsAccessDenied(?:Exception)?|AllAccessDisabled|NotAuthorized)"
)
_NUMBER: Final = r"(?:403|Forbidden(?:Exception)?)"
_SAYS: Final = (
    r"(?:Access\s+[Dd]enied|User:|User\s+is\s+not|Not\s+authorized|You\s+are\s+not|You\s+don.t|You\s+do\s+not|Insufficient\s"
    r"|Forbidden|The\s+ciphertext|Access\s+to\s+the\s+resource|Access\s+to\s+\S+\s+(?:is\s+)?denied|arn:aws|The\s+role\s|Unable\s+to\s"
    r"|Principal\s|No\s+permission|Account\s|Lambda\s+was|Not\s+permitted|Anonymous\s)"
)
_BAD: Final = re.compile(
    r"Request has expired|has expired|is expired|InvalidAccessKeyId|Access Key Id you provided|SignatureDoesNotMatch|"
    r"signature we calculated|InvalidToken|InvalidClientTokenId|token included in the request is invalid|TooSkewed|"
    r"ExpiredToken|UnrecognizedClient|query-string authentication|X-Amz-Expires|Signature expired|must contain",
    re.IGNORECASE,
)
_MESSAGE: Final = r"(?P<message>[^\n]{0,300})"
_OPERATION: Final = r"(?P<operation>\w{1,80})"
_SERVICE: Final = r"(?P<service>[\w ]{1,50})"
_KEY: Final = r"(?:[\w.]{0,40}[cC]ode|name|__type|errorType|error_type|exceptionType|Error)"
_FORMS: Final = tuple(
    re.compile("".join(parts))
    for parts in (
        # botocore and what is made of it
        (
            rf"An error occurred \((?:{CODE}|{_NUMBER})\) when calling the {_OPERATION} operation",
            rf"(?: \([^)]{{0,80}}\))?:{_MESSAGE}",
        ),
        # Go, and Terraform
        (
            rf"operation error {_SERVICE}: {_OPERATION},[^\n]{{0,200}}?https response error StatusCode: 40[013], ",
            rf"RequestID: [^\n]{{0,400}}?\b(?:{CODE}|{_NUMBER}):{_MESSAGE}",
        ),
        (rf"\b(?:{CODE}|{_NUMBER}): {_MESSAGE}\n\s*status code: 403, request id",),
        # Java, both generations
        (
            rf"\(Service: {_SERVICE}[;,] Status Code: 40[03][;,] ",
            rf"Error Code: (?:{CODE}|403 Forbidden|Forbidden)[;,]",
        ),
        (rf"\(Service: {_SERVICE}, Status Code: 403, Request ID",),
        # Ruby, .NET, PHP, Rust
        (rf"\bAws::(?P<service>\w+)::Errors::(?:{CODE}|Forbidden)\b{_MESSAGE}",),
        (
            r"\bAmazon\.(?P<service>\w+)\.(?:Model\.)?",
            rf"(?:\w+Exception: (?:Access Denied|Forbidden)|AccessDeniedException\b){_MESSAGE}",
        ),
        (
            rf"Error executing \"?{_OPERATION}\"? on \"?https?://(?P<host>[\w.-]+)",
            rf"[\s\S]{{0,1500}}?\b{CODE} \(client\):{_MESSAGE}",
        ),
        (rf"\bcode: (?:Some\()?\"{CODE}\"{_MESSAGE}",),
        # an XML body
        (rf"<Code>{CODE}</Code>(?P<message>[^\n]{{0,300}}(?:\n[^\n]{{0,300}})?)",),
        # a code as a field, and a code with its message
        (
            rf"(?<![$\w.])[\"']?{_KEY}[\"']?\s{{0,3}}[:=]\s{{0,3}}[\"']?(?:[\w.]{{1,80}}[#.])?",
            rf"{CODE}(?![\w*])[\"']?{_MESSAGE}",
        ),
        (
            rf"(?<![\w/$])(?:\w{{1,40}}[.:#]){{0,12}}{CODE}\]?(?:\s\((?:client|403)\))?(?::|\s-|\s\()\s*",
            rf"(?P<message>{_SAYS}[^\n]{{0,300}})",
        ),
        (rf"\b403 \({CODE}\){_MESSAGE}",),
        (r"\bAPI: (?P<permission>[a-z0-9-]{1,40}:\w{1,80}) (?P<message>Access Denied)\b",),
        (rf"\bservices\.(?P<service>\w{{1,40}})\.model\.AccessDeniedException\b{_MESSAGE}",),
        # services' own sentences without a code
        (r"(?P<message>You are not authorized to perform (?:this|the requested) operation)",),
        (r"(?P<message>\bUser is not authorized to access this resource(?: with an explicit deny)?)",),
        (r"(?P<message>Insufficient Lake Formation permission\(s\):)",),
        (r"(?P<message>Permission denied on S3 path: \S{1,300})",),
    )
)
_ANCHOR: Final = re.compile(
    r"Access ?[Dd]enied|nauthorizedOp|AuthorizationE|Forbidden|\(403\)|403|AccessDis|not authorized|on S3 path|Lake F"
)
"""What stands in every form, so that nothing is looked for in other text."""
_BEFORE: Final = 300
_JAVA: Final = "(Service: "
_JAVA_SAYS: Final = re.compile(rf"Access Denied|Forbidden|\bUser: |\bnull|not authorized|\b{CODE}", re.IGNORECASE)
"""What the second generation of the SDK for Java, which prints no code, says of a denial."""
_METER: Final = re.compile(r"=[\"']?\w+[\"']?(?:,[^}\n]{0,200})?\}\s+\d[\d.]*\s*$")
"""A sample of a metric, whose label is a code."""
_KMS: Final = re.compile(r"ciphertext refers to a|KMS access was denied|\bKMS\b", re.IGNORECASE)
_FORBIDDEN_FILE: Final = re.compile(r"java\.nio\.file\.AccessDeniedException: (?!s3)")
_URL: Final = re.compile(r"Access to the resource (https?://\S+?) is denied")


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One form that was found."""

    start: int
    end: int
    action: str | None
    named: bool
    """Whether it names an operation of its own."""
    resource: str | None
    of_kms: bool


def told(text: str) -> Iterator[Told]:
    """Every such form of an event."""
    if _ANCHOR.search(text) is None:
        return
    for form in _FORMS:
        for found in form.finditer(text):
            one = _told(found)
            if one is not None:
                yield one


def _told(found: re.Match[str]) -> Told | None:
    groups = found.groupdict()
    message, whole = groups.get("message") or "", found[0]
    if whole.startswith(_JAVA):
        before = found.string[max(0, found.start() - _BEFORE) : found.start()].rpartition("\n")[2]
        if "Error Code" not in whole and _JAVA_SAYS.search(before) is None:
            return None
        message, whole = before, before + whole
    if _BAD.search(whole) or _FORBIDDEN_FILE.search(whole) or _METER.search(whole):
        return None
    operation, service = groups.get("operation"), groups.get("service")
    if service is None and groups.get("host"):
        service = _service_in(str(groups["host"]))
    action = permission_for(operation, None if service is None else service_of(service))
    url = _URL.search(message)
    return Told(
        start=found.start(),
        end=found.end(),
        action=groups.get("permission") or action,
        named=operation is not None or groups.get("permission") is not None,
        resource=None if url is None else url[1],
        of_kms=(service is not None and service_of(service) == "kms") or _KMS.search(message) is not None,
    )


def _service_in(host: str) -> str | None:
    labels = host.split(".")
    if "amazonaws" not in labels:
        return None
    before = labels[: labels.index("amazonaws")]
    return "s3" if any(label.startswith("s3") for label in before) else before[0] if before else None
