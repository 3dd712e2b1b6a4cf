"""The hooks of a run that demands a plane, on every process of it. Each hands on."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pytest_substrate.model.check import Check
    from pytest_substrate.model.record import Record
    from pytest_substrate.running.collection import DeclarationFile, RungItem
    from pytest_substrate.running.plan import Plan
    from pytest_substrate.running.state import Run


class Hooks:
    """Registered where a plan was made."""

    def __init__(self, run: Run, plan: Plan) -> None:
        self._run = run
        self._plan = plan

    def pytest_report_header(self) -> str:
        """One line, from what is known without asking anyone."""
        options = self._run.options
        planes = ", ".join(plane.value for plane in self._plan.planes)
        faults = f", broken by {', '.join(options.faults)}" if options.faults else ""
        name, count = self._plan.source.name, len(self._plan.pairs)
        return f"substrate: {planes} of {name}, {count} checks, target: {options.target.value}{faults}"

    def pytest_collect_file(self, file_path: Path, parent: pytest.Collector) -> DeclarationFile | None:
        """The declaration."""
        from pytest_substrate.running.collection import collect_declaration

        return collect_declaration(file_path, parent)

    def pytest_deselected(self, items: Sequence[pytest.Item]) -> None:
        """Keep the names of what was deselected, so that a missing rung can be told why."""
        self._run.deselected.extend(item.nodeid for item in items)

    def pytest_plugin_registered(self, plugin: object, plugin_name: str) -> None:
        """A conftest that pytest meets only while it collects comes too late to register checks: see, and say so."""
        if hasattr(plugin, "pytest_substrate_checks"):
            name = Path(plugin_name)
            root = self._run.config.rootpath
            self._run.late.append(name.relative_to(root).as_posix() if name.is_relative_to(root) else name.name)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> Generator[None, object, object]:
        """Start the target before the first rung: here, where workers already collect and nothing was asked yet."""
        from pytest_substrate.running.ending import have_the_last_word
        from pytest_substrate.running.start import start_target

        have_the_last_word(self._run)
        if not self._run.collects_only and not self._run.is_worker:
            start_target(self._run, session)
        try:
            return (yield)
        finally:
            have_the_last_word(self._run)  # a test may have registered a wrapper that wants it

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> None:
        """Whose turn it is, for what a test attaches to the evidence."""
        self._run.item = item


class RungFixtures:
    """The fixture of the shipped acceptance modules."""

    @pytest.fixture
    def rung(self, request: pytest.FixtureRequest) -> Rung:
        """The rung that this test of the declaration stands for."""
        return Rung(request.node)


class Rung:
    """What a shipped acceptance test states: a check, and what it came to for one subject."""

    def __init__(self, item: RungItem) -> None:
        self._item = item

    @property
    def record(self) -> Record:
        """The record; the item made it before the test function was called."""
        if self._item.record is None:
            raise LookupError("the record is made when the test is called, not while it is set up")
        return self._item.record

    @property
    def check(self) -> Check:
        """What was asked."""
        return self._item.check

    def __str__(self) -> str:
        record = self.record
        return f"{record.check} {record.subject} {record.outcome.value} [{record.layer.value}] {record.message}"
