"""What must hold of every fault, whichever plane it breaks.

The ladder is climbed in this process, over the same target, observers and judges that a run uses; that whole runs tell
it the same way is what some of the messaging plane's tests hold, with a process for each.
"""

from __future__ import annotations

import contextlib
import re
import uuid
from collections.abc import Collection, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pytest_substrate.embedded.client import ATTACH_VARIABLE
from pytest_substrate.embedded.faults import Fault
from pytest_substrate.gate.declared import read_declaration
from pytest_substrate.gate.judge import judge
from pytest_substrate.gate.ladder import Ladder
from pytest_substrate.gate.required import required_pairs
from pytest_substrate.model.command import blanks
from pytest_substrate.model.outcome import Outcome, Plane, TargetKind, Vantage, Verdict
from pytest_substrate.model.record import Record, first_red
from pytest_substrate.planes.catalogue import checks_of, diagnose_with
from pytest_substrate.planes.plane import Context
from pytest_substrate.targets import make_target
from pytest_substrate.targets.observations import ObservationStore
from tests.embedded.runs import ROOT, Run

READY = ("READY", 0)
DECLARATION = ROOT / "fixtures" / "dev_min" / "substrate.toml"


def verdict(run: Run) -> tuple[object, int]:
    """The verdict of the evidence, and the exit code."""
    return run.predicate.get("verdict"), run.exit_code


def is_green_beside(record: Record, red: Record) -> bool:
    """Green, or undecided for the very cause that a later rung proves: the fault is told once, where it belongs."""
    return record.outcome.green or (record.outcome is Outcome.INCONCLUSIVE and record.cause == red.cause)


@contextlib.contextmanager
def climbed(
    plane: Plane, platform: Path, folder: Path, *faults: str, text: str | None = None, checks: Collection[str] = ()
) -> Iterator[tuple[Record, ...]]:
    """Every record of a plane on a kept platform that is broken by these faults, which are undone at the end.

    `text` is another declaration than `dev_min`'s; with `checks`, only their records and what these need are made.
    """
    told = DECLARATION.read_text(encoding="utf-8") if text is None else text
    declaration = read_declaration(told.encode(), name=DECLARATION.name)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(ATTACH_VARIABLE, str(platform))
        target = make_target(
            TargetKind.EMBEDDED,
            declaration,
            vantage=Vantage.TASK,
            folder=folder,
            owner=True,
            progress=lambda _: None,
            faults=faults,
            run_id=uuid.uuid4().hex,
        )
    with contextlib.closing(target):
        assert not target.guard()
        context = Context(
            declaration=declaration,
            target=target,
            observations=ObservationStore(),
            vantage=Vantage.TASK,
            now=datetime.now(UTC),
            run_id=uuid.uuid4().hex,
        )
        ladder = Ladder(declaration, diagnose_with(context), context.now, context.vantage)
        pairs = [pair for pair in required_pairs(declaration, [plane]) if not checks or pair.check in checks]
        yield tuple(ladder.record(pair) for pair in pairs)


def assert_green(plane: Plane, platform: Path, folder: Path) -> None:
    """The plane is READY."""
    with climbed(plane, platform, folder) as records:
        assert [] == [record for record in records if not record.outcome.green]


def assert_first_red(fault: Fault, *, plane: Plane, platform: Path, folder: Path) -> None:
    """The first red has the fault's check, layer and cause, and all before it is green.

    Each violated rung leads to a command without a blank.
    """
    with climbed(plane, platform, folder, fault.name) as records:
        red = first_red(records)
        assert red is not None
        assert (fault.check, fault.layer, fault.cause) == (red.check, red.layer, red.cause), red.message
        assert not [record for record in records[: records.index(red)] if not is_green_beside(record, red)]
        declaration = read_declaration(DECLARATION.read_bytes(), name=DECLARATION.name)
        assert Verdict.NOT_READY is judge(required_pairs(declaration, [plane]), records).verdict
        words = _blanks(plane)
        for record in records:
            if record.outcome is Outcome.VIOLATION:
                assert record.next
                assert not words & set(re.findall(r"\b[A-Z][A-Z_]+\b", record.next)), record.next


def _blanks(plane: Plane) -> set[str]:
    """How the words of a plane's commands look where nobody filled them."""
    templates = (text for check in checks_of(plane) for text in (check.next, *check.nexts.values()))
    return {word.upper() for text in templates for word in blanks(text)}
