"""Incident class C: what was released is what runs, it is whole, and it keeps running.

The plugin collects the declaration into this module: one test for each check and subject, `PKG-060[service-ingest]`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pytest_substrate.running.hooks import Rung


def test_packaging_plane(rung: Rung) -> None:
    """The check holds for the subject."""
    if not rung.record.outcome.green:
        pytest.fail(str(rung), pytrace=False)
