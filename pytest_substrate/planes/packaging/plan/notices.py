"""Which running services would notice a change: by what they inject, and by what the configuration refers to. Pure."""

from __future__ import annotations

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
_ON_OTHERS: Final = (
    "aws_secretsmanager_secret_version",
    "aws_secretsmanager_secret_rotation",
    "aws_secretsmanager_secret_policy",
    "aws_msk_scram_secret_association",
    "aws_msk_single_scram_secret_association",
    "aws_iam_role_policy",
    "aws_iam_role_policy_attachment",
    "aws_kms_alias",
    "aws_kms_key_policy",
)
"""Types that do something to what they refer to: who uses that, notices."""


class Notices:
    """The services of a plan, found by going from a resource to what uses it."""

    def __init__(self, among: Surroundings) -> None:
        self._among = among
        managed = [resource for resource in (*among.existing, *_made(among)) if resource.mode == "managed"]
        self._uses: list[tuple[Resource, frozenset[Target]]] = [
            (resource, among.configuration.uses(resource)) for resource in managed
        ]

    def services(self, change: Change) -> tuple[str, ...]:
        """The addresses of the services that exist, in the plan's order."""
        reached = {change.address}
        waiting = [change.resource]
        while waiting:
            resource = waiting.pop()
            for other in self._next(resource):
                if other.address not in reached:
                    reached.add(other.address)
                    waiting.append(other)
        return tuple(dict.fromkeys(r.address for r in self._among.of_type(_SERVICE) if r.address in reached))

    def _next(self, resource: Resource) -> Iterator[Resource]:
        for user, targets in self._uses:
            if any(target.admits(resource) for target in targets) or _takes(user, resource):
                yield user
        if resource.type in _ON_OTHERS:
            own = self._among.configuration.uses(resource)
            for other, _ in self._uses:
                if any(target.admits(other) for target in own) and other.type != "random_password":
                    yield other
                if (secret := resource.text("secret_id")) is not None and secret == other.text("arn"):
                    yield other


def _takes(user: Resource, resource: Resource) -> bool:
    """Whether the values say that one stands on the other."""
    arn = resource.text("arn")
    if user.type == _SERVICE and resource.type == _DEFINITION:
        pointer = revision_of(user.values.get("task_definition"))
        return pointer is not None and pointer == revision_of(arn)
    if user.type != _DEFINITION:
        return False
    if resource.type in ("aws_secretsmanager_secret", "aws_ssm_parameter"):
        names = [name for name in (arn, resource.text("name")) if name is not None]
        sources = list(injected(user.values.get("container_definitions")))
        return any(same_secret(source, name) for source in sources for name in names)
    roles = {role_name(user.values.get(name)) for name in ("task_role_arn", "execution_role_arn")} - {None}
    if resource.type == "aws_iam_role":
        return role_name(resource.values.get("name")) in roles
    if resource.type.startswith("aws_iam_role_polic"):
        return role_name(resource.values.get("role") or resource.values.get("role_name")) in roles
    return False


def _made(among: Surroundings) -> Iterator[Resource]:
    return (change.resource for change in among.changes if not change.exists)
