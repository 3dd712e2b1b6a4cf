"""What the data probe is asked, by the declaration and by what the observer saw before."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_substrate.model.declaration.workloads import Grant
from pytest_substrate.model.observation import Missing, Unobserved
from pytest_substrate.planes.data.request import keeps
from tests.unit.planes.data.making import bucket

DENIED = Unobserved(reason="access-denied")


@pytest.mark.parametrize(
    ("state", "kept"),
    [
        (bucket(), False),
        (bucket(lock="GOVERNANCE"), True),
        (bucket(lock=DENIED), True),
        (DENIED, True),
        (Missing(what="acme-spine"), False),
    ],
)
def test_a_round_trip_is_not_tried_where_its_object_could_stay(state: Any, kept: bool) -> None:
    """Under a default retention it can't be deleted; where that can't be seen, nothing is written."""
    grant: dict[str, Any] = {"workload": "job/oracle", "bucket": "acme-spine", "write": ("outputs/",)}
    assert kept is keeps(Grant(**grant, write_proof="roundtrip"), state)
    assert not keeps(Grant(**grant), state)
