"""The packaging plane (C): what was released is what runs, it is whole, and it keeps running."""

from __future__ import annotations

from typing import Final

from pytest_substrate.model import subjects
from pytest_substrate.model.check import Cause, Check
from pytest_substrate.model.outcome import Layer, Plane
from pytest_substrate.planes.packaging.checks_contents import CONTENTS
from pytest_substrate.planes.packaging.checks_rollout import ROLLOUT

CHECKS: Final[tuple[Check, ...]] = (
    *ROLLOUT,
    *CONTENTS,
    Check(
        id="PKG-120",
        plane=Plane.PACKAGING,
        statement="the declared infrastructure plan leaves runtime credentials alone",
        layer=Layer.WIRING,
        subjects=subjects.workloads,
        why="An apply that recreates a secret or a task definition undoes a repair that was made by hand.",
        how="The plan's JSON is read: which pending changes would overwrite, rotate, delete or re-point credentials, "
        "secrets of task definitions, or images in service. A value unknown until apply counts as changed. A service "
        "or a task definition concerns the workload that it is, everything else all of them. The plan is the file of "
        "`--substrate-plan`, else the declared one (`[plan]`); without either, the check is not asked.",
        red_when="a pending change touches what this workload runs with, or a plan is declared and isn't there.",
        permissions=("ecs:DescribeServices",),
        causes=(
            Cause(slug="credential-overwritten", meaning="the plan writes, rotates or deletes a runtime credential"),
            Cause(slug="secret-repointed", meaning="the plan changes which secret a task definition injects"),
            Cause(
                slug="image-repointed",
                meaning="the plan changes the image in service, or which task definition a service runs",
            ),
            Cause(
                slug="readers-changed",
                meaning="the plan changes who can read or decrypt a credential: a key, a resource policy, a role of a "
                "task definition or a policy of that role",
            ),
            Cause(slug="service-removed", meaning="the plan deletes a service, or a repository with images"),
            Cause(slug="plan-errored", meaning="the plan ended with an error, and doesn't hold all that would change"),
            Cause(slug="change-deferred", meaning="the plan defers a change of a credential to a later plan"),
            Cause(slug="change-unknown", meaning="the plan holds an action that isn't known here"),
            Cause(slug="plan-missing", meaning="there is no plan where one was declared or given"),
            Cause(slug="plan-malformed", meaning="the file isn't the JSON of a plan"),
            Cause(slug="plan-unreadable", meaning="the plan's file can't be read"),
        ),
        next="substrate plan PLAN.json",
    ),
)
"""The packaging plane's ladder, for each service and each job; what only a service has isn't asked of a job."""
