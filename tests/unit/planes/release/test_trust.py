"""REL-030: the trust policy against declared subjects and the attacks made from them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pytest_substrate.model.ci import Role
from pytest_substrate.model.diagnosis import Diagnosis
from pytest_substrate.model.observation import Missing, Unobserved
from pytest_substrate.model.outcome import Outcome
from pytest_substrate.planes.release.diagnose.trust import diagnose_trust

PROVIDER, AUDIENCE = "token.actions.githubusercontent.com", "sts.amazonaws.com"
MAIN, PULL_REQUEST = "repo:acme/ingest:ref:refs/heads/main", "repo:acme/ingest:pull_request"
AUD, SUB = f"{PROVIDER}:aud", f"{PROVIDER}:sub"


def policy(condition: Any, account: str = "111122223333") -> str:
    """A trust policy of one statement."""
    statement = {
        "Effect": "Allow",
        "Principal": {"Federated": f"arn:aws:iam::{account}:oidc-provider/{PROVIDER}"},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": condition,
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def judged(trust: str) -> Diagnosis:
    """What a trust policy comes to."""
    role = Role(arn="arn:aws:iam::111122223333:role/ci/publish", name="publish", trust=trust, boundary_arn=None)
    return diagnose(role)


def diagnose(role: Any) -> Diagnosis:
    """REL-030 of what was seen of the role."""
    return diagnose_trust(
        role, name="publish", provider=PROVIDER, audience=AUDIENCE, admit=[MAIN], refuse=[PULL_REQUEST]
    )


EXACT = {"StringEquals": {AUD: AUDIENCE, SUB: MAIN}}


def like(pattern: str) -> dict[str, Any]:
    """A condition that takes subjects by a pattern."""
    return {"StringEquals": {AUD: AUDIENCE}, "StringLike": {SUB: pattern}}


@pytest.mark.parametrize(
    ("trust", "cause"),
    [
        (policy(EXACT), None),
        (policy({"StringEquals": {AUD: AUDIENCE, SUB: [MAIN, MAIN]}}), None),
        (policy({"StringEquals": {AUD: AUDIENCE, SUB: "repo:acme/ingest:ref:refs/heads/master"}}), "subject-refused"),
        (policy({"StringEquals": {AUD: AUDIENCE, SUB: "repo:acme/*"}}), "subject-refused"),
        (policy(EXACT, account="999999999999"), "subject-refused"),
        (policy(like("repo:acme/ingest:*")), "subject-admitted"),
        (policy({"StringEquals": {AUD: AUDIENCE, SUB: [MAIN, PULL_REQUEST]}}), "subject-admitted"),
        (policy(like("repo:acme/*:ref:refs/heads/main")), "attack-admitted"),
        (policy(like("repo:*/ingest:ref:refs/heads/main")), "attack-admitted"),
        (policy(like("repo:acme/ingest:ref:refs/heads/main*")), "attack-admitted"),
        (policy({"StringEquals": {SUB: MAIN}}), "attack-admitted"),
        (policy({"ForAllValues:StringEquals": {AUD: AUDIENCE, SUB: MAIN}}), "attack-admitted"),
        (policy({**EXACT, "IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}), "trust-undecided"),
        ("{", "policy-unreadable"),
    ],
)
def test_trust(trust: str, cause: str | None) -> None:
    """Exactly what is declared is green; too narrow, too wide and not to be told are three things."""
    assert cause == judged(trust).cause


def test_what_is_undecided_is_no_violation() -> None:
    """A condition on the call decides nothing before the call."""
    found = judged(policy({**EXACT, "IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}))
    assert Outcome.INCONCLUSIVE is found.outcome


def test_the_attack_is_named() -> None:
    """Whoever reads it learns whose token would come in."""
    found = judged(policy(like("repo:*/ingest:ref:refs/heads/main")))
    assert "fork" in found.message
    assert 0 == found.facts["statement"]


def test_a_role_that_is_not_seen() -> None:
    """Absent is proven wrong, and unseen is undecided."""
    assert "role-missing" == diagnose(Missing(what="publish")).cause
    assert "access-denied" == diagnose(Unobserved(reason="access-denied", operation="iam:GetRole")).cause
