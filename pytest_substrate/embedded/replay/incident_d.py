"""Incident D: a job fails with AccessDenied, and the fixes that are found first mend nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pytest_substrate.embedded.platform import data, dev_min, names, roles
from pytest_substrate.embedded.platform.changes import bucket_policy, in_bucket, job_policy, job_statements, without
from pytest_substrate.embedded.platform.platform import Platform
from pytest_substrate.embedded.replay.story import Chapter, Red, Story
from pytest_substrate.model.outcome import Layer, Plane

_READ: Final = "s3:GetObject"
_INPUTS: Final = in_bucket(f"{names.INPUTS}*")
_REFUSED: Final = Red(
    check="DAT-040",
    layer=Layer.POLICY,
    cause="read-denied",
    facts={"action": _READ, "effect": "implicit", "source": "identity", "attributed": True},
    says=(f"{names.JOB_ROLE} may not {_READ} on {in_bucket(names.INPUTS)}", '"Effect":"Allow"'),
)
_NOT_RUN: Final = Red(check="DAT-070", layer=Layer.RUNTIME, cause="exit-code", says=(f"job/{names.JOB}",))


def permission_lost(platform: Platform) -> Iterator[None]:
    """The job runs, and really fails."""
    try:
        with job_policy(platform, without(job_statements(platform), _READ)):
            data.run_again(platform)
            yield
    finally:
        data.run_again(platform)


def wildcard(platform: Platform) -> Iterator[None]:
    """It reads its inputs, and whatever else lies in the bucket."""
    anything = roles.statement(["s3:*"], [in_bucket(), in_bucket("*")])
    with job_policy(platform, [*job_statements(platform), anything]):
        yield


def execution_role_widened(platform: Platform) -> Iterator[None]:
    """The other of the two roles in a task definition: ECS itself uses it, and the program never does."""
    whole = roles.execution_policy([dev_min.secret_arn(platform)], key_arn=dev_min.key_arn(platform))
    try:
        more = [*whole["Statement"], roles.statement([_READ], [_INPUTS])]
        roles.set_policy(platform, names.EXECUTION_ROLE, roles.allow(more))
        yield
    finally:
        roles.set_policy(platform, names.EXECUTION_ROLE, whole)


def bucket_opened_to_another(platform: Platform) -> Iterator[None]:
    """The bucket's owner allows the service's role, which has a similar name."""
    other = {"AWS": names.role_arn(names.TASK_ROLE)}
    with bucket_policy(platform, {"Effect": "Allow", "Principal": other, "Action": _READ, "Resource": _INPUTS}):
        yield


def permission_back(platform: Platform) -> Iterator[None]:
    """The one statement, on the one prefix."""
    with job_policy(platform, job_statements(platform)):
        yield


def run_again(platform: Platform) -> Iterator[None]:
    """A run can't be taken back."""
    data.run_again(platform)
    yield


STORY: Final = Story(
    incident="D",
    title="AccessDenied in a job",
    plane=Plane.DATA,
    chapters=(
        Chapter(
            title="the job fails with AccessDenied",
            change=f"a clean-up of the job's policy took {_READ}, and its next run ended with 1",
            apply=permission_lost,
            expects=(
                _REFUSED,
                _NOT_RUN,
                Red(check="DAT-080", layer=Layer.POLICY, cause="denial-open", facts={"action": _READ}),
            ),
        ),
        Chapter(
            title="a wildcard",
            change="s3:* on the whole bucket: the inputs can be read, and so can what must stay closed",
            apply=wildcard,
            expects=(Red(check="DAT-060", layer=Layer.POLICY, cause="read-allowed", says=(names.CANARY,)), _NOT_RUN),
            taken_back=True,
        ),
        Chapter(
            title="the right permission on the wrong role",
            change=f"{_READ} on the inputs, for the execution role",
            apply=execution_role_widened,
            expects=(_REFUSED, _NOT_RUN),
            taken_back=True,
        ),
        Chapter(
            title="the right permission for somebody else",
            change=f"a bucket policy that allows {_READ} on the inputs to {names.TASK_ROLE}",
            apply=bucket_opened_to_another,
            expects=(_REFUSED, _NOT_RUN),
            taken_back=True,
        ),
        Chapter(
            title="the right permission, and nothing has run with it",
            change=f"{_READ} on the inputs, for {names.JOB_ROLE}",
            apply=permission_back,
            expects=(_NOT_RUN,),
        ),
        Chapter(title="the job runs again", change="the job is started once more, and ends with 0", apply=run_again),
    ),
)
