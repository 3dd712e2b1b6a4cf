"""What every plane rests on: nothing runs beside what is declared (SUB-010)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pytest_substrate.running.hooks import Rung


def test_substrate(rung: Rung) -> None:
    """The check holds for the subject."""
    if not rung.record.outcome.green:
        pytest.fail(str(rung), pytrace=False)
