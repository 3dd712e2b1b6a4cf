"""Plan documents in the form that Terraform 1.11 writes, made from a small platform on which nothing is pending."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from pytest_substrate.model.outcome import Outcome
from pytest_substrate.planes.packaging.plan import judge_plan, read_plan
from pytest_substrate.planes.packaging.plan.judge import Judged

NOW: Final = datetime(2026, 11, 25, 12, tzinfo=UTC)
ACCOUNT: Final = "111122223333"
DIGEST: Final = f"{ACCOUNT}.dkr.ecr.eu-west-2.amazonaws.com/ingest@sha256:{'1' * 64}"
SECRET: Final = f"arn:aws:secretsmanager:eu-west-2:{ACCOUNT}:secret:AmazonMSK_ingest-a1B2c3"
OTHER_SECRET: Final = f"arn:aws:secretsmanager:eu-west-2:{ACCOUNT}:secret:AmazonMSK_b-x1Y2z3"
PARAMETER: Final = f"arn:aws:ssm:eu-west-2:{ACCOUNT}:parameter/prod/db"
KEY: Final = f"arn:aws:kms:eu-west-2:{ACCOUNT}:key/0aa1"
ALIAS: Final = f"arn:aws:kms:eu-west-2:{ACCOUNT}:alias/msk"
REVISION: Final = f"arn:aws:ecs:eu-west-2:{ACCOUNT}:task-definition/ingest:42"
TASK: Final = f"arn:aws:iam::{ACCOUNT}:role/ingest-task"
EXECUTION: Final = f"arn:aws:iam::{ACCOUNT}:role/ingest-exec"
CLUSTER: Final = f"arn:aws:kafka:eu-west-2:{ACCOUNT}:cluster/main/0aa1-1"
UNKNOWN: Final = object()
"""A value that is known only after apply."""

CREATE: Final = ("create",)
UPDATE: Final = ("update",)
DELETE: Final = ("delete",)
REPLACE: Final = ("delete", "create")
REPLACES: Final = (REPLACE, ("create", "delete"))


def policy(*actions: str, effect: str = "Allow") -> str:
    """A policy's text."""
    statements = [{"Effect": effect, "Action": list(actions), "Resource": "*"}]
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def containers(**changes: Any) -> list[dict[str, Any]]:
    """The platform's containers, with changes of the first."""
    app: dict[str, Any] = {
        "name": "app",
        "image": DIGEST,
        "cpu": 0,
        "essential": True,
        "environment": [{"name": "TOPIC", "value": "events"}, {"name": "LEVEL", "value": "info"}],
        "secrets": [
            {"name": "KAFKA_CREDENTIAL", "valueFrom": SECRET},
            {"name": "DB", "valueFrom": PARAMETER},
        ],
        "logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": "/ecs/ingest"}},
    }
    return [app | changes, {"name": "otel", "image": "public.ecr.aws/otel/collector:0.110", "essential": False}]


def text(entries: object) -> str:
    """As the provider writes container definitions."""
    return json.dumps(entries, separators=(",", ":"), sort_keys=True)


def refers(*references: str) -> dict[str, Any]:
    """An expression with references."""
    return {"references": list(references)}


class Document:
    """A plan's document. Addresses of the platform are those of `PLATFORM`."""

    def __init__(self) -> None:
        self.entries: dict[str, dict[str, Any]] = {}
        self.configuration: dict[str, dict[str, Any]] = {}
        self.extra: dict[str, Any] = {}
        for address, (values, sensitive, expressions) in copy.deepcopy(PLATFORM).items():
            self.holds(address, values, sensitive=sensitive, expressions=expressions)

    def holds(
        self,
        address: str,
        values: Mapping[str, Any],
        *,
        sensitive: Mapping[str, Any] | None = None,
        expressions: Mapping[str, Any] | None = None,
        **fields: Any,
    ) -> Document:
        """A resource that exists, with nothing pending."""
        return self._entry(
            address,
            ("no-op",),
            before=values,
            after=values,
            sensitive=sensitive,
            expressions=expressions,
            fields=fields,
        )

    def creates(
        self,
        address: str,
        values: Mapping[str, Any],
        *,
        sensitive: Mapping[str, Any] | None = None,
        expressions: Mapping[str, Any] | None = None,
        **fields: Any,
    ) -> Document:
        """A resource that would be made; `UNKNOWN` values are."""
        return self._entry(
            address, CREATE, before=None, after=values, sensitive=sensitive, expressions=expressions, fields=fields
        )

    def changes(self, address: str, actions: tuple[str, ...] = UPDATE, /, **after: Any) -> Document:
        """A change of a resource that exists, to these values of attributes."""
        entry = self.entries[address]
        change = entry["change"]
        planned = None if "create" not in actions and "update" not in actions else {**change["before"], **after}
        marks, before = change["before_sensitive"], change["before"]
        fields = _fields(entry)
        return self._entry(
            address, actions, before=before, after=planned, sensitive=marks, expressions=None, fields=fields
        )

    def says(self, address: str, **fields: Any) -> Document:
        """More fields of an entry, such as `deposed` or `action_reason`."""
        self.entries[address].update(fields)
        return self

    def without(self, *addresses: str) -> Document:
        """The same without these resources, as of a targeted plan."""
        for address in addresses:
            del self.entries[address]
        return self

    def expresses(self, address: str, **expressions: Any) -> Document:
        """Other expressions in the configuration of a resource of the root."""
        self.configuration[address].setdefault("expressions", {}).update(expressions)
        return self

    def data(self) -> dict[str, Any]:
        """The document."""
        return {
            "format_version": "1.2",
            "terraform_version": "1.11.4",
            "planned_values": {"root_module": {}},
            "resource_changes": list(self.entries.values()),
            "prior_state": {"format_version": "1.0", "values": {"root_module": {"resources": []}}},
            "configuration": {"root_module": {"resources": list(self.configuration.values())}},
            "applyable": True,
            "complete": True,
            "errored": False,
            **self.extra,
        }

    def judged(self, **options: Any) -> tuple[Judged, ...]:
        """What the instrument decides."""
        plan = read_plan(json.dumps(self.data()).encode(), name="plan.json")
        return judge_plan(plan, now=NOW, **options)

    def red(self) -> dict[str, str]:
        """The red addresses with their causes."""
        return {one.address: str(one.diagnosis.cause) for one in self.judged() if not green(one)}

    def _entry(
        self,
        address: str,
        actions: tuple[str, ...],
        *,
        before: Mapping[str, Any] | None,
        after: Mapping[str, Any] | None,
        sensitive: Mapping[str, Any] | None,
        expressions: Mapping[str, Any] | None,
        fields: Mapping[str, Any],
    ) -> Document:
        mode, _, rest = ("data", "", address[5:]) if address.startswith("data.") else ("managed", "", address)
        local = rest.rsplit("module.", 1)[-1].split(".", 1)[1] if rest.startswith("module.") else rest
        type_, name = local.split(".", 1)
        unknown: dict[str, Any] = {}
        if after is not None:
            unknown = {key: True for key, value in after.items() if value is UNKNOWN}
            after = {key: value for key, value in after.items() if value is not UNKNOWN}
        self.entries[address] = {
            "address": address,
            "mode": mode,
            "type": type_,
            "name": name.split("[", 1)[0],
            "provider_name": "registry.terraform.io/hashicorp/aws",
            "change": {
                "actions": list(actions),
                "before": before,
                "after": after,
                "after_unknown": unknown,
                "before_sensitive": (sensitive or {}) if before is not None else False,
                "after_sensitive": (sensitive or {}) if after is not None else False,
            },
            **fields,
        }
        if expressions is not None:
            self.configuration[address] = {
                "address": address,
                "mode": mode,
                "type": type_,
                "name": name.split("[", 1)[0],
                "expressions": dict(expressions),
            }
        return self


def green(one: Judged) -> bool:
    """Whether an address is green."""
    return one.diagnosis.outcome is Outcome.PASS or one.allowed_until is not None


def _fields(entry: Mapping[str, Any]) -> dict[str, Any]:
    known = ("address", "mode", "type", "name", "provider_name", "change")
    return {key: value for key, value in entry.items() if key not in known}


_POINTS: Final = refers("aws_ecs_task_definition.ingest.arn", "aws_ecs_task_definition.ingest")

PLATFORM: Final[dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any]]]] = {
    "aws_kms_key.msk": (
        {"arn": KEY, "key_id": "0aa1", "id": "0aa1", "is_enabled": True, "policy": policy("kms:*"), "description": "k",
         "enable_key_rotation": False, "deletion_window_in_days": None, "multi_region": False, "tags": {"a": "b"}},
        {"tags": {}},
        {},
    ),
    "aws_kms_alias.msk": (
        {"arn": ALIAS, "id": "alias/msk", "name": "alias/msk", "target_key_id": "0aa1", "target_key_arn": KEY},
        {},
        {"target_key_id": refers("aws_kms_key.msk.key_id", "aws_kms_key.msk")},
    ),
    "aws_secretsmanager_secret.kafka": (
        {"arn": SECRET, "id": SECRET, "name": "AmazonMSK_ingest", "kms_key_id": KEY, "policy": "", "description": "",
         "recovery_window_in_days": 30, "replica": [], "tags": {"a": "b"}, "tags_all": {"a": "b"}},
        {"replica": [], "tags": {}, "tags_all": {}},
        {"kms_key_id": refers("aws_kms_key.msk.arn", "aws_kms_key.msk")},
    ),
    "aws_secretsmanager_secret_version.kafka": (
        {"arn": SECRET, "id": f"{SECRET}|t1", "secret_id": SECRET, "secret_string": "LEAK-old", "secret_binary": "",
         "secret_string_wo": None, "secret_string_wo_version": None, "version_id": "t1",
         "version_stages": ["AWSCURRENT"]},
        {"secret_string": True, "secret_binary": True, "secret_string_wo": True, "version_stages": [False]},
        {"secret_id": refers("aws_secretsmanager_secret.kafka.id", "aws_secretsmanager_secret.kafka"),
         "secret_string": refers("random_password.kafka.result", "random_password.kafka")},
    ),
    "aws_ssm_parameter.db": (
        {"arn": PARAMETER, "id": "/prod/db", "name": "/prod/db", "type": "SecureString", "value": "LEAK-db",
         "value_wo": None, "value_wo_version": None, "insecure_value": None, "key_id": "alias/aws/ssm", "version": 3,
         "tier": "Standard", "overwrite": None, "description": "", "tags": {"a": "b"}},
        {"tags": {}, "value": True, "value_wo": True},
        {},
    ),
    "aws_ssm_parameter.flag": (
        {"arn": f"arn:aws:ssm:eu-west-2:{ACCOUNT}:parameter/prod/flag", "id": "/prod/flag", "name": "/prod/flag",
         "type": "String", "value": "LEAK-on", "value_wo_version": None, "insecure_value": None, "key_id": ""},
        {"value": True},
        {},
    ),
    "random_password.kafka": (
        {"id": "none", "length": 32, "result": "LEAK-old", "bcrypt_hash": "LEAK-hash", "keepers": None},
        {"result": True, "bcrypt_hash": True},
        {"length": {"constant_value": 32}},
    ),
    "aws_msk_scram_secret_association.main": (
        {"id": CLUSTER, "cluster_arn": CLUSTER, "secret_arn_list": [OTHER_SECRET, SECRET]},
        {"secret_arn_list": [False, False]},
        {"secret_arn_list": refers("aws_secretsmanager_secret.kafka.arn", "aws_secretsmanager_secret.kafka")},
    ),
    "aws_iam_role.task": (
        {"arn": TASK, "id": "ingest-task", "name": "ingest-task", "assume_role_policy": policy("sts:AssumeRole"),
         "permissions_boundary": "", "managed_policy_arns": [], "inline_policy": [], "description": "",
         "max_session_duration": 3600},
        {},
        {},
    ),
    "aws_iam_role.bystander": (
        {"arn": f"arn:aws:iam::{ACCOUNT}:role/bystander", "id": "bystander", "name": "bystander",
         "assume_role_policy": policy("sts:AssumeRole")},
        {},
        {},
    ),
    "aws_iam_role_policy.exec": (
        {"id": "ingest-exec:secrets", "name": "secrets", "role": "ingest-exec",
         "policy": policy("secretsmanager:GetSecretValue")},
        {},
        {},
    ),
    "aws_iam_policy.extra": (
        {"arn": f"arn:aws:iam::{ACCOUNT}:policy/extra", "name": "extra", "policy": policy("s3:GetObject")},
        {},
        {},
    ),
    "aws_iam_role_policy_attachment.extra": (
        {"id": "ingest-task-1", "role": "ingest-task", "policy_arn": f"arn:aws:iam::{ACCOUNT}:policy/extra"},
        {},
        {"role": refers("aws_iam_role.task.name", "aws_iam_role.task"),
         "policy_arn": refers("aws_iam_policy.extra.arn", "aws_iam_policy.extra")},
    ),
    "aws_ecr_repository.ingest": (
        {"arn": f"arn:aws:ecr:eu-west-2:{ACCOUNT}:repository/ingest", "name": "ingest",
         "image_tag_mutability": "MUTABLE"},
        {},
        {},
    ),
    "aws_ecs_task_definition.ingest": (
        {"arn": REVISION, "arn_without_revision": REVISION[:-3], "id": "ingest", "family": "ingest", "revision": 42,
         "container_definitions": text(containers()), "cpu": "256", "memory": "512", "task_role_arn": TASK,
         "execution_role_arn": EXECUTION, "volume": [], "skip_destroy": False, "track_latest": False},
        {"volume": []},
        {"container_definitions": refers("aws_secretsmanager_secret.kafka.arn", "aws_secretsmanager_secret.kafka"),
         "task_role_arn": refers("aws_iam_role.task.arn", "aws_iam_role.task")},
    ),
    "aws_ecs_service.ingest": (
        {"arn": f"arn:aws:ecs:eu-west-2:{ACCOUNT}:service/main/ingest", "name": "ingest", "cluster": "main",
         "task_definition": REVISION, "desired_count": 2, "force_new_deployment": None, "triggers": None,
         "service_connect_configuration": []},
        {"triggers": {}},
        {"task_definition": _POINTS},
    ),
    "aws_db_instance.db": (
        {"id": "db", "engine_version": "16.1", "password": "LEAK-rds", "password_wo_version": None, "tags": {}},
        {"password": True, "tags": {}},
        {},
    ),
    "aws_cloudwatch_log_group.ingest": ({"name": "/ecs/ingest", "retention_in_days": 14}, {}, {}),
}  # fmt: skip
"""What exists: values, marks, and the expressions of the configuration."""
