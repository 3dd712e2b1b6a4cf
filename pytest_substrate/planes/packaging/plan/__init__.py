"""The plan guard (PKG-120, `substrate plan`): what a Terraform or OpenTofu plan would do to runtime credentials.

`reading` makes a `Plan` of the JSON, `judge` a diagnosis of each address, `records` the records of a report. Pure: a
file is read elsewhere. What decides is one rule for each resource type (`credentials`, `keys`, `roles`, `definitions`,
`services`), and `sensitive` for all others.
"""

from __future__ import annotations

from pytest_substrate.planes.packaging.plan.change import Plan
from pytest_substrate.planes.packaging.plan.judge import Judged, judge_plan, plan_diagnosis
from pytest_substrate.planes.packaging.plan.reading import read_plan
from pytest_substrate.planes.packaging.plan.records import records_of

__all__ = ["Judged", "Plan", "judge_plan", "plan_diagnosis", "read_plan", "records_of"]
