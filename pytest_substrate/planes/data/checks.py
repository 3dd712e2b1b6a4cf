"""The data plane (D): a workload reaches the objects that it needs under its own role, and no others.

A grant's ladder begins with its workload's own rungs, as an AccessDenied of the wrong role is mended nowhere near the
policy that everyone looks at; what the probe saw of one bucket doesn't hang on what it saw before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pytest_substrate.model import subjects
from pytest_substrate.model.aws.operations import permissions_of
from pytest_substrate.model.aws.probe_operations import PROBE_OPERATIONS
from pytest_substrate.model.check import Cause, Check
from pytest_substrate.model.outcome import Layer, Plane
from pytest_substrate.model.unseen import UNSEEN_CAUSES
from pytest_substrate.planes.data.checks_grant import GRANT_CHECKS
from pytest_substrate.planes.data.checks_job import JOB_CHECKS
from pytest_substrate.planes.data.diagnose.seen import TRANSCRIPT_CAUSES

if TYPE_CHECKING:
    from pytest_substrate.model.declaration import Declaration

_DEFINITION: Final = ("ecs:DescribeServices", "ecs:DescribeTaskDefinition")
_SHOW: Final = "aws ecs describe-task-definition --task-definition {task_definition_arn} --region {region}"


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
        how="What the workload starts its next task from, and the trust policy of the role that it names, evaluated "
        "for ECS tasks of this account.",
        red_when="the task definition names no role or another one, or the role doesn't trust ecs-tasks.amazonaws.com.",
        permissions=permissions_of([*_DEFINITION, "iam:GetRole"]),
        causes=(
            Cause(slug="other-role", meaning="the task definition names another task role"),
            Cause(slug="no-role", meaning="the task definition names no task role"),
            Cause(slug="role-missing", meaning="the role doesn't exist"),
            Cause(slug="role-not-assumable", meaning="the role's trust policy doesn't admit ECS tasks"),
            Cause(slug="definition-missing", meaning="there is no service of that name, or it has no task definition"),
            Cause(slug="trust-undecided", meaning="the trust policy hangs on a condition that isn't known"),
            Cause(slug="policy-unreadable", meaning="a policy that IAM holds can't be read"),
            *UNSEEN_CAUSES,
        ),
        next="aws iam get-role --role-name {task_role}",
        nexts={"other-role": _SHOW, "no-role": _SHOW, "definition-missing": "aws ecs list-task-definitions"},
    ),
    Check(
        id="DAT-020",
        plane=Plane.DATA,
        statement="the probe's credentials come from the container and are that role's",
        layer=Layer.IDENTITY,
        subjects=_grants_and_jobs,
        why="Keys in the environment stand before the task role, and prove somebody else's permissions.",
        how="A twin of the task definition is started with the same image, roles, secrets and network; inside it, "
        "credentials from the container's endpoint alone, and GetCallerIdentity with them.",
        red_when="the task doesn't start, other credentials would be found first, or the session is another role's.",
        needs=("DAT-010",),
        permissions=permissions_of([*_DEFINITION, "ecs:ListTasks", "ecs:DescribeTasks", *PROBE_OPERATIONS]),
        causes=(
            Cause(slug="static-keys", meaning="keys in the environment stand before the task role"),
            Cause(slug="endpoint-override", meaning="a variable sends the container's SDK to another endpoint"),
            Cause(slug="other-role", meaning="the credentials are another role's"),
            Cause(slug="no-container-credentials", meaning="the container's endpoint gave no credentials"),
            Cause(slug="credentials-refused", meaning="STS refuses the task role's credentials"),
            Cause(slug="role-unknown", meaning="neither the endpoint nor STS said which role it is"),
            Cause(slug="task-not-started", meaning="the probe's task did not start: the fact `reason` says why"),
            *(cause for cause in TRANSCRIPT_CAUSES if cause.slug != "out-of-time"),
            *UNSEEN_CAUSES,
        ),
        next=_SHOW,
        nexts={"credentials-refused": "aws iam get-role --role-name {task_role}"},
        runtime=True,
    ),
    *GRANT_CHECKS,
    *JOB_CHECKS,
)
"""The data plane's ladders: of each grant, then of each job."""
