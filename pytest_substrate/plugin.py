"""The entry to pytest: options, markers, fixtures, and the question whether a run concerns us at all.

Whoever only has the plugin installed loads this and two small modules. Everything else, the other hooks included, is
loaded and registered by `running.start` where a plane is demanded.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest

from pytest_substrate import fixtures
from pytest_substrate.running import DEMANDED, ENDED, RUN, run_of, scrubber_of
from pytest_substrate.running.options import PLANES, add_options, concerns_us, may_demand


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """The hook by which others register checks of their own."""
    from pytest_substrate import hookspecs

    pluginmanager.add_hookspecs(hookspecs)


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options, each with its ini twin."""
    add_options(parser)


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config, args: list[str]) -> None:
    """Before a conftest can end the process: a command that demands a plane leaves no evidence of an earlier run."""
    if may_demand(early_config, args):
        from pytest_substrate.running.unbegun import clear_unbegun

        early_config.stash[DEMANDED] = clear_unbegun(early_config)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> Generator[None, int | None, int | None]:
    """Let no run that demanded a plane end with 0 unjudged, whoever ended it or took our other hooks away."""
    result = yield
    stash = config.stash
    if not stash.get(DEMANDED, None) or stash.get(ENDED, False) or hasattr(config, "workerinput"):
        return result
    from pytest_substrate.running.unbegun import never_green_unended

    return never_green_unended(int(result or 0))


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """The markers and the fixtures; nothing here can fail, so that `--help` works."""
    for plane in PLANES:
        config.addinivalue_line("markers", f"{plane}: the acceptance checks of this plane (pytest-substrate)")
    config.pluginmanager.register(fixtures, "substrate_fixtures")
    if config.getoption("allure_report_dir", None):
        from pytest_substrate.report.allure import hold_file_logger

        hold_file_logger(config, lambda: scrubber_of(config))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> Generator[None, object, object]:
    """Decide what the run demands, before xdist starts a worker and before anything is collected."""
    if not concerns_us(session.config):
        return (yield)
    from pytest_substrate.running.start import begin, never_green

    begin(run_of(session.config))
    with never_green(run_of(session.config)):
        return (yield)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Hear a worker of a run that demands no plane, where one came to know a secret: it swept the outputs."""
    if "substrate" in getattr(node, "workeroutput", ()) and run_of(node.config).plan is None:
        from pytest_substrate.running.workers import take_end

        take_end(run_of(node.config), node)
        run_of(node.config).look_last()


def pytest_unconfigure(config: pytest.Config) -> None:
    """Give back everything."""
    run = config.stash.get(RUN, None)
    if run is not None:
        del config.stash[RUN]
        run.close()
