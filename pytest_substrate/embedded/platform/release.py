"""The release side of `dev_min`: the OIDC provider of its CI, and the role that publishes its image.

It needs only the cloud, and so is built while the brokers start.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from pytest_substrate.embedded.cloud.issuer import ISSUER
from pytest_substrate.embedded.platform import names, pipeline, roles

if TYPE_CHECKING:
    from pytest_substrate.embedded.platform.platform import Platform

PROVIDER: Final = ISSUER.removeprefix("https://")
PROVIDER_ARN: Final = f"arn:aws:iam::{names.ACCOUNT}:oidc-provider/{PROVIDER}"
AUDIENCE: Final = "sts.amazonaws.com"
AUD, SUB = f"{PROVIDER}:aud", f"{PROVIDER}:sub"
"""The condition keys of the provider."""
SUBJECT: Final = "repo:acme/ingest:ref:refs/heads/main"
THUMBPRINT: Final = "ffffffffffffffffffffffffffffffffffffffff"
"""IAM asks for one, and for this issuer uses a library of authorities of its own instead."""
REPOSITORY_ARN: Final = f"arn:aws:ecr:{names.REGION}:{names.ACCOUNT}:repository/{names.REPOSITORY}"
POLICY: Final = "publish"
PUSH_AND_PULL: Final = (
    "ecr:BatchCheckLayerAvailability",
    "ecr:BatchGetImage",
    "ecr:CompleteLayerUpload",
    "ecr:GetDownloadUrlForLayer",
    "ecr:InitiateLayerUpload",
    "ecr:PutImage",
    "ecr:UploadLayerPart",
)


def build_release(platform: Platform, image_digest: str) -> None:
    """The provider, the role with its trust and its one inline policy, and the provenance beside the image."""
    pipeline.attest(platform, image_digest)
    make_provider(platform)
    boundary = json.dumps(boundary_policy())
    platform.client("iam").create_policy(PolicyName=names.CI_BOUNDARY, PolicyDocument=boundary)
    make_role(platform)


def make_provider(platform: Platform, *audiences: str, url: str = ISSUER) -> str:
    """An OIDC provider of the account, for the declared audience unless told otherwise; its ARN."""
    made = platform.client("iam").create_open_id_connect_provider(
        Url=url, ClientIDList=list(audiences or (AUDIENCE,)), ThumbprintList=[THUMBPRINT]
    )
    return str(made["OpenIDConnectProviderArn"])


def make_role(platform: Platform) -> None:
    """The role, as the declaration wants it."""
    iam = platform.client("iam")
    iam.create_role(
        RoleName=names.CI_ROLE,
        AssumeRolePolicyDocument=json.dumps(trust()),
        PermissionsBoundary=names.CI_BOUNDARY_ARN,
    )
    set_policy(platform, publish_policy())


def trust(**condition: Any) -> dict[str, Any]:
    """The role's trust policy: this issuer's tokens for STS, of one subject; or of another condition."""
    exact = {"StringEquals": {AUD: AUDIENCE, SUB: SUBJECT}}
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Federated": PROVIDER_ARN},
                "Action": "sts:AssumeRoleWithWebIdentity",
                "Condition": condition or exact,
            }
        ],
    }


def boundary_policy() -> dict[str, Any]:
    """What bounds every pipeline's role: all but the organization, the account, and the boundary itself."""
    kept = ["iam:DeleteRolePermissionsBoundary", "iam:PutRolePermissionsBoundary", "account:*", "organizations:*"]
    denied = {"Effect": "Deny", "Action": kept, "Resource": "*"}
    return dict(roles.allow([roles.statement(["*"], ["*"]), denied]))


def publish_policy(*, without: str | None = None, on: str = REPOSITORY_ARN) -> dict[str, Any]:
    """What a push and a pull need of one repository and no more; `without` one of the actions."""
    needed = [action for action in PUSH_AND_PULL if action != without]
    login = [] if without == "ecr:GetAuthorizationToken" else [roles.statement(["ecr:GetAuthorizationToken"], ["*"])]
    return dict(roles.allow([*login, roles.statement(needed, [on])]))


def set_policy(platform: Platform, policy: roles.Policy) -> None:
    """Replace the role's inline policy."""
    platform.client("iam").put_role_policy(RoleName=names.CI_ROLE, PolicyName=POLICY, PolicyDocument=json.dumps(policy))


@contextlib.contextmanager
def publishing(platform: Platform, policy: roles.Policy) -> Iterator[None]:
    """The role with another inline policy, and then its own again."""
    try:
        set_policy(platform, policy)
        yield
    finally:
        set_policy(platform, publish_policy())


@contextlib.contextmanager
def trusting(platform: Platform, **condition: Any) -> Iterator[None]:
    """The role's trust policy with another condition, and then its own again."""
    iam = platform.client("iam")

    def put(document: Mapping[str, Any]) -> None:
        iam.update_assume_role_policy(RoleName=names.CI_ROLE, PolicyDocument=json.dumps(document))

    try:
        put(trust(**condition))
        yield
    finally:
        put(trust())
