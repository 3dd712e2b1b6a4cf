"""What a role's trust policy answers to a token: principals, actions, conditions, denials, and what can't be told."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_substrate.model.errors import BadInput
from pytest_substrate.policy.claims import parse_claims
from pytest_substrate.policy.trust import Trust, admits, parse_trust
from tests.unit.policy.trusts import CLAIMS, GITHUB, MAIN, arn, bound, like, policy, statement

EXACT = statement(bound(sub=MAIN))
ADMITTED, REFUSED, UNDECIDED = "admitted", "refused", "undecided"


def answer(*statements: dict[str, Any], provider_arn: str | None = arn(), claims: Any = None, **changes: Any) -> Trust:
    """The answer to the usual token, with `changes` to its claims (None takes one away)."""
    token = {**(CLAIMS if claims is None else claims), **changes}
    return admits(policy(*statements), {k: v for k, v in token.items() if v is not None}, provider_arn=provider_arn)


@pytest.mark.parametrize(
    ("elements", "decision"),
    [
        ({}, ADMITTED),
        ({"Action": "sts:*"}, ADMITTED),
        ({"Action": "*"}, ADMITTED),
        ({"Action": "STS:assumerolewithwebidentity"}, ADMITTED),
        ({"Action": ["sts:TagSession", "sts:AssumeRoleWith???Identity"]}, ADMITTED),
        ({"Action": "sts:AssumeRole"}, REFUSED),
        ({"Action": "sts:AssumeRoleWithSAML"}, REFUSED),
        ({"Action": None, "NotAction": "iam:*"}, ADMITTED),
        ({"Action": None, "NotAction": "sts:*"}, REFUSED),
        ({"Principal": "*"}, ADMITTED),
        ({"Principal": {"AWS": "*"}}, ADMITTED),
        ({"Principal": {"AWS": "arn:aws:iam::123456789012:root"}}, REFUSED),
        ({"Principal": {"Service": "ecs-tasks.amazonaws.com"}}, REFUSED),
        ({"Principal": {"Federated": arn(account="999999999999")}}, REFUSED),
        ({"Principal": {"Federated": arn(partition="aws-cn")}}, REFUSED),
        ({"Principal": {"Federated": arn("gitlab.com")}}, REFUSED),
        ({"Principal": {"Federated": ["accounts.google.com", arn()]}}, ADMITTED),
        ({"Principal": {"Federated": arn().replace("token", "TOKEN")}}, REFUSED),
        ({"Principal": {"Federated": "arn:aws:iam::123456789012:saml-provider/corp"}}, REFUSED),
        ({"Principal": {"Federated": GITHUB}}, REFUSED),
        ({"Principal": {"Federated": "*"}}, UNDECIDED),
    ],
)
def test_principals_and_actions(elements: dict[str, Any], decision: str) -> None:
    """A statement counts where it names the action and the provider, each as IAM compares them."""
    assert decision == answer(statement(bound(sub=MAIN), **elements)).decision


@pytest.mark.parametrize(
    ("condition", "decision"),
    [
        (None, ADMITTED),
        (bound(sub=[MAIN, "other"]), ADMITTED),
        (bound(sub="repo:octo-org/app:*"), REFUSED),
        (like("repo:octo-org/*:ref:refs/heads/main"), ADMITTED),
        (like("repo:octo-org/???:ref:refs/heads/main"), ADMITTED),
        (like("repo:octo-org/app:pull_request"), REFUSED),
        (bound(SUB=MAIN), ADMITTED),
        (bound(sub=MAIN.upper()), REFUSED),
        ({"StringEqualsIgnoreCase": {"sub": MAIN.upper()}}, ADMITTED),
        ({"StringNotEquals": {"sub": "other"}}, ADMITTED),
        ({"StringNotEquals": {"sub": MAIN}}, REFUSED),
        ({"StringNotLike": {"sub": "*:pull_request"}}, ADMITTED),
        ({"StringNotEqualsIgnoreCase": {"sub": MAIN.upper()}}, REFUSED),
        (bound(ref="refs/heads/main", actor="octocat", repository_id="456789"), ADMITTED),
        (bound(environment="prod"), REFUSED),
        ({"StringNotEquals": {"environment": "prod"}}, ADMITTED),
        ({"StringEqualsIfExists": {"environment": "prod"}}, ADMITTED),
        ({"StringEqualsIfExists": {"ref": "refs/heads/other"}}, REFUSED),
        ({"Null": {"environment": "true"}}, ADMITTED),
        ({"Null": {"environment": True}}, ADMITTED),
        ({"Null": {"sub": "true"}}, REFUSED),
        ({"Null": {"repository_owner": "false"}}, REFUSED),
        (bound(repository_owner="octo-org"), REFUSED),
        (bound(run_id="1"), REFUSED),
        ({"StringEquals": {"gitlab.com:sub": MAIN}}, REFUSED),
        ({"StringNotEquals": {"gitlab.com:sub": MAIN}}, ADMITTED),
        ({"StringEquals": {f"https://{GITHUB}:sub": MAIN}}, REFUSED),
        ({"StringEquals": {"saml:aud": "x"}}, REFUSED),
        ({"StringEquals": {"s3:prefix": "x"}}, REFUSED),
        ({"ForAllValues:StringEquals": {"environment": "prod"}}, ADMITTED),
        ({"ForAnyValue:StringEquals": {"environment": "prod"}}, REFUSED),
        ({"ForAnyValue:StringLike": {"sub": ["repo:octo-org/*"]}}, ADMITTED),
        ({"NumericEquals": {"repository_id": "456789"}}, ADMITTED),
        ({"NumericLessThan": {"repository_id": 5}}, REFUSED),
        ({"ArnLike": {"sub": "arn:aws:iam::*:role/x"}}, REFUSED),
        (bound(sub="repo:${aws:PrincipalTag/repo}:ref:refs/heads/main"), UNDECIDED),
        (bound(sub="other:${aws:PrincipalTag/repo}"), REFUSED),
        ({**bound(sub=MAIN), "IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}, UNDECIDED),
        ({**bound(sub="other"), "IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}, REFUSED),
        ({**bound(sub=MAIN), "StringLike": {"sts:RoleSessionName": "ci-*"}}, UNDECIDED),
        ({**bound(sub=MAIN), "StringLike": {"sts:RoleSessionName": "*"}}, ADMITTED),
        ({**bound(sub=MAIN), "Null": {"sts:RoleSessionName": "true"}}, REFUSED),
        ({**bound(sub=MAIN), "StringMatches": {"ref": ".*"}}, UNDECIDED),
        ({**bound(sub="other"), "StringMatches": {"ref": ".*"}}, REFUSED),
        ({**bound(sub=MAIN), "StringEquals": {f"{GITHUB}:sub": MAIN, "nobody:knows": "x"}}, UNDECIDED),
    ],
)
def test_conditions(condition: Any, decision: str) -> None:
    """All of a statement's conditions must hold, by the claims that STS exposes; the call's own keys are unknown."""
    assert decision == answer(statement(condition)).decision


def test_variables_are_text_in_the_old_version() -> None:
    """Version 2008-10-17 knows no variables."""
    document = policy(statement(bound(sub="${x}")), version="2008-10-17")
    assert ADMITTED == admits(document, {**CLAIMS, "sub": "${x}"}).decision


@pytest.mark.parametrize(
    ("changes", "decision"),
    [
        ({"aud": ["sts.amazonaws.com"]}, ADMITTED),
        ({"aud": ["sts.amazonaws.com", "other"]}, UNDECIDED),
        ({"aud": ["one", "other"]}, REFUSED),
        ({"aud": []}, REFUSED),
        ({"aud": None}, REFUSED),
        ({"aud": "other", "azp": "sts.amazonaws.com"}, ADMITTED),
        ({"azp": "other"}, REFUSED),
        ({"sub": None}, REFUSED),
        ({"exp": 1, "nbf": 99999999999}, ADMITTED),
        ({"iss": None}, ADMITTED),
        ({"iss": f"https://{GITHUB}.evil.example"}, REFUSED),
        ({"iss": f"http://{GITHUB}"}, REFUSED),
        ({"iss": f"https://{GITHUB}/"}, REFUSED),
    ],
)
def test_the_token(changes: dict[str, Any], decision: str) -> None:
    """`azp` stands for `aud` where there is one; the issuer is compared whole; expiry is not judged."""
    assert decision == answer(EXACT, **changes).decision


@pytest.mark.parametrize(
    ("claim", "condition", "expected"),
    [
        ({"a": 1}, {"StringEquals": {"environment": "prod"}}, UNDECIDED),
        ([["prod"]], {"StringEqualsIfExists": {"environment": "prod"}}, UNDECIDED),
        ({"a": 1}, {"StringEquals": {"ref": "refs/heads/main"}}, ADMITTED),
        (None, {"StringEquals": {"environment": "prod"}}, REFUSED),
        (None, {"StringEqualsIfExists": {"environment": "prod"}}, ADMITTED),
    ],
)
def test_a_claim_that_is_no_value(claim: Any, condition: Any, expected: str) -> None:
    """Nobody says what STS makes of an object, so it decides nothing; null is no claim at all."""
    document = policy(statement({**bound(sub=MAIN), **{f"ForAnyValue:{op}": keys for op, keys in condition.items()}}))
    assert expected == admits(document, {**CLAIMS, "environment": claim}, provider_arn=arn()).decision


def test_the_original_audience_has_a_key_of_its_own() -> None:
    """`oaud` holds the token's `aud` where `azp` took its place."""
    condition = {"StringEquals": {"oaud": "sts.amazonaws.com", "aud": "client"}}
    assert ADMITTED == answer(statement(condition), azp="client").decision


def test_without_provider_the_issuer_names_it_in_any_account() -> None:
    """The host of `iss` is that of the principal, whatever the account and partition."""
    one = statement(bound(sub=MAIN), Principal={"Federated": arn(account="999999999999", partition="aws-us-gov")})
    assert ADMITTED == answer(one, provider_arn=None).decision
    assert REFUSED == answer(one, provider_arn=None, iss=f"https://{GITHUB}.evil.example").decision


@pytest.mark.parametrize(
    ("host", "claims"),
    [
        ("accounts.google.com", {"iss": "https://accounts.google.com", "aud": "web", "azp": "app", "sub": "1"}),
        ("accounts.google.com", {"iss": "accounts.google.com", "aud": "app", "sub": "1"}),
        ("graph.facebook.com", {"iss": "graph.facebook.com", "app_id": "app", "id": "1"}),
        ("www.amazon.com", {"iss": "www.amazon.com", "app_id": "app", "user_id": "1"}),
        ("cognito-identity.amazonaws.com", {"iss": "https://cognito-identity.amazonaws.com", "aud": "app", "sub": "1"}),
    ],
)
def test_built_in_providers_go_by_their_host(host: str, claims: dict[str, Any]) -> None:
    """Nobody registers them: the principal is the host, and keys are their own."""
    audience, subject = ("app_id", "id" if "id" in claims else "user_id") if "app_id" in claims else ("aud", "sub")
    condition = {"StringEquals": {audience: "app", subject: "1"}}
    one = statement(condition, url=host, Principal={"Federated": host})
    assert ADMITTED == answer(one, claims=claims, provider_arn=None).decision
    assert ADMITTED == answer(one, claims=claims, provider_arn=host).decision
    assert REFUSED == answer(one).decision


def test_the_methods_of_cognito_are_several_values() -> None:
    """`amr` is multivalued: a set operator says how many have to match."""
    claims = {"iss": "https://cognito-identity.amazonaws.com", "aud": "p", "sub": "1", "amr": ["authenticated", "x"]}
    host = "cognito-identity.amazonaws.com"
    for operator, value, decision in (
        ("ForAnyValue:StringLike", "authenticated", ADMITTED),
        ("ForAllValues:StringLike", "authenticated", REFUSED),
        ("ForAnyValue:StringEquals", "unauthenticated", REFUSED),
    ):
        one = statement({operator: {"amr": value}}, url=host, Principal={"Federated": host})
        assert decision == answer(one, claims=claims, provider_arn=None).decision


@pytest.mark.parametrize(
    ("url", "claim", "key", "decision"),
    [
        ("gitlab.com", "project_id", "project_id", ADMITTED),
        ("gitlab.com", "project_path", "project_path", REFUSED),
        ("gitlab.example.com", "project_id", "project_id", UNDECIDED),
        ("agent.buildkite.com", "pipeline_slug", "pipeline_slug", ADMITTED),
        ("agent.buildkite.com", "step_key", "step_key", REFUSED),
        ("oidc.circleci.com/org/O", "oidc.circleci.com/project-id", "oidc.circleci.com/project-id", ADMITTED),
        ("oidc.circleci.com/org/O", "oidc.circleci.com/context-ids", "oidc.circleci.com/context-ids", REFUSED),
        ("idp.example.com", "groups", "groups", REFUSED),
        ("idp.example.com", "email", "email", ADMITTED),
    ],
)
def test_claims_that_aws_exposes(url: str, claim: str, key: str, decision: str) -> None:
    """A claim is a condition key where AWS lists it for the provider, and otherwise absent."""
    claims = {"iss": f"https://{url}", "aud": "a", "sub": "s", claim: "value"}
    one = statement({"StringEquals": {f"{url}:{key}": "value"}}, url=url)
    assert decision == answer(one, claims=claims, provider_arn=None).decision


@pytest.mark.parametrize(
    ("statements", "decision", "index"),
    [
        ((EXACT,), ADMITTED, 0),
        ((statement(bound(sub="other")), EXACT), ADMITTED, 1),
        ((EXACT, statement(Effect="Deny")), REFUSED, 1),
        ((EXACT, statement(Effect="Deny", Principal="*")), REFUSED, 1),
        ((EXACT, statement(Effect="Deny", Principal={"Federated": arn("gitlab.com")})), ADMITTED, 0),
        ((EXACT, statement(Effect="Deny", Action="sts:TagSession")), ADMITTED, 0),
        ((EXACT, statement(bound(sub="other"), Effect="Deny")), ADMITTED, 0),
        ((EXACT, statement({"StringEqualsIfExists": {"environment": "dev"}}, Effect="Deny")), REFUSED, 1),
        ((EXACT, statement({"ForAllValues:StringEquals": {"environment": "dev"}}, Effect="Deny")), REFUSED, 1),
        ((EXACT, statement({"StringNotEquals": {"environment": "prod"}}, Effect="Deny")), REFUSED, 1),
        ((statement(Effect="Deny"),), REFUSED, 0),
        ((statement(bound(sub="other"), Effect="Deny"),), REFUSED, None),
        ((statement(bound(sub="other")),), REFUSED, None),
        ((EXACT, statement({"StringMatches": {"sub": "x"}}, Effect="Deny")), UNDECIDED, 1),
        ((EXACT, statement({"StringMatches": {"sub": "x"}})), ADMITTED, 0),
        ((statement(bound(sub="other")), statement({"StringMatches": {"sub": "x"}}, Effect="Deny")), REFUSED, None),
        ((statement({"StringMatches": {"sub": "x"}}), statement(Effect="Deny")), REFUSED, 1),
    ],
)
def test_denials_and_the_deciding_statement(statements: Any, decision: str, index: int | None) -> None:
    """A denial that applies wins; what isn't known is told only where it could change the answer."""
    found = answer(*statements)
    assert (decision, index) == (found.decision, found.statement)


def test_what_covers_every_case_is_known() -> None:
    """Two statements that are complements of an unknown key admit whatever it holds."""
    inside = {"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}
    outside = {"NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"}}
    found = answer(statement({**bound(sub=MAIN), **inside}), statement({**bound(sub=MAIN), **outside}))
    assert (ADMITTED, None) == (found.decision, found.statement)


def test_a_token_with_tags_or_a_source_identity_needs_more_than_one_action() -> None:
    """STS refuses to tag a session that the trust policy doesn't let be tagged."""
    tags: dict[str, Any] = {"https://aws.amazon.com/tags": {"principal_tags": {"team": ["x"]}}}
    identity: dict[str, Any] = {"https://aws.amazon.com/source_identity": "ann"}
    assert REFUSED == answer(EXACT, **tags).decision
    assert REFUSED == answer(EXACT, **identity).decision
    both = statement(bound(sub=MAIN), Action=["sts:AssumeRoleWithWebIdentity", "sts:TagSession"])
    assert ADMITTED == answer(both, **tags).decision
    assert REFUSED == answer(both, **identity).decision


@pytest.mark.parametrize(
    "provider",
    ["arn:aws:iam::123456789012:oidc-provider/*", "https://idp.example.com", "", "arn:aws:iam::1:oidc-provider/x.y"],
)
def test_federated_principals_that_iam_refuses(provider: str) -> None:
    """A federated principal is a provider's ARN or a domain name, without wildcards."""
    with pytest.raises(BadInput, match="provider"):
        policy(statement(Principal={"Federated": provider}))


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "empty"),
        ("[]", "object"),
        ("eyJhbGciOi.J9.x", "JSON"),
        ('{"sub": "a", "sub": "secret-value"}', "twice"),
        ('{"iss": 1}', "iss"),
        ('{"iss": ""}', "iss"),
        ('{"sub": ["secret-value"]}', "sub"),
        ('{"sub": null}', "sub"),
        ('{"aud": {"secret-value": 1}}', "aud"),
        ('{"aud": [["secret-value"]]}', "aud"),
        ('{"aud": NaN}', "NaN"),
    ],
)
def test_claims_that_are_no_payload(text: str, what: str) -> None:
    """What is no decoded payload is refused, with the place and without a value."""
    with pytest.raises(BadInput, match=what) as caught:
        parse_claims(text, name="claims.json")
    assert "secret-value" not in str(caught.value)
    assert "claims.json" in str(caught.value)


def test_a_token_that_names_no_issuer_needs_the_provider() -> None:
    """Without `iss` and without the ARN nobody can say whose keys the claims are."""
    with pytest.raises(BadInput, match="iss"):
        admits(policy(EXACT), {"sub": MAIN})
    with pytest.raises(BadInput, match="--provider-arn"):
        admits(policy(EXACT), CLAIMS, provider_arn="arn:aws:iam::123456789012:role/x")


@pytest.mark.parametrize(
    "text",
    [
        '{"Statement": {"Effect": "Allow", "Principal": "*", "Action": "sts:*", "Resource": "*"}}',
        '{"Statement": {"Effect": "Allow", "Action": "sts:*"}}',
        '{"Statement": {"Effect": "Allow", "NotPrincipal": {"AWS": "*"}, "Action": "sts:*"}}',
        '{"Statement": {"Effect": "Allow", "Principal": "*", "Action": "sts:*", "NotAction": "iam:*"}}',
    ],
)
def test_policies_that_iam_refuses(text: str) -> None:
    """A trust policy has a Principal and no Resource, and one of Action and NotAction."""
    with pytest.raises(BadInput, match=r"trust\.json"):
        parse_trust(text, name="trust.json")


def test_no_claim_reaches_a_reason() -> None:
    """The reason speaks of the policy alone."""
    assert not any(str(value) in answer(statement(bound(sub="x"))).reason for value in CLAIMS.values())
