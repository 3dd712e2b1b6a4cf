"""What a run with a verdict may not be asked for: each is refused at its start, by its name and with the reason."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import pytest

PARTS: Final = (
    "substrate_ending",
    "substrate_fixtures",
    "substrate_hooks",
    "substrate_outputs",
    "substrate_reports",
    "substrate_rungs",
    "substrate_workers",
)
"""The parts that the plugin registers, by their names for `-p no:NAME`."""


def refused(config: pytest.Config) -> Iterator[str]:
    """A line for each of them that this run was asked for."""

    def option(name: str, default: object = None) -> Any:
        return config.getoption(name, default)

    mend = "leave it out, or add --substrate-adhoc for a look without a verdict"
    for name, why in (*_unscrubbed(option), *_repeated(option, config)):
        yield f"substrate: {name}: {why}; {mend}"
    for part in PARTS:
        if config.pluginmanager.is_blocked(part):
            yield f"substrate: -p no:{part}: a part of the plugin is disabled; {mend}"


def _unscrubbed(option: Callable[..., Any]) -> Iterator[tuple[str, str]]:
    """What puts something out that nobody could scrub."""
    capture = option("capture")
    if capture != "fd":  # with `sys`, what a child process or os.write puts out is nobody's to scrub
        name = {"no": "-s", "sys": "--capture=sys", "tee-sys": "--capture=tee-sys"}.get(capture, "-p no:capture")
        yield name, "what tests print would go out unscrubbed"
    for name, shown in (("--pdb", option("usepdb")), ("--trace", option("trace"))):
        if shown:
            yield name, "a debugger shows what it is asked for, unscrubbed"
    for name, traced in (("--debug", option("debug")), ("PYTEST_DEBUG", os.environ.get("PYTEST_DEBUG"))):
        if traced:
            yield name, "what every hook is given would go out unscrubbed"


def _repeated(option: Callable[..., Any], config: pytest.Config) -> Iterator[tuple[str, str]]:
    """What gives a rung another record than its one."""
    if option("dist") == "each":
        yield "--dist each", "every rung would have several records"
    if option("reruns") or _ini(config, "reruns"):
        yield "--reruns", "a red rung stays red"
    for name, repeats in (("--count", (option("count") or 1) != 1), ("--flake-finder", option("flake_finder_enable"))):
        if repeats:
            yield name, "every rung has exactly one record, and repeats would give it more"


def _ini(config: pytest.Config, name: str) -> object:
    try:
        return config.getini(name)
    except (KeyError, ValueError):
        return None
