"""The data plane (D): a workload reaches the objects that it needs under its own role, and no others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pytest_substrate.model import subjects
from pytest_substrate.model.check import Cause, Check
from pytest_substrate.model.outcome import Layer, Plane
from pytest_substrate.model.unseen import UNSEEN_CAUSES

if TYPE_CHECKING:
    from pytest_substrate.model.declaration import Declaration

_NOT_SEEN: Final = Cause(slug="transcript-not-seen", meaning="the probe's transcript is missing, cut or foreign")
_ROLE_COMMAND: Final = "aws iam list-role-policies --role-name {task_role}"


def _grants_and_jobs(declaration: Declaration) -> tuple[str, ...]:
    """Every declared grant, then every job."""
    return (*subjects.grants(declaration), *subjects.jobs(declaration))


CHECKS: Final[tuple[Check, ...]] = (
    Check(
        id="DAT-010",
        plane=Plane.DATA,
        statement="the task definition carries the declared task role, and ECS may assume it",
        layer=Layer.WIRING,
        subjects=_grants_and_jobs,
        why="An AccessDenied of the wrong role is mended nowhere near the policy that everyone looks at.",
        how="The workload's live task definition, and the trust policy of the role that it names.",
        red_when="the task definition names no role or another one, or the role doesn't trust ecs-tasks.amazonaws.com.",
        permissions=("ecs:DescribeServices", "ecs:DescribeTaskDefinition", "iam:GetRole"),
        causes=(
            Cause(slug="other-role", meaning="the task definition names another task role"),
            Cause(slug="no-role", meaning="the task definition names no task role"),
            Cause(slug="role-missing", meaning="the role doesn't exist"),
            Cause(slug="role-not-assumable", meaning="the role's trust policy doesn't admit ECS tasks"),
            *UNSEEN_CAUSES,
        ),
        next="aws iam get-role --role-name {task_role}",
    ),
    Check(
        id="DAT-020",
        plane=Plane.DATA,
        statement="the probe's credentials come from the container and are that role's",
        layer=Layer.IDENTITY,
        subjects=_grants_and_jobs,
        why="Keys in the environment stand before the task role, and prove somebody else's permissions.",
        how="Inside the task: credentials from the container's endpoint, and GetCallerIdentity with them.",
        red_when="other credentials would be found first, or the session is another role's.",
        needs=("DAT-010",),
        permissions=("ecs:RunTask", "ecs:DescribeTasks", "logs:GetLogEvents", "iam:PassRole"),
        causes=(
            Cause(slug="static-keys", meaning="keys in the environment stand before the task role"),
            Cause(slug="other-role", meaning="the credentials are another role's"),
            Cause(slug="no-credentials", meaning="the container's endpoint gave no credentials"),
            Cause(slug="task-not-started", meaning="the probe's task did not start"),
            _NOT_SEEN,
        ),
        next="aws ecs describe-task-definition --task-definition {task_definition} --region {region}",
        runtime=True,
    ),
    Check(
        id="DAT-030",
        plane=Plane.DATA,
        statement="every required prefix can be listed and its required objects exist",
        layer=Layer.POLICY,
        subjects=subjects.grants,
        why="A job that lists nothing finds nothing to do, and ends with 0.",
        how="Inside the task: ListObjectsV2 for each declared prefix, HeadObject for each declared object.",
        red_when="a prefix can't be listed, or an object isn't there.",
        needs=("DAT-020",),
        causes=(
            Cause(slug="list-denied", meaning="the role may not list a required prefix"),
            Cause(slug="object-missing", meaning="a required object doesn't exist"),
            Cause(slug="bucket-missing", meaning="the bucket doesn't exist, or lies elsewhere"),
            Cause(slug="bucket-not-reached", meaning="the bucket could not be reached from the task"),
            _NOT_SEEN,
        ),
        next=_ROLE_COMMAND,
        runtime=True,
    ),
    Check(
        id="DAT-040",
        plane=Plane.DATA,
        statement="every required object can really be read, its key decrypted",
        layer=Layer.POLICY,
        subjects=subjects.grants,
        why="A permission to read an object is none to use the key that it is encrypted with.",
        how="Inside the task: GetObject of the first byte of each declared object.",
        red_when="S3 or KMS refuses.",
        needs=("DAT-020",),
        causes=(
            Cause(slug="read-denied", meaning="the role may not read a required object"),
            Cause(slug="decrypt-denied", meaning="the role may not use the object's key"),
            Cause(slug="object-missing", meaning="a required object doesn't exist"),
            Cause(slug="bucket-not-reached", meaning="the bucket could not be reached from the task"),
            _NOT_SEEN,
        ),
        next=_ROLE_COMMAND,
        runtime=True,
    ),
    Check(
        id="DAT-050",
        plane=Plane.DATA,
        statement="what must be writable can be written",
        layer=Layer.POLICY,
        subjects=subjects.grants,
        why="A job that can't write loses its work at the end of the run.",
        how="Inside the task: an upload begun, one part, aborted (nothing is left); or where declared, write, read "
        "back and delete.",
        red_when="a step is refused, or what was read back differs.",
        needs=("DAT-020",),
        causes=(
            Cause(slug="write-denied", meaning="the role may not write where it must"),
            Cause(slug="encrypt-denied", meaning="the role may not use the key for writing"),
            Cause(slug="abort-denied", meaning="the role may not abort its own upload: parts may be left"),
            Cause(slug="other-content", meaning="what was read back isn't what was written"),
            Cause(slug="bucket-not-reached", meaning="the bucket could not be reached from the task"),
            _NOT_SEEN,
        ),
        next=_ROLE_COMMAND,
        runtime=True,
    ),
    Check(
        id="DAT-060",
        plane=Plane.DATA,
        statement="what must stay closed is refused",
        layer=Layer.POLICY,
        subjects=subjects.grants,
        why="A permission that nobody needs is the one that is misused.",
        how="The observer sees that the canary exists, as a 403 on a missing key proves nothing; inside the task it "
        "is asked for, and an upload beside it is begun and aborted.",
        red_when="a read or a write succeeds.",
        needs=("DAT-020",),
        permissions=("s3:GetObject",),
        causes=(
            Cause(slug="read-allowed", meaning="the role may read what must stay closed"),
            Cause(slug="write-allowed", meaning="the role may write where it must not"),
            Cause(slug="canary-missing", meaning="the canary doesn't exist, so a refusal would prove nothing"),
            *UNSEEN_CAUSES,
            _NOT_SEEN,
        ),
        next=_ROLE_COMMAND,
        runtime=True,
    ),
    Check(
        id="DAT-070",
        plane=Plane.DATA,
        statement="the job's last run ended with 0, on the released digest, under the declared role, after the present "
        "permissions were in force",
        layer=Layer.RUNTIME,
        subjects=subjects.jobs,
        why="A green run from before the last policy change says nothing about the next run.",
        how="The newest stopped task of the family: exit code, image digest, task role and start, against the dates of "
        "managed policies, else the time at which the ledger first recorded this policy hash.",
        red_when="it ended otherwise, on another digest, under another role, or before the permissions; or there is "
        "no run.",
        needs=("DAT-010",),
        permissions=(
            "ecs:ListTasks",
            "ecs:DescribeTasks",
            "iam:ListAttachedRolePolicies",
            "iam:GetPolicy",
            "iam:ListRolePolicies",
            "iam:GetRolePolicy",
        ),
        causes=(
            Cause(slug="exit-code", meaning="the last run did not end with 0"),
            Cause(slug="other-digest", meaning="the last run had another image than the released one"),
            Cause(slug="other-role", meaning="the last run had another role than the declared one"),
            Cause(slug="run-too-old", meaning="the last run is older than the present permissions"),
            Cause(slug="no-run", meaning="no run can be seen any more"),
            *UNSEEN_CAUSES,
        ),
        next="aws ecs list-tasks --cluster {ecs_cluster} --family {task_definition} --desired-status STOPPED "
        "--region {region}",
    ),
    Check(
        id="DAT-080",
        plane=Plane.DATA,
        statement="every AccessDenied in its logs is attributed to principal, action, resource and deny source; none "
        "is open",
        layer=Layer.POLICY,
        subjects=subjects.jobs,
        why="A denial that nobody explained is a denial that comes back.",
        how="The log streams of the last runs are read, and every AWS denial in them is taken apart.",
        red_when="a denial can't be attributed, or none has come after it that shows it mended.",
        permissions=("logs:FilterLogEvents", "logs:DescribeLogStreams"),
        causes=(
            Cause(slug="denial-open", meaning="a denial is attributed, and nothing shows that it was mended"),
            Cause(slug="denial-unattributed", meaning="a denial names no principal, action or resource"),
            Cause(slug="logs-missing", meaning="the job's log group doesn't exist or holds nothing"),
            *UNSEEN_CAUSES,
        ),
        next="substrate denied LOGFILE",
    ),
)
"""The data plane's ladders: of each grant, then of each job."""
