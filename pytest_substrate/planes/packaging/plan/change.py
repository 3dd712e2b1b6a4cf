"""What a plan says of a resource: what it is, and what would become of it. Data alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, TypeAlias

from pytest_substrate.planes.packaging.plan.values import any_true, same

Key: TypeAlias = str | int | None
"""The index of an instance: of `for_each` a text, of `count` a number."""

Step: TypeAlias = tuple[str, Key]
"""One module on the way to a resource: its call's name and the instance."""


class Action(Enum):
    """What is pending."""

    NO_OP = "no-op"
    READ = "read"
    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    REPLACE = "replace"
    FORGET = "forget"
    OTHER = "other"
    """Words that no version known today writes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """One instance of a resource or data source, with the values that it has now (none where it does not exist)."""

    address: str
    mode: str
    type: str
    name: str
    modules: tuple[Step, ...]
    key: Key
    values: Mapping[str, Any] = field(default_factory=dict)

    def text(self, attribute: str) -> str | None:
        """An attribute that is a text and not empty."""
        value = self.values.get(attribute)
        return value if isinstance(value, str) and value else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A pending change of one resource. `before` is empty for what is created, `after` for what goes away."""

    resource: Resource
    action: Action
    actions: tuple[str, ...]
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    unknown: Any
    before_sensitive: Any
    after_sensitive: Any
    previous_address: str | None = None
    reason: str | None = None
    deposed: bool = False
    deferred: bool = False

    @property
    def address(self) -> str:
        """The resource's address."""
        return self.resource.address

    @property
    def type(self) -> str:
        """The resource's type."""
        return self.resource.type

    @property
    def exists(self) -> bool:
        """Whether there is something that the change would act on."""
        return self.action is not Action.CREATE

    def is_unknown(self, attribute: str) -> bool:
        """Whether any part of the attribute is known only after apply."""
        return self.unknown is True or (isinstance(self.unknown, Mapping) and any_true(self.unknown.get(attribute)))

    def changes(self, attribute: str) -> bool:
        """Whether the attribute would have another value; one that is unknown counts as another."""
        return self.is_unknown(attribute) or not same(self.before.get(attribute), self.after.get(attribute))

    def becomes(self, attribute: str) -> str | None:
        """The attribute's planned value, where it is known, a text, and not empty."""
        value = None if self.is_unknown(attribute) else self.after.get(attribute)
        return value if isinstance(value, str) and value else None

    def was(self, attribute: str) -> str | None:
        """The attribute's present value, where it is a text and not empty."""
        value = self.before.get(attribute)
        return value if isinstance(value, str) and value else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A plan as its JSON tells it. `resources` are those that exist (the prior state); `configuration` is its tree."""

    format_version: str
    tool_version: str | None
    errored: bool
    changes: tuple[Change, ...]
    resources: tuple[Resource, ...]
    configuration: Mapping[str, Any]
