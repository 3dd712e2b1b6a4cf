"""The platform that a story is told on: held alone, changed chapter by chapter, and climbed as a run climbs it.

Each chapter is looked at as a run of its own would: a new session, new observations, its own time. What it comes to
goes into a ledger of the story's own, which tells at the end what was opened and what was closed.
"""

from __future__ import annotations

import contextlib
import hashlib
import tempfile
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from pytest_substrate.adapters.aws.job_logs import read_job_log
from pytest_substrate.embedded.client import begin_chapter, take_back
from pytest_substrate.embedded.platform.observer import declaration_file
from pytest_substrate.evidence.chain import read_chain
from pytest_substrate.evidence.history import Incident, history
from pytest_substrate.evidence.ledger import LedgerRun, append_run
from pytest_substrate.evidence.redaction import Net
from pytest_substrate.evidence.since import read_known_since
from pytest_substrate.gate.declared import read_declaration
from pytest_substrate.gate.judge import Judgement, judge
from pytest_substrate.gate.ladder import Ladder
from pytest_substrate.gate.required import required_pairs
from pytest_substrate.model.check import Pair
from pytest_substrate.model.errors import BadInput
from pytest_substrate.model.outcome import Plane, TargetKind, Vantage
from pytest_substrate.planes.catalogue import diagnose_with
from pytest_substrate.planes.packaging.plan import judge_plan, read_plan, records_of
from pytest_substrate.planes.plane import Context
from pytest_substrate.targets import make_target
from pytest_substrate.targets.observations import ObservationStore
from pytest_substrate.targets.port import TargetError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_substrate.model.aws.instant import Instant
    from pytest_substrate.model.aws.job_log import LoggedDenial
    from pytest_substrate.model.declaration import Declaration
    from pytest_substrate.model.record import Record
    from pytest_substrate.targets.embedded import EmbeddedTarget

_PREFIX: Final = "substrate-replay-"
_LEDGER: Final = "ledger.jsonl"
_RUN: Final = "run"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a look at the platform came to: the plane's judgement, and the rungs beside it that were asked for."""

    judgement: Judgement
    beside: tuple[Record, ...] = ()

    @property
    def records(self) -> tuple[Record, ...]:
        """Those of the plane, in ladder order."""
        return self.judgement.records


class Stage:
    """One platform, one declaration, one ledger."""

    def __init__(self, target: EmbeddedTarget, declaration: Declaration, digest: str, folder: Path) -> None:
        self.target = target
        self.declaration = declaration
        self.secrets = Net()
        """What must not be printed."""
        self._digest = digest
        self._folder = folder
        self._ledger = folder / _LEDGER
        target.secrets.pass_on(self.secrets.add)

    def begin(self, name: str) -> None:
        """Make the change of a chapter. BadInput where that can't be done."""
        begin_chapter(self.target.attachment, name)

    def take_back(self, name: str) -> None:
        """Undo the change of a chapter."""
        take_back(self.target.attachment, name)

    def climb(self, plane: Plane, beside: Sequence[Pair] = ()) -> Seen:
        """Every rung of a plane, and a few of others."""
        now, run_id = datetime.now(UTC), uuid.uuid4().hex
        with contextlib.closing(self._joined()) as target:
            target.secrets.pass_on(self.secrets.add)
            context = Context(
                declaration=self.declaration,
                target=target,
                observations=ObservationStore(),
                vantage=Vantage.TASK,
                now=now,
                run_id=run_id,
                known_since=self._known_since,
            )
            ladder = Ladder(self.declaration, diagnose_with(context), now, context.vantage)
            pairs = required_pairs(self.declaration, [plane])
            judgement = judge(pairs, [ladder.record(pair) for pair in pairs])
            others = tuple(ladder.record(pair) for pair in beside)
        self._write_down(run_id, plane, judgement)
        return Seen(judgement=judgement, beside=others)

    def judge_plan(self, name: str) -> Seen:
        """A pending plan below the platform's folder, by the code of `substrate plan`."""
        path = self.target.records / name
        judged = judge_plan(read_plan(path.read_bytes(), name=name), now=datetime.now(UTC))
        records = records_of(judged, next_command=f"substrate plan {name}")
        return Seen(judgement=judge([Pair(one.check, one.subject) for one in records], records))

    def last_lines(self, group: str, stream: str, most: int = 20) -> tuple[str, ...]:
        """The last lines of a log stream, scrubbed; none where it can't be read."""
        lines: list[str] = []

        def keep(found: Sequence[str], _: Sequence[Instant]) -> tuple[LoggedDenial, ...]:
            lines.extend(found)
            return ()

        read_job_log(self.target.client("logs"), group, stream, keep)
        return tuple(self.secrets.scrub(line) for line in lines[-most:])

    def incidents(self) -> tuple[Incident, ...]:
        """What the story's ledger opened, and what of it is closed."""
        if not self._ledger.exists():
            return ()
        return history(read_chain(self._ledger.read_bytes()).lines)[1]

    def _joined(self) -> EmbeddedTarget:
        joined = make_target(
            TargetKind.EMBEDDED,
            self.declaration,
            vantage=Vantage.TASK,
            folder=self._folder / _RUN,
            owner=False,
            progress=_unheard,
        )
        return cast("EmbeddedTarget", joined)

    def _known_since(self, subject: str, fact: str, value: str) -> datetime | None:
        scope: dict[str, str] = {
            name: str(getattr(self.declaration, name)) for name in ("account", "region", "environment")
        }
        return read_known_since(self._ledger, {**scope, "target": TargetKind.EMBEDDED.value}, (subject, fact, value))

    def _write_down(self, run_id: str, plane: Plane, judgement: Judgement) -> None:
        run = LedgerRun(
            run_id=run_id,
            at=datetime.now(UTC),
            kind=TargetKind.EMBEDDED,
            declaration_sha256=self._digest,
            planes={plane.value: judgement.verdict},
            judgement=judgement,
            declaration=self.declaration,
        )
        append_run(self._ledger, run, scrub=self.secrets.scrub_tree)


@contextlib.contextmanager
def stage(progress: Callable[[str], None]) -> Iterator[Stage]:
    """A stage for the length of the block: a platform of one's own, or the kept one that the environment names.

    At its end every change is undone, and the platform stopped unless it is a kept one. BadInput where it can't be had.
    """
    file = declaration_file()
    raw = file.read_bytes()
    declaration = read_declaration(raw, name=file.name)
    with tempfile.TemporaryDirectory(prefix=_PREFIX) as name:
        folder = Path(name)
        target = _owned(declaration, folder, progress)
        with contextlib.closing(target):
            refusals = target.guard()
            if refusals:
                raise BadInput("the embedded platform", refusals[0].message, refusals[0].mend)
            yield Stage(target, declaration, f"sha256:{hashlib.sha256(raw).hexdigest()}", folder)


def _owned(declaration: Declaration, folder: Path, progress: Callable[[str], None]) -> EmbeddedTarget:
    options: Mapping[str, Any] = {"folder": folder / _RUN, "owner": True, "alone": True, "progress": progress}
    try:
        return cast(
            "EmbeddedTarget",
            make_target(TargetKind.EMBEDDED, declaration, vantage=Vantage.TASK, **options),
        )
    except TargetError as error:
        what, _, mend = str(error).partition("; ")
        raise BadInput("the embedded platform", what, mend or "run again when it is free") from None


def _unheard(_: str) -> None:
    """What a joined target says, its owner has said."""
