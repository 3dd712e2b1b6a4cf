"""The declaration as a test file: its rungs, collected into the shipped acceptance modules.

    substrate.toml::messaging_plane::MSG-160[service-ingest]

A rung is a function of a shipped module under a name of its own, so fixtures, selection by id, JUnit and assertion
rewriting work as everywhere; which names a user's `python_files` or `python_functions` admit doesn't matter. The record
is made by the item, not by a fixture: another conftest may replace a fixture, never what was seen.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_substrate.model.outcome import Plane
from pytest_substrate.model.record import Record
from pytest_substrate.running import RUN

if TYPE_CHECKING:
    from _pytest._code.code import ExceptionInfo, TerminalRepr

    from pytest_substrate.model.check import Check, Pair
    from pytest_substrate.model.diagnosis import Diagnosis
    from pytest_substrate.running.plan import Plan
    from pytest_substrate.running.state import Run

RECORD = "substrate.record"
"""The name of the report property that carries a record, as JSON text."""


_STATED = (pytest.fail.Exception, AssertionError)
"""What an acceptance function raises for a red rung: ours, and one that somebody put into its place."""


class DeclarationFile(pytest.File):
    """`substrate.toml` in the collection tree."""

    def collect(self) -> Iterable[pytest.Collector]:
        """A module for each plane that has pairs, `substrate` first."""
        plan = _run(self).plan
        assert plan is not None  # noqa: S101  the hook makes this node for a plan
        for plane in plan.modules:
            yield PlaneModule.from_parent(
                self, name=plane.value, path=_module_path(plane), nodeid=f"{self.nodeid}::{plane.value}"
            )


class PlaneModule(pytest.Module):
    """A shipped acceptance module; its one test function serves every rung of the plane."""

    def collect(self) -> Iterator[RungItem]:
        """A rung for each pair, whatever the module's functions are called."""
        plan = _run(self).plan
        assert plan is not None  # noqa: S101  see above
        plane = Plane(self.name)
        for marked in plan.planes if plane is Plane.SUBSTRATE else (plane,):
            self.add_marker(getattr(pytest.mark, marked.value))
        function = getattr(self.obj, f"test_{plane.value}")
        self.session._fixturemanager.parsefactories(self)
        for pair in plan.modules[plane]:
            own = plan.own.get(pair.check)
            yield RungItem.of(self, function, pair) if own is None else OwnRungItem.made(self, own.judge, pair)


class RungItem(pytest.Function):
    """One check asked of one subject."""

    pair: Pair
    record: Record | None = None

    @classmethod
    def of(cls, module: PlaneModule, function: Callable[..., object], pair: Pair) -> RungItem:
        """Made under the name `CHECK[subject]`; reporters that split names see the check as the function."""
        item: RungItem = cls.from_parent(module, name=pair.node_name, callobj=function)
        item.pair = pair
        item.originalname = pair.check
        structured = getattr(item, "_id", None)  # pytest 9.2 keeps node ids in parts; before that they are text
        if structured is not None:
            item._id = type(structured).parse(item.nodeid)
        return item

    @property
    def check(self) -> Check:
        """The check that is asked."""
        plan = _run(self).plan
        assert plan is not None  # noqa: S101  see above
        return plan.checks[self.pair.check]

    def runtest(self) -> None:
        """Make the record, send it with the report, then let the acceptance function state it."""
        from pytest_substrate.running.reports import record_mark

        run = _run(self)
        self.record = self.judged(run)
        run.made.add(record_mark(self.record))
        self.user_properties.extend(report_properties(self.record))
        if self.config.getoption("allure_report_dir", None):
            from pytest_substrate.report.allure import describe

            describe(self.record, self.check)
        self.state()

    def judged(self, run: Run) -> Record:
        """What the pair comes to."""
        return run.ladder.record(self.pair)

    def state(self) -> None:
        """Let the acceptance function say so."""
        super().runtest()

    def repr_failure(self, excinfo: ExceptionInfo[BaseException], style: Any = None) -> str | TerminalRepr:  # noqa: ARG002  pytest's signature
        """A red rung in a few lines, with no traceback; anything else as pytest shows it."""
        if self.record is not None and not self.record.outcome.green and excinfo.errisinstance(_STATED):
            from pytest_substrate.report.terminal import failure_text

            return failure_text(self.record, self.check, self.config.rootpath)
        return super().repr_failure(excinfo)

    def reportinfo(self) -> tuple[Path, int, str]:
        """The declaration is where a rung is declared; pytest wants a line for the place of a skip."""
        return _run(self).options.declaration, 0, f"{self.pair.check} {self.pair.subject}"


class OwnRungItem(RungItem):
    """A user's own check asked of one subject: its judge is the test function, and takes fixtures as one does."""

    @classmethod
    def made(cls, module: PlaneModule, judge: Callable[..., object], pair: Pair) -> RungItem:
        """The judge bears its marks here too; `subject` is given to it where it takes that."""
        takes = "subject" in inspect.signature(judge).parameters
        function = functools.partial(judge, subject=pair.subject) if takes else functools.partial(judge)
        function.__dict__["pytestmark"] = getattr(judge, "pytestmark", [])
        return cls.of(module, function, pair)

    def judged(self, run: Run) -> Record:
        """What the judge says, where what it needs is green."""
        return run.ladder.record(self.pair, self._diagnosis)

    def state(self) -> None:
        """Fail the test for a red record."""
        record = self.record
        if record is not None and not record.outcome.green:
            pytest.fail(f"{record.check} {record.subject} {record.outcome} [{record.layer}] {record.message}", False)

    def _diagnosis(self) -> Diagnosis:
        from pytest_substrate.gate.own import judged

        return judged(self.obj(**{name: self.funcargs[name] for name in self._fixtureinfo.argnames}), self.pair.check)


def report_properties(record: Record) -> list[tuple[str, object]]:
    """What travels with a report: the record as text, and what JUnit shows of it."""
    import json

    return [
        (RECORD, json.dumps(record.to_json())),
        ("check", record.check),
        ("subject", record.subject),
        ("layer", record.layer.value),
        ("cause", record.cause or ""),
    ]


def collect_declaration(file_path: Path, parent: pytest.Collector) -> DeclarationFile | None:
    """The node of the plan's declaration; None for every other file, and in a run that demands nothing."""
    run = parent.config.stash.get(RUN, None)
    if run is None or run.plan is None or not _same(file_path, run.plan):
        return None
    return DeclarationFile.from_parent(parent, path=file_path, nodeid=run.plan.source.name)


def _same(file_path: Path, plan: Plan) -> bool:
    path = plan.source.path
    return file_path == path or (file_path.name == path.name and file_path.resolve() == path.resolve())


def _module_path(plane: Plane) -> Path:
    from pytest_substrate import acceptance

    return Path(inspect.getfile(acceptance)).parent / f"test_{plane.value}.py"


def _run(node: pytest.Item | pytest.Collector) -> Run:
    return node.config.stash[RUN]
