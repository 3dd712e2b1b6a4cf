"""Who is an administrator by what it may do, and who is none although a policy is called so."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pytest_substrate.policy.admin import powers
from pytest_substrate.policy.document import Document, PolicyKind, parse_policy

ROLE = "arn:aws:iam::111122223333:role/ci-publish"
USER = "arn:aws:iam::111122223333:user/ann"
OTHER = "arn:aws:iam::111122223333:role/ingest-task"


def document(*statements: dict[str, Any], kind: PolicyKind = PolicyKind.IDENTITY) -> Document:
    """A policy."""
    return parse_policy(json.dumps({"Version": "2012-10-17", "Statement": list(statements)}), name="p.json", kind=kind)


def allow(action: Any, resource: Any = "*", **more: Any) -> dict[str, Any]:
    """An Allow."""
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


PUSH = allow(
    ["ecr:PutImage", "ecr:InitiateLayerUpload", "ecr:UploadLayerPart", "ecr:CompleteLayerUpload"],
    "arn:aws:ecr:eu-west-2:111122223333:repository/acme/ingest",
)
LEAST = (
    PUSH,
    allow("ecr:GetAuthorizationToken"),
    allow("iam:PassRole", OTHER),
    allow(["ecs:RegisterTaskDefinition", "ecs:UpdateService", "iam:Get*", "iam:List*"]),
    allow("sts:AssumeRole", OTHER),
)


def test_the_least_that_a_release_needs_is_no_administrator() -> None:
    """Reading IAM, passing and assuming a named role, and registering task definitions included."""
    assert () == powers(ROLE, [document(*LEAST)])


@pytest.mark.parametrize(
    ("statement", "means"),
    [
        (allow("*"), "all-actions"),
        (allow("*:*"), "all-actions"),
        ({"Effect": "Allow", "NotAction": "s3:DeleteBucket", "Resource": "*"}, "all-actions-but-named"),
        ({"Effect": "Allow", "Action": "*", "NotResource": "arn:aws:s3:::x"}, "all-actions"),
        (allow("iam:*"), "all-of-iam"),
        (allow("iam:PutRolePolicy", ROLE), "own-inline-policy"),
        (allow("iam:Put*"), "own-inline-policy"),
        (allow("iam:AttachRolePolicy", "arn:aws:iam::*:role/ci-*"), "own-managed-policy"),
        (allow("iam:CreatePolicyVersion"), "any-policy-version"),
        (allow("iam:UpdateAssumeRolePolicy"), "any-trust-policy"),
        (allow("iam:CreateAccessKey"), "any-access-key"),
        (allow("sts:AssumeRole"), "assume-any-role"),
        (allow(["iam:PassRole", "lambda:CreateFunction"]), "pass-any-role-to-lambda"),
        (allow(["iam:PassRole", "iam:AttachRolePolicy"]), "any-role-managed"),
        (allow(["iam:PassRole", "ecs:RunTask"]), "pass-any-role-to-ecs"),
        (allow(["iam:PassRole", "cloudformation:UpdateStack"]), "pass-any-role-to-cloudformation"),
        (allow(["iam:AttachRolePolicy", "iam:UpdateAssumeRolePolicy"], OTHER), "through-a-named-role"),
        (
            allow(["iam:PutRolePolicy", "sts:AssumeRole"], "arn:aws:iam::111122223333:role/ingest-*"),
            "through-a-named-role",
        ),
    ],
)
def test_what_makes_an_administrator(statement: dict[str, Any], means: str) -> None:
    """Whatever the policy is called, the deciding statement is named."""
    power = next(power for power in powers(ROLE, [document(PUSH, statement)]) if power.means == means)
    assert (True, "p.json", 1) == (power.certain, power.document, power.statement)


def test_a_stack_that_is_named_still_runs_as_any_role() -> None:
    """What is made need not be anything, as long as any role can be passed to it."""
    named = allow("cloudformation:CreateStack", "arn:aws:cloudformation:*:*:stack/app-*/*")
    assert "pass-any-role-to-cloudformation" in {
        power.means for power in powers(ROLE, [document(named, allow("iam:PassRole"))])
    }
    assert () == powers(ROLE, [document(named, allow("iam:PassRole", OTHER))])


def test_a_boundary_or_a_level_that_does_not_allow_it_takes_it_away() -> None:
    """`Action: *` within a boundary is what the boundary allows."""
    everything = document(allow("*"))
    boundary = document(PUSH, kind=PolicyKind.BOUNDARY)
    scp = document(allow("ecr:*"), kind=PolicyKind.SCP)
    assert () == powers(ROLE, [everything], boundary=boundary)
    assert () == powers(ROLE, [everything], scps=[scp])


def test_a_boundary_that_may_be_dropped_is_none() -> None:
    """A role that may remove its own boundary has none."""
    drop = allow(["ecr:*", "iam:DeleteRolePermissionsBoundary"])
    found = powers(ROLE, [document(drop)], boundary=document(drop, kind=PolicyKind.BOUNDARY))
    assert ["drops-its-boundary"] == [power.means for power in found]


MANAGED = "arn:aws:iam::111122223333:policy/publish"


def test_a_policy_of_its_own_that_it_may_rewrite() -> None:
    """By its ARN alone, without a wildcard: a version of it is whatever the role writes."""
    held = parse_policy(json.dumps({"Version": "2012-10-17", "Statement": [PUSH]}), name=MANAGED)
    for action in ("iam:CreatePolicyVersion", "iam:SetDefaultPolicyVersion"):
        assert ["own-policy-version"] == [one.means for one in powers(ROLE, [held, document(allow(action, MANAGED))])]
        assert () == powers(ROLE, [held, document(allow(action, f"{MANAGED}-of-others"))])
        bounded = parse_policy(
            json.dumps({"Version": "2012-10-17", "Statement": [allow("*")]}), name=MANAGED, kind=PolicyKind.BOUNDARY
        )
        found = powers(ROLE, [document(allow(action, MANAGED))], boundary=bounded)
        assert ["rewrites-its-boundary"] == [one.means for one in found]


@pytest.mark.parametrize("actions", [["iam:PutRolePolicy"], ["sts:AssumeRole", "iam:PassRole"], ["iam:GetRole"]])
def test_a_named_role_that_it_may_not_both_write_and_become(actions: list[str]) -> None:
    """One of the two ends at that role."""
    assert () == powers(ROLE, [document(allow(actions, OTHER))])


def test_a_deny_takes_it_away() -> None:
    """An explicit deny of IAM and STS leaves no way."""
    denied = {"Effect": "Deny", "Action": ["iam:*", "sts:*"], "Resource": "*"}
    assert () == powers(ROLE, [document(allow(["iam:*", "s3:*"]), denied)])


def test_what_depends_on_a_key_that_is_not_known_is_no_certain_power() -> None:
    """`aws:SourceIp` may hold: the role may be an administrator from there."""
    limited = allow("*", Condition={"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}})
    found = powers(ROLE, [document(limited)])
    assert {False} == {power.certain for power in found}


def test_a_user_has_ways_of_its_own() -> None:
    """A user attaches policies to itself, or joins a group."""
    found = powers(USER, [document(allow(["iam:AttachUserPolicy", "iam:AddUserToGroup"]))])
    assert {"own-managed-policy", "join-any-group", "any-user-managed"} == {power.means for power in found}
