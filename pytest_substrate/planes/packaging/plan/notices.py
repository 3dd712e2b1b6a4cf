"""Which running services would notice a change: by what they inject, and by what the configuration refers to. Pure."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from pytest_substrate.planes.packaging.plan.change import Change, Resource
from pytest_substrate.planes.packaging.plan.containers import injected
from pytest_substrate.planes.packaging.plan.names import revision_of, role_name, same_secret

if TYPE_CHECKING:
    from pytest_substrate.planes.packaging.plan.configuration import Target
    from pytest_substrate.planes.packaging.plan.surroundings import Surroundings

_SERVICE: Final = "aws_ecs_service"
_DEFINITION: Final = "aws_ecs_task_definition"
_ROLES: Final = ("task_role_arn", "execution_role_arn")
_GENERATED: Final = ("random_password", "tls_private_key")
_ON_OTHERS: Final = frozenset(
    {
        "aws_secretsmanager_secret_version",
        "aws_secretsmanager_secret_rotation",
        "aws_secretsmanager_secret_policy",
        "aws_msk_scram_secret_association",
        "aws_msk_single_scram_secret_association",
        "aws_iam_role_policy",
        "aws_iam_role_policy_attachment",
        "aws_kms_alias",
        "aws_kms_key_policy",
    }
)
"""Types that do something to what they refer to: who uses that, notices."""


class Notices:
    """The services of a plan, found by going from a resource to what uses it. What is looked up is made when asked."""

    def __init__(self, among: Surroundings) -> None:
        self._among = among

    def services(self, change: Change) -> tuple[str, ...]:
        """The addresses of the services that exist, in the plan's order."""
        services = list(self._among.of_type(_SERVICE))
        if not services:
            return ()
        reached = {change.address}
        waiting = [change.resource]
        while waiting:
            for other in self._next(waiting.pop()):
                if other.address not in reached:
                    reached.add(other.address)
                    waiting.append(other)
        return tuple(dict.fromkeys(r.address for r in services if r.address in reached and r.mode == "managed"))

    @functools.cached_property
    def _managed(self) -> list[Resource]:
        new = [change.resource for change in self._among.changes if not change.exists]
        return [resource for resource in (*self._among.existing, *new) if resource.mode == "managed"]

    @functools.cached_property
    def _users(self) -> dict[tuple[str, str], list[tuple[Target, Resource]]]:
        """By type and name: what refers to it in the configuration."""
        found: dict[tuple[str, str], list[tuple[Target, Resource]]] = {}
        for user in self._managed:
            for target in self._among.configuration.uses(user):
                found.setdefault((target.type, target.name), []).append((target, user))
        return found

    @functools.cached_property
    def _runners(self) -> list[Resource]:
        """What takes things by value: services and definitions."""
        return [resource for resource in self._managed if resource.type in (_SERVICE, _DEFINITION)]

    def _next(self, resource: Resource) -> Iterator[Resource]:
        for target, user in self._users.get((resource.type, resource.name), ()):
            if target.admits(resource):
                yield user
        yield from (user for user in self._runners if _takes(user, resource))
        if resource.type in _ON_OTHERS:
            targets = self._among.configuration.uses(resource)
            yield from (c.resource for c in self._among.admitted(targets) if c.type not in _GENERATED)
            secret = resource.text("secret_id")
            owners = self._among.of_type("aws_secretsmanager_secret")
            yield from (owner for owner in owners if secret is not None and owner.text("arn") == secret)


def _takes(user: Resource, resource: Resource) -> bool:
    """Whether the values say that one stands on the other."""
    arn = resource.text("arn")
    if user.type == _SERVICE:
        pointer = revision_of(user.values.get("task_definition")) if resource.type == _DEFINITION else None
        return pointer is not None and pointer == revision_of(arn)
    if resource.type in ("aws_secretsmanager_secret", "aws_ssm_parameter"):
        names = [name for name in (arn, resource.text("name")) if name is not None]
        sources = list(injected(user.values.get("container_definitions")))
        return any(same_secret(source, name) for source in sources for name in names)
    if not resource.type.startswith("aws_iam_role"):
        return False
    held = resource.values
    role = role_name(held.get("name") if resource.type == "aws_iam_role" else held.get("role") or held.get("role_name"))
    return role is not None and role in [role_name(user.values.get(name)) for name in _ROLES]
