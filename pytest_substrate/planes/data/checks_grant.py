"""The checks of a grant: what its workload must list, read and write, and what must stay closed to it."""

from __future__ import annotations

from typing import Final

from pytest_substrate.model import subjects
from pytest_substrate.model.aws.operations import permissions_of
from pytest_substrate.model.check import Cause, Check
from pytest_substrate.model.outcome import Layer, Plane
from pytest_substrate.model.unseen import UNSEEN_CAUSES
from pytest_substrate.planes.data.diagnose.seen import TRANSCRIPT_CAUSES

_POLICIES: Final = (
    "iam:ListRolePolicies",
    "iam:GetRolePolicy",
    "iam:ListAttachedRolePolicies",
    "iam:GetPolicy",
    "iam:GetPolicyVersion",
    "kms:DescribeKey",
    "kms:GetKeyPolicy",
)
"""What attributes a refusal that the service doesn't explain."""
_BUCKET: Final = (
    "s3:GetBucketLocation",
    "s3:GetBucketEncryption",
    "s3:GetBucketPolicy",
    "s3:GetBucketOwnershipControls",
    "s3:GetBucketRequestPayment",
    "s3:GetObjectLockConfiguration",
    "s3control:GetAccessPoint",
    "s3control:GetAccessPointPolicy",
)
_CLEANING: Final = ("s3:ListMultipartUploads", "s3:AbortMultipartUpload", "s3:DeleteObject")
"""What the role itself was not allowed to take away."""
_ROLE: Final = "aws iam list-attached-role-policies --role-name {task_role}"
_LIST: Final = "aws s3api list-objects-v2 --bucket {bucket} --prefix {object_key} --max-items 5"
_HEAD: Final = "aws s3api head-bucket --bucket {bucket}"
_NEXTS: Final = {
    "bucket-missing": _HEAD,
    "bucket-unsupported": _HEAD,
    "bucket-elsewhere": "aws s3api get-bucket-location --bucket {bucket}",
    "bucket-not-reached": "aws ec2 describe-vpc-endpoints "
    "--filters Name=service-name,Values=com.amazonaws.{region}.s3 --region {region}",
    "credentials-refused": "aws iam get-role --role-name {task_role}",
    "key-unusable": "aws kms describe-key --key-id {key_arn} --region {region}",
    "object-changed": "aws s3api head-object --bucket {bucket} --key {object_key}",
    "object-archived": "aws s3api head-object --bucket {bucket} --key {object_key}",
    "object-missing": _LIST,
}
_SHARED: Final = (
    Cause(slug="object-missing", meaning="an object doesn't exist"),
    Cause(slug="object-changed", meaning="an object has another content than the declared ETag's"),
    Cause(slug="object-archived", meaning="an object is archived, and must be restored first"),
    Cause(slug="key-unusable", meaning="KMS has the key disabled, scheduled for deletion, or not at all"),
    Cause(slug="bucket-missing", meaning="the bucket doesn't exist"),
    Cause(slug="bucket-elsewhere", meaning="the bucket lies in another region than the declared one"),
    Cause(slug="bucket-not-reached", meaning="the bucket could not be reached from the task"),
    Cause(slug="bucket-unsupported", meaning="what is declared is neither a bucket nor an access point"),
    Cause(slug="credentials-refused", meaning="S3 doesn't accept the task's credentials, or its clock"),
    Cause(slug="answered-otherwise", meaning="S3 answered with an error that proves nothing"),
    *TRANSCRIPT_CAUSES,
    *UNSEEN_CAUSES,
)

GRANT_CHECKS: Final[tuple[Check, ...]] = (
    Check(
        id="DAT-030",
        plane=Plane.DATA,
        statement="every required prefix can be listed and its required objects exist",
        layer=Layer.POLICY,
        subjects=subjects.grants,
        why="A job that lists nothing finds nothing to do, and ends with 0.",
        how="Inside the task: ListObjectsV2 for each declared prefix, a few pages of it; HeadObject for each declared "
        "object, and where the role is refused, a list by the observer.",
        red_when="a prefix can't be listed, or an object isn't there.",
        needs=("DAT-020",),
        permissions=permissions_of([*_BUCKET, "s3:ListObjectsV2", *_POLICIES]),
        causes=(
            Cause(slug="list-denied", meaning="the role may not list a required prefix"),
            *_SHARED,
        ),
        next=_ROLE,
        nexts=_NEXTS,
        runtime=True,
    ),
    Check(
        id="DAT-040",
        plane=Plane.DATA,
        statement="every required object can really be read, its key decrypted",
        layer=Layer.POLICY,
        subjects=subjects.grants,
        why="A permission to read an object is none to use the key that it is encrypted with.",
        how="Inside the task: GetObject of the first 64 KiB of each declared object, a small one whole.",
        red_when="S3 or KMS refuses.",
        needs=("DAT-020",),
        permissions=permissions_of([*_BUCKET, "s3:ListObjectsV2", *_POLICIES]),
        causes=(
            Cause(slug="read-denied", meaning="the role may not read a required object"),
            Cause(slug="decrypt-denied", meaning="the role may not use the object's key"),
            *_SHARED,
        ),
        next=_ROLE,
        nexts=_NEXTS,
        runtime=True,
    ),
    Check(
        id="DAT-050",
        plane=Plane.DATA,
        statement="what must be writable can be written",
        layer=Layer.POLICY,
        subjects=subjects.grants,
        why="A job that can't write loses its work at the end of the run.",
        how="Inside the task: an upload begun, one part, aborted; or where declared, a new object written, read back "
        "and deleted in its very version. The observer then lists the uploads: nothing is left.",
        red_when="a step is refused, what was read back differs, or an upload is left.",
        needs=("DAT-020",),
        permissions=permissions_of(
            [*_BUCKET, "s3:ListMultipartUploads", "s3:AbortMultipartUpload", "s3:DeleteObject", *_POLICIES]
        ),
        causes=(
            Cause(slug="write-denied", meaning="the role may not write where it must"),
            Cause(slug="encrypt-denied", meaning="the role may not use the key for writing"),
            Cause(slug="abort-denied", meaning="the role may not abort its own upload: parts may be left"),
            Cause(slug="read-back-denied", meaning="the role may not read what it wrote, as a round trip must"),
            Cause(slug="delete-denied", meaning="the role may not delete what it wrote, as a round trip must"),
            Cause(slug="other-content", meaning="what was read back isn't what was written"),
            Cause(slug="left-behind", meaning="an upload that was aborted is still listed"),
            Cause(slug="object-in-the-way", meaning="the declared key exists, and a probe replaces no object"),
            Cause(slug="object-locked", meaning="the bucket would keep what a round trip writes"),
            *_SHARED,
        ),
        next=_ROLE,
        nexts={
            **_NEXTS,
            "left-behind": "aws s3api list-multipart-uploads --bucket {bucket} --prefix {object_key}",
            "other-content": "aws s3api head-object --bucket {bucket} --key {object_key}",
        },
        runtime=True,
    ),
    Check(
        id="DAT-060",
        plane=Plane.DATA,
        statement="what must stay closed is refused",
        layer=Layer.POLICY,
        subjects=subjects.grants,
        why="A permission that nobody needs is the one that is misused.",
        how="The observer sees that the canary exists, as a 403 on a missing key proves nothing; inside the task it is "
        "asked for, and an upload to it, or beside it below a closed prefix, is begun and aborted.",
        red_when="a read, a list or a write succeeds.",
        needs=("DAT-020",),
        permissions=permissions_of([*_BUCKET, "s3:HeadObject", "s3:ListObjectsV2", *_POLICIES]),
        causes=(
            Cause(slug="read-allowed", meaning="the role may read what must stay closed"),
            Cause(slug="list-allowed", meaning="the role may list what must stay closed"),
            Cause(slug="write-allowed", meaning="the role may write where it must not"),
            Cause(slug="canary-missing", meaning="the canary doesn't exist, so a refusal would prove nothing"),
            Cause(
                slug="refusal-not-proven",
                meaning="it was not refused but missed: a redirect, a missing bucket or object, a broken way",
            ),
            Cause(slug="refused-to-another", meaning="S3 names another principal in its refusal"),
            *(cause for cause in _SHARED if cause.slug.split("-")[0] not in ("answered", "credentials")),
        ),
        next=_ROLE,
        nexts={**_NEXTS, "canary-missing": "aws s3api put-object --bucket {bucket} --key {object_key}"},
        runtime=True,
    ),
)
"""In ladder order."""
