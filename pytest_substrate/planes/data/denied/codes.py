"""The forms in which SDKs tell of an AccessDenied beside AWS's sentence: a code in its place. Free text is none.

A code is looked for first, and then what stands around it: the operation in botocore's and Go's words, the service in
Java's, Ruby's and .NET's, an XML body, a field, a message of AWS's own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from pytest_substrate.planes.data.denied.exclusions import is_counted, is_no_denial, is_query, is_talk
from pytest_substrate.planes.data.denied.operations import operation_named
from pytest_substrate.planes.data.denied.told import Told, told_of

_CODE: Final = (
    r"AccessDenied(?:Exception|Fault|Error)?|UnauthorizedOperation(?:Exception)?|AuthorizationError(?:Exception)?"
    r"|KMS\.?AccessDenied(?:Exception|Fault)?|KmsAccessDenied(?:Exception)?|AllAccessDisabled|VpceAccessDenied"
    r"|ACCESS_DENIED|NotAuthorizedForSourceException"
)
_TOKEN: Final = re.compile(
    rf"(?<![A-Za-z0-9_$-])(?:Client\.|Server\.)?(?:(?P<code>{_CODE})|(?P<weak>Forbidden(?:Exception)?|403))(?![A-Za-z0-9_*-])"
)
"""Codes of AWS alone, and those of every HTTP server, which take more to be believed."""
_BEFORE: Final = 700
_AFTER: Final = 500
_NAMESPACE: Final = re.compile(r"[\w.\\:#/$]*\Z")
_OURS: Final = re.compile(r"aws|amazon|boto|smithy|\bs3\b|kms|client\.|^[A-Z]\w*\.$|^Errors?::$|coral", re.IGNORECASE)
_SAYS: Final = re.compile(
    r"(?:\"|'|Error: )?(?:Access\s+(?:is\s+)?[Dd]enied|User:|User\s+is\s+not|Not\s+authorized|You\s+are\s+not"
    r"|You\s+don.t|You\s+do\s+not|Insufficient\s|Forbidden|The\s+ciphertext|Access\s+to\s+\S+|arn:aws|The\s+(?:IAM\s+)?(?:role|user"
    r"|principal|caller|request)\s|Unable\s+to\s|Principal\s|No\s+permission|Account\s|Lambda\s+was|Not\s+permitted|Anonymous\s|null\b"
    r"|UnknownError|Roles\s+may|Cross-account|Cannot\s+|Service\s+role|All\s+access|Public\s+access|MFA\s|Explicit|"
    r"Invalid\s+principal|KMS\s|Could\s+not|Failed\s+to|This\s+(?:user|account|role)|User\s+\S+\s+is\s+not|\[?arn:)"
)


_KEYED: Final = re.compile(r"\S{1,1024}: Access Denied")
"""Of one key of many that were to be deleted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """A code, the namespace on its left, and what stands before and behind."""

    code: str
    weak: bool
    before: str
    namespace: str
    after: str

    @property
    def line_before(self) -> str:
        return self.before.rpartition("\n")[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Form:
    operation: str | None = None
    service: str | None = None


_BOTOCORE: Final = re.compile(r"\)(?: occurred)? when calling the (\w{1,80}) operation")
_GO2: Final = re.compile(r"operation error ([\w ]{1,50}): (\w{1,80}),")
_GO1: Final = re.compile(r":[^\n]{0,400}?\n?\s{0,80}status code: 40[013],? request id")
_JAVA: Final = re.compile(r"\(Service: ([\w ]{1,50})[;,] Status Code: 40[03][;,] Error Code:\s+(?:403 )?\Z")
_RUBY: Final = re.compile(r"aws::(\w+)::errors::\Z", re.IGNORECASE)
_DOTNET: Final = re.compile(r"Amazon\.(\w+)\.(?:Model\.)?\Z")
_PHP: Final = re.compile(r"Error executing \"?(\w{1,80})\"? on \"?(?:https?:)?//([\w.-]+)")
_FIELD: Final = re.compile(
    r"(?:(?<![A-Za-z])(?:[\w.-]{0,30}?(?:[cC]ode|[tT]ype|[eE]rror(?:[_-]?(?:[cC]lass|[nN]ame))?|typeName|[eE]xception(?:Type)?)"
    r"|err|reason|__type)[\"'\])]{0,2}|[\"']name[\"']|\bname(?=\s{0,3}[:=]\s{0,3}[\"']))\s{0,8}(?::|=>|=)\s{0,8}"
    r"(?:Some\(|Optional\(|Just |u(?=[\"']))?[\"']?\Z"
)
_AGENT: Final = re.compile(r"\b(\w{1,80}) API responded with error=['\"]\Z")
_DURING: Final = re.compile(r" during (\w{1,80}) operation")
_CALLED: Final = re.compile(r"\b(?:S3|s3)(?:::|\.|->)(\w{1,60})\(\)?[^\n]{0,40}\[\Z")
_NAMED_BY: Final = re.compile(r"(?:Exception ?[nN]ame:?|AWSError|S3 error:? 403 \(|\b403 \(|Error (?=\Z))\s*\Z")
_HADOOP: Final = re.compile(r":? s3[an]?://")
_FRAME: Final = re.compile(
    r"\b(?:de_|se_|deserializeAws_(?:restXml|restJson1|json1_0|json1_1|query|ec2))([A-Z]\w{2,70}?)CommandError\b"
)
"""A function of the SDK for JavaScript, which is called after the operation."""
_ACCESS_LOG: Final = re.compile(r"\sREST\.(\w+)\.(\w+)\s[^\n]{1,400}\"\s403 \Z")
_REST: Final = {
    ("GET", "OBJECT"): "GetObject",
    ("HEAD", "OBJECT"): "HeadObject",
    ("PUT", "OBJECT"): "PutObject",
    ("DELETE", "OBJECT"): "DeleteObject",
    ("GET", "BUCKET"): "ListObjectsV2",
    ("HEAD", "BUCKET"): "HeadBucket",
}


def _botocore(place: _Place) -> _Form | None:
    if not place.before.endswith(("An error occurred (", "A client error (")):
        return None
    found = _BOTOCORE.match(place.after)
    return _Form(operation=found[1]) if found else None


def _go(place: _Place) -> _Form | None:
    if not place.after.startswith((":", ",")):
        return None
    found = list(_GO2.finditer(place.line_before)) if "operation error" in place.before else []
    if found and "https response error StatusCode: 40" in place.line_before[found[-1].end() :]:
        return _Form(operation=found[-1][2], service=found[-1][1])
    return _Form() if _GO1.match(place.after) else None


def _java(place: _Place) -> _Form | None:
    found = _JAVA.search(place.before[-180:]) if "Error Code:" in place.before[-30:] else None
    return _Form(service=found[1]) if found else None


def _ruby(place: _Place) -> _Form | None:
    found = _RUBY.search(place.namespace)
    return _Form(service=found[1]) if found else None


def _dotnet(place: _Place) -> _Form | None:
    found = _DOTNET.search(place.namespace)
    return _Form(service=found[1]) if found and place.code.endswith("Exception") else None


def _php(place: _Place) -> _Form | None:
    if not place.after.startswith(" (client)"):
        return None
    found = list(_PHP.finditer(place.before))
    return _Form(operation=found[-1][1], service=_service_in(found[-1][2])) if found else _Form()


def _body(place: _Place) -> _Form | None:
    if not place.before.endswith("<Code>") or not place.after.lstrip().startswith("</Code>"):
        return None
    found = list(_PHP.finditer(place.before))
    return _Form(operation=found[-1][1], service=_service_in(found[-1][2])) if found else _Form()


def _agent(place: _Place) -> _Form | None:
    found = _AGENT.search(place.before[-140:]) if place.before.endswith(("error='", 'error="')) else None
    return _Form(operation=found[1]) if found else None


def _cpp(place: _Place) -> _Form | None:
    if place.before.endswith("AWS Error "):
        found = _DURING.match(place.after)
        return _Form(operation=found[1], service="s3") if found else _Form()
    return _Form() if _NAMED_BY.search(place.before[-40:]) and not place.weak else None


def _bracketed(place: _Place) -> _Form | None:
    if not place.before.endswith("[") or not place.after.startswith("]"):
        return None
    found = _CALLED.search(place.before[-130:])
    if found is None and re.match(r"\]\s*(?:Access Denied|User:)", place.after) is None:
        return None
    return _Form(operation=operation_named(found[1]), service="s3") if found else _Form()


def _hadoop(place: _Place) -> _Form | None:
    return _Form() if _HADOOP.match(place.after) else None


def _field(place: _Place) -> _Form | None:
    if place.weak or place.after[:1] == ".":
        return None
    if place.namespace and not _OURS.search(place.namespace):
        return None
    found = _FIELD.search(place.before[-90:])
    if found is None or is_query(place.before) or is_counted(place.before, place.code, place.after):
        return None
    return _by_frame(place)


def _message(place: _Place) -> _Form | None:
    if place.namespace and not _OURS.search(place.namespace):
        return None
    gap = re.match(r"(?:\s\((?:client|403)\))?(?::|\s-|\s\(|\]:)\s*(?:\n\s*)?", place.after)
    if gap is None or is_talk(place.before):
        return None
    said = place.after[gap.end() :]
    if place.weak:
        return _Form() if re.match(r"(?:null|UnknownError)\b", said) and place.code == "Forbidden" else None
    if _SAYS.match(said) or _KEYED.match(said) or (place.namespace and not said.strip()):
        return _by_frame(place)
    return None


def _access_log(place: _Place) -> _Form | None:
    found = _ACCESS_LOG.search(place.before) if place.before.endswith('" 403 ') else None
    return _Form(operation=_REST.get((found[1], found[2])), service="s3") if found else None


def _by_frame(place: _Place) -> _Form:
    return _Form(operation=operation_of_frame(place.after))


def operation_of_frame(text: str) -> str | None:
    """The operation whose answer the SDK for JavaScript was reading, by the first such function in a stack."""
    found = _FRAME.search(text)
    return None if found is None else found[1]


_FORMS: Final[tuple[Callable[[_Place], _Form | None], ...]] = (
    _botocore,
    _go,
    _java,
    _ruby,
    _dotnet,
    _php,
    _body,
    _agent,
    _cpp,
    _bracketed,
    _hadoop,
    _access_log,
    _field,
    _message,
)
_WEAK: Final = (_botocore, _go, _java, _ruby, _message)


def codes(text: str) -> Iterator[Told]:
    """Every code of an event that stands in such a form."""
    floor = 0
    for found in _TOKEN.finditer(text):
        if found.start() < floor:
            continue
        left = text[max(0, found.start() - _BEFORE) : found.start()]
        space = _NAMESPACE.search(left[-120:])
        namespace = "" if space is None else space[0].rpartition("(")[2]
        weak = found["code"] is None
        before = left[: len(left) - len(namespace)] if namespace else left
        if before.endswith("<Code>") or namespace.startswith("//"):
            namespace, before = "", left
        place = _Place(
            code=found["code"] or found["weak"],
            weak=weak,
            before=before,
            namespace=namespace,
            after=text[found.end() : found.end() + _AFTER],
        )
        form = next((one for form in (_WEAK if weak else _FORMS) if (one := form(place)) is not None), None)
        if form is None:
            continue
        message = _message_of(place)
        floor = found.end()
        if is_no_denial(place.line_before[-160:] + place.code + message):
            continue
        yield told_of(
            start=found.start() - len(namespace),
            end=found.end() + len(message.partition("\n")[0]),
            message=message,
            before=place.line_before,
            operation=form.operation,
            service=form.service,
        )


def _message_of(place: _Place) -> str:
    """What stands behind a code, up to the next one."""
    following = _TOKEN.search(place.after)
    stop = len(place.after)
    if following is not None and following["code"] is not None and following.start() > 40:
        stop = following.start()
    return place.after[:stop]


def _service_in(host: str) -> str | None:
    labels = host.split(".")
    if "amazonaws" not in labels:
        return None
    before = labels[: labels.index("amazonaws")]
    return "s3" if any(label.startswith("s3") for label in before) else before[0] if before else None
