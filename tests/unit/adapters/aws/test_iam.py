"""Providers, roles and policies, read into facts."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from botocore.stub import Stubber

from pytest_substrate.adapters.aws.iam import read_providers, read_role, read_role_policies
from pytest_substrate.model.ci import OidcProvider, OidcProviders, Policy, Role, RolePolicies
from pytest_substrate.model.observation import Missing, Unobserved

PREFIX = "arn:aws:iam::111122223333"
ISSUER = "token.actions.githubusercontent.com"
DOCUMENT = {"Version": "2012-10-17", "Statement": []}
Stubs = Callable[[str], tuple[Any, Stubber]]


def role(**parts: object) -> dict[str, Any]:
    """A role as GetRole answers it."""
    return {
        "Role": {
            "Path": "/",
            "RoleName": "ci-publish",
            "RoleId": "AROA1234567890123456",
            "Arn": f"{PREFIX}:role/ci-publish",
            "CreateDate": datetime(2026, 3, 1, tzinfo=UTC),
            "AssumeRolePolicyDocument": json.dumps(DOCUMENT),
            **parts,
        }
    }


def test_providers(stub: Stubs) -> None:
    """Each with its audiences; the scheme of a URL is not part of its name, and one that went away is left out."""
    client, stubber = stub("iam")
    arns = [f"{PREFIX}:oidc-provider/{name}" for name in (ISSUER, "gone.example")]
    stubber.add_response(
        "list_open_id_connect_providers", {"OpenIDConnectProviderList": [{"Arn": arn} for arn in arns]}
    )
    stubber.add_response(
        "get_open_id_connect_provider", {"Url": f"https://{ISSUER}/", "ClientIDList": ["sts.amazonaws.com"]}
    )
    stubber.add_client_error("get_open_id_connect_provider", "NoSuchEntity")
    found = OidcProvider(arn=arns[0], url=ISSUER, audiences=("sts.amazonaws.com",))
    assert OidcProviders(providers=(found,)) == read_providers(client)


def test_a_role(stub: Stubs) -> None:
    """Its trust as JSON text, and its boundary."""
    client, stubber = stub("iam")
    boundary = f"{PREFIX}:policy/boundary"
    bounded = {"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": boundary}
    stubber.add_response("get_role", role(PermissionsBoundary=bounded), {"RoleName": "ci-publish"})
    found = read_role(client, "ci-publish")
    assert isinstance(found, Role)
    assert (f"{PREFIX}:role/ci-publish", boundary, DOCUMENT) == (
        found.arn,
        found.boundary_arn,
        json.loads(found.trust),
    )


def test_a_role_that_is_missing(stub: Stubs) -> None:
    """IAM's own word for it."""
    client, stubber = stub("iam")
    stubber.add_client_error("get_role", "NoSuchEntity")
    assert Missing(what="ci-publish", code="NoSuchEntity", operation="iam:GetRole") == read_role(client, "ci-publish")


def test_policies(stub: Stubs) -> None:
    """Inline and attached ones over all pages, and the boundary's document."""
    client, stubber = stub("iam")
    attached, boundary = f"{PREFIX}:policy/publish", f"{PREFIX}:policy/boundary"
    document, version = json.dumps(DOCUMENT), {"VersionId": "v2", "IsDefaultVersion": True}
    stubber.add_response("list_role_policies", {"PolicyNames": ["one"], "IsTruncated": True, "Marker": "m"})
    stubber.add_response("list_role_policies", {"PolicyNames": ["two"]}, {"RoleName": "ci", "Marker": "m"})
    for name in ("one", "two"):
        told = {"RoleName": "ci", "PolicyName": name, "PolicyDocument": document}
        stubber.add_response("get_role_policy", told, {"RoleName": "ci", "PolicyName": name})
    stubber.add_response("list_attached_role_policies", {"AttachedPolicies": [{"PolicyArn": attached}]})
    for arn in (attached, boundary):
        stubber.add_response("get_policy", {"Policy": {"DefaultVersionId": "v2"}}, {"PolicyArn": arn})
        stubber.add_response("get_policy_version", {"PolicyVersion": {"Document": document, **version}})
    found = read_role_policies(client, "ci", boundary)
    assert isinstance(found, RolePolicies)
    assert ["one", "two", attached] == [policy.name for policy in found.policies]
    assert boundary == (found.boundary and found.boundary.name)
    assert {json.dumps(DOCUMENT)} == {json.dumps(json.loads(policy.document)) for policy in found.policies}


def test_a_policy_that_may_not_be_read(stub: Stubs) -> None:
    """One that can't be read leaves the whole role's permissions unknown."""
    client, stubber = stub("iam")
    stubber.add_response("list_role_policies", {"PolicyNames": ["one"]})
    stubber.add_client_error("get_role_policy", "AccessDenied")
    found = read_role_policies(client, "ci", None)
    assert isinstance(found, Unobserved)
    assert ("access-denied", "iam:GetRolePolicy") == (found.reason, found.operation)


def test_a_document_that_is_no_json(stub: Stubs) -> None:
    """It is handed on as it is: a strict reader says what is wrong with it."""
    client, stubber = stub("iam")
    stubber.add_response("list_role_policies", {"PolicyNames": ["one"]})
    stubber.add_response("get_role_policy", {"RoleName": "ci", "PolicyName": "one", "PolicyDocument": "{"})
    stubber.add_response("list_attached_role_policies", {"AttachedPolicies": []})
    found = read_role_policies(client, "ci", None)
    assert RolePolicies(policies=(Policy(name="one", document="{"),), boundary=None) == found
