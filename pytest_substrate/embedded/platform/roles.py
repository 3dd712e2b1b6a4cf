"""The roles of `dev_min`, each with what it needs and no more: the task's, the execution's, the observer's."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pytest_substrate.embedded.cloud.cloud import Credentials
from pytest_substrate.embedded.platform import names

if TYPE_CHECKING:
    from pytest_substrate.embedded.platform.platform import Platform

Policy = Mapping[str, Any]


def make_roles(platform: Platform, *, secret_arn: str, key_arn: str, observer: Policy) -> None:
    """Task role (it needs nothing of AWS), execution role, and the observer role with the policy that a run needs."""
    tasks = of_tasks()
    make_role(platform, names.TASK_ROLE, trust=tasks, policy=None)
    make_role(platform, names.EXECUTION_ROLE, trust=tasks, policy=execution_policy([secret_arn], key_arn=key_arn))
    operator = {"Principal": {"AWS": f"arn:aws:iam::{names.ACCOUNT}:user/{names.OPERATOR}"}}
    make_role(platform, names.OBSERVER_ROLE, trust=operator, policy=observer)


def of_tasks() -> dict[str, Any]:
    """The trust of a role that ECS gives to tasks of this account."""
    return {
        "Principal": {"Service": "ecs-tasks.amazonaws.com"},
        "Condition": {"StringEquals": {"aws:SourceAccount": names.ACCOUNT}},
    }


def make_operator(platform: Platform) -> Credentials:
    """The IAM user whose keys a run is given, and they: all that it may do is to become the observer."""
    iam = platform.client("iam")
    iam.create_user(UserName=names.OPERATOR)
    policy = allow([statement(["sts:AssumeRole"], [names.role_arn(names.OBSERVER_ROLE)])])
    iam.put_user_policy(UserName=names.OPERATOR, PolicyName="become-the-observer", PolicyDocument=json.dumps(policy))
    key = iam.create_access_key(UserName=names.OPERATOR)["AccessKey"]
    return Credentials(access_key_id=key["AccessKeyId"], secret_access_key=key["SecretAccessKey"])


def make_role(platform: Platform, name: str, *, trust: Mapping[str, Any], policy: Policy | None) -> None:
    """A role that `trust` (Principal and Condition) may assume, with one inline policy."""
    iam = platform.client("iam")
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", **trust}]}
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(document))
    if policy is not None:
        set_policy(platform, name, policy)


def set_policy(platform: Platform, role: str, policy: Policy) -> None:
    """Replace a role's inline policy."""
    platform.client("iam").put_role_policy(RoleName=role, PolicyName="platform", PolicyDocument=json.dumps(policy))


def execution_policy(secret_arns: Sequence[str], *, key_arn: str) -> Policy:
    """What ECS needs to start service and job: pull, these secrets and their key, the log streams."""
    repository = f"arn:aws:ecr:{names.REGION}:{names.ACCOUNT}:repository/{names.REPOSITORY}"
    groups = [
        f"arn:aws:logs:{names.REGION}:{names.ACCOUNT}:log-group:{name}:*"
        for name in (names.LOG_GROUP, names.JOB_LOG_GROUP)
    ]
    return allow(
        [
            statement(["ecr:GetAuthorizationToken"], ["*"]),
            statement(
                ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"], [repository]
            ),
            statement(["secretsmanager:GetSecretValue"], secret_arns),
            statement(["kms:Decrypt"], [key_arn]),
            statement(["logs:CreateLogStream", "logs:PutLogEvents"], groups),
        ]
    )


def statement(actions: Sequence[str], resources: Sequence[str]) -> dict[str, Any]:
    """An Allow."""
    return {"Effect": "Allow", "Action": list(actions), "Resource": list(resources)}


def allow(statements: Sequence[Mapping[str, Any]]) -> Policy:
    """A policy of the current version."""
    return {"Version": "2012-10-17", "Statement": list(statements)}
