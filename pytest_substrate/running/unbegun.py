"""What a command demanded, told before any conftest is loaded; and what becomes of a run that never came to its end.

A conftest may break, leave the process, change options or take the plugin's hooks away. It can't bring back evidence
that is gone before it is loaded, so an earlier run's is never taken for this one's. Called where pytest has parsed
little; loaded only where a plane's name was seen.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final, cast

from pytest_substrate.gate.demand import planes_in
from pytest_substrate.gate.judge import EXIT_UNDECIDED
from pytest_substrate.model.errors import BadInput
from pytest_substrate.running import CLEARED
from pytest_substrate.running.asked import evidence_path
from pytest_substrate.running.options import PLANES, REQUIRE
from pytest_substrate.running.place import remove_earlier
from pytest_substrate.running.rootdir import refuse_moved_rootdir
from pytest_substrate.running.start import marker_evaluation

if TYPE_CHECKING:
    import pytest

LOOKS: Final = ("help", "version", "markers", "showfixtures", "show_fixtures_per_test", "cacheshow")
"""Options with which pytest only shows something, and runs no test."""
_NO_TESTS: Final = 5


def clear_unbegun(config: pytest.Config) -> frozenset[str]:
    """Remove earlier evidence where the command demands a plane, as far as it is understood; the planes' names."""
    known = config.known_args_namespace

    def getoption(name: str, default: Any = None) -> Any:
        return getattr(known, name, default)

    if any(getoption(name) for name in LOOKS):
        return frozenset()
    planes = frozenset(_demanded(config, getoption("markexpr"), getoption("file_or_dir")))
    required = getoption("substrate_require") is not None or config.getini("substrate_require") is not None
    if not planes and not required and REQUIRE[3] not in os.environ:  # a blank requirement is refused, and clears too
        return planes
    early = SimpleNamespace(
        getoption=getoption,
        getini=config.getini,
        inipath=config.inipath,
        rootpath=config.rootpath,
        invocation_params=config.invocation_params,
    )
    with contextlib.suppress(BadInput):
        refuse_moved_rootdir(config)  # by the very file that would be removed: the run is told so as it begins
        config.stash[CLEARED] = remove_earlier(evidence_path(cast("pytest.Config", early)))
    return planes


def _demanded(config: pytest.Config, markexpr: str | None, arguments: list[str] | None) -> Iterator[str]:
    """The planes of the expression, of requirements and of node ids; a word that is none is refused later."""
    expression = str(markexpr or "").strip()
    holds = marker_evaluation(expression)
    for plane in planes_in(expression):
        if holds(frozenset({plane.value})) and not holds(frozenset()):
            yield plane.value
    given = config.known_args_namespace.substrate_require
    texts = given or [os.environ.get(REQUIRE[3]) or config.getini("substrate_require") or ""]
    words = [word.strip() for text in texts for word in text.split(",")]
    ids = (argument.split("::") for argument in arguments or () if ".py::" not in argument)
    words += [parts[1] for parts in ids if len(parts) > 1]
    yield from (word for word in words if word in PLANES)


def never_green_unended(result: int) -> int:
    """The exit code of a run that demanded a plane and was never judged: never 0, nor 5 for no tests, and said why."""
    if result not in (0, _NO_TESTS):
        return result
    sys.stderr.write(
        "ERROR: substrate: the run ended before it was judged, so nothing is proven: "
        "a plugin or a conftest ended it, or took the plugin's hooks away\n"
    )
    return EXIT_UNDECIDED
