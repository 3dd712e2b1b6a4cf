"""What pytest reported of the rungs, on the process that decides: their records, and whatever took one away.

Ordering hazards: under xdist the reports of several rungs interleave, and a lost worker's rung gets one report more,
with `when` "???". So everything is kept by pair, and nothing is concluded before the end.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Generator, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

import pytest

from pytest_substrate.gate.judge import Problem
from pytest_substrate.model.check import Pair
from pytest_substrate.model.outcome import Outcome
from pytest_substrate.model.record import Record
from pytest_substrate.model.subjects import holder
from pytest_substrate.running.collection import RECORD

if TYPE_CHECKING:
    from pytest_substrate.running.state import Run

ATTACHMENT = "substrate.attachment"
"""The name of the report property that carries what `evidence.attach` was given, as JSON text."""


def record_mark(record: Record) -> str:
    """What a record says that a verdict rests on, as one text: by it a report is held against what a rung came to.

    Texts for people are left out, as a report's may have been scrubbed on the way.
    """
    image = record.facts.get("image_digest")
    return json.dumps([record.check, record.subject, record.outcome, record.layer, record.cause, image], default=str)


class Listener:
    """The hooks of the process that decides, registered where a plane is demanded."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._awaited: set[str] = set()

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> Generator[None, object, object]:
        """Before JUnit and the terminal see it, as the record's text is none of theirs; and once more after them."""
        self._run.reports.note(report)
        outcome = report.outcome
        try:
            return (yield)
        finally:
            if report.outcome != outcome:
                self._run.reports.note_changed(report, outcome)

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Under xdist nobody hears a worker: say when it begins with what a probe has to be sent for."""
        run = self._run
        pair = run.reports.pair_of(nodeid)
        if run.workers is None or not run.workers.started or pair is None or run.plan is None:
            return
        subject = holder(pair.subject)
        if run.plan.checks[pair.check].runtime and subject not in self._awaited:
            self._awaited.add(subject)
            run.say(f"a worker looks into {subject} from {run.options.vantage.value}")

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """A file that can't be collected."""
        self._run.reports.note_collection(report)

    @pytest.hookimpl(tryfirst=True)
    def pytest_report_teststatus(self, report: pytest.TestReport) -> tuple[str, str, object] | None:
        """A red rung under its own name: the ladder tells its story, so pytest's failure section need not."""
        record = self._run.reports.record_of(report.nodeid)
        if report.when != "call" or record is None:
            return None
        if record.outcome.green or not report.failed:
            return None
        word = record.outcome.value.replace("_", " ")
        category = "violated" if record.outcome is Outcome.VIOLATION else word.lower()
        return category, word[0], (f"{word} ({record.layer.value})", {"red": True})


class Reports:
    """Collects; `records` and `problems` are what the judge is given."""

    def __init__(self, node_ids: Mapping[str, Pair], own: Collection[str] = ()) -> None:
        self._node_ids = node_ids
        self._own = own
        """The ids of the user's own checks."""
        self.records: list[Record] = []
        self.problems: list[Problem] = []
        self.attachments: list[dict[str, object]] = []
        self.failed_tests: set[str] = set()
        """The node ids of tests that are no rungs and failed."""
        self.failed_files: set[str] = set()
        """Those of what could not be collected."""
        self.withheld: list[str] = []
        """A line for each output that a worker withheld, as it held a secret."""
        self._by_node: dict[str, Record] = {}

    @property
    def tests_failed(self) -> bool:
        """Whether a test that is not a rung, or the collection of one, failed."""
        return bool(self.failed_tests or self.failed_files)

    def pair_of(self, node_id: str) -> Pair | None:
        """The pair behind a node id; None for another test. `--dist loadgroup` appends `@GROUP`."""
        return self._node_ids.get(node_id) or self._node_ids.get(node_id.partition("]@")[0] + "]")

    def record_of(self, node_id: str) -> Record | None:
        """The record that a rung's report brought."""
        return self._by_node.get(node_id)

    def note(self, report: pytest.TestReport) -> None:
        """Take what a report carries out of its properties, and see what it says."""
        texts = [str(value) for name, value in report.user_properties if name == RECORD]
        attached = [str(value) for name, value in report.user_properties if name == ATTACHMENT]
        report.user_properties = [
            (name, value) for name, value in report.user_properties if name not in (RECORD, ATTACHMENT)
        ]
        if report.when == "teardown":
            self.attachments += [{"test": report.nodeid, **json.loads(text)} for text in attached]
        pair = self.pair_of(report.nodeid)
        if pair is None:
            self.failed_tests.update([report.nodeid] if report.failed else [])
        else:
            self._note_rung(report, pair, texts)

    def note_changed(self, report: pytest.TestReport, outcome: str) -> None:
        """A rung whose outcome something changed on its way to the reporters."""
        pair = self.pair_of(report.nodeid)
        if pair is not None:
            self._problem(pair, "changed", f"was reported as {report.outcome}, although it had {outcome}")

    def note_collection(self, report: pytest.CollectReport) -> None:
        """A test file that can't be collected is a failed test of the user's."""
        self.failed_files.update([report.nodeid] if report.failed else [])

    def note_deselected(self, node_ids: Iterable[str]) -> None:
        """Rungs that something deselected."""
        known = {problem.pair for problem in self.problems if problem.reason == "deselected"}
        for node_id in node_ids:
            pair = self.pair_of(node_id)
            if pair is not None and pair not in known:
                known.add(pair)
                self._problem(pair, "deselected", "was deselected")

    def foreign(self, made: Collection[str]) -> Iterator[Problem]:
        """A problem for each record that says something else than a rung came to."""
        for record in self.records:
            if record_mark(record) not in made:
                name, told = f"{record.check} {record.subject}", record.outcome.value
                what = f"{name} was reported as {told} with another cause or image than it came to"
                yield Problem(reason="changed", message=what, pair=Pair(record.check, record.subject))

    def note_late(self, names: Iterable[str]) -> None:
        """Checks that were offered too late to take part, and so were not made."""
        for name in names:
            message = f"{name} registers checks after the run was planned; move them into the rootdir's conftest.py"
            self.problems.append(Problem(reason="registered-late", message=message))

    def _note_rung(self, report: pytest.TestReport, pair: Pair, texts: list[str]) -> None:
        if report.outcome not in ("passed", "failed", "skipped"):
            self._problem(pair, "rerun", f"was run again ({report.outcome})")
        elif hasattr(report, "wasxfail"):
            word = "xfailed" if report.skipped else "xpassed"
            self._problem(pair, word, f"is marked as an expected failure ({word})")
        elif report.skipped:
            self._problem(pair, "skipped", "was skipped")
        if report.when == "call":
            self._note_record(report, pair, texts)
        elif report.when not in ("setup", "teardown"):
            self._problem(pair, "lost", f"was lost with its worker: {report.longrepr}")
        elif report.failed:
            self._problem(pair, f"{report.when}-failed", f"failed in its {report.when}")

    def _note_record(self, report: pytest.TestReport, pair: Pair, texts: list[str]) -> None:
        if not texts:
            if report.failed:
                whose = "an error of its judge, which is your own," if pair.check in self._own else "an error of ours,"
                self._problem(pair, "broken", f"could not be judged: {whose} is shown above")
            return
        for text in texts:
            try:
                record = Record.from_json(json.loads(text))
            except (KeyError, TypeError, ValueError):
                self._problem(pair, "unreadable", "brought a record that can't be read")
                continue
            if (record.check, record.subject) != (pair.check, pair.subject):
                self._problem(pair, "foreign", f"brought a record of {record.check} {record.subject}")
                continue
            self.records.append(record)
            self._by_node[report.nodeid] = record
            if record.outcome.green and report.failed:
                self._problem(pair, "changed", "failed, although its record is green")
            elif report.passed and not record.outcome.green:
                self._problem(pair, "changed", f"passed, although its record is {record.outcome.value}")

    def _problem(self, pair: Pair, reason: str, what: str) -> None:
        text = " ".join(f"{pair.check} {pair.subject} {what}".split())
        self.problems.append(Problem(reason=reason, message=text, pair=pair))
