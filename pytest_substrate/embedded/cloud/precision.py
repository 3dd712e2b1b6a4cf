"""Times as precise as the service's own: ministack cuts many to whole seconds where AWS gives milliseconds.

A check that compares when a secret changed with when a task started would else see a tie.
"""

from __future__ import annotations

import builtins
from datetime import datetime
from typing import Any

from ministack.services import ecs, kms, secretsmanager


def install() -> None:
    """Let Secrets Manager, KMS and ECS keep milliseconds."""
    for module in (secretsmanager, kms):
        # their only `int(<float>)` is `int(time.time())`
        module.int = _milliseconds
    ecs._ts_to_epoch = _epoch


def _milliseconds(value: Any, *base: Any) -> Any:
    return round(value, 3) if isinstance(value, float) else builtins.int(value, *base)


def _epoch(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return round(datetime.fromisoformat(value).timestamp(), 3)
    except ValueError:
        return value
