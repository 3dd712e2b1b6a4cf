"""Secrets Manager, corrected: a customer's key guards its secrets, rotation is never pretended, changes are announced.

`read_as` is how a task's secrets are read: as the execution role, by ECS's own reference syntax.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, Final

from ministack.core.responses import error_response_json, get_region
from ministack.core.router import extract_access_key_id
from ministack.services import kms, secretsmanager

from pytest_substrate.embedded.cloud import authority, keys
from pytest_substrate.embedded.cloud.roles import RoleSession

_DAY_S: Final = 86400
_CHANGING: Final = {
    "CreateSecret",
    "PutSecretValue",
    "UpdateSecret",
    "UpdateSecretVersionStage",
    "RotateSecret",
    "DeleteSecret",
    "RestoreSecret",
}
_KEY_USE: Final = {
    "GetSecretValue": ("kms:Decrypt",),
    "PutSecretValue": ("kms:GenerateDataKey", "kms:Decrypt"),
}
_REFERENCE = re.compile(r"(arn:aws[a-z-]*:secretsmanager:[^:]+:\d{12}:secret:[^:]+)(?::([^:]*):([^:]*):([^:]*))?")
_listeners: list[Callable[[str], None]] = []


class Unreadable(Exception):
    """A secret that a task can't have: the end of ECS's own sentence."""


def install() -> None:
    """Correct the service."""
    handle, describe = secretsmanager.handle_request, secretsmanager._describe_secret
    entries = secretsmanager._list_secrets

    async def handle_request(method: str, path: str, headers: Any, body: bytes, query: Any) -> Any:
        action = headers.get("x-amz-target", "").rpartition(".")[2]
        _, secret = _find(body)
        if secret is not None and action in _KEY_USE:
            key = extract_access_key_id(headers, query) or ""
            if any(_key_refused(key, action_on_key, secret) for action_on_key in _KEY_USE[action]):
                return error_response_json("AccessDeniedException", "Access to KMS is not allowed", 400)
        answer = await handle(method, path, headers, body, query)
        if action in _CHANGING and answer[0] < 400:
            arn = json.loads(answer[2])["ARN"]
            for tell in _listeners:
                tell(arn)
        return answer

    secretsmanager.handle_request = handle_request
    secretsmanager._describe_secret = lambda data: _days(describe(data))
    secretsmanager._list_secrets = lambda data: _days(entries(data))
    secretsmanager._rotate_secret = _rotate_secret


def on_change(tell: Callable[[str], None]) -> None:
    """Call `tell` with a secret's ARN after each change of its versions, on the server's loop: it must not block."""
    _listeners.append(tell)


def find(arn_or_name: str) -> dict[str, Any] | None:
    """The stored secret, of the request's account and region."""
    _, secret = secretsmanager._resolve(arn_or_name)
    return secret if secret is None or isinstance(secret, dict) else None


def customer_key(secret: dict[str, Any]) -> dict[str, Any] | None:
    """The customer's key that encrypts a secret; None where it is AWS's own, or gone."""
    name = secret.get("KmsKeyId")
    key = kms._resolve_key(name) if name else None
    return key if key and keys.is_customers(key) else None


def current_value(secret: dict[str, Any]) -> str | None:
    """The text of the current version."""
    _, version = secretsmanager._find_stage_version(secret, "AWSCURRENT")
    return version.get("SecretString") if version else None


def read_as(session: RoleSession | None, value_from: str) -> str:
    """The value that `valueFrom` names, read under the execution role. Raises Unreadable.

    `arn:…:json-key:version-stage:version-id` as ECS reads it; each of the three may be empty.
    """
    found = _REFERENCE.fullmatch(value_from)
    if found is None:
        raise Unreadable(f"invalid secret reference {value_from}")
    arn, json_key, stage, version_id = found.groups(default="")
    if session is None:
        raise Unreadable(f"failed to fetch secret {arn} from secrets manager: no execution role was given")
    fetching = f"failed to fetch secret {arn} from secrets manager: "
    secret = find(arn)
    denied = session.may("secretsmanager:GetSecretValue", secret["ARN"] if secret else arn)
    if denied:
        raise Unreadable(f"{fetching}AccessDeniedException: {denied}")
    if secret is None or secret.get("DeletedDate"):
        raise Unreadable(f"{fetching}ResourceNotFoundException: Secrets Manager can't find the specified secret.")
    if _key_refused(session.access_key, "kms:Decrypt", secret):
        raise Unreadable(f"{fetching}AccessDeniedException: Access to KMS is not allowed")
    version = secret["Versions"].get(version_id) if version_id else None
    if not version_id:
        _, version = secretsmanager._find_stage_version(secret, stage or "AWSCURRENT")
    if version is None or (version_id and stage and stage not in version["Stages"]):
        asked = f"version: {version_id}" if version_id else f"value for staging label: {stage or 'AWSCURRENT'}"
        raise Unreadable(
            f"{fetching}ResourceNotFoundException: Secrets Manager can't find the specified secret {asked}"
        )
    text = version.get("SecretString")
    if text is None:
        raise Unreadable(f"{fetching}the secret has no text")
    return _member(text, json_key, arn) if json_key else str(text)


def _member(text: str, key: str, arn: str) -> str:
    try:
        held = json.loads(text)
    except ValueError:
        held = None
    if not isinstance(held, dict) or key not in held:
        # never a word of the value
        raise Unreadable(f"retrieved secret from Secrets Manager did not contain json key {key}: {arn}")
    value = held[key]
    return value if isinstance(value, str) else json.dumps(value)


def _find(body: bytes) -> tuple[str, dict[str, Any] | None]:
    try:
        name = str(json.loads(body or b"{}").get("SecretId", ""))
    except (ValueError, AttributeError):
        return "", None
    return name, find(name) if name else None


def _key_refused(access_key: str, action: str, secret: dict[str, Any]) -> bool:
    key = customer_key(secret)
    if key is None:
        return False
    context = {"kms:ViaService": f"secretsmanager.{get_region()}.amazonaws.com"}
    return key.get("KeyState") != "Enabled" or authority.may(access_key, action, key["Arn"], context) is not None


def _days(answer: Any) -> Any:
    """`LastAccessedDate` is a day, not a time."""
    status, headers, body = answer
    told = json.loads(body)
    for entry in (told, *told.get("SecretList", [])):
        if isinstance(entry.get("LastAccessedDate"), int | float):
            entry["LastAccessedDate"] -= entry["LastAccessedDate"] % _DAY_S
    return status, headers, json.dumps(told).encode()


def _rotate_secret(data: dict[str, Any]) -> Any:
    """No rotation function runs here, so a rotation is refused and never half done."""
    secret = find(str(data.get("SecretId", "")))
    if secret is None:
        message = "Secrets Manager can't find the specified secret."
        return error_response_json("ResourceNotFoundException", message, 400)
    function = data.get("RotationLambdaARN") or secret.get("RotationLambdaARN")
    message = (
        f"the rotation function {function} can't be invoked here; put a new value instead"
        if function
        else "No Lambda rotation function ARN is associated with this secret."
    )
    return error_response_json("InvalidRequestException", message, 400)
