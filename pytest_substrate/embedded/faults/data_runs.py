"""Faults of what the job's runs prove: the last one's end, image, role and time, and the refusals in its log.

Each leaves a run behind that can't be taken back; the job is run again as it should be, as a team would.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from pytest_substrate.embedded.faults import fault
from pytest_substrate.embedded.platform import data, dev_min, names, roles
from pytest_substrate.embedded.platform.changes import in_bucket, job_definition, job_policy, job_statements
from pytest_substrate.embedded.platform.platform import Platform
from pytest_substrate.model.outcome import Layer

_OTHER_ROLE: Final = "oracle-adhoc"
_OTHER_TAG: Final = "1.0.1-hotfix"


@fault(
    "last-run-failed",
    check="DAT-070",
    layer=Layer.RUNTIME,
    cause="exit-code",
    breaks="the job's last run found no manifest where it was told to look, and ended with 1",
)
def last_run_failed(platform: Platform) -> Iterator[None]:
    """Its permissions are right, and nobody ran it again."""
    try:
        data.await_run(platform, data.run_job(platform, environment={"ORACLE_MANIFEST": "inputs/other.json"}))
        yield
    finally:
        data.run_again(platform)


@fault(
    "last-run-of-another-image",
    check="DAT-070",
    layer=Layer.ARTIFACT,
    cause="other-digest",
    breaks="the job's last run had an image that was never released",
)
def last_run_of_another_image(platform: Platform) -> Iterator[None]:
    """It ended well, which says nothing of the released one."""
    digest = dev_min.push_image(platform, tag=_OTHER_TAG, keep=lambda path: "/licenses/" not in path)

    def change(definition: dict[str, Any]) -> None:
        for one in definition["containerDefinitions"]:
            one["image"] = dev_min.image_at(digest)

    try:
        with job_definition(platform, change) as revision:
            data.await_run(platform, data.run_job(platform, definition=revision))
        yield
    finally:
        platform.client("ecr").batch_delete_image(repositoryName=names.REPOSITORY, imageIds=[{"imageDigest": digest}])
        data.run_again(platform)


@fault(
    "last-run-under-another-role",
    check="DAT-070",
    layer=Layer.IDENTITY,
    cause="other-role",
    breaks="the job's last run was started by hand, with a role of its own",
)
def last_run_under_another_role(platform: Platform) -> Iterator[None]:
    """That role has the rights that the declared one may lack."""
    iam = platform.client("iam")
    roles.make_role(platform, _OTHER_ROLE, trust=roles.of_tasks(), policy=None)
    try:
        iam.attach_role_policy(RoleName=_OTHER_ROLE, PolicyArn=names.JOB_POLICY_ARN)
        data.await_run(platform, data.run_job(platform, taskRoleArn=names.role_arn(_OTHER_ROLE)))
        yield
    finally:
        iam.detach_role_policy(RoleName=_OTHER_ROLE, PolicyArn=names.JOB_POLICY_ARN)
        iam.delete_role(RoleName=_OTHER_ROLE)
        data.run_again(platform)


@fault(
    "permissions-newer-than-the-run",
    check="DAT-070",
    layer=Layer.RUNTIME,
    cause="run-too-old",
    breaks="the job's policy got a new version, and nothing has run with it",
)
def permissions_newer_than_the_run(platform: Platform) -> Iterator[None]:
    """What it allows is what the probe finds; what the job needs is not known."""
    more = roles.statement(["s3:GetObjectTagging"], [in_bucket("inputs/*")])
    with job_policy(platform, [*job_statements(platform), more]):
        yield


@fault(
    "permissions-that-nobody-dates",
    check="DAT-070",
    layer=Layer.RUNTIME,
    cause="permissions-undated",
    breaks="the job's role got an inline policy, which IAM dates by nothing",
)
def permissions_that_nobody_dates(platform: Platform) -> Iterator[None]:
    """Whether the last run had it can't be told, until a ledger knows it."""
    iam = platform.client("iam")
    document = roles.allow([roles.statement(["s3:GetObjectTagging"], [in_bucket("inputs/*")])])
    try:
        iam.put_role_policy(RoleName=names.JOB_ROLE, PolicyName="by-hand", PolicyDocument=json.dumps(document))
        yield
    finally:
        iam.delete_role_policy(RoleName=names.JOB_ROLE, PolicyName="by-hand")


@fault(
    "optional-input-refused",
    check="DAT-080",
    layer=Layer.POLICY,
    cause="denial-open",
    breaks="the job's last run was refused an object, said so in its log, went on without it and ended with 0",
)
def optional_input_refused(platform: Platform) -> Iterator[None]:
    """A green run with an AccessDenied in it."""
    try:
        data.await_run(platform, data.run_job(platform, environment={"ORACLE_OPTIONAL": names.CANARY}))
        yield
    finally:
        data.run_again(platform)


@fault(
    "refusal-told-tersely",
    check="DAT-080",
    layer=Layer.POLICY,
    cause="denial-unattributed",
    breaks="the job's last run was refused an object, and its log says AccessDenied and not on what",
)
def refusal_told_tersely(platform: Platform) -> Iterator[None]:
    """As programs do that print an error's code alone."""
    terse = {"ORACLE_OPTIONAL": names.CANARY, "ORACLE_TERSE": "1"}
    try:
        data.await_run(platform, data.run_job(platform, environment=terse))
        yield
    finally:
        data.run_again(platform)
