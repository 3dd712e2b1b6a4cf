"""Incident class A: CI becomes the role that publishes, may do that and no more, and leaves what it recorded.

The plugin collects the declaration into this module: one test for each check and subject, `REL-040[role-ci-publish]`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pytest_substrate.running.hooks import Rung


def test_release_plane(rung: Rung) -> None:
    """The check holds for the subject."""
    if not rung.record.outcome.green:
        pytest.fail(str(rung), pytrace=False)
