"""Faults of what the job must write, and of what must stay closed to it."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_substrate.embedded.faults import fault
from pytest_substrate.embedded.platform import data, names, roles
from pytest_substrate.embedded.platform.changes import (
    bucket_policy,
    in_bucket,
    job_policy,
    job_statements,
    of_role,
    without,
)
from pytest_substrate.embedded.platform.platform import Platform
from pytest_substrate.model.outcome import Layer


@fault(
    "write-permission-missing",
    check="DAT-050",
    layer=Layer.POLICY,
    cause="write-denied",
    breaks="the job's role has no s3:PutObject for its outputs",
)
def write_permission_missing(platform: Platform) -> Iterator[None]:
    """All that it read is in vain."""
    with job_policy(platform, without(job_statements(platform), "s3:PutObject")):
        yield


@fault(
    "encrypt-permission-missing",
    check="DAT-050",
    layer=Layer.POLICY,
    cause="encrypt-denied",
    breaks="the job's role may write its outputs and not use the key that the bucket encrypts with",
)
def encrypt_permission_missing(platform: Platform) -> Iterator[None]:
    """Reading goes well, with the same key."""
    with job_policy(platform, without(job_statements(platform), "kms:GenerateDataKey")):
        yield


@fault(
    "abort-permission-missing",
    check="DAT-050",
    layer=Layer.POLICY,
    cause="abort-denied",
    breaks="the job's role may begin uploads and not abort them, so that the parts of a failed one stay",
)
def abort_permission_missing(platform: Platform) -> Iterator[None]:
    """The bill grows, and nobody sees them."""
    with job_policy(platform, without(job_statements(platform), "s3:AbortMultipartUpload")):
        yield


@fault(
    "write-denied-by-the-bucket",
    check="DAT-050",
    layer=Layer.POLICY,
    cause="write-denied",
    breaks="the bucket's policy denies writes that don't name their encryption",
)
def write_denied_by_the_bucket(platform: Platform) -> Iterator[None]:
    """The job relies on the bucket's default."""
    named = {"Null": {"s3:x-amz-server-side-encryption": "true"}}
    with bucket_policy(platform, of_role("Deny", "s3:PutObject", in_bucket("*"), **named)):
        yield


@fault(
    "wildcard-permission",
    check="DAT-060",
    layer=Layer.POLICY,
    cause="read-allowed",
    breaks="somebody mended an AccessDenied of the job with s3:* on the whole bucket",
)
def wildcard_permission(platform: Platform) -> Iterator[None]:
    """Everything works, and what must stay closed is open."""
    wide = roles.statement(["s3:*"], [in_bucket(), in_bucket("*")])
    with job_policy(platform, [*job_statements(platform), wide]):
        yield


@fault(
    "write-permission-too-wide",
    check="DAT-060",
    layer=Layer.POLICY,
    cause="write-allowed",
    breaks="the job's role may write anywhere in the bucket",
)
def write_permission_too_wide(platform: Platform) -> Iterator[None]:
    """It may not read there, and can overwrite."""
    wide = roles.statement(["s3:PutObject", "s3:AbortMultipartUpload"], [in_bucket("*")])
    with job_policy(platform, [*job_statements(platform), wide]):
        yield


@fault(
    "opened-by-the-bucket",
    check="DAT-060",
    layer=Layer.POLICY,
    cause="read-allowed",
    breaks="the bucket's policy lets the job's role read what its own policies leave closed",
)
def opened_by_the_bucket(platform: Platform) -> Iterator[None]:
    """Whoever looks at the role alone finds nothing."""
    with bucket_policy(platform, of_role("Allow", "s3:GetObject", in_bucket("private/*"))):
        yield


@fault(
    "canary-gone",
    check="DAT-060",
    layer=Layer.DECLARATION,
    cause="canary-missing",
    breaks="the object that must stay closed isn't there, so that its refusal would prove nothing",
)
def canary_gone(platform: Platform) -> Iterator[None]:
    """S3 answers 403 as before."""
    try:
        platform.client("s3").delete_object(Bucket=names.BUCKET, Key=names.CANARY)
        yield
    finally:
        data.put_objects(platform)
