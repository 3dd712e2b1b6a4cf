"""Each operator, as the IAM User Guide describes it: values, absent keys, unknown keys, sets, variables."""

from __future__ import annotations

import pytest

from pytest_substrate.policy.conditions import conditions_hold, evaluate_condition
from pytest_substrate.policy.context import Missing, given
from pytest_substrate.policy.document import Condition
from pytest_substrate.policy.operators import operator_of
from pytest_substrate.policy.truth import Truth

NO, MAYBE, YES = Truth.FALSE, Truth.UNKNOWN, Truth.TRUE


def truth(operator: str, wanted: str | list[str], held: str | list[str] | Missing, *, variables: bool = False) -> Truth:
    """One condition on `aws:k` against what the request holds; `aws:username` is ann, `aws:tag/none` absent."""
    values = [wanted] if isinstance(wanted, str) else wanted
    pairs = [
        ("aws:username", "ann"),
        ("aws:yes", "true"),
        ("aws:empty", ""),
        ("aws:tag/star", "a*c"),
        ("aws:two", "a"),
        ("aws:two", "b"),
    ]
    why = held if isinstance(held, Missing) else Missing.ABSENT
    if not isinstance(held, Missing):
        pairs += [("AWS:K", value) for value in ([held] if isinstance(held, str) else held)]
    context = given(pairs, lambda key: why if key == "aws:k" else Missing.UNKNOWN if "open" in key else Missing.ABSENT)
    condition = Condition(operator=operator, key="aws:K", values=tuple(values))
    return evaluate_condition(condition, context, has_variables=variables)


@pytest.mark.parametrize(
    ("operator", "wanted", "held", "expected"),
    [
        ("StringEquals", "a", "a", YES),
        ("StringEquals", "a", "A", NO),
        ("StringEquals", "a*", "ab", NO),
        ("StringEquals", "a*", "a*", YES),
        ("StringEquals", ["a", "b"], "b", YES),
        ("StringNotEquals", ["a", "b"], "b", NO),
        ("StringNotEquals", ["a", "b"], "c", YES),
        ("StringEqualsIgnoreCase", "Team", "tEAM", YES),
        ("StringNotEqualsIgnoreCase", "Team", "tEAM", NO),
        ("StringLike", "a*", "ab", YES),
        ("StringLike", "a*", "A", NO),
        ("StringLike", "a?c", "abc", YES),
        ("StringLike", "a?c", "ac", NO),
        ("StringLike", "", "", YES),
        ("StringLike", "*", "", YES),
        ("StringNotLike", "a*", "ab", NO),
        ("NumericEquals", "10", "10.0", YES),
        ("NumericEquals", "010", "10", YES),
        ("NumericNotEquals", "10", "11", YES),
        ("NumericLessThan", "10", "10", NO),
        ("NumericLessThanEquals", "10", "10", YES),
        ("NumericGreaterThan", "9.5", "9.6", YES),
        ("NumericGreaterThanEquals", "10", "9", NO),
        ("NumericLessThan", "10", "ten", NO),
        ("NumericNotEquals", "10", "ten", MAYBE),
        ("DateEquals", "2026-01-01T00:00:00Z", "1767225600", YES),
        ("DateEquals", "2026-01-01", "2026-01-01T01:00:00+01:00", YES),
        ("DateNotEquals", "2026", "2026-01-01T00:00:01Z", YES),
        ("DateLessThan", "2026-06-30T12:00Z", "2026-06-30T11:59:59.999Z", YES),
        ("DateLessThanEquals", "2026-06", "2026-06-01T00:00:00Z", YES),
        ("DateGreaterThan", "2026-06-30", "2026-06-30T00:00:00Z", NO),
        ("DateGreaterThanEquals", "2026-06-30", "2026-06-30T00:00:00Z", YES),
        ("DateGreaterThan", "2026-06-30", "soon", NO),
        ("DateNotEquals", "2026-06-30", "soon", MAYBE),
        ("Bool", "true", "true", YES),
        ("Bool", "True", "TRUE", YES),
        ("Bool", "false", "true", NO),
        ("Bool", "yes", "true", MAYBE),
        ("BinaryEquals", "QmluYXJ5VmFsdWVJbkJhc2U2NA==", "QmluYXJ5VmFsdWVJbkJhc2U2NA==", YES),
        ("BinaryEquals", "QmluYXJ5VmFsdWVJbkJhc2U2NA==", "QmluYXJ5", NO),
        ("IpAddress", "203.0.113.0/24", "203.0.113.255", YES),
        ("IpAddress", "203.0.113.0/24", "203.0.114.0", NO),
        ("IpAddress", "203.0.113.7", "203.0.113.7", YES),
        ("IpAddress", "203.0.113.9/24", "203.0.113.200", YES),
        ("IpAddress", "2001:DB8:1234:5678::/64", "2001:db8:1234:5678::9", YES),
        ("IpAddress", "2001:DB8:1234:5678::/64", "203.0.113.7", NO),
        ("IpAddress", "0.0.0.0/0", "2001:db8::1", NO),
        ("NotIpAddress", ["203.0.113.0/24", "198.51.100.0/24"], "198.51.100.9", NO),
        ("NotIpAddress", ["203.0.113.0/24", "198.51.100.0/24"], "192.0.2.1", YES),
        ("IpAddress", "203.0.113.0/24", "nowhere", NO),
        ("NotIpAddress", "203.0.113.0/24", "nowhere", MAYBE),
        ("ArnEquals", "arn:aws:iam::111122223333:role/*", "arn:aws:iam::111122223333:role/a/b", YES),
        ("ArnLike", "arn:aws:sns:*:*:t", "arn:aws:sns:eu-west-2:111122223333:t", YES),
        ("ArnLike", "arn:aws:sns:*:t", "arn:aws:sns:eu-west-2:111122223333:t", MAYBE),
        ("ArnLike", "arn:aws:s*:t", "arn:aws:sns:eu-west-2:111122223333:t", MAYBE),
        ("ArnLike", "arn:aws:sns:e*3:x:y:t", "arn:aws:sns:eu-west-2:111122223333:t", NO),
        ("ArnLike", "arn:aws:lambda:*:*:function:*", "arn:aws:lambda:eu-west-2:111122223333:function:a:1", YES),
        ("ArnNotEquals", "arn:aws:iam::111122223333:role/a", "arn:aws:iam::111122223333:role/A", YES),
        ("ArnNotLike", "arn:aws:iam::111122223333:role/a*", "arn:aws:iam::111122223333:role/abc", NO),
        ("ArnLike", "arn:aws:iam::*:role/a", "no arn", NO),
        ("Null", "true", "a", NO),
        ("Null", "false", "a", YES),
        ("Null", "false", "", MAYBE),
    ],
)
def test_a_value_of_the_request_against_the_policys(
    operator: str, wanted: str | list[str], held: str, expected: Truth
) -> None:
    """The tables of "Condition operators"."""
    assert expected is truth(operator, wanted, held)


POSITIVE = [
    *("StringEquals", "StringEqualsIgnoreCase", "StringLike", "NumericEquals", "NumericLessThan", "DateEquals"),
    *("DateLessThan", "Bool", "BinaryEquals", "IpAddress", "ArnEquals", "ArnLike", "NumericGreaterThanEquals"),
]
NEGATED = [
    *("StringNotEquals", "StringNotEqualsIgnoreCase", "StringNotLike", "NumericNotEquals", "DateNotEquals"),
    *("NotIpAddress", "ArnNotEquals", "ArnNotLike"),
]
VALUES = {"Numeric": "1", "Date": "2026", "Bool": "true", "Binary": "QQ==", "IpAddress": "::1", "NotIp": "::1"}


def some_value(operator: str) -> str:
    """A value of the operator's type."""
    return next((v for name, v in VALUES.items() if operator.startswith(name)), "arn:aws:iam::1:role/a")


@pytest.mark.parametrize("operator", POSITIVE)
def test_an_absent_key_does_not_match(operator: str) -> None:
    """The condition is false; with IfExists it is true; of no values all match, and none does."""
    value = some_value(operator)
    prefixes = ("", "ForAllValues:", "ForAnyValue:")
    assert [NO, YES, NO] == [truth(f"{prefix}{operator}", value, Missing.ABSENT) for prefix in prefixes]
    assert [YES, YES, YES] == [truth(f"{prefix}{operator}IfExists", value, Missing.ABSENT) for prefix in prefixes]


@pytest.mark.parametrize("operator", NEGATED)
def test_an_absent_key_is_not_what_a_negated_operator_names(operator: str) -> None:
    """A negated operator on an absent key is true; ForAnyValue finds no value."""
    value = some_value(operator)
    assert [YES, YES, NO] == [
        truth(f"{p}{operator}", value, Missing.ABSENT) for p in ("", "ForAllValues:", "ForAnyValue:")
    ]
    assert YES is truth(f"{operator}IfExists", value, Missing.ABSENT)


@pytest.mark.parametrize("operator", POSITIVE + NEGATED)
@pytest.mark.parametrize("why", [Missing.UNKNOWN, Missing.UNKNOWN_VALUE])
def test_an_unknown_key_is_never_guessed(operator: str, why: Missing) -> None:
    """Neither true nor false, with whatever prefix and suffix."""
    for prefix in ("", "ForAllValues:", "ForAnyValue:"):
        for suffix in ("", "IfExists"):
            assert MAYBE is truth(f"{prefix}{operator}{suffix}", some_value(operator), why)


@pytest.mark.parametrize(
    ("wanted", "why", "expected"),
    [
        ("true", Missing.ABSENT, YES),
        ("false", Missing.ABSENT, NO),
        ("true", Missing.UNKNOWN, MAYBE),
        ("true", Missing.UNKNOWN_VALUE, NO),
        ("false", Missing.UNKNOWN_VALUE, YES),
        (["true", "false"], Missing.UNKNOWN, YES),
        ("maybe", Missing.ABSENT, MAYBE),
    ],
)
def test_null_asks_for_presence(wanted: str | list[str], why: Missing, expected: Truth) -> None:
    """A key that every request has is there, its value known or not."""
    assert expected is truth("Null", wanted, why)


@pytest.mark.parametrize(
    ("operator", "wanted", "held", "expected"),
    [
        ("ForAllValues:StringEquals", ["a", "b"], ["a", "b"], YES),
        ("ForAllValues:StringEquals", ["a", "b"], ["a", "c"], NO),
        ("ForAllValues:StringEquals", ["a"], "", YES),
        ("ForAnyValue:StringEquals", ["a", "b"], ["c", "b"], YES),
        ("ForAnyValue:StringEquals", ["a", "b"], ["c", "d"], NO),
        ("ForAnyValue:StringEquals", [""], "", NO),
        ("ForAllValues:StringNotEquals", ["a", "b"], ["c", "a"], NO),
        ("ForAllValues:StringNotEquals", ["a", "b"], ["c", "d"], YES),
        ("ForAnyValue:StringNotEquals", ["a", "b"], ["c", "a"], YES),
        ("ForAnyValue:StringNotEquals", ["a", "b"], ["b", "a"], NO),
        ("ForAllValues:StringLike", ["a*"], ["ab", "ac"], YES),
        ("ForAllValues:StringEquals", [], "a", NO),
        ("ForAllValues:StringEquals", [], Missing.ABSENT, YES),
        ("ForAnyValue:StringEquals", [], "a", NO),
        ("StringEqualsIfExists", [], "a", NO),
        ("StringEqualsIfExists", [], Missing.ABSENT, YES),
        ("StringEquals", [], Missing.UNKNOWN_VALUE, NO),
        ("ForAllValues:Null", ["true"], "a", YES),
        ("ForAnyValue:Null", ["false"], "a", NO),
        ("StringEquals", ["a"], ["a", "b"], MAYBE),
        ("StringEquals", ["c"], ["a", "b"], NO),
        ("StringNotEquals", ["c"], ["a", "b"], MAYBE),
    ],
)
def test_sets(operator: str, wanted: list[str], held: str | list[str] | Missing, expected: Truth) -> None:
    """As "Set operators for multivalued context keys"; several values without one are never said to match."""
    assert expected is truth(operator, wanted, held)


@pytest.mark.parametrize(
    ("operator", "wanted", "held", "expected"),
    [
        ("StringEquals", "${aws:username}", "ann", YES),
        ("StringEquals", "${AWS:UserName}", "ann", YES),
        ("StringLike", "home/${aws:username}/*", "home/ann/x", YES),
        ("StringLike", "home/${aws:username}/*", "home/bob/x", NO),
        ("StringEquals", "${aws:tag/none}", "", NO),
        ("StringNotEquals", "${aws:tag/none}", "x", YES),
        ("StringNotLike", "a${aws:tag/none}*", "ab", YES),
        ("StringEquals", "${aws:tag/none, 'all'}", "all", YES),
        ("StringEquals", "${aws:username, 'all'}", "all", NO),
        ("StringLike", "a${*}c", "a*c", YES),
        ("StringLike", "a${*}c", "abc", NO),
        ("StringLike", "a${?}c", "abc", NO),
        ("StringLike", "a${$}c", "a$c", YES),
        ("StringLike", "${aws:tag/star}", "abc", NO),
        ("StringLike", "${aws:tag/star}", "a*c", YES),
        ("StringEquals", "${aws:open}", "x", MAYBE),
        ("StringNotEquals", "${aws:open}", "x", MAYBE),
        ("StringLike", "a${aws:open}c", "xyz", NO),
        ("StringEquals", "${aws:two}", "a", MAYBE),
        ("StringLike", "a${aws:empty}c", "ac", MAYBE),
        ("StringLike", "a${aws:empty}c", "abc", NO),
        ("StringNotLike", "a${aws:empty}c", "ac", MAYBE),
        ("StringEquals", "${aws:empty, 'b'}", "b", MAYBE),
        ("StringEquals", "${aws:username", "ann", MAYBE),
        ("StringEquals", "${}", "", MAYBE),
        ("ArnLike", "arn:aws:iam::1:user/${aws:username}", "arn:aws:iam::1:user/ann", YES),
        ("ArnNotEquals", "arn:aws:iam::1:user/${aws:tag/none}", "arn:aws:iam::1:user/ann", YES),
        ("NumericEquals", "${aws:username}", "1", MAYBE),
        ("Bool", "${aws:username}", "true", MAYBE),
        ("Bool", "${aws:yes}", "true", YES),
        ("Bool", "${aws:yes}", "false", NO),
        ("Bool", "${aws:open}", "true", MAYBE),
        ("Bool", "${aws:tag/none}", "true", NO),
    ],
)
def test_variables(operator: str, wanted: str, held: str, expected: Truth) -> None:
    """As "Policy variables": with no value, with a default, with special characters, and where they may not stand."""
    assert expected is truth(operator, wanted, held, variables=True)


def test_without_the_modern_version_a_variable_is_text() -> None:
    """`${aws:username}` then matches itself."""
    assert [NO, YES] == [truth("StringEquals", "${aws:username}", held) for held in ("ann", "${aws:username}")]


@pytest.mark.parametrize(
    "name",
    [
        "",
        "StringMatches",
        "stringEquals",
        "NullIfExists",
        "ForSomeValues:StringEquals",
        "IfExists",
        "StringEqualsIfexists",
    ],
)
def test_an_operator_that_aws_does_not_name_is_unknown(name: str) -> None:
    """It neither holds nor fails."""
    assert (None, MAYBE) == (operator_of(name), truth(name, "a", "a"))


def test_keys_and_operators_are_and() -> None:
    """All conditions must hold; one that fails outweighs one that isn't known."""
    context = given([("a:x", "1"), ("a:y", "2")], lambda _key: Missing.UNKNOWN)

    def holds(*pairs: tuple[str, str]) -> Truth:
        conditions = [Condition(operator="StringEquals", key=key, values=(value,)) for key, value in pairs]
        return conditions_hold(conditions, context, has_variables=True)

    assert [YES, YES, NO, MAYBE, NO] == [
        holds(),
        holds(("a:x", "1"), ("a:y", "2")),
        holds(("a:x", "1"), ("a:y", "3")),
        holds(("a:x", "1"), ("a:z", "3")),
        holds(("a:x", "2"), ("a:z", "3")),
    ]
