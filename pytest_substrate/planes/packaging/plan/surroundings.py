"""What a change stands among: the other changes, what exists, and who names what. Pure, built once a plan.

"Of the plan" is what the plan tells of: pending changes and the prior state, so that a targeted plan is judged by what
it changes and not by less.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from pytest_substrate.planes.packaging.plan.change import Action, Change, Plan, Resource
from pytest_substrate.planes.packaging.plan.configuration import Configuration, Resolution, Target
from pytest_substrate.planes.packaging.plan.containers import injected
from pytest_substrate.planes.packaging.plan.names import key_names, revision_of, role_name, secret_name

SECRET: Final = "aws_secretsmanager_secret"
PARAMETER: Final = "aws_ssm_parameter"
DEFINITION: Final = "aws_ecs_task_definition"
SERVICE: Final = "aws_ecs_service"
ALIAS: Final = "aws_kms_alias"
ROLE: Final = "aws_iam_role"


class Surroundings:
    """A plan with its indexes; each index is made when it is first asked for."""

    def __init__(self, plan: Plan) -> None:
        self.changes = plan.changes
        self.configuration = Configuration(plan.configuration)
        pending = {change.address for change in plan.changes}
        changed = [change.resource for change in plan.changes if change.exists]
        self._by_name: dict[tuple[str, str, str], list[Change]] = {}
        for change in plan.changes:
            if not change.deposed:
                self._by_name.setdefault(_name(change.resource), []).append(change)
        self._by_type: dict[str, list[Change]] = {}
        for change in plan.changes:
            if not change.deposed:
                self._by_type.setdefault(change.type, []).append(change)
        self.existing: tuple[Resource, ...] = (*changed, *(r for r in plan.resources if r.address not in pending))

    def of_type(self, *types: str) -> Iterator[Resource]:
        """What exists of these types, data sources too."""
        return (resource for type_ in types for resource in self._existing_by_type.get(type_, ()))

    def planned(self, *types: str) -> Iterator[Change]:
        """The pending changes of these types, deposed objects aside."""
        return (change for type_ in types for change in self._by_type.get(type_, ()))

    def referred(self, resource: Resource, attribute: str, *types: str) -> tuple[list[Change], Resolution]:
        """The pending changes that an attribute refers to, of these types (of any where none is given)."""
        resolution = self.configuration.resolve(resource, attribute)
        found = [change for change in self.admitted(resolution.targets) if not types or change.type in types]
        if resolution.keyed and len(found) > 1:
            found = [change for change in found if _same_instance(resource, change.resource)] or found
        return found, resolution

    def admitted(self, targets: Iterable[Target]) -> list[Change]:
        """The pending changes of what is referred to, each once."""
        found = {
            id(change): change
            for target in targets
            for change in self._by_name.get((target.mode, target.type, target.name), ())
            if target.admits(change.resource)
        }
        return list(found.values())

    @functools.cached_property
    def _existing_by_type(self) -> dict[str, list[Resource]]:
        found: dict[str, list[Resource]] = {}
        for resource in self.existing:
            found.setdefault(resource.type, []).append(resource)
        return found

    def is_new(self, change: Change, attribute: str, *types: str, names: tuple[str, ...]) -> bool:
        """Whether what an attribute points to is created by this plan.

        A value that is known points to what exists, unless something that is created bears it in one of `names`; one
        that is unknown is what the configuration refers to, and where that can't be told, whatever of the type is made.
        """
        value = change.becomes(attribute)
        created = [other for other in self.planned(*types) if other.action is Action.CREATE]
        if value is not None:
            there = any(value == resource.values.get(name) for resource in self.of_type(*types) for name in names)
            return not there and any(value == other.after.get(name) for other in created for name in names)
        if not change.is_unknown(attribute):
            return False
        found, resolution = self.referred(change.resource, attribute)
        if any(other.resource.mode == "data" for other in found):
            return False
        made = [other for other in found if other.type in types] or found
        if not made and resolution.untold:
            made = [other for other in self.planned(*types) if other.action in (Action.CREATE, Action.REPLACE)]
        return bool(made) and all(other.action is Action.CREATE for other in made)

    @functools.cached_property
    def named_keys(self) -> frozenset[str]:
        """The keys and aliases that an existing secret or SecureString parameter names, and what those aliases mean."""
        named: set[str] = set()
        for resource in self.of_type(SECRET, PARAMETER):
            if resource.type == PARAMETER and resource.values.get("type") in ("String", "StringList"):
                continue
            for value in _keys_of(resource):
                named |= key_names(value)
        for alias in self.of_type(ALIAS):
            if named & _alias_names(alias):
                named |= key_names(alias.values.get("target_key_id")) | key_names(alias.values.get("target_key_arn"))
        return frozenset(named)

    def names_key(self, key: Resource) -> bool:
        """Whether a secret or parameter of the plan names this key or alias, by value or in the configuration."""
        values = key.values
        own: set[str] = set()
        for attribute in ("arn", "key_id", "id", "name") if key.type == ALIAS else ("arn", "key_id", "id"):
            own |= key_names(values.get(attribute))
        return bool(own & self.named_keys) or any(target.admits(key) for target in self._key_references)

    @functools.cached_property
    def _key_references(self) -> frozenset[Target]:
        found: set[Target] = set()
        for resource in self.of_type(SECRET, PARAMETER):
            if resource.mode == "managed" and resource.values.get("type") not in ("String", "StringList"):
                attribute = "kms_key_id" if resource.type == SECRET else "key_id"
                found |= self.configuration.resolve(resource, attribute).targets
        return frozenset(found)

    @functools.cached_property
    def named_roles(self) -> frozenset[str]:
        """The names of the roles that task definitions of the plan name, before it and after it."""
        values = [resource.values for resource in self.of_type(DEFINITION)]
        values += [change.after for change in self.planned(DEFINITION)]
        roles = (role_name(v.get(a)) for v in values for a in ("task_role_arn", "execution_role_arn"))
        return frozenset(role for role in roles if role is not None)

    def names_role(self, role: Resource) -> bool:
        """Whether a task definition of the plan names this role, by value or in the configuration."""
        own = {role_name(role.values.get("name")), role_name(role.values.get("arn"))} - {None}
        return bool(own & self.named_roles) or any(target.admits(role) for target in self._role_references)

    @functools.cached_property
    def _role_references(self) -> frozenset[Target]:
        definitions = [change.resource for change in self.planned(DEFINITION)]
        return frozenset(
            target
            for definition in definitions
            for attribute in ("task_role_arn", "execution_role_arn")
            for target in self.configuration.resolve(definition, attribute).targets
            if target.type == ROLE
        )

    @functools.cached_property
    def injected(self) -> frozenset[str]:
        """The secrets and parameters that existing task definitions inject, as `secret_name` calls them."""
        texts = [definition.values.get("container_definitions") for definition in self.of_type(DEFINITION)]
        return frozenset(secret_name(source) for text in texts for source in injected(text))

    def definition_of(self, pointer: str | None) -> Resource | None:
        """The task definition that exists under a revision's ARN or `family:revision`."""
        return self._revisions.get(revision_of(pointer))

    @functools.cached_property
    def _revisions(self) -> dict[tuple[str, int] | None, Resource]:
        found = {revision_of(definition.text("arn")): definition for definition in self.of_type(DEFINITION)}
        return {revision: definition for revision, definition in found.items() if revision is not None}


def _name(resource: Resource) -> tuple[str, str, str]:
    return resource.mode, resource.type, resource.name


def _keys_of(resource: Resource) -> Iterator[Any]:
    values: Mapping[str, Any] = resource.values
    yield values.get("kms_key_id") if resource.type == SECRET else values.get("key_id")
    replicas = values.get("replica")
    for replica in replicas if isinstance(replicas, list) else []:
        if isinstance(replica, Mapping):
            yield replica.get("kms_key_id")


def _alias_names(alias: Resource) -> frozenset[str]:
    names: Iterable[frozenset[str]] = (key_names(alias.values.get(name)) for name in ("arn", "name"))
    return frozenset().union(*names)


def _same_instance(one: Resource, other: Resource) -> bool:
    keys = [one.key, *(key for _, key in one.modules)]
    return any(key is not None and key in (other.key, *(k for _, k in other.modules)) for key in keys)
