"""Trust policies and claims for the tests of `policy.trust`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from pytest_substrate.policy.document import Document
from pytest_substrate.policy.trust import parse_trust

GITHUB: Final = "token.actions.githubusercontent.com"
AUDIENCE: Final = "sts.amazonaws.com"
MAIN: Final = "repo:octo-org/app:ref:refs/heads/main"
CLAIMS: Final[dict[str, Any]] = {
    "iss": f"https://{GITHUB}",
    "aud": AUDIENCE,
    "sub": MAIN,
    "repository": "octo-org/app",
    "repository_owner": "octo-org",
    "repository_id": "456789",
    "repository_owner_id": "123456",
    "actor": "octocat",
    "actor_id": "583231",
    "workflow": "release",
    "ref": "refs/heads/main",
    "job_workflow_ref": "octo-org/app/.github/workflows/release.yml@refs/heads/main",
}


def arn(url: str = GITHUB, *, account: str = "123456789012", partition: str = "aws") -> str:
    """The ARN of a provider."""
    return f"arn:{partition}:iam::{account}:oidc-provider/{url}"


def statement(
    condition: Mapping[str, Mapping[str, Any]] | None = None, *, url: str = GITHUB, **elements: Any
) -> dict[str, Any]:
    """A statement: an Allow for web identity by the provider `url`; keys without a colon are that provider's."""
    said: dict[str, Any] = {
        "Effect": "Allow",
        "Principal": {"Federated": arn(url)},
        "Action": "sts:AssumeRoleWithWebIdentity",
    }
    if condition is not None:
        said["Condition"] = {
            operator: {key if ":" in key else f"{url}:{key}": value for key, value in keys.items()}
            for operator, keys in condition.items()
        }
    said |= elements
    return {name: value for name, value in said.items() if value is not None}


def bound(audience: Any = AUDIENCE, **keys: Any) -> dict[str, dict[str, Any]]:
    """StringEquals on the audience and these keys."""
    return {"StringEquals": {"aud": audience, **keys}}


def like(subject: Any, **keys: Any) -> dict[str, dict[str, Any]]:
    """`bound`, and StringLike on the subject."""
    return {**bound(**keys), "StringLike": {"sub": subject}}


def policy(*statements: Mapping[str, Any], version: str = "2012-10-17") -> Document:
    """The document of these statements."""
    return parse_trust(json.dumps({"Version": version, "Statement": list(statements)}), name="trust.json")
