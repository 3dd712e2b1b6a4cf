"""From JSON to a `Document`, or to the BadInput that IAM would answer with.

Refused is what the grammar excludes, and what the pages of the elements call impossible. Not refused is what IAM
Access Analyzer only warns of, such as an action that no service has.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, NoReturn

from pytest_substrate.model.errors import BadInput
from pytest_substrate.policy.document import (
    LEGACY,
    MODERN,
    Condition,
    Document,
    Effect,
    PolicyKind,
    Principals,
    Statement,
)
from pytest_substrate.policy.operators import is_malformed
from pytest_substrate.policy.strict import Number, load_object

_TOP: Final = ("Version", "Id", "Statement")
_ELEMENTS: Final = (
    *("Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition"),
)
_PRINCIPAL_TYPES: Final = {
    "AWS": "aws",
    "Federated": "federated",
    "Service": "service",
    "CanonicalUser": "canonical_user",
}
_ACTION: Final = re.compile(r"\*|[A-Za-z0-9*?._-]+:[A-Za-z0-9*?._-]+")
_ARN: Final = re.compile(r"arn:(?:[^:]*[*?][^:]*|aws(?:-[a-z]+)*)(?::|\Z)")
_SID: Final = re.compile(r"[A-Za-z0-9]*")
_ACCOUNT: Final = re.compile(r"\d{12}")
_UNIQUE_ID: Final = re.compile(r"A[A-Z]{3}[A-Z0-9]{12,}")
_AWS_ARN: Final = re.compile(
    r"arn:aws[a-z-]*:(?:iam::\d{12}:(?:root|user/[^*?]+|role/[^*?]+)|iam::cloudfront:user/[^*?]+"
    r"|sts::\d{12}:(?:assumed-role/[^*?/]+/[^*?/]+|federated-user/[^*?]+))"
)
_OF_IAM: Final = (PolicyKind.IDENTITY, PolicyKind.BOUNDARY, PolicyKind.SESSION, PolicyKind.TRUST)
"""The kinds that IAM itself stores, whose Sid are alphanumeric and unique."""


@dataclass(frozen=True, slots=True)
class _Place:
    """Where in the file something stands."""

    name: str
    path: str = ""

    def of(self, key: str) -> _Place:
        return _Place(self.name, f"{self.path}.{key}" if self.path else key)

    def at(self, index: int) -> _Place:
        return _Place(self.name, f"{self.path}[{index}]")

    def refuse(self, what: str, mend: str) -> NoReturn:
        raise BadInput(f"{self.name}: {self.path}" if self.path else self.name, what, mend)


def parse(text: str | bytes, *, name: str, kind: PolicyKind) -> Document:
    """The document; BadInput where IAM refuses it."""
    read = load_object(text, name=name)
    top = _Place(name)
    for key in read:
        if key not in _TOP:
            top.of(key).refuse("is no element of a policy", f"use {', '.join(_TOP)}")
    if "Id" in read:
        if not kind.names_principals:
            top.of("Id").refuse(f"is not allowed in a policy of the kind {kind}", "remove it")
        _text(read["Id"], top.of("Id"))
    version = _version(read, top, kind)
    if "Statement" not in read:
        top.refuse("has no Statement", "add one")
    place = top.of("Statement")
    listed = read["Statement"]
    if isinstance(listed, dict):
        statements: tuple[Statement, ...] = (_statement(listed, place, 0, kind),)
    else:
        if not isinstance(listed, list):
            place.refuse("is neither a statement nor a list of them", "write an object or a list of objects")
        if not listed:
            place.refuse("is empty", "add a statement")
        statements = tuple(_statement(one, place.at(index), index, kind) for index, one in enumerate(listed))
    if kind in _OF_IAM:
        _unique_sids(statements, place)
    return Document(name=name, kind=kind, version=version, statements=statements)


def _version(read: dict[str, Any], top: _Place, kind: PolicyKind) -> str:
    place, organizations = top.of("Version"), kind in (PolicyKind.SCP, PolicyKind.RCP)
    if "Version" not in read:
        if organizations:
            top.refuse("has no Version", f'add "Version": "{MODERN}"')
        return LEGACY
    version = _text(read["Version"], place)
    if version not in (MODERN, LEGACY) or (organizations and version != MODERN):
        place.refuse("is no version of the policy language", f"write {MODERN}")
    return version


def _unique_sids(statements: tuple[Statement, ...], place: _Place) -> None:
    seen: set[str] = set()
    for statement in statements:
        if statement.sid and statement.sid in seen:
            place.at(statement.index).of("Sid").refuse("stands in another statement too", "give each its own")
        seen.add(statement.sid or "")


def _statement(read: Any, place: _Place, index: int, kind: PolicyKind) -> Statement:
    if not isinstance(read, dict):
        place.refuse("is not a statement", "write an object")
    for key in read:
        if key not in _ELEMENTS:
            place.of(key).refuse("is no element of a statement", f"use {', '.join(_ELEMENTS)}")
    for key in ("Action", "Resource", "Principal"):
        if key in read and f"Not{key}" in read:
            place.refuse(f"has both {key} and Not{key}", "keep one of them")
    _who(read, place, kind)
    _what(read, place, kind)
    return Statement(
        index=index,
        sid=_sid(read, place, kind),
        effect=_effect(read, place, kind),
        actions=_actions(read, place, "Action"),
        not_actions=_actions(read, place, "NotAction"),
        resources=_resources(read, place, "Resource"),
        not_resources=_resources(read, place, "NotResource"),
        principals=_principals(read, place, "Principal"),
        not_principals=_principals(read, place, "NotPrincipal"),
        conditions=tuple(_conditions(read.get("Condition", {}), place.of("Condition"))),
    )


def _who(read: dict[str, Any], place: _Place, kind: PolicyKind) -> None:
    """Whether the statement says whom it is about, as its kind demands."""
    for key in ("Principal", "NotPrincipal"):
        if key in read and not kind.names_principals:
            place.of(key).refuse(f"is not allowed in a policy of the kind {kind}", "remove it")
    if "NotPrincipal" in read and kind is not PolicyKind.RESOURCE:
        place.of("NotPrincipal").refuse(f"is not allowed in a policy of the kind {kind}", "use Principal")
    if kind.names_principals and "Principal" not in read and "NotPrincipal" not in read:
        place.refuse("has no Principal", "add one")
    if kind is PolicyKind.RCP and read["Principal"] not in ("*", {"AWS": "*"}, {"AWS": ["*"]}):
        place.of("Principal").refuse("is not * in a resource control policy", 'write "*"; choose by Condition')


def _what(read: dict[str, Any], place: _Place, kind: PolicyKind) -> None:
    """Whether the statement says what it is about, as its kind demands."""
    if "Action" not in read and "NotAction" not in read:
        place.refuse("has neither Action nor NotAction", "add one of them")
    if kind is PolicyKind.RCP and "NotAction" in read:
        place.of("NotAction").refuse("is not allowed in a resource control policy", "use Action")
    has_resource = "Resource" in read or "NotResource" in read
    if kind is PolicyKind.TRUST and has_resource:
        place.refuse("has a Resource, which a trust policy never has", "remove it")
    if not has_resource and kind not in (PolicyKind.TRUST, PolicyKind.RESOURCE):
        place.refuse("has neither Resource nor NotResource", "add one of them")


def _sid(read: dict[str, Any], place: _Place, kind: PolicyKind) -> str | None:
    if "Sid" not in read:
        return None
    sid = _text(read["Sid"], place.of("Sid"))
    if kind in _OF_IAM and _SID.fullmatch(sid) is None:
        place.of("Sid").refuse("holds more than letters and digits", "write A-Z, a-z and 0-9 only")
    return sid


def _effect(read: dict[str, Any], place: _Place, kind: PolicyKind) -> Effect:
    if "Effect" not in read:
        place.refuse("has no Effect", "write Allow or Deny")
    if read["Effect"] not in ("Allow", "Deny"):
        place.of("Effect").refuse("is neither Allow nor Deny", "write Allow or Deny, in this letter case")
    effect = Effect(read["Effect"])
    if kind is PolicyKind.RCP and effect is Effect.ALLOW and not _full_access(read):
        place.of("Effect").refuse(
            "is Allow, which only RCPFullAWSAccess has", "write Deny: a resource control policy grants nothing"
        )
    return effect


def _full_access(read: dict[str, Any]) -> bool:
    everything = ("*", ["*"])
    return read.get("Action") in everything and read.get("Resource") in everything and not read.get("Condition")


def _actions(read: dict[str, Any], place: _Place, key: str) -> tuple[str, ...] | None:
    if key not in read:
        return None
    actions = _texts(read[key], place.of(key))
    for action in actions:
        if _ACTION.fullmatch(action) is None:
            place.of(key).refuse("holds what is no action", "write SERVICE:ACTION, with * and ? where wanted, or *")
    return actions


def _resources(read: dict[str, Any], place: _Place, key: str) -> tuple[str, ...] | None:
    if key not in read:
        return None
    resources = _texts(read[key], place.of(key))
    for resource in resources:
        if resource != "*" and _ARN.match(resource) is None:
            place.of(key).refuse("holds what is neither an ARN of AWS nor *", "write arn:aws:…, or *")
    return resources


def _principals(read: dict[str, Any], place: _Place, key: str) -> Principals | None:
    if key not in read:
        return None
    place, said = place.of(key), read[key]
    if said == "*":
        return Principals(everyone=True)
    if not isinstance(said, dict) or not said:
        place.refuse("names no principal", 'write "*" or {"AWS": …}, {"Service": …}, {"Federated": …}')
    for kind in said:
        if kind not in _PRINCIPAL_TYPES:
            place.of(kind).refuse("is no type of principal", f"use {', '.join(_PRINCIPAL_TYPES)}")
    named = {field: _texts(said[kind], place.of(kind)) for kind, field in _PRINCIPAL_TYPES.items() if kind in said}
    aws = named.get("aws", ())
    for one in aws:
        _check_aws_principal(one, place.of("AWS"))
    named["aws"] = tuple(one for one in aws if one != "*")
    return Principals(everyone="*" in aws, **named)


def _check_aws_principal(text: str, place: _Place) -> None:
    if text == "*" or any(form.fullmatch(text) for form in (_ACCOUNT, _UNIQUE_ID, _AWS_ARN)):
        return
    if "*" in text or "?" in text:
        place.refuse("holds a wildcard within a name", 'name it whole, or write "*" and choose by aws:PrincipalArn')
    place.refuse("holds what is no principal", "write an account, or the ARN of a user, a role or a session")


def _conditions(read: Any, place: _Place) -> Iterator[Condition]:
    if not isinstance(read, dict):
        place.refuse("is not an object", 'write {"OPERATOR": {"KEY": "VALUE"}}')
    for operator, tests in read.items():
        inner = place.of(operator)
        if not isinstance(tests, dict):
            inner.refuse("is not an object", 'write {"KEY": "VALUE"}')
        seen: set[str] = set()
        for key, values in tests.items():
            spot = inner.of(key)
            if ":" not in key.strip(":"):
                spot.refuse("is no condition key", "write SERVICE:KEY")
            if key.lower() in seen:
                spot.refuse("stands twice, in another letter case, which keys don't have", "merge them")
            seen.add(key.lower())
            listed = tuple(_values(values, spot))
            if any(is_malformed(operator, value) for value in listed):
                spot.refuse(
                    f"holds a value that {operator} can't compare with", "write a number, date, address or base64"
                )
            yield Condition(operator=operator, key=key, values=listed)


def _values(read: Any, place: _Place) -> Iterator[str]:
    for value in read if isinstance(read, list) else [read]:
        if isinstance(value, bool):
            yield "true" if value else "false"
        elif isinstance(value, str):  # a Number too
            yield str(value)
        else:
            place.refuse("holds what is no text, number or boolean", "write texts")


def _texts(read: Any, place: _Place) -> tuple[str, ...]:
    listed = read if isinstance(read, list) else [read]
    if not listed:
        place.refuse("is empty", "name at least one")
    return tuple(_text(one, place) for one in listed)


def _text(read: Any, place: _Place) -> str:
    if not isinstance(read, str) or isinstance(read, Number):
        place.refuse("is not text", "write a text in quotes")
    return read
