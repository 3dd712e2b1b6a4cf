"""The operations of the data plane, as part of the one table (`operations.OPERATIONS`): all but two only read.

AbortMultipartUpload and DeleteObject are for what a probe's own role was not allowed to abort or to delete.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pytest_substrate.model.aws import storage
from pytest_substrate.model.aws.operation import Operation

_NO_BUCKET: Final = "NoSuchBucket"
_ENCRYPTION: Final = "ServerSideEncryptionConfiguration.Rules[]"

DATA_READS: Final[Mapping[str, tuple[str, ...]]] = {
    "ecs:DescribeTaskDefinition": ("taskDefinition.requiresCompatibilities[]",),
    "iam:GetPolicyVersion": ("PolicyVersion.CreateDate",),
    "iam:GetRole": ("Role.CreateDate",),
    "ecs:DescribeTasks": (
        "tasks[].overrides.taskRoleArn",
        "tasks[].overrides.containerOverrides[].name",
        "tasks[].overrides.containerOverrides[].command[]",
    ),
    "kms:DescribeKey": ("KeyMetadata.CreationDate",),
}
"""What the plane reads of operations that others use too."""

DATA_OPERATIONS: Final[Mapping[str, Operation]] = {
    "s3:HeadObject": Operation(
        permissions=("s3:GetObject",),
        sends=("Bucket", "Key"),
        reads=("ContentLength", "ServerSideEncryption", "SSEKMSKeyId", "BucketKeyEnabled"),
        missing=("404", "NoSuchKey", "NotFound"),
    ),
    "s3:ListObjectsV2": Operation(
        permissions=("s3:ListBucket",),
        sends=("Bucket", "Prefix", "MaxKeys"),
        reads=("Contents[].Key",),
        missing=(_NO_BUCKET,),
    ),
    "s3:GetBucketLocation": Operation(
        permissions=("s3:GetBucketLocation",),
        sends=("Bucket",),
        reads=("LocationConstraint",),
        missing=(_NO_BUCKET,),
    ),
    "s3:GetBucketEncryption": Operation(
        permissions=("s3:GetEncryptionConfiguration",),
        sends=("Bucket",),
        reads=(
            f"{_ENCRYPTION}.ApplyServerSideEncryptionByDefault.SSEAlgorithm",
            f"{_ENCRYPTION}.ApplyServerSideEncryptionByDefault.KMSMasterKeyID",
            f"{_ENCRYPTION}.BucketKeyEnabled",
        ),
        values={f"{_ENCRYPTION}.ApplyServerSideEncryptionByDefault.SSEAlgorithm": storage.BY_KMS},
        missing=("ServerSideEncryptionConfigurationNotFoundError", _NO_BUCKET),
    ),
    "s3:GetBucketPolicy": Operation(
        permissions=("s3:GetBucketPolicy",),
        sends=("Bucket",),
        reads=("Policy",),
        missing=("NoSuchBucketPolicy", _NO_BUCKET),
    ),
    "s3:GetBucketOwnershipControls": Operation(
        permissions=("s3:GetBucketOwnershipControls",),
        sends=("Bucket",),
        reads=("OwnershipControls.Rules[].ObjectOwnership",),
        missing=("OwnershipControlsNotFoundError", _NO_BUCKET),
    ),
    "s3:GetBucketRequestPayment": Operation(
        permissions=("s3:GetBucketRequestPayment",),
        sends=("Bucket",),
        reads=("Payer",),
        values={"Payer": (storage.REQUESTER,)},
        missing=(_NO_BUCKET,),
    ),
    "s3:GetObjectLockConfiguration": Operation(
        permissions=("s3:GetBucketObjectLockConfiguration",),
        sends=("Bucket",),
        reads=("ObjectLockConfiguration.ObjectLockEnabled", "ObjectLockConfiguration.Rule.DefaultRetention.Mode"),
        missing=("ObjectLockConfigurationNotFoundError", _NO_BUCKET),
    ),
    "s3:DeleteObject": Operation(
        permissions=("s3:DeleteObject", "s3:DeleteObjectVersion"),
        sends=("Bucket", "Key", "VersionId"),
        missing=("NoSuchKey", _NO_BUCKET),
        writes=True,
    ),
    "s3control:GetAccessPoint": Operation(
        permissions=("s3:GetAccessPoint",),
        sends=("AccountId", "Name"),
        reads=("Bucket", "BucketAccountId", "VpcConfiguration.VpcId"),
        missing=("NoSuchAccessPoint",),
    ),
    "s3control:GetAccessPointPolicy": Operation(
        permissions=("s3:GetAccessPointPolicy",),
        sends=("AccountId", "Name"),
        reads=("Policy",),
        missing=("NoSuchAccessPoint", "NoSuchAccessPointPolicy"),
    ),
    "s3:ListMultipartUploads": Operation(
        permissions=("s3:ListBucketMultipartUploads",),
        sends=("Bucket", "Prefix"),
        reads=("Uploads[].Key", "Uploads[].UploadId", "Uploads[].Initiated"),
        missing=(_NO_BUCKET,),
    ),
    "s3:AbortMultipartUpload": Operation(
        permissions=("s3:AbortMultipartUpload",),
        sends=("Bucket", "Key", "UploadId"),
        missing=("NoSuchUpload", _NO_BUCKET),
        writes=True,
    ),
    "kms:GetKeyPolicy": Operation(
        permissions=("kms:GetKeyPolicy",),
        sends=("KeyId", "PolicyName"),
        reads=("Policy",),
        missing=("NotFoundException",),
    ),
    "logs:DescribeLogStreams": Operation(
        permissions=("logs:DescribeLogStreams",),
        sends=("logGroupName", "logStreamNamePrefix"),
        reads=("logStreams[].logStreamName", "logStreams[].creationTime", "logStreams[].lastEventTimestamp"),
        missing=("ResourceNotFoundException",),
        token="nextToken",
    ),
    "logs:FilterLogEvents": Operation(
        permissions=("logs:FilterLogEvents",),
        sends=("logGroupName", "logStreamNames", "startTime", "endTime", "filterPattern"),
        reads=("events[].logStreamName", "events[].timestamp", "events[].message"),
        missing=("ResourceNotFoundException",),
        token="nextToken",
    ),
}
"""By `service:Operation`, botocore's name of each."""
