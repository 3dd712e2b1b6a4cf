"""What a run leaves: its lines in the ledger, and the evidence that names where the ledger then ends."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pytest_substrate.evidence.statement import Account, LedgerHead, OwnCheck, Provenance, make_statement
from pytest_substrate.gate.judge import Judgement, judge
from pytest_substrate.model.check import Pair
from pytest_substrate.model.errors import BadInput
from pytest_substrate.model.outcome import TargetKind, Verdict

if TYPE_CHECKING:
    from pytest_substrate.running.plan import Plan
    from pytest_substrate.running.state import Run

LEDGER: Final = "ledger.jsonl"
"""Beside the evidence."""


def leave_evidence(run: Run, plan: Plan, judgement: Judgement, notes: list[str]) -> bool:
    """Append to the ledger and write the evidence; what went wrong or where it lies is noted. Whether it was left."""
    path = run.options.evidence
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        finished = datetime.now(UTC)
        planes = plane_verdicts(plan, judgement)
        head = _append(run, plan, judgement, planes, finished)
        account = _account(run, plan, planes, finished, head)
        if not _write(run, make_statement(account, judgement, plan.source.declaration)):
            notes.append(f"evidence {path.name}: withheld, as it would hold a secret")
            return False
    except OSError as error:
        notes.append(f"evidence {path}: could not be written ({error.strerror or error})")
        return False
    except BadInput as error:
        notes.append(f"evidence {path.name}: could not be written: {error}")
        return False
    here = run.config.invocation_params.dir
    shown = path.relative_to(here) if path.is_relative_to(here) else path
    notes.append(f"evidence {shown} (UNSIGNED)")
    return True


def plane_verdicts(plan: Plan, judgement: Judgement) -> Mapping[str, Verdict]:
    """The verdict of each demanded plane: its own rungs, those of `substrate`, and what went wrong for all."""
    verdicts = {}
    for plane in plan.planes:
        pairs = plan.plane_pairs(plane)
        wanted = set(pairs)
        records = [record for record in judgement.records if Pair(record.check, record.subject) in wanted]
        problems = [problem for problem in judgement.problems if problem.pair is None or problem.pair in wanted]
        verdicts[plane.value] = judge(pairs, records, problems).verdict
    return verdicts


def _append(
    run: Run, plan: Plan, judgement: Judgement, planes: Mapping[str, Verdict], finished: datetime
) -> LedgerHead:
    from pytest_substrate.evidence.ledger import LedgerRun, append_run

    ledger = run.options.evidence.with_name(LEDGER)
    lines = LedgerRun(
        run_id=run.identity.run_id,
        at=finished,
        kind=run.options.target,
        declaration_sha256=plan.source.digest,
        planes=planes,
        judgement=judgement,
        declaration=plan.source.declaration,
    )
    return append_run(ledger, lines, scrub=run.scrubber.scrub_tree)


def _write(run: Run, statement: Mapping[str, Any]) -> bool:
    from pytest_substrate.evidence.envelope import pack, write_whole

    clean = run.scrubber.scrub_tree(dict(statement))
    if run.scrubber.holds(json.dumps(clean, ensure_ascii=False).encode("utf-8", "surrogatepass")):
        return False
    write_whole(run.options.evidence, pack(clean))
    return True


def _account(run: Run, plan: Plan, planes: Mapping[str, Verdict], finished: datetime, head: LedgerHead) -> Account:
    from pytest_substrate.gate.required import check_set_digest
    from pytest_substrate.running.provenance import commit_of, plugin_version

    options = run.options
    commit, modified = commit_of(plan.source.path)
    return Account(
        run_id=run.identity.run_id,
        started=run.identity.started,
        finished=finished,
        oldest_observation=run.oldest_observation(),
        plugin_version=plugin_version(),
        judged_by=run.house.name,
        declaration=Provenance(
            name=plan.source.name,
            sha256=plan.source.digest.removeprefix("sha256:"),
            source=options.sources["declaration"],
            commit=commit,
            modified=modified,
        ),
        check_set_sha256=check_set_digest(plan.pairs).removeprefix("sha256:"),
        target={"kind": options.target.value, **run.described},
        vantage=options.vantage.value,
        planes=planes,
        options=_options(run),
        attachments=run.reports.attachments,
        own_checks=[
            OwnCheck(
                check=check.id,
                plane=check.plane.value,
                statement=check.statement,
                layer=check.layer.value,
                subjects=tuple(check.subjects(plan.source.declaration)),
            )
            for check in map(plan.checks.__getitem__, plan.own)
        ],
        ledger=head,
    )


def _options(run: Run) -> dict[str, dict[str, object]]:
    options = run.options
    values: dict[str, object] = {
        "declaration": run.source_name,
        "target": options.target.value,
        "vantage": options.vantage.value,
        "require": list(options.require),
        "evidence": _below(options.evidence, run.config.rootpath) or options.evidence_given,
        "adhoc": options.adhoc,
        "plan": None if options.plan is None else _below(options.plan, run.config.rootpath) or options.plan_given,
        "fault": list(options.faults),
    }
    found = {name: {"value": value, "source": options.sources[name]} for name, value in values.items()}
    if options.target is TargetKind.EMBEDDED:  # on a platform that someone kept running; where, is nobody's affair
        attached = bool(os.environ.get("SUBSTRATE_EMBEDDED"))
        found["attached"] = {"value": attached, "source": "environment" if attached else "default"}
    return found


def _below(path: Path, root: Path) -> str | None:
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else None
