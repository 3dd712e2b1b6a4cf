"""What IAM says of OIDC providers, roles and their policies; documents as JSON text, for a strict reader."""

from __future__ import annotations

import json
from typing import Any

from pytest_substrate.adapters.aws.answer import Answer, NoAnswer, answered, ask, ask_pages
from pytest_substrate.model import ci as facts
from pytest_substrate.model.observation import Missing


@answered
def read_providers(client: Any) -> facts.OidcProviders:
    """Every OIDC provider of the account; one that went away between the two calls is left out."""
    listed = ask(client, "iam:ListOpenIDConnectProviders", what="OIDC providers").parts("OpenIDConnectProviderList")
    found = []
    for arn in (one.text("Arn") for one in listed):
        try:
            told = ask(client, "iam:GetOpenIDConnectProvider", what=arn, OpenIDConnectProviderArn=arn)
        except NoAnswer as none:
            if isinstance(none.observation, Missing):
                continue
            raise
        url = told.text("Url").removeprefix("https://").rstrip("/")
        found.append(facts.OidcProvider(arn=arn, url=url, audiences=told.texts("ClientIDList")))
    return facts.OidcProviders(providers=tuple(found))


@answered
def read_role(client: Any, name: str) -> facts.Role:
    """A role with its trust policy."""
    role = ask(client, "iam:GetRole", what=name, RoleName=name).part("Role")
    return facts.Role(
        arn=role.text("Arn"),
        name=role.text("RoleName"),
        trust=_document(role, "AssumeRolePolicyDocument"),
        boundary_arn=role.part("PermissionsBoundary").text_or_none("PermissionsBoundaryArn"),
    )


@answered
def read_role_policies(client: Any, role: str, boundary_arn: str | None) -> facts.RolePolicies:
    """Every inline and attached policy of a role, in its default version, and its boundary's."""
    names = [
        name
        for page in ask_pages(client, "iam:ListRolePolicies", what=role, RoleName=role)
        for name in page.texts("PolicyNames")
    ]
    policies = [
        facts.Policy(
            name=name,
            document=_document(
                ask(client, "iam:GetRolePolicy", what=f"{role}/{name}", RoleName=role, PolicyName=name),
                "PolicyDocument",
            ),
        )
        for name in names
    ]
    attached = [
        one.text("PolicyArn")
        for page in ask_pages(client, "iam:ListAttachedRolePolicies", what=role, RoleName=role)
        for one in page.parts("AttachedPolicies")
    ]
    policies += [_managed(client, arn) for arn in attached]
    boundary = None if boundary_arn is None else _managed(client, boundary_arn)
    return facts.RolePolicies(policies=tuple(policies), boundary=boundary)


def _managed(client: Any, arn: str) -> facts.Policy:
    version = ask(client, "iam:GetPolicy", what=arn, PolicyArn=arn).part("Policy").text("DefaultVersionId")
    answer = ask(client, "iam:GetPolicyVersion", what=arn, PolicyArn=arn, VersionId=version).part("PolicyVersion")
    return facts.Policy(name=arn, document=_document(answer, "Document"), created=answer.time("CreateDate"))


def _document(answer: Answer, name: str) -> str:
    """A policy document: botocore decodes it where it is JSON, and leaves it as text where it isn't."""
    document = answer.document(name)
    return document if isinstance(document, str) else json.dumps(document)
