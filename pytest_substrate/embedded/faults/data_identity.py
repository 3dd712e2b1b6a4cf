"""Faults of the data plane that are about who the job is: its definition, its role, what its container is given."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from pytest_substrate.embedded.faults import fault
from pytest_substrate.embedded.platform import dev_min, names, roles
from pytest_substrate.embedded.platform.changes import job_definition
from pytest_substrate.embedded.platform.platform import Platform
from pytest_substrate.model.outcome import Layer

_OTHER_ROLE: Final = "reporting-task"
_NO_DIGEST: Final = "sha256:" + "0" * 64
_KEYS: Final = {"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": "of-a-user-who-left"}


@fault(
    "job-role-swapped",
    check="DAT-010",
    layer=Layer.WIRING,
    cause="other-role",
    breaks="the job's task definition names another task role than the declared",
)
def job_role_swapped(platform: Platform) -> Iterator[None]:
    """The role is there, and ECS may assume it."""
    roles.make_role(platform, _OTHER_ROLE, trust=roles.of_tasks(), policy=None)
    try:
        with job_definition(platform, lambda it: it.update(taskRoleArn=names.role_arn(_OTHER_ROLE))):
            yield
    finally:
        platform.client("iam").delete_role(RoleName=_OTHER_ROLE)


@fault(
    "job-role-dropped",
    check="DAT-010",
    layer=Layer.WIRING,
    cause="no-role",
    breaks="the job's task definition names no task role",
)
def job_role_dropped(platform: Platform) -> Iterator[None]:
    """Its execution role does not stand in for it."""
    with job_definition(platform, lambda it: it.pop("taskRoleArn")):
        yield


@fault(
    "job-role-for-functions",
    check="DAT-010",
    layer=Layer.IDENTITY,
    cause="role-not-assumable",
    breaks="the trust policy of the job's role admits Lambda and not ECS tasks",
)
def job_role_for_functions(platform: Platform) -> Iterator[None]:
    """The permissions are as they were."""
    yield from _trusted_by(platform, {"Principal": {"Service": "lambda.amazonaws.com"}})


@fault(
    "job-role-for-another-account",
    check="DAT-010",
    layer=Layer.IDENTITY,
    cause="role-not-assumable",
    breaks="the trust policy of the job's role admits ECS tasks of another account",
)
def job_role_for_another_account(platform: Platform) -> Iterator[None]:
    """A template that was copied from one account to the next."""
    trust = roles.of_tasks()
    trust["Condition"] = {"StringEquals": {"aws:SourceAccount": "444455556666"}}
    yield from _trusted_by(platform, trust)


def _trusted_by(platform: Platform, trust: dict[str, Any]) -> Iterator[None]:
    iam = platform.client("iam")

    def put(one: dict[str, Any]) -> None:
        document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", **one}]}
        iam.update_assume_role_policy(RoleName=names.JOB_ROLE, PolicyDocument=json.dumps(document))

    try:
        put(trust)
        yield
    finally:
        put(roles.of_tasks())


@fault(
    "job-role-gone",
    check="DAT-010",
    layer=Layer.IDENTITY,
    cause="role-missing",
    breaks="the job's role was deleted, and its task definition still names it",
)
def job_role_gone(platform: Platform) -> Iterator[None]:
    """ECS notices at the next start."""
    iam = platform.client("iam")
    try:
        iam.detach_role_policy(RoleName=names.JOB_ROLE, PolicyArn=names.JOB_POLICY_ARN)
        iam.delete_role(RoleName=names.JOB_ROLE)
        yield
    finally:
        roles.make_role(platform, names.JOB_ROLE, trust=roles.of_tasks(), policy=None)
        iam.attach_role_policy(RoleName=names.JOB_ROLE, PolicyArn=names.JOB_POLICY_ARN)


@fault(
    "keys-in-the-environment",
    check="DAT-020",
    layer=Layer.IDENTITY,
    cause="static-keys",
    breaks="the job's container is given a user's access key, which every SDK takes before the task role",
)
def keys_in_the_environment(platform: Platform) -> Iterator[None]:
    """Whatever the key may do, it is not the role's."""

    def change(definition: dict[str, Any]) -> None:
        _container(definition)["environment"] += [{"name": name, "value": value} for name, value in _KEYS.items()]

    with job_definition(platform, change):
        yield


@fault(
    "job-image-missing",
    check="DAT-020",
    layer=Layer.ARTIFACT,
    cause="task-not-started",
    breaks="the job's task definition pins a digest that the registry does not have",
)
def job_image_missing(platform: Platform) -> Iterator[None]:
    """It shows at the next start."""
    with job_definition(platform, lambda it: _container(it).update(image=dev_min.image_at(_NO_DIGEST))):
        yield


@fault(
    "job-logs-not-writable",
    check="DAT-020",
    layer=Layer.AUTHORIZATION,
    cause="task-not-started",
    breaks="the execution role has lost its rights on the job's log group, so that no run of it starts",
)
def job_logs_not_writable(platform: Platform) -> Iterator[None]:
    """Those on the service's group are as they were."""
    whole = roles.execution_policy([dev_min.secret_arn(platform)], key_arn=dev_min.key_arn(platform))
    left = [
        {**one, "Resource": [arn for arn in one["Resource"] if names.JOB_LOG_GROUP not in arn]}
        for one in whole["Statement"]
    ]
    try:
        roles.set_policy(platform, names.EXECUTION_ROLE, roles.allow(left))
        yield
    finally:
        roles.set_policy(platform, names.EXECUTION_ROLE, whole)


def _container(definition: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = next(one for one in definition["containerDefinitions"] if one["name"] == names.CONTAINER)
    return found
