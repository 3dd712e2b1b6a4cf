"""Changing the job's surroundings as people do, for as long as a block runs: policies, and its task definition.

What was there before is there afterwards.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pytest_substrate.embedded.platform import data, names, roles

if TYPE_CHECKING:
    from pytest_substrate.embedded.platform.platform import Platform

Statement = dict[str, Any]
_ANSWER_ONLY = (
    "taskDefinitionArn",
    "revision",
    "status",
    "requiresAttributes",
    "compatibilities",
    "registeredAt",
    "registeredBy",
    "deregisteredAt",
    "deleteRequestedAt",
)
"""What DescribeTaskDefinition adds and RegisterTaskDefinition does not take (botocore's model)."""


@contextlib.contextmanager
def job_policy(platform: Platform, statements: Sequence[Mapping[str, Any]]) -> Iterator[None]:
    """The job's managed policy in a new version of these statements; then the version before it again."""
    iam = platform.client("iam")
    before = iam.get_policy(PolicyArn=names.JOB_POLICY_ARN)["Policy"]["DefaultVersionId"]
    document = json.dumps(roles.allow(statements))
    version = iam.create_policy_version(PolicyArn=names.JOB_POLICY_ARN, PolicyDocument=document, SetAsDefault=True)
    try:
        yield
    finally:
        iam.set_default_policy_version(PolicyArn=names.JOB_POLICY_ARN, VersionId=before)
        iam.delete_policy_version(PolicyArn=names.JOB_POLICY_ARN, VersionId=version["PolicyVersion"]["VersionId"])


def job_statements(platform: Platform) -> list[Statement]:
    """The statements of the job's policy, as it is built."""
    return [dict(one) for one in data.job_policy(data.key_arn(platform))["Statement"]]


def without(statements: Sequence[Statement], action: str) -> list[Statement]:
    """The same statements without one action, and without one that is empty then."""
    left = [{**one, "Action": [name for name in one["Action"] if name != action]} for one in statements]
    return [one for one in left if one["Action"]]


@contextlib.contextmanager
def job_definition(platform: Platform, change: Callable[[dict[str, Any]], object]) -> Iterator[str]:
    """The job's family with a newest revision that `change` made of its present one: the revision's ARN."""
    ecs = platform.client("ecs")
    definition = ecs.describe_task_definition(taskDefinition=names.JOB)["taskDefinition"]
    for field in _ANSWER_ONLY:
        definition.pop(field, None)
    change(definition)
    changed = ecs.register_task_definition(**definition)["taskDefinition"]["taskDefinitionArn"]
    try:
        yield changed
    finally:
        ecs.deregister_task_definition(taskDefinition=changed)


@contextlib.contextmanager
def bucket_policy(platform: Platform, *statements: Mapping[str, Any]) -> Iterator[None]:
    """The bucket, which has no policy, with one."""
    s3 = platform.client("s3")
    try:
        s3.put_bucket_policy(Bucket=names.BUCKET, Policy=json.dumps(roles.allow(statements)))
        yield
    finally:
        s3.delete_bucket_policy(Bucket=names.BUCKET)


@contextlib.contextmanager
def key_policy(platform: Platform, *statements: Mapping[str, Any]) -> Iterator[None]:
    """The data key's policy with these statements more."""
    kms, key = platform.client("kms"), data.key_arn(platform)
    before = kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"]
    more = {**json.loads(before)}
    more["Statement"] = [*more["Statement"], *statements]
    try:
        kms.put_key_policy(KeyId=key, PolicyName="default", Policy=json.dumps(more))
        yield
    finally:
        kms.put_key_policy(KeyId=key, PolicyName="default", Policy=before)


def of_role(effect: str, action: str, resource: str, **condition: Mapping[str, Any]) -> Statement:
    """A statement of a resource's policy about the job's role."""
    principal = {"AWS": names.role_arn(names.JOB_ROLE)}
    made: Statement = {"Effect": effect, "Principal": principal, "Action": action, "Resource": resource}
    return {**made, "Condition": condition} if condition else made


def in_bucket(key: str = "") -> str:
    """The ARN of the bucket, or of a key in it."""
    return f"arn:aws:s3:::{names.BUCKET}" + (f"/{key}" if key else "")
