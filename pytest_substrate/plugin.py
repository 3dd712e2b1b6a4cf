"""The pytest hooks, and nothing else: each hands on to `pytest_substrate.running`.

Loading this module imports nothing heavy: whoever only has the plugin installed pays for a few small modules.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_substrate import fixtures
from pytest_substrate.model.outcome import DEMANDABLE
from pytest_substrate.running.options import add_options
from pytest_substrate.running.outputs import Outputs
from pytest_substrate.running.state import RUN, Run

if TYPE_CHECKING:
    from pytest_substrate.running.collection import DeclarationFile


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options, each with its ini twin."""
    add_options(parser)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """The markers, the parts, and the state of the run; nothing here can fail, so that `--help` works."""
    for plane in DEMANDABLE:
        config.addinivalue_line("markers", f"{plane.value}: the acceptance checks of this plane (pytest-substrate)")
    run = config.stash[RUN] = Run(config)
    outputs = Outputs(run)
    run.on_first_secret = outputs.hold_terminal
    config.pluginmanager.register(fixtures, "substrate_fixtures")
    config.pluginmanager.register(outputs, "substrate_outputs")
    if config.pluginmanager.hasplugin("xdist"):
        from pytest_substrate.running.workers import Workers

        run.workers = Workers(run)
        config.pluginmanager.register(run.workers, "substrate_workers")
    if config.getoption("allure_report_dir", None):
        from pytest_substrate.report.allure import hold_file_logger

        hold_file_logger(config, run)


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Decide what the run demands, before xdist starts a worker and before anything is collected."""
    from pytest_substrate.running.start import begin

    begin(session.config.stash[RUN])


def pytest_report_header(config: pytest.Config) -> str | None:
    """One line, from what is known without asking anyone."""
    run = config.stash[RUN]
    if run.plan is None:
        return None
    planes = ", ".join(plane.value for plane in run.plan.planes)
    return f"substrate: {planes} of {run.plan.source.name} on {run.options.target.value}, {len(run.plan.pairs)} checks"


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> DeclarationFile | None:
    """The declaration, where a plane is demanded."""
    if file_path.suffix == ".py" or parent.config.stash[RUN].plan is None:
        return None
    from pytest_substrate.running.collection import collect_declaration

    return collect_declaration(file_path, parent)


def pytest_deselected(items: Sequence[pytest.Item]) -> None:
    """Keep the names of what was deselected, so that a missing rung can be told why."""
    for item in items[:1]:
        run = item.config.stash[RUN]
        if run.plan is not None:
            run.deselected.extend(other.nodeid for other in items)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> Generator[None, object, object]:
    """Start the target before the first rung: here, where workers already collect and nothing has been asked yet."""
    run = session.config.stash[RUN]
    if run.plan is not None:
        from pytest_substrate.running.ending import have_the_last_word
        from pytest_substrate.running.start import start_target

        have_the_last_word(run)
        if not run.collects_only and not run.is_worker:
            start_target(run, session)
    return (yield)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> None:
    """Whose turn it is, for what a test attaches to the evidence."""
    item.config.stash[RUN].item = item


def pytest_unconfigure(config: pytest.Config) -> None:
    """Give back everything."""
    run = config.stash.get(RUN, None)
    if run is not None:
        del config.stash[RUN]
        run.close()
