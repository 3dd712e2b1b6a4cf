"""`substrate plan`: which pending changes of a Terraform or OpenTofu plan would break what runs."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from pytest_substrate.cli.files import read_file
from pytest_substrate.model.errors import BadInput
from pytest_substrate.model.record import exit_code, report_json
from pytest_substrate.planes.packaging.plan import Plan, judge_plan, read_plan, records_of
from pytest_substrate.planes.packaging.plan.foreign import SHOW
from pytest_substrate.planes.packaging.plan.reading import LONGEST_PLAN
from pytest_substrate.planes.packaging.plan.records import CHECK
from pytest_substrate.report.glyphs import glyphs_for
from pytest_substrate.report.plain import report_lines

HELP: Final = "which changes of a Terraform or OpenTofu plan would break runtime credentials or the images in service"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    add = parser.add_argument
    add("file", metavar="FILE", help="the output of `terraform show -json PLANFILE`, or of `tofu show -json PLANFILE`")
    add(
        "--allow",
        metavar="ADDRESS=TIME",
        action="append",
        default=[],
        help="a change that is wanted, until a time such as 2026-12-31T00:00:00Z; repeatable",
    )
    add("--format", choices=("text", "json"), default="text")


def run(options: argparse.Namespace) -> int:
    """Judge the plan and print the report; its exit code."""
    allowed = dict(_allowed(text) for text in options.allow)
    plan = read_plan(read_file(Path(options.file), mend=SHOW, most=LONGEST_PLAN), name=options.file)
    judged = judge_plan(plan, now=datetime.now(UTC), allowed=allowed)
    records = records_of(judged, next_command=f"substrate plan {shlex.quote(options.file)}")
    if options.format == "json":
        print(json.dumps(report_json(_target(plan), records), indent=2))
    else:
        title = f"substrate plan: {options.file}"
        for line in report_lines(title, records, {CHECK.id: CHECK}, glyphs_for(sys.stdout.encoding)):
            print(line)
    return exit_code(records)


def _allowed(text: str) -> tuple[str, datetime]:
    """An address may hold `=` in an index, a time never does."""
    address, equals, time = text.rpartition("=")
    mend = "write --allow 'ADDRESS=2026-12-31T00:00:00Z'"
    try:
        until = datetime.fromisoformat(time) if equals and address else None
    except ValueError:
        until = None
    if until is None:
        raise BadInput("--allow", "is not ADDRESS=TIME", mend)
    if until.tzinfo is None:
        raise BadInput("--allow", "the time has no zone", mend)
    return address, until


def _target(plan: Plan) -> dict[str, Any]:
    return {"kind": "plan", "format_version": plan.format_version, "tool_version": plan.tool_version}
