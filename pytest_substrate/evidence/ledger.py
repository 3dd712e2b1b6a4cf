"""Writing the ledger: one line a run, and one for each check that came to something else than before.

It is only ever appended to, under a lock, in one write that reaches the disk before its head goes into the evidence. A
line that a crash cut off stays where it is, and the next writer accounts for it. A chain that is broken is not
continued: nobody could tell later on which side of the break the truth is.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pytest_substrate.evidence.chain import SCHEMA, Chain, Scope, chained, read_chain, read_line
from pytest_substrate.evidence.history import State, history, identifying
from pytest_substrate.evidence.statement import LedgerHead
from pytest_substrate.model.errors import BadInput
from pytest_substrate.model.outcome import Outcome, TargetKind, Verdict
from pytest_substrate.model.subjects import holder, used_by

if TYPE_CHECKING:
    from pytest_substrate.gate.judge import Judgement
    from pytest_substrate.model.declaration import Declaration
    from pytest_substrate.model.record import Record

DEADLINE_S: Final = 10.0
"""How long a run waits for another one that writes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerRun:
    """What a run hands to its ledger; `at` is when it finished (UTC)."""

    run_id: str
    at: datetime
    kind: TargetKind
    declaration_sha256: str
    planes: Mapping[str, Verdict]
    judgement: Judgement
    declaration: Declaration


def append_run(
    path: Path, run: LedgerRun, *, scrub: Callable[[Any], Any] = lambda tree: tree, deadline_s: float = DEADLINE_S
) -> LedgerHead:
    """Append the run's lines and return the head after them, for the evidence.

    OSError (a TimeoutError where another run holds it past the deadline) and BadInput, for a chain that is broken:
    then nothing was written, and the run has no evidence to leave.
    """
    from filelock import FileLock, Timeout

    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path.with_name(f".{path.name}.lock"), timeout=deadline_s)
    try:
        with lock:
            raw = path.read_bytes() if path.exists() else b""
            chain = read_chain(raw)
            if chain.broken is not None:
                raise BadInput(
                    f"{path}:{chain.broken.number}", chain.broken.message, "keep the file for whoever asks, elsewhere"
                )
            text, head = _lines(chain, run, scrub)
            _append(path, text.encode())
            return head
    except Timeout:
        raise TimeoutError(f"another run has held {path.name} for {deadline_s:g} s") from None


def head(path: Path) -> LedgerHead | None:
    """Where the ledger ends; None for none. BadInput for a broken chain."""
    try:
        chain = read_chain(path.read_bytes())
    except FileNotFoundError:
        return None
    if chain.broken is not None:
        raise BadInput(f"{path}:{chain.broken.number}", chain.broken.message, "the chain is broken from here on")
    return LedgerHead(lines=chain.seq, sha256=chain.hash) if chain.seq else None


def _lines(chain: Chain, run: LedgerRun, scrub: Callable[[Any], Any]) -> tuple[str, LedgerHead]:
    """The text to append, and where the ledger ends with it."""
    begin = "" if chain.ended else "\n"
    at = run.at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    scope = {name: str(getattr(run.declaration, name)) for name in ("account", "region", "environment")}
    scope["target"] = run.kind.value
    states, _ = history(chain.lines)
    bodies: list[dict[str, Any]] = []
    if chain.rest:
        cut_off = hashlib.sha256(chain.rest).hexdigest()
        bodies.append({"kind": "torn", "bytes": len(chain.rest), "sha256": cut_off})
    common = {"run_id": run.run_id, "scope": scope}
    bodies.append(common | _run(run))
    state = states.get(Scope.model_validate_json(json.dumps(scope)), State())
    bodies += [common | transition for transition in _transitions(run, state)]
    seq, previous, texts = chain.seq, chain.hash, []
    for body in bodies:
        seq += 1
        clean = {**scrub(body), "kind": body["kind"], "schema": SCHEMA, "seq": seq, "previous": previous, "at": at}
        text, previous = chained(clean)
        if isinstance(read_line(text.encode()), str):  # a mask stands where the chain needs the word itself
            raise BadInput("the ledger", "a line would hold a secret where a name must stand", "choose another name")
        texts.append(f"{text}\n")
    return begin + "".join(texts), LedgerHead(lines=seq, sha256=previous)


def _run(run: LedgerRun) -> dict[str, Any]:
    judgement = run.judgement
    facts: dict[str, dict[str, Any]] = {}
    for record in judgement.records:
        for name, value in record.facts.items():
            if identifying(name):
                facts.setdefault(record.subject, {})[f"{record.check} {name}"] = value
    return {
        "kind": "run",
        "declaration": run.declaration_sha256.removeprefix("sha256:"),
        "verdict": judgement.verdict.value,
        "planes": {plane: verdict.value for plane, verdict in run.planes.items()},
        "counts": {outcome.value: judgement.counts.get(outcome, 0) for outcome in Outcome},
        "facts": facts,
    }


def _transitions(run: LedgerRun, state: State) -> list[dict[str, Any]]:
    """What differs from the scope's last known outcomes; a first sight counts where it isn't PASS."""
    found = []
    for record in run.judgement.records:
        before = state.outcomes.get((record.check, record.subject), Outcome.PASS)
        if record.outcome is not before:
            known = (record.check, record.subject) in state.outcomes
            found.append(_transition(record, before if known else None, run.declaration))
    return found


def _transition(record: Record, before: Outcome | None, declaration: Declaration) -> dict[str, Any]:
    own = holder(record.subject)
    return {
        "kind": "transition",
        "check": record.check,
        "subject": record.subject,
        "before": None if before is None else before.value,
        "outcome": record.outcome.value,
        "layer": record.layer.value,
        "cause": record.cause,
        "stands_on": list(dict.fromkeys((record.subject, own, *_used(declaration, own)))),
    }


def _used(declaration: Declaration, subject: str) -> tuple[str, ...]:
    """What a declared subject uses; nothing is known of a subject of the user's own making."""
    try:
        return used_by(declaration, subject)
    except (KeyError, ValueError):
        return ()


def _append(path: Path, data: bytes) -> None:
    """All of it, on the disk, or an OSError; a part that was written is what the next writer finds torn."""
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        left = memoryview(data)
        while left:
            left = left[os.write(handle, left) :]
        os.fsync(handle)
    finally:
        os.close(handle)
