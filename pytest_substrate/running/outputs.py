"""Scrubbing of what pytest itself puts out: reports (and so JUnit, terminal, xdist's channel), warnings, the terminal.

The wrappers are `trylast`, so that they are the innermost: every other plugin's wrapper (Allure's too) sees clean text.
Where no secret is known, each costs one look.
"""

from __future__ import annotations

import warnings
from collections.abc import Generator
from typing import TYPE_CHECKING, Any, Final

import pytest

if TYPE_CHECKING:
    from pytest_substrate.running.state import Run


_PLACE: Final = ("nodeid", "_id", "location")
"""What tells a report's place: xdist compares it with what was collected, and a rung's holds no value."""


class Outputs:
    """The hooks, on every process of a run."""

    def __init__(self, run: Run) -> None:
        self._run = run

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtest_makereport(self) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Before anyone sees the report of a test."""
        return self._clean(report) if (report := (yield)) and self._run.knows_secrets else report

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_make_collect_report(self) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
        """Before anyone sees the report of a collection."""
        return self._clean(report) if (report := (yield)) and self._run.knows_secrets else report

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Once more, for what another plugin added to the report."""
        if self._run.knows_secrets:
            self._clean(report)

    @pytest.hookimpl(tryfirst=True)
    def pytest_warning_recorded(self, warning_message: warnings.WarningMessage) -> None:
        """The text of a warning; its class stays, where it can be made of a text."""
        if not self._run.knows_secrets:
            return
        text = str(warning_message.message)
        clean = self._run.scrubber.scrub(text)
        if clean != text:
            kind = warning_message.category if isinstance(warning_message.message, Warning) else None
            try:
                warning_message.message = kind(clean) if kind is not None else clean
            except Exception:  # noqa: BLE001  a warning's class may want more than a text
                warning_message.message = UserWarning(clean)

    def hold_terminal(self) -> None:
        """From now on, whatever is written to the terminal is scrubbed (live logs, other plugins' summaries)."""
        reporter = self._run.config.pluginmanager.getplugin("terminalreporter")
        if reporter is None:
            return
        writer = reporter._tw
        write, scrub = writer.write, self._run.scrubber.scrub

        def scrubbed(message: str, **markup: Any) -> None:
            write(scrub(message), **markup)

        writer.write = scrubbed

    def _clean(self, report: Any) -> Any:
        """The same report, each text in it scrubbed; its traceback's objects are made anew only where one holds one."""
        hook, config, scrubber = self._run.config.hook, self._run.config, self._run.scrubber
        data = hook.pytest_report_to_serializable(config=config, report=report)
        clean = scrubber.scrub_tree(data)
        if clean != data:
            anew = hook.pytest_report_from_serializable(config=config, data=clean)
            report.__dict__.update({name: value for name, value in vars(anew).items() if name not in _PLACE})
        return report
