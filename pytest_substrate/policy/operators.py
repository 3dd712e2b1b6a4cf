"""The condition operators: how one value of the request compares with one value of the policy.

A value of the request that can't be read as the operator's type does not match. One of the policy that can't be (a date
that is none, a variable where none may stand) is UNKNOWN: IAM Access Analyzer reports it, nobody documents its effect.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Final, TypeAlias

from pytest_substrate.policy.context import Context
from pytest_substrate.policy.pattern import Pattern, compile_pattern, fields
from pytest_substrate.policy.truth import Truth, any_of

Comparison: TypeAlias = Callable[[str], Truth]
"""Whether a value of the request matches."""
Prepare: TypeAlias = Callable[[str, Context | None], Comparison]
"""From a value of the policy (and the context, where `${…}` is a variable) to a comparison."""

_DATE: Final = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?)?)?)?", re.IGNORECASE
)
_EPOCH: Final = re.compile(r"-?\d+(\.\d+)?")
_NUMBER: Final = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?")
_ARN_FIELDS: Final = 6


class SetOperator:
    """The prefixes of an operator."""

    ALL: Final = "ForAllValues"
    ANY: Final = "ForAnyValue"


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """An operator as its name tells it, its type's comparison apart."""

    base: str
    """The positive form: StringEquals for StringNotEquals."""
    prepare: Prepare
    negated: bool
    if_exists: bool
    qualifier: str | None


def unreadable(_value: str) -> Truth:
    """The comparison with a value of the policy that can't be read."""
    return Truth.UNKNOWN


def number(text: str) -> Decimal | None:
    """The number, or None."""
    if _NUMBER.fullmatch(text.strip()) is None:
        return None
    try:
        return Decimal(text.strip())
    except InvalidOperation:
        return None


def moment(text: str) -> Decimal | None:
    """Seconds since 1970 of a date in ISO 8601 (W3C's profile) or in epoch time, or None. Without an offset: UTC."""
    text = text.strip()
    found = _DATE.fullmatch(text)
    if found is None:
        return Decimal(text) if _EPOCH.fullmatch(text) else None
    year, month, day, hour, minute, second, fraction, zone = found.groups()
    try:
        offset = "+00:00" if zone is None or zone.upper() == "Z" else zone
        stamp = f"{year}-{month or '01'}-{day or '01'}T{hour or '00'}:{minute or '00'}:{second or '00'}{offset}"
        at = datetime.fromisoformat(stamp).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    whole = at - datetime(1970, 1, 1, tzinfo=UTC)
    return Decimal(whole.days * 86400 + whole.seconds) + Decimal(f"0{fraction or '.0'}")


def address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The IP address, or None."""
    try:
        return ipaddress.ip_address(text.strip())
    except ValueError:
        return None


def _string_equals(value: str, context: Context | None) -> Comparison:
    return compile_pattern(value, context, wild=False).match


def _string_equals_ignore_case(value: str, context: Context | None) -> Comparison:
    pattern = compile_pattern(value, context, wild=False)
    return lambda held: pattern.match(held, ignore_case=True)


def _string_like(value: str, context: Context | None) -> Comparison:
    return compile_pattern(value, context).match


def arn_pattern(value: str, context: Context | None) -> Pattern | None:
    """The six components of an ARN to compare with, or None where it is no ARN."""
    pattern = compile_pattern(value, context)
    if pattern.never:
        return pattern
    if not value.lower().startswith("arn:") or sum(token == ":" for token in pattern.tokens) < _ARN_FIELDS - 1:
        return None
    return fields(pattern, last_of_field_spans=False)


def _arn_like(value: str, context: Context | None) -> Comparison:
    pattern = arn_pattern(value, context)
    return unreadable if pattern is None else pattern.match


def _ordered(read: Callable[[str], Decimal | None], holds: Callable[[Decimal, Decimal], bool]) -> Prepare:
    def prepare(value: str, _context: Context | None) -> Comparison:
        limit = read(value)
        if limit is None:
            return unreadable

        def compare(held: str) -> Truth:
            found = read(held)
            return Truth.of(found is not None and holds(found, limit))

        return compare

    return prepare


def _bool(value: str, context: Context | None) -> Comparison:
    pattern = compile_pattern(value, context, wild=False)

    def compare(held: str) -> Truth:
        truths = {name: pattern.match(name, ignore_case=True) for name in ("true", "false")}
        if not pattern.never and Truth.FALSE is max(truths.values()):
            return Truth.UNKNOWN  # the policy names neither
        return truths.get(held.lower(), Truth.UNKNOWN)

    return compare


def _binary(value: str, _context: Context | None) -> Comparison:
    try:
        wanted = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        return unreadable

    def compare(held: str) -> Truth:
        try:
            return Truth.of(base64.b64decode(held, validate=True) == wanted)
        except (binascii.Error, ValueError):
            return Truth.of(held.encode("utf-8", "surrogatepass") == wanted)

    return compare


def _ip(value: str, _context: Context | None) -> Comparison:
    try:
        network = ipaddress.ip_network(value.strip(), strict=False)
    except ValueError:
        return unreadable
    if network.version == 6 and str(ipaddress.ip_interface(value.strip()).ip) != str(network.network_address):
        return unreadable  # with host bits set: AWS documents these for IPv4 alone

    def compare(held: str) -> Truth:
        found = address(held)
        return Truth.of(found is not None and found.version == network.version and found in network)

    return compare


def _null(_value: str, _context: Context | None) -> Comparison:
    return unreadable


_ORDERS: Final[dict[str, Callable[[Decimal, Decimal], bool]]] = {
    "Equals": lambda held, limit: held == limit,
    "LessThan": lambda held, limit: held < limit,
    "LessThanEquals": lambda held, limit: held <= limit,
    "GreaterThan": lambda held, limit: held > limit,
    "GreaterThanEquals": lambda held, limit: held >= limit,
}

NULL: Final = "Null"

_POSITIVE: Final[dict[str, Prepare]] = {
    "StringEquals": _string_equals,
    "StringEqualsIgnoreCase": _string_equals_ignore_case,
    "StringLike": _string_like,
    **{f"Numeric{name}": _ordered(number, holds) for name, holds in _ORDERS.items()},
    **{f"Date{name}": _ordered(moment, holds) for name, holds in _ORDERS.items()},
    "Bool": _bool,
    "BinaryEquals": _binary,
    "IpAddress": _ip,
    "ArnEquals": _arn_like,
    "ArnLike": _arn_like,
    NULL: _null,
}

_NEGATED: Final = {
    "StringNotEquals": "StringEquals",
    "StringNotEqualsIgnoreCase": "StringEqualsIgnoreCase",
    "StringNotLike": "StringLike",
    "NumericNotEquals": "NumericEquals",
    "DateNotEquals": "DateEquals",
    "NotIpAddress": "IpAddress",
    "ArnNotEquals": "ArnEquals",
    "ArnNotLike": "ArnLike",
}


def operator_of(name: str) -> Operator | None:
    """The operator of that name, or None where AWS documents none. The letter case of its name counts."""
    qualifier, colon, rest = name.partition(":")
    if not colon:
        qualifier, rest = "", name
    elif qualifier not in (SetOperator.ALL, SetOperator.ANY):
        return None
    bare = rest.removesuffix("IfExists")
    base = _NEGATED.get(bare, bare)
    if base not in _POSITIVE or (base == NULL and bare != rest):
        return None
    return Operator(
        base=base,
        prepare=_POSITIVE[base],
        negated=bare in _NEGATED,
        if_exists=bare != rest,
        qualifier=qualifier or None,
    )


def is_malformed(name: str, value: str) -> bool:
    """Whether a value of the policy can't be of the operator's type: no number, date, address or base64.

    IAM refuses to store such a condition. A variable in its place is another matter, and not malformed.
    """
    operator = operator_of(name)
    if operator is None or "${" in value or not operator.base.startswith(("Numeric", "Date", "IpAddress", "Binary")):
        return False
    return operator.prepare(value, None) is unreadable


def matches_any(operator: Operator, values: tuple[str, ...], context: Context | None) -> Comparison:
    """Whether a value of the request matches one of the policy's, the operator's negation left out."""
    comparisons = [operator.prepare(value, context) for value in values]
    return lambda held: any_of(compare(held) for compare in comparisons)


def readable(operator: Operator, held: str) -> bool:
    """Whether a value of the request is of the type: nobody says whether what is no number, date, address or ARN
    differs from one.
    """
    if operator.base.startswith("Numeric"):
        return number(held) is not None
    if operator.base.startswith("Date"):
        return moment(held) is not None
    if operator.base == "IpAddress":
        return address(held) is not None
    return not operator.base.startswith("Arn") or held.count(":") >= _ARN_FIELDS - 1
