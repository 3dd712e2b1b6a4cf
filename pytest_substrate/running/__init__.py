"""What pytest asks of the plugin, hook by hook: options, start, collection, distribution, outputs and ending.

The package itself holds the key of a run's state in `config.stash`. It loads nothing: the state is made when it is
first needed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pytest_substrate.evidence.redaction import Scrubber
    from pytest_substrate.running.state import Run

RUN: pytest.StashKey[Run] = pytest.StashKey()
DEMANDED: pytest.StashKey[frozenset[str]] = pytest.StashKey()
"""The planes that the command demanded as it was given, before any conftest was loaded; only where there are some."""
CLEARED: pytest.StashKey[bool] = pytest.StashKey()
"""Whether an earlier run's evidence was there for that command, and was removed."""
ENDED: pytest.StashKey[bool] = pytest.StashKey()
"""Whether the run was judged."""


def run_of(config: pytest.Config) -> Run:
    """The state of the run, made now where nobody needed it before."""
    run = config.stash.get(RUN, None)
    if run is None:
        from pytest_substrate.running.state import Run

        run = config.stash[RUN] = Run(config)
    return run


def scrubber_of(config: pytest.Config) -> Scrubber | None:
    """The scrubber of the run, where it has begun and knows a secret."""
    run = config.stash.get(RUN, None)
    return run.scrubber if run is not None and run.knows_secrets else None
