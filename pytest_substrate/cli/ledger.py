"""`substrate ledger`: the incidents in the history of verdicts, open and closed, with the proofs of both ends.

Exit codes: 0, 1 where the chain is broken or the evidence doesn't stand in it, 2 where there is no ledger to read. An
open incident is news and not an error: what is red now is a run's affair.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pytest_substrate.cli.files import read_file

if TYPE_CHECKING:
    from pytest_substrate.evidence.chain import Chain
    from pytest_substrate.evidence.history import Incident, Proof

HELP: Final = "the incidents in the history of verdicts, open and closed, with their proofs"
SCHEMA: Final = "substrate.incidents/1"
DEFAULT: Final = "reports/ledger.jsonl"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.add_argument("ledger", metavar="LEDGER", nargs="?", default=DEFAULT, help=f"default: {DEFAULT}")
    parser.add_argument("--evidence", metavar="FILE", help="evidence whose run must stand in this ledger")
    parser.add_argument("--format", choices=("text", "json"), default="text")


def run(options: argparse.Namespace) -> int:
    """Read it, and show what it comes to."""
    from pytest_substrate.evidence.chain import read_chain
    from pytest_substrate.evidence.history import history

    chain = read_chain(
        read_file(Path(options.ledger), mend="name the ledger of your runs, such as reports/ledger.jsonl")
    )
    _, incidents = history(chain.lines)
    problems = []
    if chain.broken is not None:
        problems.append(f"{options.ledger}:{chain.broken.number}: the chain is broken: {chain.broken.message}")
    if options.evidence is not None:
        problems += _not_anchored(options.evidence, chain)
    for place in chain.torn:
        print(f"{options.ledger}:{place.number}: a line was {place.message}", file=sys.stderr)
    if options.format == "json":
        print(json.dumps(_json(options.ledger, chain, incidents, problems), indent=2, ensure_ascii=False))
    else:
        print("\n".join(_text(options.ledger, chain, incidents)))
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


def _not_anchored(name: str, chain: Chain) -> Iterator[str]:
    """Why the ledger isn't the one that the evidence speaks of. Whether the evidence is sound is `verify`'s affair."""
    from pytest_substrate.evidence.document import read_statement
    from pytest_substrate.evidence.envelope import NotEvidence, read_envelope
    from pytest_substrate.model.errors import BadInput

    try:
        head = read_statement(read_envelope(read_file(Path(name), mend="name the evidence")).payload).predicate.ledger
    except NotEvidence as error:
        raise BadInput(name, f"is not evidence: {error}", "name the file that the run left") from None
    if head is None:
        yield f"{name}: its run kept no ledger"
    elif chain.seq < head.lines or chain.lines[head.lines - 1][1].hash != head.sha256:
        yield f"{name}: its run left the head {head.sha256[:12]}… at line {head.lines}, and this ledger doesn't hold it"


def _text(name: str, chain: Chain, incidents: Sequence[Incident]) -> Iterator[str]:
    from pytest_substrate.evidence.chain import RunLine

    runs = sum(isinstance(line, RunLine) for _, line in chain.lines)
    state = "broken" if chain.broken is not None else "whole"
    still = [incident for incident in incidents if not incident.closed]
    yield f"{name}: {chain.seq} lines, {runs} runs, chain {state}, head {chain.hash[:12]}…"
    yield f"{len(still)} open, {len(incidents) - len(still)} closed"
    for incident in [*still, *(one for one in incidents if one.closed)]:
        scope = incident.scope
        where = f"{scope.target.value} {scope.account}/{scope.region} ({scope.environment})"
        yield ""
        yield f"{_status(incident):<8}{incident.check} {incident.subject}   {incident.layer.value}   {where}"
        yield f"  red    {_proof(incident.red)}   {incident.cause or ''}".rstrip()
        if incident.green is not None:
            yield f"  green  {_proof(incident.green)}"
        if incident.green is not None and not incident.changes:
            yield "         but nothing is known to have changed, so nothing proves that it was mended"
        for change in incident.changes:
            yield f"         {change.subject} {change.fact}: {_value(change.before)} → {_value(change.after)}"


def _status(incident: Incident) -> str:
    return "closed" if incident.closed else "open"


def _proof(proof: Proof) -> str:
    return f"{proof.at}  line {proof.number}  run {proof.run_id}  {proof.outcome.value}"


def _value(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


def _json(name: str, chain: Chain, incidents: Sequence[Incident], problems: Sequence[str]) -> dict[str, Any]:
    broken = chain.broken
    return {
        "schema": SCHEMA,
        "ledger": name,
        "lines": chain.seq,
        "head": chain.hash if chain.seq else None,
        "broken": None if broken is None else {"line": broken.number, "message": broken.message},
        "torn": [{"line": place.number, "message": place.message} for place in chain.torn],
        "problems": list(problems),
        "incidents": [
            {
                "status": _status(incident),
                "check": incident.check,
                "subject": incident.subject,
                "layer": incident.layer.value,
                "cause": incident.cause,
                "scope": incident.scope.model_dump(mode="json"),
                "red": _proof_json(incident.red),
                "green": None if incident.green is None else _proof_json(incident.green),
                "changes": [
                    {"subject": each.subject, "fact": each.fact, "before": each.before, "after": each.after}
                    for each in incident.changes
                ],
            }
            for incident in incidents
        ],
    }


def _proof_json(proof: Proof) -> dict[str, Any]:
    return {"line": proof.number, "run": proof.run_id, "at": proof.at, "outcome": proof.outcome.value}
