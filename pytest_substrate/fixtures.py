"""The public fixtures, and the one that the shipped acceptance modules use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pytest_substrate.model.check import Check
    from pytest_substrate.model.record import Record


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """What a shipped acceptance test states: a check, and what it came to for one subject."""

    item: pytest.Item

    @property
    def record(self) -> Record:
        """The record; made before the test function is called."""
        from pytest_substrate.running.collection import RungItem

        assert isinstance(self.item, RungItem)  # noqa: S101  the fixture is for rungs alone
        assert self.item.record is not None  # noqa: S101  see above
        return self.item.record

    def __str__(self) -> str:
        record = self.record
        return f"{record.check} {record.subject} {record.outcome.value} [{record.layer.value}] {record.message}"

    @property
    def check(self) -> Check:
        """What was asked."""
        from pytest_substrate.running.collection import RungItem

        assert isinstance(self.item, RungItem)  # noqa: S101  see above
        return self.item.check


@pytest.fixture
def rung(request: pytest.FixtureRequest) -> Rung:
    """The rung that this item of the declaration stands for; for the shipped acceptance modules alone."""
    return Rung(item=request.node)
