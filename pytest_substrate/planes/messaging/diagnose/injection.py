"""What an entry of a container's `secrets` takes from where, held against the declared secret. Pure.

ECS takes a secret by its ARN, whole or without the random suffix (Secrets Manager completes a partial one), with
`:json-key:version-stage:version-id` behind it, each of which may be empty. A `valueFrom` that is no ARN names a
parameter of Systems Manager, also where a secret of that name exists (ECS API reference, `Secret`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pytest_substrate.model.aws.ecs import Container, Injection
from pytest_substrate.model.aws.secrets import CURRENT, SecretState
from pytest_substrate.model.facts import FactValue, admitted, line
from pytest_substrate.model.observation import Missing, Unobserved

if TYPE_CHECKING:
    from pytest_substrate.model.declaration import Credential

_SECRET_ARN = re.compile(r"(arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:\d{12}:secret:)([^:]+)((?::[^:]*){0,3})")
_SUFFIX = re.compile(r"-[A-Za-z0-9]{6}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """A `valueFrom` that names a secret."""

    prefix: str
    """`arn:…:secret:`"""
    resource: str
    """The secret's name, with or without its suffix."""
    json_key: str = ""
    stage: str = ""
    version_id: str = ""

    @property
    def arn(self) -> str:
        """The ARN alone, as it was given."""
        return self.prefix + self.resource

    @property
    def pinned(self) -> bool:
        """Whether it names one version, or a stage that a rotation does not move to the new one."""
        return bool(self.version_id) or self.stage not in ("", CURRENT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What is wrong with how one variable is set; `cause` is a slug of MSG-030."""

    cause: str
    message: str
    variable: str
    facts: Mapping[str, FactValue] = field(default_factory=dict)


def parse_reference(value_from: str) -> Reference | None:
    """The reference to a secret, None for everything else (a parameter)."""
    match = _SECRET_ARN.fullmatch(value_from)
    if match is None:
        return None
    json_key, stage, version_id = [*match[3].split(":")[1:], "", "", ""][:3]
    return Reference(prefix=match[1], resource=match[2], json_key=json_key, stage=stage, version_id=version_id)


def expected_variables(credential: Credential) -> dict[str, str | None]:
    """The variables that the declared credential arrives in, each with its JSON key, None for the whole secret."""
    if credential.env is not None:
        return {credential.env: None}
    named = {credential.username_env: "username", credential.password_env: "password"}
    return {variable: key for variable, key in named.items() if variable is not None}


def names_secret(reference: Reference, secret: SecretState) -> bool:
    """Whether the reference leads to this secret and no other of its name."""
    if reference.arn == secret.arn:
        return True
    return reference.resource == secret.name and secret.arn.startswith(reference.prefix)


def problems(
    container: Container, secret: SecretState | Missing | Unobserved, *, name: str, expected: Mapping[str, str | None]
) -> tuple[Problem, ...]:
    """All that is proven wrong with the declared variables. Without the secret, what its ARN tells is left open."""
    found = []
    for variable, json_key in expected.items():
        problem = _problem(container, secret, name=name, variable=variable, json_key=json_key)
        if problem is not None:
            found.append(problem)
    return tuple(found)


def _problem(
    container: Container, secret: SecretState | Missing | Unobserved, *, name: str, variable: str, json_key: str | None
) -> Problem | None:
    entries = [entry for entry in container.injections if entry.variable == variable]
    plain = container.variables.count(variable)
    if len(entries) + plain > 1:
        return Problem(
            cause="duplicate-variable", message=f"{variable} is set {len(entries) + plain} times", variable=variable
        )
    if plain:
        return Problem(
            cause="plain-value", message=f"{variable} is a plain environment value, not a secret", variable=variable
        )
    if not entries:
        return Problem(cause="not-injected", message=f"the container has no secret {variable}", variable=variable)
    return _entry_problem(entries[0], secret, name=name, json_key=json_key)


def _entry_problem(
    entry: Injection, secret: SecretState | Missing | Unobserved, *, name: str, json_key: str | None
) -> Problem | None:
    reference = parse_reference(entry.value_from)
    variable = entry.variable
    if reference is None:
        parameter = entry.value_from.rpartition(":parameter")[2] or entry.value_from
        return Problem(
            cause="parameter-injected",
            message=f"{variable} comes from the parameter {line(parameter, 128)}, not from the secret {name}",
            variable=variable,
            facts={"parameter": admitted("parameter", parameter)},
        )
    facts: dict[str, FactValue] = {"injected_arn": admitted("injected_arn", reference.arn)}
    if isinstance(secret, SecretState):
        facts["expected_arn"] = secret.arn
    if not _may_name(reference, secret, name=name):
        earlier = isinstance(secret, SecretState) and _is_predecessor(reference, secret)
        return Problem(
            cause="predecessor-injected" if earlier else "other-secret",
            message=f"{variable} comes from {'an earlier secret' if earlier else 'another secret than'} {name}",
            variable=variable,
            facts=facts,
        )
    if reference.json_key != (json_key or ""):
        wanted = f"the JSON key {json_key}" if json_key else "the whole secret"
        given = f"the JSON key {line(reference.json_key, 64)}" if reference.json_key else "the whole secret"
        return Problem(
            cause="wrong-json-key",
            message=f"{variable} gets {given}; declared is {wanted}",
            variable=variable,
            facts={
                **facts,
                "json_key": admitted("json_key", reference.json_key or None),
                "expected_json_key": json_key,
            },
        )
    if reference.pinned:
        pin = f"version {reference.version_id}" if reference.version_id else f"stage {reference.stage}"
        return Problem(
            cause="version-pinned",
            message=f"{variable} is pinned to {line(pin, 80)} of the secret {name}",
            variable=variable,
            facts={
                **facts,
                "version_id": admitted("version_id", reference.version_id or None),
                "version_stage": admitted("version_stage", reference.stage or None),
            },
        )
    return None


def _may_name(reference: Reference, secret: SecretState | Missing | Unobserved, *, name: str) -> bool:
    """Whether the reference can lead to the declared secret; with only a name known, every suffix may be its own."""
    if isinstance(secret, SecretState):
        return names_secret(reference, secret)
    return reference.resource == name or bool(_SUFFIX.fullmatch(reference.resource.removeprefix(name)))


def _is_predecessor(reference: Reference, secret: SecretState) -> bool:
    """Whether it names a secret of the same name and home with another random suffix."""
    at_home = secret.arn.startswith(f"{reference.prefix}{secret.name}-")
    return at_home and bool(_SUFFIX.fullmatch(reference.resource.removeprefix(secret.name)))


def injects_version(
    container: Container, secret: SecretState, *, version_id: str, expected: Mapping[str, str | None]
) -> bool:
    """Whether a task that starts now would get this version, the current one, in every declared variable.

    A pin to this very version gives it, too: MSG-030 minds the pin, a running task only what it holds.
    """
    found = problems(container, secret, name=secret.name, expected=expected)
    return all(problem.cause == "version-pinned" and problem.facts.get("version_id") == version_id for problem in found)


def pins_version(container: Container, *, version_id: str, expected: Mapping[str, str | None]) -> bool:
    """Whether every declared variable names this version, so that the time of the start says nothing."""
    entries = [entry for entry in container.injections if entry.variable in expected]
    references = [parse_reference(entry.value_from) for entry in entries]
    return len(entries) == len(expected) and all(
        reference is not None and reference.version_id == version_id for reference in references
    )
