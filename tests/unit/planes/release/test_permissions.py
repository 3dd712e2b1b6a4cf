"""REL-060, REL-070, REL-080: what the CI role may do, by its policies and by real calls."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from pytest_substrate.model.ci import Call, Calls, NotAssumed, Policy, Role, RolePolicies, ServiceControls
from pytest_substrate.model.observation import Missing, Unobserved
from pytest_substrate.model.outcome import Outcome
from pytest_substrate.planes.release.diagnose.permissions import (
    diagnose_forbidden,
    diagnose_no_administrator,
    diagnose_push,
)

ROLE_ARN = "arn:aws:iam::111122223333:role/publish"
ROLE = Role(arn=ROLE_ARN, name="publish", trust="{}", boundary_arn=None)
REPOSITORY = "arn:aws:ecr:eu-west-2:111122223333:repository/acme/ingest"
NONE = Missing(what="an organization")
NO_POLICY = Missing(what="a policy of the repository")
BOUNDARY = "arn:aws:iam::111122223333:policy/ci-boundary"
UNSEEN = Unobserved(reason="access-denied", operation="iam:GetRolePolicy")


def allow(action: Any, resource: Any = REPOSITORY, **more: Any) -> dict[str, Any]:
    """A statement that allows."""
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


LEAST = (allow("ecr:GetAuthorizationToken", "*"), allow(["ecr:PutImage", "ecr:BatchGetImage"]))


def policies(*statements: Any, boundary: Any = None) -> RolePolicies:
    """The role's one inline policy, and its boundary."""

    def document(*listed: Any) -> str:
        return json.dumps({"Version": "2012-10-17", "Statement": list(listed)})

    return RolePolicies(
        policies=(Policy(name="inline", document=document(*statements)),),
        boundary=None if boundary is None else Policy(name="arn:b", document=document(boundary)),
    )


@pytest.mark.parametrize(
    ("held", "cause"),
    [
        (policies(*LEAST), None),
        (policies(allow("ECR:getauthorizationtoken", "*")), None),
        (policies(allow(["ecr:Describe*", "ecr:ListImages"], "*")), None),
        (policies(*LEAST, allow("*", "*")), "wildcard-action"),
        (policies(*LEAST, allow("ecr:*")), "wildcard-action"),
        (policies({"Effect": "Allow", "NotAction": "iam:*", "Resource": REPOSITORY}), "wildcard-action"),
        (policies(*LEAST, allow("iam:PutRolePolicy", ROLE_ARN)), "administrator"),
        (policies(*LEAST, allow("iam:AttachRolePolicy", ROLE_ARN)), "administrator"),
        (policies(allow("ecr:PutImage", "*")), "wildcard-resource"),
        (policies(allow("ecr:PutImage", REPOSITORY.replace("acme/ingest", "*"))), "wildcard-resource"),
        (policies({"Effect": "Allow", "Action": "s3:PutObject", "NotResource": REPOSITORY}), "wildcard-resource"),
        (RolePolicies(policies=(Policy(name="inline", document="{"),), boundary=None), "policy-unreadable"),
        (UNSEEN, "access-denied"),
        (Missing(what="publish"), "role-missing"),
    ],
)
def test_no_administrator(held: Any, cause: str | None) -> None:
    """By what it may do, whatever the policies are called."""
    assert cause == diagnose_no_administrator(ROLE, held, NONE, name="publish").cause


def test_a_boundary_takes_the_power_away_and_the_wildcard_stays() -> None:
    """Within the boundary it is no administrator; the statement is too wide all the same."""
    found = diagnose_no_administrator(ROLE, policies(allow("*", "*"), boundary=LEAST[1]), NONE, name="publish")
    assert "wildcard-action" == found.cause
    assert "administrator:" not in found.message


def call(action: str, answer: str = "done", *, denied: bool = False, reached: bool = True) -> Call:
    """A call that was made."""
    return Call(action=action, resource="acme/ingest", answer=answer, denied=denied, reached=reached)


PUT, LOGIN = call("ecr:PutImage"), call("ecr:GetAuthorizationToken")
DENIED = call("ecr:PutImage", "AccessDeniedException", denied=True)
EVERY = (
    *(LOGIN, PUT, *(call(f"ecr:{one}LayerUpload") for one in ("Initiate", "Complete")), call("ecr:UploadLayerPart")),
    *(call(f"ecr:{one}") for one in ("BatchCheckLayerAvailability", "BatchGetImage", "GetDownloadUrlForLayer")),
)


@pytest.mark.parametrize(
    ("tried", "outcome", "cause"),
    [
        (Calls(calls=EVERY), Outcome.PASS, None),
        (Calls(calls=EVERY[:-1]), Outcome.INCONCLUSIVE, "answered-otherwise"),
        (Calls(calls=(LOGIN, DENIED)), Outcome.VIOLATION, "action-denied"),
        (Calls(calls=(call("a:B", "RepositoryNotFoundException"),)), Outcome.VIOLATION, "repository-missing"),
        (Calls(calls=(PUT,), left_behind=("sha256:a",)), Outcome.VIOLATION, "left-behind"),
        (
            Calls(calls=(LOGIN, call("ecr:PutImage", "timeout", reached=False))),
            Outcome.INCONCLUSIVE,
            "registry-not-reached",
        ),
        (
            Calls(calls=(call("ecr:PutImage", "ImageTagAlreadyExistsException"),)),
            Outcome.INCONCLUSIVE,
            "answered-otherwise",
        ),
        (NotAssumed(code="AccessDenied", message="no"), Outcome.INCONCLUSIVE, "no-session"),
        (Missing(what="a token"), Outcome.INCONCLUSIVE, "no-session"),
        (UNSEEN, Outcome.INCONCLUSIVE, "access-denied"),
    ],
)
def test_push(tried: Any, outcome: Outcome, cause: str | None) -> None:
    """Each action was granted, and nothing stayed."""
    found = diagnose_push(tried, role="publish", repository="acme/ingest")
    assert (outcome, cause) == (found.outcome, found.cause)


def test_the_denied_action_is_a_fact() -> None:
    """The first in the message, all of them as facts."""
    found = diagnose_push(Calls(calls=(DENIED, DENIED)), role="publish", repository="acme/ingest")
    assert ["ecr:PutImage", "ecr:PutImage"] == found.facts["action"]
    assert "ecr:PutImage" in found.message


REFUSED = Calls(calls=(call("ecr:BatchDeleteImage", "AccessDeniedException", denied=True),))


@pytest.mark.parametrize(
    ("tried", "held", "outcome", "cause"),
    [
        (REFUSED, policies(*LEAST), Outcome.PASS, None),
        (Calls(calls=(call("ecr:BatchDeleteImage"),)), policies(*LEAST), Outcome.VIOLATION, "action-allowed"),
        (
            Calls(calls=(call("ecr:InitiateLayerUpload", "RepositoryNotFoundException"),)),
            policies(*LEAST),
            Outcome.VIOLATION,
            "action-allowed",
        ),
        (
            Calls(calls=(call("iam:ListUsers", "timeout", reached=False),)),
            policies(*LEAST),
            Outcome.INCONCLUSIVE,
            "refused-otherwise",
        ),
        (REFUSED, policies(*LEAST, allow("ecr:SetRepositoryPolicy")), Outcome.VIOLATION, "action-allowed"),
        (REFUSED, policies(*LEAST, allow("iam:UpdateAssumeRolePolicy", ROLE_ARN)), Outcome.VIOLATION, "action-allowed"),
        (
            REFUSED,
            policies(allow("ecr:DeleteRepository", Condition={"StringEquals": {"custom:key": "x"}})),
            Outcome.INCONCLUSIVE,
            "undecided",
        ),
        (REFUSED, UNSEEN, Outcome.INCONCLUSIVE, "access-denied"),
        (NotAssumed(code="AccessDenied", message="no"), policies(*LEAST), Outcome.INCONCLUSIVE, "no-session"),
    ],
)
def test_forbidden(tried: Any, held: Any, outcome: Outcome, cause: str | None) -> None:
    """What a call or a policy lets through is red; what failed for another reason proves nothing."""
    found = diagnose_forbidden(tried, ROLE, held, NONE, NO_POLICY, name="publish", repository_arn=REPOSITORY)
    assert (outcome, cause) == (found.outcome, found.cause), found.message


def granting(action: str) -> Policy:
    """A repository's policy."""
    grant = {"Effect": "Allow", "Principal": {"AWS": ROLE_ARN}, "Action": action}
    return Policy(name="the repository", document=json.dumps({"Version": "2012-10-17", "Statement": [grant]}))


@pytest.mark.parametrize(
    ("resource", "cause"),
    [
        (granting("ecr:DeleteRepository"), "action-allowed"),
        (granting("ecr:BatchGetImage"), None),
        (Policy(name="the repository", document="{"), "policy-unreadable"),
        (UNSEEN, "access-denied"),
    ],
)
def test_the_repository_may_allow_it_too(resource: Any, cause: str | None) -> None:
    """Within an account either policy is enough."""
    found = diagnose_forbidden(
        REFUSED, ROLE, policies(*LEAST), NONE, resource, name="publish", repository_arn=REPOSITORY
    )
    assert cause == found.cause, found.message


def test_what_is_allowed_is_told_before_what_is_undecided() -> None:
    """A condition that can't be decided hides no certain right."""
    unknown = allow("ecr:SetRepositoryPolicy", Condition={"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}})
    held = policies(unknown, allow("iam:PutRolePolicy", ROLE_ARN))
    found = diagnose_forbidden(REFUSED, ROLE, held, NONE, NO_POLICY, name="publish", repository_arn=REPOSITORY)
    assert "action-allowed" == found.cause


def control(*statements: Any) -> Policy:
    """A service control policy."""
    return Policy(name="p-1", document=json.dumps({"Version": "2012-10-17", "Statement": list(statements)}))


EVERYTHING = control(allow("*", "*"))
NO_IAM = control({"Effect": "Deny", "Action": "iam:*", "Resource": "*"})


@pytest.mark.parametrize(
    ("controls", "cause", "told"),
    [
        (ServiceControls(levels=()), "administrator", "none"),
        (ServiceControls(levels=((EVERYTHING,), (EVERYTHING,))), "administrator", "read"),
        (ServiceControls(levels=((EVERYTHING, NO_IAM), (EVERYTHING,))), None, "read"),
        (ServiceControls(levels=((control(allow("ecr:*", "*")),), (EVERYTHING,))), None, "read"),
        (UNSEEN, "administrator", "not-readable"),
        (ServiceControls(levels=((control(),),)), "policy-unreadable", "read"),
    ],
)
def test_service_controls(controls: Any, cause: str | None, told: str) -> None:
    """Each level has to allow; what can't be read takes nothing away."""
    held = policies(*LEAST, allow("iam:PutRolePolicy", ROLE_ARN))
    found = diagnose_no_administrator(ROLE, held, controls, name="publish")
    assert (cause, told) == (found.cause, found.facts["service_controls"]), found.message


@pytest.mark.parametrize(
    ("had", "cause"), [(None, "boundary-missing"), (f"{BOUNDARY}-2", "boundary-differs"), (BOUNDARY, None)]
)
def test_a_declared_boundary(had: str | None, cause: str | None) -> None:
    """It is the role's, by its ARN."""
    role = replace(ROLE, boundary_arn=had)
    found = diagnose_no_administrator(role, policies(*LEAST), NONE, name="publish", boundary=BOUNDARY)
    assert cause == found.cause


TAGGED = {"StringEquals": {"aws:ResourceTag/team": "ingest"}}


@pytest.mark.parametrize(
    ("statement", "cause"),
    [
        (allow("ecr:*", "*", Condition=TAGGED), "wildcard-action"),
        (allow("ecr:*", Condition={"StringLike": {"aws:PrincipalArn": "*"}}), "wildcard-action"),
        (allow("ecr:PutImage", "*", Condition=TAGGED), None),
        (allow("ecr:PutImage", "*", Condition={"StringLike": {"aws:ResourceTag/team": "*"}}), "wildcard-resource"),
        (
            allow("ecr:PutImage", "*", Condition={"StringEquals": {"aws:RequestedRegion": "eu-west-2"}}),
            "wildcard-resource",
        ),
        (allow("iam:PassRole", "*", Condition={"StringEquals": {"iam:PassedToService": "a"}}), "wildcard-resource"),
        (allow("secretsmanager:GetSecretValue", "*"), "wildcard-resource"),
        (allow("s3:GetObject", "arn:aws:s3:::acme/*"), "wildcard-resource"),
        (allow(["ecr:BatchGetImage", "iam:GetRole", "sts:GetCallerIdentity", "s3:ListAllMyBuckets"], "*"), None),
    ],
)
def test_conditions_and_reads(statement: Any, cause: str | None) -> None:
    """No condition makes a wildcard narrow but one on the resource's own tag; a read may be of a secret."""
    found = diagnose_no_administrator(ROLE, policies(*LEAST, statement), NONE, name="publish")
    assert cause == found.cause, found.message
