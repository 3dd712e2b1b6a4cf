"""A Terraform plan for `dev_min` as it is now, in the form that `terraform show -json` writes (1.11, AWS provider 5).

It plans what an innocent change does: a longer generated password, and so a new version of the secret that the service
runs with. Its ARNs are the platform's; a secret's value is in no plan that is written here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from pytest_substrate.embedded.platform import names

if TYPE_CHECKING:
    from pytest_substrate.embedded.platform.platform import Platform

_AWS: Final = "registry.terraform.io/hashicorp/aws"
_RANDOM: Final = "registry.terraform.io/hashicorp/random"
_HIDDEN: Final = "(sensitive value)"
_REPLACE: Final = ["delete", "create"]
_LENGTHS: Final = (24, 32)


def pending_plan(platform: Platform) -> bytes:
    """The plan's JSON."""
    changes = [*_service(platform), *_secret(platform), _password()]
    document = {
        "format_version": "1.2",
        "terraform_version": "1.11.4",
        "resource_changes": changes,
        "configuration": {"root_module": {"resources": [_configured(one) for one in changes]}},
        "applyable": True,
        "complete": True,
        "errored": False,
    }
    return json.dumps(document, indent=1).encode()


def _service(platform: Platform) -> list[dict[str, Any]]:
    """The service and its task definition, on which nothing is pending."""
    ecs = platform.client("ecs")
    service = ecs.describe_services(cluster=names.ECS_CLUSTER, services=[names.SERVICE])["services"][0]
    definition = ecs.describe_task_definition(taskDefinition=service["taskDefinition"])["taskDefinition"]
    return [
        _held(
            "aws_ecs_service",
            {
                "cluster": service["clusterArn"],
                "name": names.SERVICE,
                "id": service["serviceArn"],
                "desired_count": service["desiredCount"],
                "task_definition": service["taskDefinition"],
            },
        ),
        _held(
            "aws_ecs_task_definition",
            {
                "arn": definition["taskDefinitionArn"],
                "family": definition["family"],
                "revision": definition["revision"],
                "task_role_arn": definition["taskRoleArn"],
                "execution_role_arn": definition["executionRoleArn"],
                "container_definitions": json.dumps(definition["containerDefinitions"]),
            },
        ),
    ]


def _secret(platform: Platform) -> list[dict[str, Any]]:
    """The secret as it is, and its version to be written anew."""
    told = platform.client("secretsmanager").describe_secret(SecretId=names.SECRET)
    arn = told["ARN"]
    current = next(version for version, stages in told["VersionIdsToStages"].items() if "AWSCURRENT" in stages)
    before = {"arn": arn, "id": f"{arn}|{current}", "secret_id": arn, "version_id": current, "secret_string": _HIDDEN}
    sensitive = {"secret_string": True}
    return [
        _held(
            "aws_secretsmanager_secret", {"arn": arn, "id": arn, "name": names.SECRET, "kms_key_id": told["KmsKeyId"]}
        ),
        _change(
            "aws_secretsmanager_secret_version",
            _REPLACE,
            before=before,
            after={"secret_id": arn},
            unknown={"arn": True, "id": True, "version_id": True, "secret_string": True},
            sensitive=sensitive,
            because="secret_string",
        ),
    ]


def _password() -> dict[str, Any]:
    """What the version's value comes from."""
    before, after = _LENGTHS
    return _change(
        "random_password",
        _REPLACE,
        before={"id": "none", "length": before, "result": _HIDDEN},
        after={"length": after},
        unknown={"id": True, "result": True},
        sensitive={"result": True},
        because="length",
        provider=_RANDOM,
    )


def _held(kind: str, values: Mapping[str, Any]) -> dict[str, Any]:
    return _change(kind, ["no-op"], before=values, after=values, unknown={}, sensitive={})


def _change(
    kind: str,
    actions: list[str],
    *,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    unknown: Mapping[str, Any],
    sensitive: Mapping[str, Any],
    because: str | None = None,
    provider: str = _AWS,
) -> dict[str, Any]:
    change: dict[str, Any] = {
        "actions": actions,
        "before": dict(before),
        "after": dict(after),
        "after_unknown": dict(unknown),
        "before_sensitive": dict(sensitive),
        "after_sensitive": dict(sensitive),
    }
    entry = {
        "address": f"{kind}.{names.SERVICE}",
        "mode": "managed",
        "type": kind,
        "name": names.SERVICE,
        "provider_name": provider,
        "change": change,
    }
    if because is None:
        return entry
    change["replace_paths"] = [[because]]
    return {**entry, "action_reason": "replace_because_cannot_update"}


_REFERENCES: Final[Mapping[str, Mapping[str, str]]] = {
    "aws_ecs_service": {"task_definition": "aws_ecs_task_definition"},
    "aws_ecs_task_definition": {"container_definitions": "aws_secretsmanager_secret"},
    "aws_secretsmanager_secret_version": {
        "secret_id": "aws_secretsmanager_secret",
        "secret_string": "random_password",
    },
}


def _configured(change: Mapping[str, Any]) -> dict[str, Any]:
    kind = str(change["type"])
    references = {
        attribute: {"references": [f"{other}.{names.SERVICE}"]}
        for attribute, other in _REFERENCES.get(kind, {}).items()
    }
    provider = "random" if change["provider_name"] == _RANDOM else "aws"
    return {
        "address": change["address"],
        "mode": "managed",
        "type": kind,
        "name": names.SERVICE,
        "provider_config_key": provider,
        "expressions": references,
        "schema_version": 0,
    }
