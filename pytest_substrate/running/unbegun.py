"""A run that pytest ends before its session starts: a conftest that can't be imported, an option that nobody knows.

It demanded a plane all the same, so an earlier run's evidence must not be taken for its own. Called where pytest has
parsed little; loaded only where a plane's name was seen.
"""

from __future__ import annotations

import contextlib
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final, cast

from pytest_substrate.gate.demand import planes_in
from pytest_substrate.model.errors import BadInput
from pytest_substrate.running.asked import evidence_path
from pytest_substrate.running.place import remove_earlier
from pytest_substrate.running.start import marker_evaluation

if TYPE_CHECKING:
    import pytest

_LOOKS: Final = ("help", "version", "markers", "showfixtures", "show_fixtures_per_test", "cacheshow")
"""Options with which pytest only shows something, and has no session."""


def clear_unbegun(config: pytest.Config) -> None:
    """Remove earlier evidence where the command demanded a plane, as far as it was understood."""
    known = config.known_args_namespace

    def getoption(name: str, default: Any = None) -> Any:
        return getattr(known, name, default)

    if any(getoption(name) for name in _LOOKS):
        return
    expression = str(getoption("markexpr") or "").strip()
    holds = marker_evaluation(expression)
    named = any(holds(frozenset({plane.value})) and not holds(frozenset()) for plane in planes_in(expression))
    if not named and not getoption("substrate_require") and not config.getini("substrate_require"):
        return
    early = SimpleNamespace(
        getoption=getoption,
        getini=config.getini,
        inipath=config.inipath,
        rootpath=config.rootpath,
        invocation_params=config.invocation_params,
    )
    with contextlib.suppress(BadInput):
        remove_earlier(evidence_path(cast("pytest.Config", early)))
