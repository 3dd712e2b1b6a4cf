"""The state of one run, kept in `config.stash` and nowhere else: the plan, the target, the ladder, what was reported.

The controller (or the only process) decides and owns; an xdist worker reads the same declaration, joins the target
through the run's folder, and makes records. Nothing here starts anything before it is asked for.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_substrate.model.errors import BadInput
from pytest_substrate.running.asked import Options, read_options
from pytest_substrate.running.handover import INPUT, Handover, Identity
from pytest_substrate.running.house import HOUSE, House
from pytest_substrate.running.plan import Plan, Source, read_source

if TYPE_CHECKING:
    from pytest_substrate.evidence.redaction import Scrubber
    from pytest_substrate.gate.ladder import Ladder
    from pytest_substrate.planes.plane import Context
    from pytest_substrate.running.reports import Reports
    from pytest_substrate.running.workers import Workers
    from pytest_substrate.targets.port import Refusal, Target


class Refused(BadInput):
    """The guard's reasons against a target, each a line."""

    def __init__(self, target: str, refusals: Sequence[Refusal]) -> None:
        self.problems = tuple(BadInput(f"target {target}", refusal.message, refusal.mend) for refusal in refusals)
        first = self.problems[0]
        super().__init__(first.where, first.what, first.mend)


class Run:
    """One process's part of a run."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self._house: House | None = None
        self.plan: Plan | None = None
        self.workers: Workers | None = None
        """The controller's view of xdist's workers, where xdist is loaded."""
        self.late: list[str] = []
        """What offered checks of its own when the run was planned already."""
        self.made: set[str] = set()
        """What the rungs of this process came to, on the controller those of its workers too; see `record_mark`."""
        self.deselected: list[str] = []
        """The node ids that something deselected in this process."""
        self.removed_evidence = False
        """Whether an ad hoc run removed the evidence of an earlier one."""
        self.item: pytest.Item | None = None
        """The test that runs at this moment, to which attachments belong."""
        workerinput: dict[str, Any] | None = getattr(config, "workerinput", None)
        self.is_worker = workerinput is not None
        text = (workerinput or {}).get(INPUT)
        self.handover = Handover.from_text(text) if text else None
        """What the controller told this worker; None in every other process."""
        self._identity = self.handover.identity if self.handover else None
        self._options = self.handover.options if self.handover else None
        self._source: Source | None = None
        self._target: Target | None = None
        self._described: dict[str, Any] = {}
        self._context: Context | None = None
        self._ladder: Ladder | None = None
        self._reports: Reports | None = None
        self._scrubber: Scrubber | None = None
        self._looks_last = False
        self._own_folder: Path | None = None
        """A folder for the run that pytest doesn't look after."""

    @property
    def house(self) -> House:
        """The rooms behind the plugin: the real ones, unless a test of the plugin put others into the stash."""
        if self._house is None:
            self._house = self.config.stash.get(HOUSE, None) or House()
        return self._house

    @property
    def options(self) -> Options:
        """The run's options; BadInput for a wrong one."""
        if self._options is None:
            self._options = read_options(self.config)
        return self._options

    @property
    def gate(self) -> bool:
        """Whether this run ends in a verdict."""
        return self.plan is not None and not self.options.adhoc

    @property
    def collects_only(self) -> bool:
        """Whether no test will run, so that nothing may be started."""
        return bool(self.config.getoption("collectonly", False))

    @property
    def identity(self) -> Identity:
        """Made by the first process that needs it; workers get the controller's."""
        if self._identity is None:
            self._identity = Identity(
                run_id=uuid.uuid4().hex,
                started=datetime.now(UTC),
                folder=self._make_folder(),
            )
        return self._identity

    @property
    def source(self) -> Source:
        """The declaration, read once; BadInput where it can't be used."""
        if self.plan is not None:
            return self.plan.source
        if self._source is None:
            self._source = read_source(self.house, self.options.declaration, self.source_name)
        return self._source

    @property
    def source_name(self) -> str:
        """The file part of the declaration's node ids: relative to the rootdir, outside of it the file's name."""
        if self.handover is not None:
            return self.handover.source_name
        path = self.options.declaration
        root = self.config.rootpath
        return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name

    @property
    def reports(self) -> Reports:
        """What pytest reported of the rungs."""
        if self._reports is None:
            from pytest_substrate.running.reports import Reports

            self._reports = Reports(self.plan.node_ids if self.plan else {}, self.plan.own if self.plan else ())
        return self._reports

    @property
    def scrubber(self) -> Scrubber:
        """The secrets that this process knows."""
        if self._scrubber is None:
            from pytest_substrate.evidence.redaction import Scrubber

            self._scrubber = Scrubber()
            self._scrubber.on_first(self._hold_outputs)
        return self._scrubber

    @property
    def knows_secrets(self) -> bool:
        """Whether there is anything to scrub."""
        return self._scrubber is not None and bool(self._scrubber)

    def target(self) -> Target:
        """The target, started (or joined) on first use and let in by its guard.

        BadInput or TargetError where it can't serve; Refused with every reason of the guard.
        """
        if self._target is None:
            target = self.house.target(
                self.source.declaration, self.options, self.identity, owner=self.handover is None, progress=self.say
            )
            secrets = getattr(target, "secrets", None)  # a stand-in of a test has none
            if secrets is not None:
                secrets.pass_on(self.scrubber.add)  # before the first call, which signs with one of them
            refusals = () if self.handover is not None else tuple(target.guard())
            if refusals:
                target.close()
                raise Refused(self.options.target.value, refusals)
            self._target = target
        return self._target

    def start(self) -> None:
        """Start the target, and ask it who it is."""
        self._described = dict(self.target().describe())

    @property
    def described(self) -> dict[str, Any]:
        """What the target said of itself when it was started; empty before."""
        return self._described

    @property
    def context(self) -> Context:
        """What planes judge with."""
        if self._context is None:
            from pytest_substrate.planes.plane import Context

            self._context = Context(
                declaration=self.source.declaration,
                target=self.target(),
                observations=self.house.observations(self.identity.folder),
                vantage=self.options.vantage,
                now=self.identity.started,
                run_id=self.identity.run_id,
                plan=self.options.plan,
                known_since=self._known_since,
            )
        return self._context

    def _known_since(self, subject: str, fact: str, value: str) -> datetime | None:
        """What the ledger beside the evidence says; one that is broken or can't be read says nothing."""
        from pytest_substrate.evidence.since import read_known_since

        declaration = self.source.declaration
        scope = {name: str(getattr(declaration, name)) for name in ("account", "region", "environment")}
        ledger = self.options.evidence.with_name("ledger.jsonl")
        return read_known_since(ledger, {**scope, "target": self.options.target.value}, (subject, fact, value))

    @property
    def ladder(self) -> Ladder:
        """What makes this process's records."""
        if self._ladder is None:
            own = self.plan is not None and self.plan.own
            self._ladder = self.house.ladder(self.context, self.plan.checks if self.plan and own else None)
        return self._ladder

    def oldest_observation(self) -> datetime:
        """When the oldest observation was read; the run's start, which is no later, where none can tell."""
        oldest = getattr(self.context.observations, "oldest", None) if self._target is not None else None
        return (oldest() if oldest is not None else None) or self.identity.started

    def say(self, text: str) -> None:
        """One line for a person, now, whatever is being captured; unheard without a terminal, and under -qq."""
        with self.terminal() as reporter:
            if reporter is not None and self.config.get_verbosity() > -2:
                begin_line(reporter)
                reporter.write_line(f"substrate: {text}")
                reporter.flush()

    @contextlib.contextmanager
    def terminal(self) -> Iterator[pytest.TerminalReporter | None]:
        """The terminal with capturing set aside; None where there is none."""
        reporter = self.config.pluginmanager.getplugin("terminalreporter")
        capture = self.config.pluginmanager.getplugin("capturemanager")
        with capture.global_and_fixture_disabled() if capture is not None else contextlib.nullcontext():
            yield reporter

    def close(self) -> None:
        """Give back the target and the scrubber's hold on logging."""
        target, self._target = self._target, None
        if self._scrubber is not None:
            self._scrubber.release()
        if target is not None:
            target.close()
        if self._own_folder is not None:
            shutil.rmtree(self._own_folder, ignore_errors=True)

    def _hold_outputs(self) -> None:
        """From the first secret on, pytest's own outputs are scrubbed."""
        from pytest_substrate.running.outputs import Outputs

        outputs = Outputs(self)
        outputs.hold_terminal()
        self.config.pluginmanager.register(outputs, "substrate_outputs")
        if self.plan is None:
            self.look_last()

    def look_last(self) -> None:
        """In a run that demands no plane, sweep the outputs at the end all the same."""
        if not self._looks_last:
            from pytest_substrate.running.sweep import LastLook

            self._looks_last = True
            self.config.pluginmanager.register(LastLook(self))

    def _make_folder(self) -> Path:
        factory = getattr(self.config, "_tmp_path_factory", None)
        if factory is None:  # -p no:tmpdir
            self._own_folder = Path(tempfile.mkdtemp(prefix="pytest-substrate-"))
            return self._own_folder
        folder: Path = factory.getbasetemp() / f"substrate-{os.getpid()}"
        folder.mkdir(mode=0o700)
        return folder


def begin_line(reporter: pytest.TerminalReporter) -> None:
    """Leave a line of progress dots; the reporter itself knows of none under xdist."""
    reporter.ensure_newline()
    if reporter._tw.width_of_current_line:
        reporter._tw.line()
