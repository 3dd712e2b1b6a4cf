"""The operations of the release plane, as part of the one table (`operations.OPERATIONS`).

Those that the observer calls read; those in `BY_CI` are made with the CI session alone, so that their permissions are
the CI role's and nobody else's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pytest_substrate.model.aws import registry
from pytest_substrate.model.aws.operation import Operation

_NO_ENTITY: Final = ("NoSuchEntity",)
_IN: Final = ("registryId", "repositoryName")
_GONE: Final = ("RepositoryNotFoundException",)

RELEASE_OPERATIONS: Final[Mapping[str, Operation]] = {
    "iam:ListOpenIDConnectProviders": Operation(
        permissions=("iam:ListOpenIDConnectProviders",), reads=("OpenIDConnectProviderList[].Arn",)
    ),
    "iam:GetOpenIDConnectProvider": Operation(
        permissions=("iam:GetOpenIDConnectProvider",),
        sends=("OpenIDConnectProviderArn",),
        reads=("Url", "ClientIDList[]"),
        missing=_NO_ENTITY,
    ),
    "iam:GetRole": Operation(
        permissions=("iam:GetRole",),
        sends=("RoleName",),
        reads=(
            "Role.Arn",
            "Role.RoleName",
            "Role.AssumeRolePolicyDocument",
            "Role.PermissionsBoundary.PermissionsBoundaryArn",
        ),
        missing=_NO_ENTITY,
    ),
    "iam:ListRolePolicies": Operation(
        permissions=("iam:ListRolePolicies",),
        sends=("RoleName",),
        reads=("PolicyNames[]",),
        missing=_NO_ENTITY,
        token="Marker",
    ),
    "iam:GetRolePolicy": Operation(
        permissions=("iam:GetRolePolicy",),
        sends=("RoleName", "PolicyName"),
        reads=("PolicyDocument",),
        missing=_NO_ENTITY,
    ),
    "iam:ListAttachedRolePolicies": Operation(
        permissions=("iam:ListAttachedRolePolicies",),
        sends=("RoleName",),
        reads=("AttachedPolicies[].PolicyArn",),
        missing=_NO_ENTITY,
        token="Marker",
    ),
    "iam:GetPolicy": Operation(
        permissions=("iam:GetPolicy",),
        sends=("PolicyArn",),
        reads=("Policy.DefaultVersionId",),
        missing=_NO_ENTITY,
    ),
    "iam:GetPolicyVersion": Operation(
        permissions=("iam:GetPolicyVersion",),
        sends=("PolicyArn", "VersionId"),
        reads=("PolicyVersion.Document",),
        missing=_NO_ENTITY,
    ),
    "organizations:DescribeOrganization": Operation(
        permissions=("organizations:DescribeOrganization",),
        reads=("Organization.MasterAccountId",),
        missing=("AWSOrganizationsNotInUseException",),
    ),
    "organizations:ListParents": Operation(
        permissions=("organizations:ListParents",),
        sends=("ChildId",),
        reads=("Parents[].Id", "Parents[].Type"),
        values={"Parents[].Type": ("ROOT",)},
        token="NextToken",
    ),
    "organizations:ListPoliciesForTarget": Operation(
        permissions=("organizations:ListPoliciesForTarget",),
        sends=("TargetId", "Filter"),
        reads=("Policies[].Id",),
        values={"Filter": ("SERVICE_CONTROL_POLICY",)},
        token="NextToken",
    ),
    "organizations:DescribePolicy": Operation(
        permissions=("organizations:DescribePolicy",),
        sends=("PolicyId",),
        reads=("Policy.Content",),
    ),
    "ecr:DescribeRepositories": Operation(
        permissions=("ecr:DescribeRepositories",),
        sends=("registryId", "repositoryNames"),
        reads=(
            "repositories[].repositoryArn",
            "repositories[].repositoryName",
            "repositories[].imageTagMutability",
            "repositories[].imageTagMutabilityExclusionFilters[].filter",
        ),
        values={"repositories[].imageTagMutability": registry.MUTABILITIES},
        missing=_GONE,
        token="nextToken",
    ),
    "ecr:GetRepositoryPolicy": Operation(
        permissions=("ecr:GetRepositoryPolicy",),
        sends=_IN,
        reads=("policyText",),
        missing=("RepositoryPolicyNotFoundException", *_GONE),
    ),
    "ecr:ListImageReferrers": Operation(
        permissions=("ecr:ListImageReferrers",),
        sends=(*_IN, "subjectId"),
        reads=("referrers[].digest", "referrers[].artifactType"),
        missing=_GONE,
        token="nextToken",
    ),
    "ecr:GetDownloadUrlForLayer": Operation(
        permissions=("ecr:GetDownloadUrlForLayer",),
        sends=(*_IN, "layerDigest"),
        reads=("downloadUrl",),
        missing=("LayersNotFoundException", *_GONE),
    ),
    "sts:AssumeRoleWithWebIdentity": Operation(
        permissions=(),
        sends=("RoleArn", "RoleSessionName", "WebIdentityToken"),
        reads=(
            "Credentials.AccessKeyId",
            "Credentials.SecretAccessKey",
            "Credentials.SessionToken",
            "Credentials.Expiration",
            "AssumedRoleUser.Arn",
            "Provider",
            "SubjectFromWebIdentityToken",
            "Audience",
        ),
    ),
    "ecr:GetAuthorizationToken": Operation(permissions=("ecr:GetAuthorizationToken",)),
    "ecr:BatchCheckLayerAvailability": Operation(
        permissions=("ecr:BatchCheckLayerAvailability",), sends=(*_IN, "layerDigests")
    ),
    "ecr:InitiateLayerUpload": Operation(
        permissions=("ecr:InitiateLayerUpload",), sends=_IN, reads=("uploadId",), writes=True
    ),
    "ecr:UploadLayerPart": Operation(
        permissions=("ecr:UploadLayerPart",),
        sends=(*_IN, "uploadId", "partFirstByte", "partLastByte", "layerPartBlob"),
        writes=True,
    ),
    "ecr:CompleteLayerUpload": Operation(
        permissions=("ecr:CompleteLayerUpload",), sends=(*_IN, "uploadId", "layerDigests"), writes=True
    ),
    "ecr:PutImage": Operation(
        permissions=("ecr:PutImage",),
        sends=(*_IN, "imageManifest", "imageManifestMediaType", "imageTag"),
        writes=True,
    ),
    "ecr:BatchDeleteImage": Operation(permissions=("ecr:BatchDeleteImage",), sends=(*_IN, "imageIds"), writes=True),
    "iam:ListUsers": Operation(permissions=("iam:ListUsers",), sends=("MaxItems",), token="Marker"),
}
"""By `service:Operation`, botocore's name of each."""

BY_CI: Final = frozenset(
    {
        "sts:AssumeRoleWithWebIdentity",
        "ecr:GetAuthorizationToken",
        "ecr:BatchCheckLayerAvailability",
        "ecr:InitiateLayerUpload",
        "ecr:UploadLayerPart",
        "ecr:CompleteLayerUpload",
        "ecr:PutImage",
        "ecr:BatchDeleteImage",
        "iam:ListUsers",
    }
)
"""Made with the CI session alone."""
