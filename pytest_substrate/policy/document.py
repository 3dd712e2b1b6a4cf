"""A policy document, typed. `parse_policy` refuses what IAM refuses to store; what nobody knows stays as written.

Sources: "Grammar of the IAM JSON policy language" and the pages of each element in the IAM User Guide; "SCP syntax" and
"RCP syntax" in the Organizations User Guide. An operator, a key or a variable that AWS does not name is no error here:
its evaluation is UNKNOWN.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

MODERN: Final = "2012-10-17"
LEGACY: Final = "2008-10-17"
"""Also the version of a document that names none: it knows no policy variables."""


class PolicyKind(StrEnum):
    """Where a policy is attached: each kind has its own elements."""

    IDENTITY = "identity"
    BOUNDARY = "boundary"
    SCP = "scp"
    RCP = "rcp"
    SESSION = "session"
    RESOURCE = "resource"
    TRUST = "trust"

    @property
    def names_principals(self) -> bool:
        """Whether its statements say whom they are about."""
        return self in (PolicyKind.RESOURCE, PolicyKind.TRUST, PolicyKind.RCP)


class Effect(StrEnum):
    """What a statement that applies does."""

    ALLOW = "Allow"
    DENY = "Deny"


@dataclass(frozen=True, slots=True, kw_only=True)
class Principals:
    """Principal or NotPrincipal: names by their type; `everyone` for `"*"` and `{"AWS": "*"}`, which are the same."""

    everyone: bool = False
    aws: tuple[str, ...] = ()
    federated: tuple[str, ...] = ()
    service: tuple[str, ...] = ()
    canonical_user: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One key under one operator, both as written; the values as text (numbers and booleans in their JSON spelling)."""

    operator: str
    key: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One statement. Of each pair (`actions`/`not_actions` …) one is None; both where a kind of policy has none."""

    index: int
    sid: str | None
    effect: Effect
    actions: tuple[str, ...] | None
    not_actions: tuple[str, ...] | None
    resources: tuple[str, ...] | None
    not_resources: tuple[str, ...] | None
    principals: Principals | None
    not_principals: Principals | None
    conditions: tuple[Condition, ...]

    @property
    def place(self) -> str:
        """As it is named in messages."""
        return f"statement {self.index}" + (f" ({self.sid})" if self.sid else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A policy as IAM would store it."""

    name: str
    kind: PolicyKind
    version: str
    statements: tuple[Statement, ...]

    @property
    def has_variables(self) -> bool:
        """Whether `${…}` is a variable in it: otherwise it is plain text."""
        return self.version == MODERN


def parse_policy(text: str | bytes, *, name: str, kind: PolicyKind = PolicyKind.IDENTITY) -> Document:
    """The document in `text`, of the file `name`; BadInput (file and place, what, mend) where IAM refuses it."""
    from pytest_substrate.policy.parse import parse  # the reader needs the types of this module

    return parse(text, name=name, kind=kind)
