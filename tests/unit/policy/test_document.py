"""What IAM refuses to store is refused with its place; what it stores is read as it stands."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pytest_substrate.model.errors import BadInput
from pytest_substrate.policy.document import Condition, Effect, PolicyKind, Principals, parse_policy

ALLOW: dict[str, Any] = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
TO_ALL: dict[str, Any] = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "*"}
TRUST: dict[str, Any] = {"Effect": "Allow", "Principal": {"AWS": "111122223333"}, "Action": "sts:AssumeRole"}


def policy(*statements: Any, version: str | None = "2012-10-17", **more: Any) -> str:
    """The text of a policy."""
    head = {} if version is None else {"Version": version}
    return json.dumps({**head, "Statement": list(statements), **more})


def refused(text: str | bytes, kind: PolicyKind = PolicyKind.IDENTITY) -> BadInput:
    """The refusal of a document."""
    with pytest.raises(BadInput) as raised:
        parse_policy(text, name="p.json", kind=kind)
    assert "\n" not in str(raised.value)
    return raised.value


def test_a_document_is_read_whole() -> None:
    """Every element lands where it belongs, values as text."""
    text = policy(
        {**ALLOW, "Sid": "One", "Condition": {"NumericLessThan": {"s3:max-keys": 10}, "Bool": {"aws:x": True}}},
        {"Effect": "Deny", "NotAction": ["s3:*"], "NotResource": ["arn:aws:s3:::a", "arn:aws:s3:::b"]},
    )
    document = parse_policy(text, name="p.json")
    first, second = document.statements
    assert ("2012-10-17", True) == (document.version, document.has_variables)
    assert (0, "One", Effect.ALLOW, ("s3:GetObject",), None, ("*",)) == (
        *(first.index, first.sid, first.effect, first.actions, first.not_actions, first.resources),
    )
    assert (
        Condition(operator="NumericLessThan", key="s3:max-keys", values=("10",)),
        Condition(operator="Bool", key="aws:x", values=("true",)),
    ) == first.conditions
    assert (None, ("s3:*",), ("arn:aws:s3:::a", "arn:aws:s3:::b")) == (
        *(second.actions, second.not_actions, second.not_resources),
    )


def test_one_statement_needs_no_list() -> None:
    """`Statement` may be an object."""
    assert 1 == len(parse_policy(json.dumps({"Statement": ALLOW}), name="p.json").statements)


@pytest.mark.parametrize(("version", "has"), [(None, False), ("2008-10-17", False), ("2012-10-17", True)])
def test_only_the_modern_version_has_variables(version: str | None, has: bool) -> None:
    """Without a version a policy is of 2008-10-17, where a variable is plain text."""
    assert has is parse_policy(policy(ALLOW, version=version), name="p.json").has_variables


def test_principals_are_typed() -> None:
    """Each type under its name; `*` under AWS is everyone."""
    who = {"AWS": ["*", "111122223333"], "Service": "ecs-tasks.amazonaws.com"}
    text = policy({**TO_ALL, "Principal": who})
    (statement,) = parse_policy(text, name="p.json", kind=PolicyKind.RESOURCE).statements
    assert (
        Principals(everyone=True, aws=("111122223333",), service=("ecs-tasks.amazonaws.com",)) == statement.principals
    )


@pytest.mark.parametrize(
    ("text", "place", "what"),
    [
        (b"\xff", "p.json", "not UTF-8"),
        ("", "p.json", "empty"),
        ("[1]", "p.json", "not a JSON object"),
        ('{"Statement": [}', "p.json: line 1 column 16", "not JSON"),
        ('{"Statement": NaN}', "p.json", "NaN is not JSON"),
        ('{"Statement": ' + "[" * 200_000, "p.json", "nested too deeply"),
        ('{"Statement": ' + "[" * 50 + "]" * 50 + "}", "p.json", "nested too deeply"),
        ('{"Version": "2012-10-17", "Version": "2012-10-17"}', "p.json: Version", "twice"),
        (policy(ALLOW)[:-1] + ', "Statement": []}', "p.json: Statement", "twice"),
        (json.dumps({"Version": "2012-10-17"}), "p.json", "no Statement"),
        (policy(ALLOW, version="2020-01-01"), "p.json: Version", "no version"),
        (policy(ALLOW, Id="x"), "p.json: Id", "not allowed"),
        (policy(ALLOW, statement=[]), "p.json: statement", "no element"),
        (policy(), "p.json: Statement", "is empty"),
        (policy(3), "p.json: Statement[0]", "not a statement"),
        (policy(ALLOW, {**ALLOW, "effect": "Deny"}), "p.json: Statement[1].effect", "no element"),
        (policy({**ALLOW, "Effect": "allow"}), "p.json: Statement[0].Effect", "neither Allow nor Deny"),
        (policy({"Action": "*", "Resource": "*"}), "p.json: Statement[0]", "no Effect"),
        (policy({**ALLOW, "NotAction": "s3:*"}), "p.json: Statement[0]", "both Action and NotAction"),
        (policy({**ALLOW, "NotResource": "*"}), "p.json: Statement[0]", "both Resource and NotResource"),
        (policy({"Effect": "Allow", "Resource": "*"}), "p.json: Statement[0]", "neither Action nor NotAction"),
        (policy({"Effect": "Allow", "Action": "*"}), "p.json: Statement[0]", "neither Resource nor NotResource"),
        (policy({**ALLOW, "Action": []}), "p.json: Statement[0].Action", "is empty"),
        (policy({**ALLOW, "Action": "GetObject"}), "p.json: Statement[0].Action", "no action"),
        (policy({**ALLOW, "Action": 3}), "p.json: Statement[0].Action", "not text"),
        (policy({**ALLOW, "Resource": "bucket"}), "p.json: Statement[0].Resource", "neither an ARN of AWS nor *"),
        (policy({**ALLOW, "Resource": "arn:acme:s3:::x"}), "p.json: Statement[0].Resource", "neither an ARN of AWS"),
        (policy(TO_ALL), "p.json: Statement[0].Principal", "not allowed"),
        (policy({**ALLOW, "Sid": "a b"}), "p.json: Statement[0].Sid", "letters and digits"),
        (policy({**ALLOW, "Sid": "a"}, {**ALLOW, "Sid": "a"}), "p.json: Statement[1].Sid", "another statement"),
        (policy({**ALLOW, "Condition": []}), "p.json: Statement[0].Condition", "not an object"),
        (policy({**ALLOW, "Condition": {"Bool": "x"}}), "p.json: Statement[0].Condition.Bool", "not an object"),
        (policy({**ALLOW, "Condition": {"Bool": {"x": "y"}}}), "p.json: Statement[0].Condition.Bool.x", "no condition"),
        (policy({**ALLOW, "Condition": {"Bool": {"a:x": None}}}), "p.json: Statement[0].Condition.Bool.a:x", "no text"),
        (
            policy({**ALLOW, "Condition": {"Bool": {"a:x": "true", "A:X": "true"}}}),
            "p.json: Statement[0].Condition.Bool.A:X",
            "letter case",
        ),
    ],
)
def test_what_iam_refuses_is_refused_with_its_place(text: str | bytes, place: str, what: str) -> None:
    """The file, the place in it, and what is wrong there."""
    error = refused(text)
    assert (place, True) == (error.where, what in error.what), error


@pytest.mark.parametrize(
    ("kind", "text", "what"),
    [
        (PolicyKind.RESOURCE, policy(ALLOW), "no Principal"),
        (PolicyKind.RESOURCE, policy({**TO_ALL, "Principal": "arn:aws:iam::111122223333:root"}), "names no principal"),
        (PolicyKind.RESOURCE, policy({**TO_ALL, "Principal": {}}), "names no principal"),
        (PolicyKind.RESOURCE, policy({**TO_ALL, "Principal": {"AWS": []}}), "is empty"),
        (PolicyKind.RESOURCE, policy({**TO_ALL, "Principal": {"User": "x"}}), "no type of principal"),
        (
            PolicyKind.RESOURCE,
            policy({**TO_ALL, "Principal": {"AWS": "arn:aws:iam::111122223333:role/a*"}}),
            "a wildcard within a name",
        ),
        (
            PolicyKind.RESOURCE,
            policy({**TO_ALL, "Principal": {"AWS": "arn:aws:iam::111122223333:group/a"}}),
            "no principal",
        ),
        (PolicyKind.RESOURCE, policy({**TO_ALL, "NotPrincipal": "*"}), "both Principal and NotPrincipal"),
        (PolicyKind.TRUST, policy({**TRUST, "Resource": "*"}), "which a trust policy never has"),
        (
            PolicyKind.TRUST,
            policy({"Effect": "Deny", "NotPrincipal": {"AWS": "111122223333"}, "Action": "sts:AssumeRole"}),
            "not allowed",
        ),
        (PolicyKind.SCP, policy(ALLOW, version=None), "no Version"),
        (PolicyKind.SCP, policy(TO_ALL), "not allowed"),
        (PolicyKind.RCP, policy(ALLOW), "no Principal"),
        (PolicyKind.RCP, policy(TO_ALL), "only RCPFullAWSAccess"),
        (PolicyKind.RCP, policy({**TO_ALL, "Effect": "Deny", "Principal": {"AWS": "111122223333"}}), "is not *"),
        (
            PolicyKind.RCP,
            policy({"Effect": "Deny", "Principal": "*", "NotAction": "s3:*", "Resource": "*"}),
            "not allowed",
        ),
    ],
)
def test_each_kind_has_its_own_elements(kind: PolicyKind, text: str, what: str) -> None:
    """Where a policy is attached decides what may stand in it."""
    assert what in refused(text, kind).what


def test_what_each_kind_may_hold_is_read() -> None:
    """A trust policy without a resource, a queue's policy without one, RCPFullAWSAccess, a bucket policy with an Id."""
    no_resource = {key: value for key, value in TO_ALL.items() if key != "Resource"}
    for kind, text in [
        (PolicyKind.TRUST, policy(TRUST)),
        (PolicyKind.RESOURCE, policy(no_resource)),
        (PolicyKind.RESOURCE, policy({**TO_ALL, "Sid": "with spaces"}, Id="a b")),
        (PolicyKind.RCP, policy({**TO_ALL, "Action": "*"})),
        (
            PolicyKind.RESOURCE,
            policy(
                {**TO_ALL, "Principal": {"AWS": "arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity E1"}}
            ),
        ),
        (PolicyKind.IDENTITY, policy({**ALLOW, "Resource": ["arn:aws:sqs", "arn:*:s3:::x", "arn:aws-us-gov:s3:::x"]})),
        (PolicyKind.SCP, policy({"Effect": "Allow", "NotAction": "iam:*", "NotResource": "arn:aws:s3:::x"})),
        (PolicyKind.IDENTITY, policy({**ALLOW, "Condition": {"NoSuchOperator": {"foo:bar": "x"}}})),
    ]:
        assert 1 == len(parse_policy(text, name="p.json", kind=kind).statements)
