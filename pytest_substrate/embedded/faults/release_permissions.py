"""Faults of the release plane in what the CI role may do: too much, too little, and what it must not."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from pytest_substrate.embedded.faults import fault
from pytest_substrate.embedded.platform import names, release, roles
from pytest_substrate.embedded.platform.platform import Platform
from pytest_substrate.embedded.platform.release import publishing
from pytest_substrate.model.outcome import Layer

_ANYTHING: Final = roles.statement(["*"], ["*"])


@fault(
    "role-made-administrator",
    check="REL-060",
    layer=Layer.POLICY,
    cause="wildcard-action",
    breaks="the push was refused, and somebody attached a policy that allows everything",
)
def role_made_administrator(platform: Platform) -> Iterator[None]:
    """It works at once, and one leaked token is the whole account."""
    iam, name = platform.client("iam"), "publish-more"
    arn = f"arn:aws:iam::{names.ACCOUNT}:policy/{name}"
    try:
        iam.create_policy(PolicyName=name, PolicyDocument=json.dumps(roles.allow([_ANYTHING])))
        iam.attach_role_policy(RoleName=names.CI_ROLE, PolicyArn=arn)
        yield
    finally:
        iam.detach_role_policy(RoleName=names.CI_ROLE, PolicyArn=arn)
        iam.delete_policy(PolicyArn=arn)


@fault(
    "role-may-make-itself-administrator",
    check="REL-060",
    layer=Layer.POLICY,
    cause="administrator",
    breaks="the role may write its own policies",
)
def role_may_make_itself_administrator(platform: Platform) -> Iterator[None]:
    """No wildcard anywhere, and everything within one call."""
    with _more(platform, roles.statement(["iam:PutRolePolicy"], [names.role_arn(names.CI_ROLE)])):
        yield


@fault(
    "every-action-of-the-registry",
    check="REL-060",
    layer=Layer.POLICY,
    cause="wildcard-action",
    breaks="the role was given every action of the registry, on its own repository",
)
def every_action_of_the_registry(platform: Platform) -> Iterator[None]:
    """It may also delete what it released."""
    with _more(platform, roles.statement(["ecr:*"], [release.REPOSITORY_ARN])):
        yield


@fault(
    "push-to-every-repository",
    check="REL-060",
    layer=Layer.POLICY,
    cause="wildcard-resource",
    breaks="the role's policy names all repositories of the account",
)
def push_to_every_repository(platform: Platform) -> Iterator[None]:
    """One team's pipeline may publish any team's image."""
    with publishing(platform, release.publish_policy(on=release.REPOSITORY_ARN.replace(names.REPOSITORY, "*"))):
        yield


@fault(
    "boundary-dropped",
    check="REL-060",
    layer=Layer.POLICY,
    cause="boundary-missing",
    breaks="somebody took the permissions boundary off the role, to find out why a push was refused",
)
def boundary_dropped(platform: Platform) -> Iterator[None]:
    """Nothing changes today; the next policy that is attached counts in full."""
    iam = platform.client("iam")
    try:
        iam.delete_role_permissions_boundary(RoleName=names.CI_ROLE)
        yield
    finally:
        iam.put_role_permissions_boundary(RoleName=names.CI_ROLE, PermissionsBoundary=names.CI_BOUNDARY_ARN)


@fault(
    "login-denied",
    check="REL-070",
    layer=Layer.AUTHORIZATION,
    cause="action-denied",
    breaks="the role may push to its repository, and may not log in to the registry",
)
def login_denied(platform: Platform) -> Iterator[None]:
    """The one action that no repository limits is the one that is forgotten."""
    with publishing(platform, release.publish_policy(without="ecr:GetAuthorizationToken")):
        yield


@fault(
    "manifest-denied",
    check="REL-070",
    layer=Layer.AUTHORIZATION,
    cause="action-denied",
    breaks="the role may upload layers, and may not put the manifest",
)
def manifest_denied(platform: Platform) -> Iterator[None]:
    """A push that fails after all its bytes."""
    with publishing(platform, release.publish_policy(without="ecr:PutImage")):
        yield


@fault(
    "layers-denied",
    check="REL-070",
    layer=Layer.AUTHORIZATION,
    cause="action-denied",
    breaks="the role may not finish the upload of a layer",
)
def layers_denied(platform: Platform) -> Iterator[None]:
    """A push that fails after its first layer."""
    with publishing(platform, release.publish_policy(without="ecr:CompleteLayerUpload")):
        yield


@fault(
    "pull-denied",
    check="REL-070",
    layer=Layer.AUTHORIZATION,
    cause="action-denied",
    breaks="the role may push and not pull: a build that starts from its last image fails",
)
def pull_denied(platform: Platform) -> Iterator[None]:
    """Least privilege, one action too few."""
    with publishing(platform, release.publish_policy(without="ecr:GetDownloadUrlForLayer")):
        yield


@fault(
    "policy-of-another-repository",
    check="REL-070",
    layer=Layer.AUTHORIZATION,
    cause="action-denied",
    breaks="the repository got a new name, and the role's policy names the old one",
)
def policy_of_another_repository(platform: Platform) -> Iterator[None]:
    """All actions are right, on something that isn't there."""
    with publishing(platform, release.publish_policy(on=f"{release.REPOSITORY_ARN}-old")):
        yield


@fault(
    "role-may-delete-releases",
    check="REL-080",
    layer=Layer.POLICY,
    cause="action-allowed",
    breaks="the role may delete images of its repository",
)
def role_may_delete_releases(platform: Platform) -> Iterator[None]:
    """Given for a cleaning step that has gone since."""
    with _more(platform, roles.statement(["ecr:BatchDeleteImage"], [release.REPOSITORY_ARN])):
        yield


@fault(
    "role-may-push-in-another-region",
    check="REL-080",
    layer=Layer.POLICY,
    cause="action-allowed",
    breaks="the role may push to a repository of the same name in another region",
)
def role_may_push_in_another_region(platform: Platform) -> Iterator[None]:
    """Left from a move."""
    there = release.REPOSITORY_ARN.replace(names.REGION, "us-east-1")
    with _more(platform, roles.statement(["ecr:InitiateLayerUpload"], [there])):
        yield


@fault(
    "role-may-look-at-users",
    check="REL-080",
    layer=Layer.POLICY,
    cause="action-allowed",
    breaks="the role may list the account's users",
)
def role_may_look_at_users(platform: Platform) -> Iterator[None]:
    """Harmless to look at, and no business of a pipeline."""
    with _more(platform, roles.statement(["iam:ListUsers"], ["*"])):
        yield


@fault(
    "role-may-open-the-repository",
    check="REL-080",
    layer=Layer.POLICY,
    cause="action-allowed",
    breaks="the role may write the repository's policy, and so give the images to anybody",
)
def role_may_open_the_repository(platform: Platform) -> Iterator[None]:
    """Never called, as a success would do harm: its policies tell."""
    with _more(platform, roles.statement(["ecr:SetRepositoryPolicy"], [release.REPOSITORY_ARN])):
        yield


def _more(platform: Platform, statement: Mapping[str, Any]) -> contextlib.AbstractContextManager[None]:
    """The role's inline policy with one more statement."""
    return publishing(platform, roles.allow([*release.publish_policy()["Statement"], statement]))
