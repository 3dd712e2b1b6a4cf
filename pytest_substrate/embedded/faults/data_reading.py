"""Faults of what the job must list and read: the bucket, its objects, their key, and the policies of each."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from typing import Final

from pytest_substrate.embedded.faults import fault
from pytest_substrate.embedded.platform import data, names, roles
from pytest_substrate.embedded.platform.changes import (
    bucket_policy,
    in_bucket,
    job_policy,
    job_statements,
    key_policy,
    of_role,
    without,
)
from pytest_substrate.embedded.platform.platform import Platform
from pytest_substrate.model.outcome import Layer

_BOUNDARY: Final = "team-boundary"
_ELSEWHERE: Final = "eu-central-1"


@fault(
    "list-permission-missing",
    check="DAT-030",
    layer=Layer.POLICY,
    cause="list-denied",
    breaks="the job's role has no s3:ListBucket",
)
def list_permission_missing(platform: Platform) -> Iterator[None]:
    """It may still read what it knows the name of."""
    with job_policy(platform, without(job_statements(platform), "s3:ListBucket")):
        yield


@fault(
    "list-of-another-prefix",
    check="DAT-030",
    layer=Layer.POLICY,
    cause="list-denied",
    breaks="the job's role may list another prefix than the one that it reads",
)
def list_of_another_prefix(platform: Platform) -> Iterator[None]:
    """A condition that misses by a letter."""
    statements = job_statements(platform)
    statements[0]["Condition"] = {"StringLike": {"s3:prefix": ["input/*"]}}
    with job_policy(platform, statements):
        yield


@fault(
    "list-denied-by-the-bucket",
    check="DAT-030",
    layer=Layer.POLICY,
    cause="list-denied",
    breaks="the bucket's policy denies s3:ListBucket to the job's role",
)
def list_denied_by_the_bucket(platform: Platform) -> Iterator[None]:
    """The role's own policy allows it still."""
    with bucket_policy(platform, of_role("Deny", "s3:ListBucket", in_bucket())):
        yield


@fault(
    "input-deleted",
    check="DAT-030",
    layer=Layer.SUBSTRATE,
    cause="object-missing",
    breaks="an object that the job needs was deleted",
)
def input_deleted(platform: Platform) -> Iterator[None]:
    """To the role it looks as if it were forbidden."""
    try:
        platform.client("s3").delete_object(Bucket=names.BUCKET, Key=names.MANIFEST)
        yield
    finally:
        data.put_objects(platform)


@fault(
    "bucket-in-another-region",
    check="DAT-030",
    layer=Layer.WIRING,
    cause="bucket-elsewhere",
    breaks="the bucket was made again in another region, where the job's client is only redirected from",
)
def bucket_in_another_region(platform: Platform) -> Iterator[None]:
    """Its objects are there."""
    there = platform.client("s3", _ELSEWHERE)
    try:
        data.empty_bucket(platform)
        there.create_bucket(Bucket=names.BUCKET, CreateBucketConfiguration={"LocationConstraint": _ELSEWHERE})
        there.put_object(Bucket=names.BUCKET, Key=names.MANIFEST, Body=b"{}")
        yield
    finally:
        with contextlib.suppress(there.exceptions.NoSuchBucket):
            data.empty_bucket(platform, _ELSEWHERE)
        data.make_bucket(platform, data.key_arn(platform))
        data.run_again(platform)


@fault(
    "bucket-gone",
    check="DAT-030",
    layer=Layer.SUBSTRATE,
    cause="bucket-missing",
    breaks="the bucket was deleted",
)
def bucket_gone(platform: Platform) -> Iterator[None]:
    """The permissions to it stand."""
    try:
        data.empty_bucket(platform)
        yield
    finally:
        data.make_bucket(platform, data.key_arn(platform))
        data.run_again(platform)


@fault(
    "read-permission-missing",
    check="DAT-040",
    layer=Layer.POLICY,
    cause="read-denied",
    breaks="the job's role has no s3:GetObject for its inputs: incident D as it happened",
)
def read_permission_missing(platform: Platform) -> Iterator[None]:
    """It sees them in a list, and no more."""
    with job_policy(platform, without(job_statements(platform), "s3:GetObject")):
        yield


@fault(
    "read-denied-by-the-bucket",
    check="DAT-040",
    layer=Layer.POLICY,
    cause="read-denied",
    breaks="the bucket's policy denies s3:GetObject to the job's role",
)
def read_denied_by_the_bucket(platform: Platform) -> Iterator[None]:
    """An explicit deny, that no permission of the role mends."""
    with bucket_policy(platform, of_role("Deny", "s3:GetObject", in_bucket("inputs/*"))):
        yield


@fault(
    "read-from-one-endpoint-alone",
    check="DAT-040",
    layer=Layer.POLICY,
    cause="read-denied",
    breaks="the bucket's policy denies reads that don't come through a certain VPC endpoint",
)
def read_from_one_endpoint_alone(platform: Platform) -> Iterator[None]:
    """The job's network has no such endpoint."""
    through = {"StringNotEquals": {"aws:SourceVpce": "vpce-0a1b2c3d4e5f60718"}}
    with bucket_policy(platform, of_role("Deny", "s3:GetObject", in_bucket("inputs/*"), **through)):
        yield


@fault(
    "read-outside-the-boundary",
    check="DAT-040",
    layer=Layer.POLICY,
    cause="read-denied",
    breaks="the job's role got a permissions boundary that leaves s3:GetObject out",
)
def read_outside_the_boundary(platform: Platform) -> Iterator[None]:
    """Its own policy allows it still."""
    iam = platform.client("iam")
    inside = roles.allow(
        [roles.statement(["s3:ListBucket", "s3:PutObject", "s3:AbortMultipartUpload", "kms:*"], ["*"])]
    )
    made = iam.create_policy(PolicyName=_BOUNDARY, PolicyDocument=json.dumps(inside))["Policy"]["Arn"]
    try:
        iam.put_role_permissions_boundary(RoleName=names.JOB_ROLE, PermissionsBoundary=made)
        yield
    finally:
        iam.delete_role_permissions_boundary(RoleName=names.JOB_ROLE)
        iam.delete_policy(PolicyArn=made)


@fault(
    "decrypt-permission-missing",
    check="DAT-040",
    layer=Layer.POLICY,
    cause="decrypt-denied",
    breaks="the job's role may read its inputs and not use the key that they are encrypted with",
)
def decrypt_permission_missing(platform: Platform) -> Iterator[None]:
    """What S3 allows, KMS does not."""
    with job_policy(platform, without(job_statements(platform), "kms:Decrypt")):
        yield


@fault(
    "key-policy-denies-decrypt",
    check="DAT-040",
    layer=Layer.POLICY,
    cause="decrypt-denied",
    breaks="the key's own policy denies the job's role to decrypt with it",
)
def key_policy_denies_decrypt(platform: Platform) -> Iterator[None]:
    """The role's policy allows it still."""
    with key_policy(platform, of_role("Deny", "kms:Decrypt", "*")):
        yield


@fault(
    "data-key-disabled",
    check="DAT-040",
    layer=Layer.SUBSTRATE,
    cause="key-unusable",
    breaks="the key of the bucket's objects is disabled",
)
def data_key_disabled(platform: Platform) -> Iterator[None]:
    """Nobody can read them, whatever his rights."""
    kms, key = platform.client("kms"), data.key_arn(platform)
    try:
        kms.disable_key(KeyId=key)
        yield
    finally:
        kms.enable_key(KeyId=key)
