"""How fast a probe's task is followed, for each kind of control plane."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How long is waited, in seconds: between two looks, for the task to run, for the last lines of its log."""

    poll_s: float
    start_s: float
    log_s: float


AWS_PACE: Final = Pace(poll_s=1.5, start_s=300.0, log_s=60.0)
LOCAL_PACE: Final = Pace(poll_s=0.1, start_s=30.0, log_s=5.0)
