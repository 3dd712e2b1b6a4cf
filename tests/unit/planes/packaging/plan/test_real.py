"""Documents that Terraform itself wrote: what is red in them, and that no value of them is told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pytest_substrate.model.record import exit_code, report_json
from pytest_substrate.planes.packaging.plan import judge_plan, read_plan, records_of
from tests.unit.planes.packaging.plan.documents import NOW

PLANS = Path(__file__).parents[5] / "fixtures" / "plans"

RED = {
    "task-size-through-modules": (0, set()),
    "secret-renamed-without-moved": (
        1,
        {
            "aws_secretsmanager_secret.s",
            "aws_secretsmanager_secret_version.s",
            "aws_ecs_task_definition.t",
            "aws_ecs_service.i",
            "aws_iam_role_policy.exec",
        },
    ),
    "errored": (10, {"plan"}),
    "destroy": (
        1,
        {
            "aws_ecr_repository.r",
            "aws_ecs_service.i",
            "aws_iam_access_key.u",
            "aws_iam_policy.extra",
            "aws_iam_role.exec",
            "aws_iam_role.task",
            "aws_iam_role_policy.exec",
            "aws_iam_role_policy_attachment.extra",
            "aws_kms_key.k",
            "aws_secretsmanager_secret.s",
            "aws_secretsmanager_secret_version.s",
            "aws_ssm_parameter.p",
        },
    ),
}


@pytest.mark.parametrize("name", RED)
def test_real_plans_are_judged(name: str) -> None:
    """A moved definition followed through a module, a renamed secret with all that hangs on it, an error, the end."""
    data = (PLANS / f"{name}.json").read_bytes()
    records = records_of(judge_plan(read_plan(data, name=name), now=NOW))
    red = {record.subject.removeprefix("resource/") for record in records if not record.outcome.green}
    assert RED[name] == (exit_code(records), red)
    assert b"LEAK" in data
    assert "LEAK" not in json.dumps(report_json({}, records))


def test_every_plan_is_held() -> None:
    """None of the documents is left out."""
    assert set(RED) == {file.stem for file in PLANS.glob("*.json")}
