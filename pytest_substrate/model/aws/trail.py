"""Facts of CloudTrail: which versions of a secret were made the current one, and when. Never a value, never who."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pytest_substrate.model.aws.instant import Instant

CREATING: Final = ("CreateSecret", "PutSecretValue", "UpdateSecret")
"""Calls that make a version, its id being their client request token, and may make it current as they do."""
MOVING: Final = "UpdateSecretVersionStage"
"""The call that makes a version current which was there before; a rotation's last step, whoever takes it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Promotion:
    """A call that succeeded and gave AWSCURRENT to a version. `at` is a whole second, as CloudTrail keeps no more."""

    at: Instant
    version_id: str
    by: str
    """The call: one of CREATING, or MOVING."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretTrail:
    """The promotions of one secret, as far as they were delivered; `since` is from when on it was asked."""

    since: Instant
    promotions: tuple[Promotion, ...]
