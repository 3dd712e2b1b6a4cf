"""The messaging plane's checks from the task on: what the probe sees, from its own identity to a record and back."""

from __future__ import annotations

from typing import Final

from pytest_substrate.model.check import Check
from pytest_substrate.planes.messaging.checks_records import RECORD_CHECKS
from pytest_substrate.planes.messaging.checks_way import CONFIG, WAY_CHECKS

BROKER_CHECKS: Final[tuple[Check, ...]] = (*WAY_CHECKS, *RECORD_CHECKS)
"""In ladder order."""

__all__ = ["BROKER_CHECKS", "CONFIG"]
