"""The attack corpus, and what a policy answers to tokens of which only the subject is known."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_substrate.policy.admitting import admits_some
from pytest_substrate.policy.attacks import attacks
from pytest_substrate.policy.subjects import claims_of_subject
from pytest_substrate.policy.trust import admits
from tests.unit.policy.trusts import AUDIENCE, CLAIMS, GITHUB, MAIN, arn, bound, like, policy, statement

SUBJECTS: dict[str, tuple[str, ...]] = {
    GITHUB: (
        MAIN,
        "repo:octo-org/app:environment:prod",
        "repo:octo-org/app:pull_request",
        "repo:octo-org/app:ref:refs/tags/v1",
        "repo:octo-org@123456/app@456789:ref:refs/heads/main",
        "repo:octo-org-123456/app-456789:ref:refs/heads/main",
        "repo:octo-org/app:job_workflow_ref:octo-org/ci/.github/workflows/a.yml@refs/heads/main",
    ),
    "gitlab.com": ("project_path:acme/deploy:ref_type:branch:ref:main", "project_path:acme/x/y:ref_type:tag:ref:v1"),
    "agent.buildkite.com": ("organization:acme:pipeline:app:ref:refs/heads/main:commit:0:step:s",),
    "oidc.circleci.com/org/O": ("org/O/project/P/user/U",),
    "app.terraform.io": ("organization:acme:project:p:workspace:w:run_phase:apply",),
    "oidc.eks.eu-west-2.amazonaws.com/id/A": ("system:serviceaccount:ns:sa",),
    "idp.example.com": ("client-1", "123"),
}


@st.composite
def declared(draw: st.DrawFn) -> tuple[str, list[str]]:
    """A provider, and subjects that are to be admitted."""
    url = draw(st.sampled_from(sorted(SUBJECTS)))
    name = st.text("abcXYZ019-_.", min_size=1, max_size=8)
    made = st.builds("repo:{}/{}:ref:refs/heads/{}".format, name, name, name) if url == GITHUB else name
    return url, draw(st.lists(st.sampled_from(SUBJECTS[url]) | made, min_size=1, max_size=4))


@given(declared())
def test_no_attack_is_an_admitted_token(chosen: tuple[str, list[str]]) -> None:
    """Each attack differs from every admitted subject's token in issuer, audience or subject."""
    url, subjects = chosen
    issuer = f"https://{url}"
    right = {(issuer, "a", subject) for subject in subjects}
    for attack in attacks(subjects, issuer=url, audience="a"):
        claims = attack.claims
        assert (claims.get("iss"), claims.get("aud"), claims.get("sub")) not in right


@given(declared())
def test_exact_subjects_refuse_every_attack_and_admit_every_subject(chosen: tuple[str, list[str]]) -> None:
    """StringEquals on the admitted subjects and the audience is the policy that the corpus asks for."""
    url, subjects = chosen
    document = policy(statement(bound("a", sub=subjects), url=url))
    for subject in subjects:
        claims = claims_of_subject(subject, url, "a")
        assert "admitted" == admits_some(document, claims, provider_arn=arn(url)).decision
        assert "admitted" == admits(document, claims, provider_arn=arn(url)).decision
    for attack in attacks(subjects, issuer=f"https://{url}", audience="a"):
        assert (attack.name, "refused") == (
            attack.name,
            admits_some(document, attack.claims, provider_arn=arn(url)).decision.value,
        )


_CONDITIONS = st.sampled_from(
    [
        None,
        bound(sub=MAIN),
        bound(sub="other"),
        like("repo:octo-org/*"),
        bound(environment="prod"),
        {"StringNotEquals": {"sub": "other"}},
        {"StringEqualsIfExists": {"environment": "prod"}},
        {"ForAllValues:StringEquals": {"ref": "refs/heads/main"}},
        {"StringMatches": {"sub": "x"}},
        {"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}},
        {"NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"}},
    ]
)
_STATEMENTS = st.builds(
    lambda condition, effect, principal: statement(condition, Effect=effect, Principal=principal),
    _CONDITIONS,
    st.sampled_from(["Allow", "Deny"]),
    st.sampled_from(["*", {"Federated": arn()}, {"Federated": arn("gitlab.com")}, {"Federated": "*"}]),
)


@given(st.lists(_STATEMENTS, min_size=2, max_size=4), st.data())
def test_removing_an_allow_never_admits(statements: list[dict[str, Any]], data: st.DataObject) -> None:
    """What was not admitted stays so without one of the statements that allow."""
    at = data.draw(st.integers(0, len(statements) - 1))
    statements[at] = {**statements[at], "Effect": "Allow"}
    before = admits(policy(*statements), CLAIMS, provider_arn=arn()).decision
    after = admits(policy(*statements[:at], *statements[at + 1 :]), CLAIMS, provider_arn=arn()).decision
    assert before == "admitted" or after != "admitted"


@given(st.lists(_STATEMENTS, min_size=1, max_size=3), _STATEMENTS)
def test_adding_a_denial_never_admits(statements: list[dict[str, Any]], deny: dict[str, Any]) -> None:
    """What was not admitted stays so with one more statement that denies."""
    before = admits(policy(*statements), CLAIMS, provider_arn=arn()).decision
    after = admits(policy(*statements, {**deny, "Effect": "Deny"}), CLAIMS, provider_arn=arn()).decision
    assert before == "admitted" or after != "admitted"


@pytest.mark.parametrize(
    ("condition", "kinds"),
    [
        (like("repo:octo-org/app:*"), {"pull_request", "other-branch", "tag", "environment", "similar-suffix"}),
        (like("repo:octo-org/*:ref:refs/heads/main"), {"other-repository", "similar-repository"}),
        (like("repo:*/app:ref:refs/heads/main"), {"fork", "similar-owner"}),
        ({"StringEquals": {"sub": MAIN}}, {"wrong-audience", "no-audience"}),
        ({**bound(), "StringEqualsIfExists": {"sub": MAIN}}, {"no-subject"}),
        ({"ForAllValues:StringEquals": {"sub": MAIN, "aud": AUDIENCE}}, {"no-subject", "no-audience", "no-claims"}),
        ({"StringEqualsIgnoreCase": {"sub": MAIN}, **bound()}, {"letter-case", "similar-owner", "similar-repository"}),
        (bound(repository="octo-org/app"), {"pull_request", "other-branch", "tag", "environment", "no-subject"}),
        (bound(repository="octo-org/app", ref="refs/heads/main"), {"environment", "no-subject"}),
        (like("repo:octo-org/app:*/main"), {"tag", "similar-context"}),
        (like("repo:octo-org/app:*main"), {"tag", "environment", "similar-context"}),
        (like("repo:octo-org/app:ref:refs/heads/*main"), {"similar-context"}),
        (like("repo:octo-org/ap?:ref:refs/heads/main"), {"similar-repository"}),
        (like("repo:octo-or?/app:ref:refs/heads/mai?"), {"similar-owner", "similar-context"}),
    ],
)
def test_a_careless_policy_admits_the_attacks_that_it_invites(condition: Any, kinds: set[str]) -> None:
    """Each kind of attack finds the kind of policy that it is made for."""
    document = policy(statement(condition))
    admitted = {
        attack.name.partition(" of ")[0]
        for attack in attacks([MAIN], issuer=GITHUB, audience=AUDIENCE)
        if admits_some(document, attack.claims, provider_arn=arn()).decision == "admitted"
    }
    assert kinds <= admitted
    assert "other-issuer" not in admitted


def test_another_commit_of_the_same_branch_is_no_other_branch() -> None:
    """A subject of Buildkite names the commit, which a policy has to leave open: what is called a branch is one."""
    url, branch = "agent.buildkite.com", "organization:acme:pipeline:app:ref:refs/heads/main"
    corpus = attacks([f"{branch}:commit:0123:step:release"], issuer=url, audience=AUDIENCE)
    others = [one.claims["sub"] for one in corpus if one.name.startswith("other-branch")]
    assert others
    assert [] == [subject for subject in others if subject.startswith(f"{branch}:")]
    document = policy(statement(like(f"{branch}:commit:*:step:release"), url=url))
    assert {"refused"} == {admits_some(document, one.claims, provider_arn=arn(url)).decision for one in corpus}


def test_a_policy_by_workflow_admits_strangers_who_call_it() -> None:
    """A reusable workflow alone names no repository."""
    document = policy(statement(bound(job_workflow_ref=CLAIMS["job_workflow_ref"])))
    found = [
        one for one in attacks([MAIN], issuer=GITHUB, audience=AUDIENCE) if one.name.startswith("reusable-workflow")
    ]
    assert ["admitted"] == [admits_some(document, one.claims, provider_arn=arn()).decision for one in found]


def test_what_a_subject_leaves_open_may_be_right() -> None:
    """A policy that binds ids beside the subject admits the declared subject, and no other repository's."""
    document = policy(statement(bound(sub=MAIN, repository_id="456789", actor=["ann", "bob"])))
    assert "admitted" == admits_some(document, claims_of_subject(MAIN, GITHUB, AUDIENCE), provider_arn=arn()).decision
    other = policy(statement({**bound(repository_id="456789"), "StringLike": {"sub": "repo:*:ref:refs/heads/main"}}))
    for attack in attacks([MAIN], issuer=GITHUB, audience=AUDIENCE):
        if attack.name.startswith(("fork", "other-owner", "similar-owner", "other-repository", "similar-repository")):
            assert "refused" == admits_some(other, attack.claims, provider_arn=arn()).decision


def test_keys_of_the_call_stay_open() -> None:
    """An address that isn't known decides nothing."""
    document = policy(statement({**bound(sub=MAIN), "IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}))
    claims = claims_of_subject(MAIN, GITHUB, AUDIENCE)
    assert "undecided" == admits_some(document, claims, provider_arn=arn()).decision


def test_keys_that_a_provider_may_lack_decide_nothing() -> None:
    """Where AWS doesn't say that a claim is a key, a policy that asks for it is no proof."""
    url = f"{GITHUB}/octo-enterprise"
    claims = claims_of_subject(MAIN, url, AUDIENCE)
    exact = policy(statement(bound(sub=MAIN), url=url))
    more = policy(statement(bound(sub=MAIN, repository="octo-org/app"), url=url))
    other = policy(statement(bound(sub="other", repository="octo-org/app"), url=url))
    answers = [admits_some(one, claims, provider_arn=arn(url)).decision.value for one in (exact, more, other)]
    assert ["admitted", "undecided", "refused"] == answers


@pytest.mark.parametrize(
    ("subject", "expected"),
    [
        (MAIN, {"repository": "octo-org/app", "ref": "refs/heads/main"}),
        ("repo:o@12/r@34:pull_request", {"repository": "o/r", "repository_id": "34", "repository_owner_id": "12"}),
        ("repo:o-1234/r-5678:environment:prod", {"repository": "o-1234/r-5678", "environment": "prod"}),
        ("repository_id:34:environment:prod", {"repository_id": "34", "environment": "prod"}),
        ("repo:o/r:environment:prod:actor:ann", {"repository": "o/r", "environment": "prod", "actor": "ann"}),
        ("repo:o-1/r:environment:prod", {"repository": "o-1/r", "environment": "prod"}),
        ("something else", {"sub": "something else"}),
    ],
)
def test_claims_agree_with_the_subject(subject: str, expected: dict[str, str]) -> None:
    """Repository, ids, ref and environment are the subject's, in both of GitHub's forms."""
    claims = claims_of_subject(subject, GITHUB, AUDIENCE)
    assert expected == {name: claims.get(name) for name in expected}
    assert (f"https://{GITHUB}", AUDIENCE, subject) == (claims["iss"], claims["aud"], claims["sub"])
