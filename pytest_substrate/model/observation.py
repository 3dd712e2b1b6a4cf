"""What an observer hands on: a value with its time, a proven absence, or the honest lack of an answer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Unobserved:
    """Something that could not be seen. It makes a check INCONCLUSIVE, never green.

    `reason` is a stable slug (`access-denied`, `throttled`, `timeout`, `unreachable`, `not-implemented`, `expired`,
    `malformed`, `not-asked`, …). `code` is the service's own error code, `operation` the call as IAM names it
    (`kafka:GetBootstrapBrokers`), `detail` a scrubbed half sentence.
    """

    reason: str
    code: str | None = None
    operation: str | None = None
    detail: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """Proven absent: the service answered that the thing does not exist. `what` names it (an ARN or a name)."""

    what: str
    code: str | None = None
    operation: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed(Generic[T]):
    """A value, when it was read (UTC), and how long the reading took (milliseconds)."""

    value: T
    at: datetime
    duration_ms: float
