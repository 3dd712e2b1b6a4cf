"""What must hold of every fault, whichever plane it breaks."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from pytest_substrate.embedded.faults import Fault
from pytest_substrate.model.check import Check
from pytest_substrate.model.command import blanks
from pytest_substrate.model.outcome import Outcome
from pytest_substrate.model.record import Record, first_red
from tests.embedded.runs import Run, run_plane

READY = ("READY", 0)


def verdict(run: Run) -> tuple[object, int]:
    """The verdict of the evidence, and the exit code."""
    return run.predicate.get("verdict"), run.exit_code


def is_green_beside(record: Record, red: Record) -> bool:
    """Green, or undecided for the very cause that a later rung proves: the fault is told once, where it belongs."""
    return record.outcome.green or (record.outcome is Outcome.INCONCLUSIVE and record.cause == red.cause)


def assert_first_red(
    fault: Fault, *, plane: str, checks: Iterable[Check], folder: Path, env: Mapping[str, str]
) -> None:
    """The first red has the fault's check, layer and cause, and all before it is green.

    Each violated rung leads to a command without a blank.
    """
    broken = run_plane(folder, "--substrate-fault", fault.name, env=env, plane=plane)
    red = first_red(broken.records)
    assert red is not None, broken.output
    assert (fault.check, fault.layer, fault.cause) == (red.check, red.layer, red.cause), broken.output
    assert not [record for record in broken.records[: broken.records.index(red)] if not is_green_beside(record, red)]
    assert ("NOT READY", 1) == verdict(broken)
    words = {word.upper() for check in checks for text in (check.next, *check.nexts.values()) for word in blanks(text)}
    for record in broken.records:
        if record.outcome is Outcome.VIOLATION:
            assert record.next
            assert not words & set(re.findall(r"\b[A-Z][A-Z_]+\b", record.next)), record.next
