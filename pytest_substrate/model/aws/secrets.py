"""Facts of Secrets Manager and KMS: which versions a secret has and since when, and the key it lies under."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from pytest_substrate.model.aws.instant import Instant

CURRENT: Final = "AWSCURRENT"
"""The stage that a reader gets who names neither version nor stage."""

_AWS_ALIAS: Final = re.compile(r"(arn:[^:]+:kms:[^:]*:[^:]*:)?alias/aws/")
"""Aliases that begin so are AWS's alone: nobody else can make one (KMS API reference, CreateAlias)."""

CUSTOMER: Final = "CUSTOMER"
ENABLED: Final = "Enabled"
SYMMETRIC: Final = "SYMMETRIC_DEFAULT"
ENCRYPTS: Final = "ENCRYPT_DECRYPT"


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretVersion:
    """A version with its stages. AWS has no time at which a version became current: `created` is its own birth."""

    version_id: str
    stages: tuple[str, ...]
    created: Instant | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretState:
    """A secret without its value.

    `key_id` is a key's id or ARN, or an alias; None, or an alias under `aws/`, for a key that AWS keeps for the
    service. `changed` moves with every change, a tag's or a description's too.
    """

    arn: str
    name: str
    key_id: str | None
    changed: Instant | None
    deleted: Instant | None
    """When it was scheduled for deletion; None where it is not."""
    versions: tuple[SecretVersion, ...]

    @property
    def customer_key_id(self) -> str | None:
        """What KMS is asked about: None where the secret itself says that its key is one of AWS (`aws/…`)."""
        return None if self.key_id is None or _AWS_ALIAS.match(self.key_id) else self.key_id

    @property
    def current(self) -> SecretVersion | None:
        """The version that a runtime gets which starts now."""
        return next((version for version in self.versions if CURRENT in version.stages), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyState:
    """A key as DescribeKey resolves it, aliases included."""

    arn: str
    manager: str
    state: str
    spec: str
    usage: str
