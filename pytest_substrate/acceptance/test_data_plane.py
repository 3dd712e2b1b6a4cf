"""Incident class D: the runtime role really has its data, and every AccessDenied has a name.

The plugin collects the declaration into this module: one test for each check and subject, `DAT-040[grant-oracle-in]`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pytest_substrate.running.hooks import Rung


def test_data_plane(rung: Rung) -> None:
    """The check holds for the subject."""
    if not rung.record.outcome.green:
        pytest.fail(str(rung), pytrace=False)
