"""Facts of the CI job: what lies in its surroundings, its token, the session that STS gave, and what that may do."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pytest_substrate.model.aws.instant import Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class CiSurroundings:
    """What in the job's environment could answer instead of its token: names of variables and files, no values."""

    static_keys: tuple[str, ...] = ()
    """Where long-lived keys lie; the temporary ones of a session are none."""
    endpoints: tuple[str, ...] = ()
    profiles: tuple[str, ...] = ()
    container_credentials: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CiToken:
    """A token of the CI job, without itself. `problem` is None where signature, issuer and times are right."""

    claims_json: str
    """The decoded payload, whoever made it."""
    key_id: str | None
    problem: str | None = None
    """`expired`, `not-yet`, `signature`, `other-issuer`, `unknown-key`, `issuer-unreachable`, `no-token`."""
    detail: str | None = None

    @property
    def claims(self) -> Mapping[str, Any]:
        """The claims by their names."""
        found: Mapping[str, Any] = json.loads(self.claims_json)
        return found

    @property
    def subject(self) -> str | None:
        """`sub`, where it is a text."""
        value = self.claims.get("sub")
        return value if isinstance(value, str) else None

    @property
    def audiences(self) -> tuple[str, ...]:
        """`aud` as a list."""
        value = self.claims.get("aud")
        items = value if isinstance(value, list) else [value]
        return tuple(item for item in items if isinstance(item, str))


@dataclass(frozen=True, slots=True, kw_only=True)
class Assumed:
    """What STS answered to a token that it accepted."""

    arn: str
    """Of the session, `arn:…:assumed-role/ROLE/NAME`."""
    provider: str | None
    subject: str | None
    audience: str | None
    expires: Instant | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NotAssumed:
    """STS refused the token, in its own words."""

    code: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call that was really made with the CI session."""

    action: str
    """The permission, as IAM names it."""
    resource: str
    answer: str
    """`done`; else the service's own error code."""
    denied: bool
    detail: str | None = None
    """The service's words for a denial."""
    reached: bool = True
    """Whether the service answered at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Calls:
    """Calls with the CI session, in the order in which they were made."""

    calls: tuple[Call, ...]
    left_behind: tuple[str, ...] = ()
    """What the registry holds afterwards that it did not hold before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OidcProvider:
    """An OIDC provider of the account: the issuer's URL without its scheme, and the audiences that it takes."""

    arn: str
    url: str
    audiences: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OidcProviders:
    """All OIDC providers of the account."""

    providers: tuple[OidcProvider, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A policy as IAM stores it: the name of an inline one, the ARN of a managed one; the document as JSON text."""

    name: str
    document: str
    created: Instant | None = None
    """When the present version of a managed policy was made; IAM dates no inline policy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """A role with its trust policy as JSON text."""

    arn: str
    name: str
    trust: str
    boundary_arn: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RolePolicies:
    """All that gives a role permissions of its own, and what bounds them."""

    policies: tuple[Policy, ...]
    boundary: Policy | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceControls:
    """The service control policies above a role, by level of the organization: each level must allow."""

    levels: tuple[tuple[Policy, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Repository:
    """A repository of the registry: the mutability of its tags, and the filters that exempt some."""

    arn: str
    name: str
    mutability: str
    exclusions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """What a repository holds: `digest` and `digest tag`, each once."""

    entries: tuple[str, ...]
