"""Which running services would notice a change: by what they inject, and by what the configuration refers to. Pure."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from pytest_substrate.planes.packaging.plan.change import Change, Resource
from pytest_substrate.planes.packaging.plan.containers import injected
from pytest_substrate.planes.packaging.plan.names import revision_of, role_name, secret_name

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
        self._found: dict[str, tuple[Resource, ...]] = {}

    def services(self, change: Change) -> tuple[str, ...]:
        """The addresses of the services that exist, in the plan's order."""
        services = list(self._among.of_type(_SERVICE))
        if not services:
            return ()
        reached = {change.address}
        waiting = [change.resource]
        while waiting:
            for other in self._following(waiting.pop()):
                if other.address not in reached:
                    reached.add(other.address)
                    waiting.append(other)
        return tuple(dict.fromkeys(r.address for r in services if r.address in reached and r.mode == "managed"))

    def _following(self, resource: Resource) -> tuple[Resource, ...]:
        if resource.address not in self._found:
            following = {other.address: other for other in self._next(resource)}
            self._found[resource.address] = tuple(following.values())
        return self._found[resource.address]

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
    def _takers(self) -> dict[tuple[str, object], list[Resource]]:
        """What takes things by value: services a revision, definitions what they inject and their roles."""
        found: dict[tuple[str, object], list[Resource]] = {}
        for user in self._managed:
            for taken in _taken(user):
                found.setdefault(taken, []).append(user)
        return found

    def _next(self, resource: Resource) -> Iterator[Resource]:
        for target, user in self._users.get((resource.type, resource.name), ()):
            if target.admits(resource):
                yield user
        for given in _given(resource):
            yield from self._takers.get(given, ())
        if resource.type in _ON_OTHERS:
            targets = self._among.configuration.uses(resource)
            yield from (c.resource for c in self._among.admitted(targets) if c.type not in _GENERATED)
            secret = resource.text("secret_id")
            owners = self._among.of_type("aws_secretsmanager_secret") if secret is not None else ()
            yield from (owner for owner in owners if owner.text("arn") == secret)


def _taken(user: Resource) -> Iterator[tuple[str, object]]:
    if user.type == _SERVICE:
        yield "revision", revision_of(user.values.get("task_definition"))
    elif user.type == _DEFINITION:
        for name in _ROLES:
            yield "role", role_name(user.values.get(name))
        for source in injected(user.values.get("container_definitions")):
            yield "secret", secret_name(source)


def _given(resource: Resource) -> Iterator[tuple[str, object]]:
    """By which values others take this."""
    if resource.type == _DEFINITION and (revision := revision_of(resource.text("arn"))) is not None:
        yield "revision", revision
    elif resource.type in ("aws_secretsmanager_secret", "aws_ssm_parameter"):
        for name in ("arn", "name"):
            if (text := resource.text(name)) is not None:
                yield "secret", secret_name(text)
    elif resource.type.startswith("aws_iam_role"):
        for name in ("name",) if resource.type == "aws_iam_role" else ("role", "role_name"):
            if (role := role_name(resource.values.get(name))) is not None:
                yield "role", role
