"""REL-060: a statement that gives more than a publishing role needs, whatever the role can make of it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from pytest_substrate.model.facts import line
from pytest_substrate.policy.document import Document, Effect, Statement

_UNBOUND: Final = frozenset(
    {
        *("ecr:getauthorizationtoken", "ecr-public:getauthorizationtoken", "sts:getcalleridentity"),
        *("sts:getservicebearertoken", "cloudwatch:putmetricdata"),
    }
)
"""Actions that AWS limits to no resource; in lower case, as IAM compares them."""
_TELLING: Final = frozenset({"ecr", "ecr-public", "iam", "organizations"})
"""Services of which a read tells images and policies; of others it may be a secret, an object, a parameter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wide:
    """A statement that gives more than a publishing role needs, whatever the role can make of it."""

    cause: str
    document: str
    statement: int
    told: str
    action: str | None = None


def find_wide(identity: Sequence[Document]) -> Wide | None:
    """The first Allow of a whole service, of all but something, or of more than named resources where it isn't a list.

    A condition takes no wildcard away, save that one on the resource's own tags names resources in its way.
    """
    for document in identity:
        for one in document.statements:
            if one.effect is not Effect.ALLOW:
                continue
            told = _wide_action(one)
            if told is not None:
                return Wide(cause="wildcard-action", document=document.name, statement=one.index, told=told)
            where = None if _names_by_tag(one) else _wide_resource(one)
            action = next((one for one in one.actions or () if not _needs_all(one)), None)
            if where is not None and action is not None:
                told = f"may use {action} on {where}"
                return Wide(
                    cause="wildcard-resource",
                    document=document.name,
                    statement=one.index,
                    told=told,
                    action=action,
                )
    return None


def _names_by_tag(statement: Statement) -> bool:
    """Whether a condition demands a tag of the resource, by a value without a wildcard."""
    return any(
        condition.operator in ("StringEquals", "ForAnyValue:StringEquals")
        and ":resourcetag/" in condition.key.lower()
        and not any("${" in value for value in condition.values)
        for condition in statement.conditions
    )


def _wide_action(statement: Statement) -> str | None:
    if statement.actions is None:
        return "may use every action but those that the statement names"
    whole = next((action for action in statement.actions if action.rpartition(":")[2].strip("*") == ""), None)
    return None if whole is None else f"may use {whole}, which is every action"


def _wide_resource(statement: Statement) -> str | None:
    if statement.resources is None:
        return "every resource but those that the statement names"
    wild = next((resource for resource in statement.resources if set("*?") & set(resource)), None)
    return None if wild is None else f"{line(wild, 120)}, more than one named resource"


def _needs_all(action: str) -> bool:
    """Whether the action is limited to no resource, or tells no more than what there is and who may use it."""
    service, _, name = action.lower().partition(":")
    if action.lower() in _UNBOUND or name.startswith(("list", "describe")):
        return True
    return service in _TELLING and name.startswith(("get", "batchget", "batchcheck"))
