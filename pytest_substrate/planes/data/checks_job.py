"""The checks of a job's runs: what the last one proves of the next, and what its logs say of refusals."""

from __future__ import annotations

from typing import Final

from pytest_substrate.model import subjects
from pytest_substrate.model.aws.operations import permissions_of
from pytest_substrate.model.check import Cause, Check
from pytest_substrate.model.outcome import Layer, Plane
from pytest_substrate.model.unseen import UNSEEN_CAUSES

_PERMISSIONS: Final = (
    "iam:GetRole",
    "iam:ListRolePolicies",
    "iam:GetRolePolicy",
    "iam:ListAttachedRolePolicies",
    "iam:GetPolicy",
    "iam:GetPolicyVersion",
    "kms:DescribeKey",
    "kms:GetKeyPolicy",
    "s3:GetBucketLocation",
    "s3:GetBucketEncryption",
    "s3:GetBucketPolicy",
    "s3control:GetAccessPoint",
    "s3control:GetAccessPointPolicy",
)
_TASK: Final = "aws ecs describe-tasks --cluster {ecs_cluster} --tasks {task_arn} --region {region}"

JOB_CHECKS: Final[tuple[Check, ...]] = (
    Check(
        id="DAT-070",
        plane=Plane.DATA,
        statement="the job's last run ended with 0, on the released digest, under the declared role, after the present "
        "permissions were in force",
        layer=Layer.RUNTIME,
        subjects=subjects.jobs,
        why="A green run from before the last policy change says nothing about the next run.",
        how="The run of the family that was started last of those that ECS remembers, else of those in the declared "
        "`event_log`; where `rerun` is declared, the check starts the job itself and waits for its end. Exit code, "
        "image digest, task role and start, against the dates of the role's managed policies and its buckets' keys; "
        "where AWS dates a part of the permissions by nothing, against the time at which the ledger first recorded "
        "their digest, unless this check saw them before it started the run.",
        red_when="it ended otherwise, on another digest, under another role, or began before the permissions; there is "
        "no run; or a declared rerun doesn't start, or outlives its deadline.",
        needs=("DAT-010",),
        permissions=permissions_of(
            [
                "ecs:ListTasks",
                "ecs:DescribeTasks",
                "ecs:DescribeTaskDefinition",
                "ecs:RunTask",
                "ecs:StopTask",
                "logs:FilterLogEvents",
                *_PERMISSIONS,
            ]
        ),
        causes=(
            Cause(slug="exit-code", meaning="the last run did not end with 0"),
            Cause(slug="run-not-started", meaning="the last run, or the one that the check asked for, did not start"),
            Cause(slug="run-over-deadline", meaning="the run that the check started had not ended by its deadline"),
            Cause(slug="command-overridden", meaning="the last run was given another command than the job's own"),
            Cause(slug="other-digest", meaning="the last run had another image than the released one"),
            Cause(slug="other-role", meaning="the last run had another role than the declared one"),
            Cause(slug="run-too-old", meaning="the last run is older than the present permissions"),
            Cause(slug="same-second", meaning="run and permissions are of the same second, as IAM tells it"),
            Cause(slug="permissions-undated", meaning="nobody knows since when a part of the permissions is in force"),
            Cause(slug="permissions-unknown", meaning="role or bucket are gone"),
            Cause(slug="digest-unknown", meaning="ECS doesn't tell which digest the last run had"),
            Cause(slug="record-missing", meaning="there is no release record that could be read"),
            Cause(slug="no-run", meaning="no run can be seen any more"),
            Cause(slug="not-asked", meaning="nothing was asked of it, as something before it failed"),
            *UNSEEN_CAUSES,
        ),
        next=_TASK,
    ),
    Check(
        id="DAT-080",
        plane=Plane.DATA,
        statement="every AccessDenied in its logs is attributed to principal, action, resource and deny source; none "
        "is open",
        layer=Layer.POLICY,
        subjects=subjects.jobs,
        why="A denial that nobody explained is a denial that comes back.",
        how="The streams of the twenty newest runs are read, and every AWS denial in them is taken apart; its source "
        "is the service's own word, else what the role's, the bucket's and the key's policies tell.",
        red_when="a denial can't be attributed, or the last run didn't end with 0 without being refused the same.",
        permissions=permissions_of(
            [
                "ecs:DescribeTaskDefinition",
                "ecs:ListTasks",
                "ecs:DescribeTasks",
                "logs:DescribeLogStreams",
                "logs:FilterLogEvents",
                *_PERMISSIONS,
            ]
        ),
        causes=(
            Cause(slug="denial-open", meaning="a denial is attributed, and nothing shows that it was mended"),
            Cause(slug="denial-unattributed", meaning="a denial names no principal, action or resource"),
            Cause(slug="logs-missing", meaning="the job's log group doesn't exist or holds nothing"),
            *UNSEEN_CAUSES,
        ),
        next="aws logs get-log-events --log-group-name {log_group} --log-stream-name {log_stream} --region {region}",
        nexts={
            "logs-missing": "aws ecs describe-task-definition --task-definition {task_definition} --region {region}"
        },
    ),
)
"""In ladder order."""
