"""The infrastructure pipeline of `dev_min`: it leaves its pending plan, as `terraform show -json` prints one.

What the plan knows of the platform is read through the platform's public API. The plan holds the credential in the
clear, as real ones do; the file is its owner's alone.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from pytest_substrate.embedded.platform import dev_min, names
from pytest_substrate.embedded.platform.platform import Platform

PLAN: Final = "infrastructure/plan.json"
"""Below the platform's folder, as `fixtures/dev_min/substrate.toml` names it."""
PASSWORD: Final = "random_password.kafka"
VERSION: Final = "aws_secretsmanager_secret_version.kafka"
DEFINITION: Final = "aws_ecs_task_definition.ingest"
SERVICE: Final = "aws_ecs_service.ingest"

Document = dict[str, Any]
_REPLACED: Final = ["delete", "create"]


def leave_plan(platform: Platform) -> None:
    """Write the plan that is pending: the service gets another tag, and nothing else changes."""
    document = plan(platform)
    changed(document, SERVICE, after={"tags": {"team": "spine"}})
    _write(platform, json.dumps(document).encode())


@contextlib.contextmanager
def pending(platform: Platform, *changes: Callable[[Document], None]) -> Iterator[None]:
    """Another plan with these changes; then the one before."""
    document = plan(platform)
    for change in changes:
        change(document)
    with left(platform, json.dumps(document).encode()):
        yield


@contextlib.contextmanager
def left(platform: Platform, content: bytes | None) -> Iterator[None]:
    """Another content of the plan's file, or none; then the one before."""
    path = platform.folder / PLAN
    before = path.read_bytes()
    try:
        if content is None:
            path.unlink()
        else:
            _write(platform, content)
        yield
    finally:
        _write(platform, before)


def plan(platform: Platform) -> Document:
    """A plan in which nothing is pending: the secret with its version, the service with its definition."""
    return {
        "format_version": "1.2",
        "terraform_version": "1.11.4",
        "resource_changes": [_unchanged(address, values) for address, values in _resources(platform).items()],
        "configuration": {"root_module": {"resources": [_configured(*one) for one in _REFERENCES.items()]}},
        "errored": False,
    }


_REFERENCES: Final[Mapping[str, Mapping[str, list[str]]]] = {
    VERSION: {
        "secret_id": ["aws_secretsmanager_secret.kafka.arn", "aws_secretsmanager_secret.kafka"],
        "secret_string": ["random_password.kafka.result", PASSWORD],
    },
    DEFINITION: {"container_definitions": ["aws_secretsmanager_secret.kafka.arn", "aws_secretsmanager_secret.kafka"]},
    SERVICE: {"task_definition": [f"{DEFINITION}.arn", DEFINITION]},
}
"""What refers to what in the configuration."""


def changed(
    document: Document,
    address: str,
    *,
    after: Mapping[str, Any] | None = None,
    unknown: tuple[str, ...] = (),
    actions: list[str] | None = None,
) -> None:
    """Let an address have a pending change: an update, or other `actions`; None as `after` where it goes away."""
    [entry] = [one for one in document["resource_changes"] if one["address"] == address]
    change = entry["change"]
    change["actions"] = actions or ["update"]
    change["after"] = None if change["actions"] == ["delete"] else {**change["before"], **(after or {})}
    for name in unknown:
        change["after"].pop(name, None)
    change["after_unknown"] = dict.fromkeys(unknown, True)


def regenerate_password(document: Document) -> None:
    """Somebody asked for a longer password: it is generated anew, and so is the secret's value."""
    changed(document, PASSWORD, after={"length": 40}, unknown=("result",), actions=_REPLACED)
    changed(document, VERSION, unknown=("secret_string", "version_id"), actions=_REPLACED)


def follow_a_tag(document: Document) -> None:
    """The configuration names the image by its tag, so that the service gets another definition."""
    [entry] = [one for one in document["resource_changes"] if one["address"] == DEFINITION]
    containers = json.loads(entry["change"]["before"]["container_definitions"])
    containers[0]["image"] = f"{dev_min.image_at('').removesuffix('@')}:{names.TAG}"
    text = json.dumps(containers)
    changed(document, DEFINITION, after={"container_definitions": text}, unknown=("arn", "revision"), actions=_REPLACED)
    changed(document, SERVICE, unknown=("task_definition",))


def _resources(platform: Platform) -> Mapping[str, Mapping[str, Any]]:
    ecs, secrets = platform.client("ecs"), platform.client("secretsmanager")
    service = ecs.describe_services(cluster=names.ECS_CLUSTER, services=[names.SERVICE])["services"][0]
    definition = ecs.describe_task_definition(taskDefinition=service["taskDefinition"])["taskDefinition"]
    held = secrets.get_secret_value(SecretId=names.SECRET)
    return {
        "aws_secretsmanager_secret.kafka": {
            "arn": held["ARN"],
            "name": names.SECRET,
            "kms_key_id": dev_min.key_arn(platform),
        },
        PASSWORD: {"length": 32, "result": json.loads(held["SecretString"])["password"]},
        VERSION: {
            "secret_id": held["ARN"],
            "secret_string": held["SecretString"],
            "version_id": held["VersionId"],
        },
        DEFINITION: {
            "arn": definition["taskDefinitionArn"],
            "family": definition["family"],
            "revision": definition["revision"],
            "task_role_arn": definition["taskRoleArn"],
            "execution_role_arn": definition["executionRoleArn"],
            "container_definitions": json.dumps(definition["containerDefinitions"]),
        },
        SERVICE: {
            "cluster": service["clusterArn"],
            "name": names.SERVICE,
            "task_definition": service["taskDefinition"],
            "desired_count": service["desiredCount"],
            "tags": {},
        },
    }


_SENSITIVE: Final[Mapping[str, Mapping[str, bool]]] = {PASSWORD: {"result": True}, VERSION: {"secret_string": True}}


def _unchanged(address: str, values: Mapping[str, Any]) -> Document:
    kind, _, name = address.partition(".")
    marks = dict(_SENSITIVE.get(address, {}))
    return {
        "address": address,
        "mode": "managed",
        "type": kind,
        "name": name,
        "change": {
            "actions": ["no-op"],
            "before": dict(values),
            "after": dict(values),
            "after_unknown": {},
            "before_sensitive": marks,
            "after_sensitive": marks,
        },
    }


def _configured(address: str, references: Mapping[str, list[str]]) -> Document:
    kind, _, name = address.partition(".")
    expressions = {attribute: {"references": named} for attribute, named in references.items()}
    return {"address": address, "mode": "managed", "type": kind, "name": name, "expressions": expressions}


def _write(platform: Platform, content: bytes) -> None:
    path = platform.folder / PLAN
    path.parent.mkdir(mode=0o700, exist_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
