"""What is known of one refusal."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Effect(StrEnum):
    """How it was refused."""

    EXPLICIT = "explicit"
    IMPLICIT = "implicit"
    UNKNOWN = "unknown"


class Source(StrEnum):
    """The kind of policy that refused, or failed to allow."""

    IDENTITY = "identity"
    RESOURCE = "resource"
    BOUNDARY = "boundary"
    SESSION = "session"
    SCP = "scp"
    RCP = "rcp"
    VPC_ENDPOINT = "vpc-endpoint"
    KMS = "kms"
    """KMS refused, and named no kind of policy."""
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Denial:
    """One refusal. Principal and resource are as printed; `action` is a permission, never an operation's name."""

    line: int
    """From 1: where it stands in the log."""
    principal: str | None = None
    action: str | None = None
    resource: str | None = None
    effect: Effect = Effect.UNKNOWN
    source: Source = Source.UNKNOWN
    policy: str | None = None
    """The ARN of the policy that refused, where the message names it."""

    @property
    def attributed(self) -> bool:
        """Whether it is known who was refused what on what."""
        return None not in (self.principal, self.action, self.resource)

    def to_json(self) -> dict[str, object]:
        """As `substrate denied --format json` lists it."""
        return {
            "line": self.line,
            "principal": self.principal,
            "action": self.action,
            "resource": self.resource,
            "effect": self.effect.value,
            "source": self.source.value,
            "policy": self.policy,
            "attributed": self.attributed,
        }
