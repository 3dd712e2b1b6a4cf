"""What a trust policy admits beside what it should, told by code, statement and mend."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_substrate.policy.trust import issuer_of
from pytest_substrate.policy.weaknesses import weaknesses
from pytest_substrate.policy.written import Weakness
from tests.unit.policy.trusts import CLAIMS, GITHUB, MAIN, arn, bound, like, policy, statement

ALL = ("audience-unbound", "subject-unbound")


def found(*statements: dict[str, Any], claims: Any = None) -> tuple[Weakness, ...]:
    """The weaknesses of a policy, beside the usual token."""
    token = CLAIMS if claims is None else claims
    return weaknesses(policy(*statements), issuer=issuer_of(token, provider_arn=None), claims=token)


def codes(*statements: dict[str, Any], claims: Any = None) -> list[str]:
    """Their codes, sorted."""
    return sorted({one.code for one in found(*statements, claims=claims)})


OWNER, REPOSITORY, PULL, SUBJECT, AUDIENCE = (
    *("owner-wide", "repository-wide", "pull-request-admitted"),
    *("subject-unbound", "audience-unbound"),
)


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (bound(sub=MAIN), []),
        (bound(sub=[MAIN, "repo:octo-org/app:environment:prod"]), []),
        (bound(sub="repo:octo-org@123456/app@456789:ref:refs/heads/main"), []),
        (like("repo:octo-org/app:ref:refs/heads/*"), []),
        (like("repo:octo-org/app:environment:*"), []),
        (like("repo:octo-org@*/app@*:ref:refs/heads/main"), []),
        (None, [AUDIENCE, PULL, SUBJECT]),
        ({"StringEquals": {"sub": MAIN}}, [AUDIENCE]),
        ({"StringEquals": {"sub": MAIN}, "StringLike": {"aud": "*"}}, [AUDIENCE]),
        ({"StringEquals": {"sub": MAIN}, "StringNotEquals": {"aud": "x"}}, [AUDIENCE]),
        ({"StringEquals": {"sub": MAIN, "oaud": "sts.amazonaws.com"}}, []),
        (bound(), [PULL, SUBJECT]),
        (bound(ref="refs/heads/main"), [SUBJECT]),
        (bound(environment="prod"), [SUBJECT]),
        (bound(workflow="release"), [PULL, SUBJECT]),
        (bound(actor="octocat"), [PULL, SUBJECT]),
        (bound(job_workflow_ref=CLAIMS["job_workflow_ref"]), [PULL, SUBJECT]),
        (like("*"), [PULL, SUBJECT]),
        (like("repo:*"), [PULL, SUBJECT]),
        (like("repo:*/app:ref:refs/heads/main"), [SUBJECT]),
        (like("repo:*:ref:refs/heads/main"), [SUBJECT]),
        (like("*/app:environment:prod"), [SUBJECT]),
        (like("*:environment:prod"), [SUBJECT]),
        (like("repo:*environment:prod"), [SUBJECT]),
        (like("repo:?*/app:environment:prod"), [SUBJECT]),
        (like("repo:octo-org/*:environment:prod"), [OWNER]),
        (like("repo:octo-org/*prod"), [OWNER]),
        ({**like("repo:*:environment:prod"), "StringNotLike": {"sub": "repo:evil/*"}}, [SUBJECT]),
        (like("repo:octo-org*"), [OWNER, PULL, SUBJECT]),
        ({**bound(), "StringNotEquals": {"sub": "repo:octo-org/app:pull_request"}}, [PULL, SUBJECT]),
        (like("repo:octo-org/*"), [OWNER, PULL]),
        (like("repo:octo-org@123456/*"), [OWNER, PULL]),
        (like("repo:octo-org-123456/*"), [OWNER, PULL]),
        (like("repo:octo-org/*:ref:refs/heads/main"), [OWNER]),
        (like("repo:octo-org/*", ref="refs/heads/main"), [OWNER]),
        (like("repo:octo-org/*", repository="octo-org/app"), [PULL, REPOSITORY]),
        (bound(repository_owner_id="123456"), [OWNER, PULL]),
        (bound(enterprise_id="1"), [OWNER, PULL]),
        (like("repo:octo-org/app*"), [OWNER, PULL, REPOSITORY]),
        (like("repo:octo-org/app:*"), [PULL, REPOSITORY]),
        (like("repo:octo-org@123456/app@456789:*"), [PULL, REPOSITORY]),
        (
            like(["repo:octo-org/app:ref:*", "repo:octo-org/app:environment:*", "repo:octo-org/app:pull*"]),
            [PULL, REPOSITORY],
        ),
        (like("repo:octo-org/app:*", ref="refs/heads/main"), []),
        (like("repo:octo-org/app:*", environment="prod"), []),
        (like("repo:octo-org/*", environment="prod"), [OWNER]),
        (like("repo:octo-org/app:ref:*"), []),
        (bound(repository="octo-org/app"), [PULL, REPOSITORY]),
        (bound(repository_id="456789"), [PULL, REPOSITORY]),
        (bound(repository_id="456789", ref="refs/heads/main"), []),
        ({**like("repo:octo-org/app:*"), "StringNotLike": {"sub": "*:pull_request"}}, [REPOSITORY]),
        (bound(sub=[MAIN, "repo:octo-org/app:pull_request"]), [PULL]),
        (bound(sub="repo:octo-org@123456/app@456789:pull_request"), [PULL]),
        (bound(sub="repo:octo-org/*"), ["literal-wildcard"]),
        (bound(sub=[MAIN, "repo:octo-org/*"]), ["literal-wildcard"]),
        (bound(sub="repo:octo-org/${*}"), []),
        ({**bound(sub=MAIN), "StringNotEquals": {"ref": "refs/*"}}, ["literal-wildcard"]),
        ({**bound(), "ForAllValues:StringEquals": {"sub": MAIN}}, ["vacuous-set-operator"]),
        ({**bound(), "ForAllValues:StringEquals": {"sub": MAIN}, "Null": {"sub": "false"}}, []),
        ({**bound(sub=MAIN), "ForAllValues:StringEquals": {"sub": MAIN}}, []),
        ({**bound(), "ForAnyValue:StringEquals": {"sub": MAIN}}, []),
        ({**bound(), "StringEqualsIfExists": {"sub": MAIN}}, ["if-exists"]),
        ({"StringEqualsIfExists": {"aud": "sts.amazonaws.com"}, "StringEquals": {"sub": MAIN}}, ["if-exists"]),
        ({**bound(sub=MAIN), "StringEqualsIfExists": {"environment": "prod"}}, ["if-exists"]),
        ({**bound(sub=MAIN), "StringLikeIfExists": {"repository_owner": "octo-org"}}, ["if-exists"]),
        ({**bound(sub=MAIN), "StringEqualsIfExists": {"sub": MAIN}}, []),
        ({**bound(sub=MAIN), "StringLikeIfExists": {"aws:SourceVpc": "vpc-1"}}, []),
        (bound(sub=MAIN.replace("octo", "Octo")), ["case-never-matches"]),
        (bound(sub=[MAIN.replace("octo", "Octo"), MAIN]), []),
        (like("repo:Octo-Org/app:ref:*"), ["case-never-matches"]),
        ({"StringEqualsIgnoreCase": {"sub": MAIN.upper()}, **bound()}, []),
        (bound(sub=MAIN, ref="refs/heads/Main"), ["case-never-matches"]),
        ({"StringEquals": {"gitlab.com:sub": MAIN, "aud": "sts.amazonaws.com"}}, ["issuer-mismatch"]),
        ({"StringEquals": {f"{GITHUB}/octo:sub": MAIN, "aud": "sts.amazonaws.com"}}, ["issuer-mismatch"]),
        ({**bound(sub=MAIN), "StringEquals": {f"{GITHUB.upper()}:sub": MAIN, "aud": "sts.amazonaws.com"}}, []),
        ({"StringEquals": {f"https://{GITHUB}:sub": MAIN, "aud": "sts.amazonaws.com"}}, ["issuer-mismatch"]),
        ({"StringEquals": {"saml:sub": MAIN, "aud": "sts.amazonaws.com"}}, ["issuer-mismatch"]),
        ({**bound(), "IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}, [PULL, SUBJECT]),
    ],
)
def test_a_statement_for_github(condition: Any, expected: list[str]) -> None:
    """A weakness is told where such a token would be admitted, or such a condition never holds; nothing else is."""
    assert expected == codes(statement(condition))


@pytest.mark.parametrize(
    ("url", "subject", "expected"),
    [
        ("gitlab.com", "project_path:acme/deploy:ref_type:branch:ref:main", []),
        ("gitlab.com", "project_path:acme/deploy:ref_type:branch:ref:*", []),
        ("gitlab.com", "project_path:acme/deploy:*", [REPOSITORY]),
        ("gitlab.com", "project_path:acme/deploy:ref_type:*:ref:*", [REPOSITORY]),
        ("gitlab.com", "project_path:acme/group/deploy:*", [REPOSITORY]),
        ("gitlab.com", "project_path:acme/*", [OWNER]),
        ("gitlab.com", "project_path:acme/group/*", [OWNER]),
        ("gitlab.com", "project_path:acme/group/deploy:ref_type:branch:ref:main", []),
        ("gitlab.com", "project_path:*", [SUBJECT]),
        ("gitlab.example.com", "project_path:acme/*", [OWNER]),
        ("agent.buildkite.com", "organization:acme:pipeline:app:ref:refs/heads/main:*", []),
        ("agent.buildkite.com", "organization:acme:pipeline:app:*", [REPOSITORY]),
        ("agent.buildkite.com", "organization:acme:*", [OWNER]),
        ("agent.buildkite.com", "organization:acme:pipeline:*:ref:refs/heads/main:*", [OWNER]),
        ("agent.buildkite.com", "organization:*", [SUBJECT]),
        ("oidc.circleci.com/org/O", "org/O/project/P/user/U", []),
        ("oidc.circleci.com/org/O", "org/O/project/P/*", [REPOSITORY]),
        ("oidc.circleci.com/org/O", "org/O/*", [OWNER]),
        ("oidc.circleci.com/org/O", "*", [SUBJECT]),
        ("app.terraform.io", "organization:acme:project:p:workspace:w:run_phase:apply", []),
        ("app.terraform.io", "organization:acme:project:p:workspace:w:run_phase:*", [REPOSITORY]),
        ("app.terraform.io", "organization:acme:project:p:workspace:*:run_phase:apply", [OWNER]),
        ("app.terraform.io", "organization:acme:*", [OWNER]),
        ("app.terraform.io", "organization:*", [SUBJECT]),
        ("oidc.eks.eu-west-2.amazonaws.com/id/A", "system:serviceaccount:ns:sa", []),
        ("oidc.eks.eu-west-2.amazonaws.com/id/A", "system:serviceaccount:ns:*", [OWNER]),
        ("oidc.eks.eu-west-2.amazonaws.com/id/A", "system:serviceaccount:*:*", [SUBJECT]),
        ("idp.example.com", "client-1", []),
        ("idp.example.com", "*", [SUBJECT]),
    ],
)
def test_a_statement_for_another_provider(url: str, subject: str, expected: list[str]) -> None:
    """Owner, thing and context are each provider's own words."""
    condition = {"StringEquals": {"aud": "a"}, "StringLike": {"sub": subject}}
    assert expected == codes(statement(condition, url=url), claims={"iss": f"https://{url}", "aud": "a", "sub": "s"})


@pytest.mark.parametrize(
    ("elements", "expected"),
    [
        ({"Principal": "*"}, ["public-principal"]),
        ({"Principal": {"AWS": "*"}}, ["public-principal"]),
        ({"Action": None, "NotAction": "iam:*"}, ["not-action"]),
        ({"Action": None, "NotAction": "sts:AssumeRoleWithWebIdentity"}, ["not-action"]),
        ({"Action": "sts:*"}, []),
        ({"Effect": "Deny", "Principal": "*"}, []),
        ({"Effect": "Deny", "Action": None, "NotAction": "sts:*"}, []),
    ],
)
def test_principals_and_actions(elements: dict[str, Any], expected: list[str]) -> None:
    """Everyone as principal and all actions but some are weak in an Allow, whatever its conditions."""
    assert expected == codes(statement(bound(sub=MAIN), **elements))


def test_everyone_without_conditions_is_everything() -> None:
    """With Principal * and no condition every token of every issuer comes in."""
    assert {"public-principal", *ALL} <= set(codes(statement(Principal="*")))


@pytest.mark.parametrize(
    ("deny", "expected"),
    [
        (statement({"StringLike": {"sub": "*:pull_request"}}, Effect="Deny"), [OWNER]),
        (statement({"StringNotLike": {"sub": "repo:octo-org/app:*"}}, Effect="Deny"), [PULL, REPOSITORY]),
        (statement({"StringNotEquals": {"sub": MAIN}}, Effect="Deny"), []),
        (statement({"StringNotEquals": {"repository": "octo-org/app"}}, Effect="Deny"), [PULL, REPOSITORY]),
        (statement({"StringNotEqualsIfExists": {"ref": "refs/heads/main"}}, Effect="Deny"), [OWNER]),
        (statement(Effect="Deny"), []),
        (statement(Effect="Deny", Principal={"Federated": arn("gitlab.com")}), [OWNER, PULL]),
    ],
)
def test_denials_take_weaknesses_away(deny: dict[str, Any], expected: list[str]) -> None:
    """A weakness is the whole policy's: what a denial keeps out is none."""
    assert expected == codes(statement(like("repo:octo-org/*")), deny)


def test_if_exists_and_set_operators_of_a_denial_are_none() -> None:
    """An absent claim then denies more, not less."""
    one = statement(
        {"StringEqualsIfExists": {"environment": "dev"}, "ForAllValues:StringEquals": {"ref": "x"}}, Effect="Deny"
    )
    assert [] == codes(statement(bound(sub=MAIN)), one)


def test_statements_about_others_are_none() -> None:
    """What no web identity can use is not a weakness of it."""
    service = statement(Principal={"Service": "ecs-tasks.amazonaws.com"}, Action="sts:AssumeRole")
    account = statement(Principal={"AWS": "arn:aws:iam::123456789012:root"})
    assert [] == codes(statement(bound(sub=MAIN)), service, account)


def test_weaknesses_do_not_depend_on_the_token() -> None:
    """A statement for another provider than the token's is asked as well."""
    gitlab = statement({"StringEquals": {"aud": "a"}, "StringLike": {"sub": "project_path:acme/*"}}, url="gitlab.com")
    assert [OWNER] == codes(gitlab)


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (bound(repository="octo-org/app"), [PULL, REPOSITORY]),
        (like("repo:octo-org/*", repository_id="1"), [PULL, REPOSITORY]),
        (bound(sub=MAIN), []),
        (like("repo:octo-org/*"), [OWNER, PULL]),
    ],
)
def test_keys_that_a_provider_may_have_are_asked_as_if_it_had_them(condition: Any, expected: list[str]) -> None:
    """Of GitHub Enterprise AWS doesn't say which claims are keys."""
    url = f"{GITHUB}/octo-enterprise"
    assert expected == codes(statement(condition, url=url), claims={**CLAIMS, "iss": f"https://{url}"})


def test_the_built_in_providers_have_keys_of_their_own() -> None:
    """Facebook's subject is `id`, its audience `app_id`."""
    named: dict[str, Any] = {"Principal": {"Federated": "graph.facebook.com"}, "url": "graph.facebook.com"}
    assert ["subject-unbound"] == codes(statement({"StringEquals": {"app_id": "1"}}, **named))
    assert ["audience-unbound"] == codes(statement({"StringEquals": {"id": "1"}}, **named))


def test_a_message_names_the_statement_and_the_mend() -> None:
    """The reader finds the statement by its index, and what to write."""
    one = statement(bound(sub=MAIN))
    told = found(one, statement(like("repo:octo-org/*"), Sid="Wide"))
    assert all("statement 1 (Wide)" in each.message and "; name " in each.message for each in told)
    assert {OWNER, PULL} == {each.code for each in told}


def test_many_subjects_are_asked_in_good_time() -> None:
    """A policy as long as IAM stores is told whole: the wide one among many is found."""
    subjects = [f"repo:octo-org/app{index}:ref:refs/heads/main" for index in range(40)]
    assert [REPOSITORY, PULL] == sorted(codes(statement(like([*subjects, "repo:octo-org/app7:*"]))), reverse=True)
