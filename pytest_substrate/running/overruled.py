"""Options that would say something and do nothing: each is refused, so that no run is green by a slip of its command.

An `-m` before the last, which pytest drops; an option for a run with a verdict in one that demands no plane.
"""

from __future__ import annotations

import argparse
import os
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from pytest_substrate.gate.demand import planes_in
from pytest_substrate.model.errors import BadInput
from pytest_substrate.running import DEMANDED

if TYPE_CHECKING:
    import pytest

    from pytest_substrate.model.outcome import Plane

_IDLE: Final = (
    ("--substrate-fault", "nothing would be broken"),
    ("--substrate-evidence", "no evidence would be written"),
    ("--substrate-adhoc", "there would be nothing to look at"),
    ("--substrate-plan", "nothing would judge the plan"),
)
"""Flags for the planes of a run; declaration, target and vantage serve the fixtures of any test too."""


def refuse_dropped_expressions(
    config: pytest.Config,
    planes: Sequence[Plane],
    evaluation: Callable[[str], Callable[[frozenset[str]], bool]],
    environment: Mapping[str, str] = os.environ,
) -> None:
    """BadInput where an earlier `-m` demanded a plane that the last one neither demands nor names.

    An expression on the command line may replace one of `addopts` and PYTEST_ADDOPTS, but an empty one may not.
    """
    here = _expressions([str(argument) for argument in config.invocation_params.args])
    last = str(config.getoption("markexpr", "") or "").strip()
    earlier = here[:-1]
    if not last:
        configured = [*config.getini("addopts"), *shlex.split(environment.get("PYTEST_ADDOPTS", ""))]
        earlier = [*_expressions(configured), *here]
    named = planes_in(last)
    for expression in earlier:
        holds = evaluation(expression)
        lost = [
            plane.value
            for plane in planes_in(expression)
            if plane not in named and plane not in planes and holds(frozenset({plane.value}))
        ]
        if lost:
            raise BadInput(
                f"-m {last!r}",
                f"it replaces -m {expression!r} (pytest takes the last alone), so {lost[0]} would not be proven",
                f"give one expression: -m {lost[0]}, or -m 'not {lost[0]}' to leave it out on purpose",
            )


def refuse_changed(config: pytest.Config, planes: Sequence[Plane]) -> None:
    """BadInput where a plugin or a conftest took a plane out of what the command demanded, or made the run ad hoc."""
    lost = config.stash.get(DEMANDED, frozenset()) - {plane.value for plane in planes}
    if lost:
        raise BadInput(
            f"the demand for {min(lost)}",
            "a plugin or a conftest changed the command's options, so it would not be proven",
            "find the one that writes to config.option",
        )
    known = getattr(config, "known_args_namespace", None)
    if config.option.substrate_adhoc and not getattr(known, "substrate_adhoc", None):
        raise BadInput(
            "--substrate-adhoc",
            "a plugin or a conftest set it, and the command didn't",
            "find the one that writes to config.option, or give it in the command",
        )


def refuse_idle(config: pytest.Config) -> None:
    """BadInput for a flag on the command line that does nothing in a run that demands no plane."""
    for flag, what in _IDLE:
        if given(config, flag):
            raise BadInput(
                flag, f"this run demands no plane, so {what}", "demand one: -m messaging_plane, or leave the flag out"
            )


def given(config: pytest.Config, flag: str) -> bool:
    """Whether a flag stands on the command line itself, and not in `addopts`."""
    arguments = (str(argument) for argument in config.invocation_params.args)
    return any(argument.partition("=")[0] == flag for argument in arguments)


def _expressions(arguments: Sequence[str]) -> list[str]:
    return list(_found(arguments))


def _found(arguments: Sequence[str]) -> Iterator[str]:
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    parser.add_argument("-m", action="append", default=[])
    try:
        known, _ = parser.parse_known_args(list(arguments))
    except argparse.ArgumentError:
        return
    yield from (expression.strip() for expression in known.m)
