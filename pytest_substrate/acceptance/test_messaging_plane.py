"""Incident class B: managed Kafka works for the runtime, not in theory only.

The plugin collects the declaration into this module: one test for each check and subject, `MSG-160[service-ingest]`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pytest_substrate.running.hooks import Rung


def test_messaging_plane(rung: Rung) -> None:
    """The check holds for the subject."""
    if not rung.record.outcome.green:
        pytest.fail(str(rung), pytrace=False)
