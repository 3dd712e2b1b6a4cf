"""The platform in a role: sessions of a task's two roles, registered with STS like any other, and their use.

A task's credential endpoint hands out the task role's session; the platform itself reads secrets, pulls images and
opens log streams under the execution role's.
"""

from __future__ import annotations

import json
import secrets
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from ministack.core import iam_evaluator
from ministack.core.responses import get_region
from ministack.services import iam, sts

from pytest_substrate.embedded.cloud import authority

LIFETIME_S: Final = 6 * 3600.0
_RENEWED_BEFORE_S: Final = 15 * 60.0
SERVICE: Final = "ecs-tasks.amazonaws.com"


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleSession:
    """Temporary credentials of a role, as the session that STS knows."""

    role_arn: str
    access_key: str
    secret: str = field(repr=False)
    token: str = field(repr=False)
    expires: float

    def may(self, action: str, resource: str, context: Mapping[str, Any] | None = None) -> str | None:
        """None where the session may, else AWS's sentence."""
        return authority.may(self.access_key, action, resource, context)

    def document(self) -> dict[str, str]:
        """What the container credential endpoint answers."""
        return {
            "RoleArn": self.role_arn,
            "AccessKeyId": self.access_key,
            "SecretAccessKey": self.secret,
            "Token": self.token,
            "Expiration": datetime.fromtimestamp(self.expires, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        }


def install() -> None:
    """Let sessions be opened from several threads at once: ministack walks its table while others write to it."""
    sts._evict_expired_sessions = _evict_expired


def _evict_expired() -> None:
    now = time.time()
    for key, session in list(sts._sessions.items()):
        if session.get("Expiration", now) < now:
            sts._sessions.pop(key, None)


class NotAssumable(Exception):
    """ECS may not assume the role, or there is none; ECS's own words."""


def open_session(role_arn: str, name: str) -> RoleSession:
    """A new session of a role for the ECS service principal, registered with STS. Raises NotAssumable."""
    account, role_name = role_arn.split(":")[4], role_arn.rsplit("/", 1)[-1]
    role = iam._roles.get_scoped(account, None, role_name)
    if role is None or not _trusts(role.get("AssumeRolePolicyDocument", "{}"), role_arn):
        raise NotAssumable(
            f"ECS was unable to assume the role '{role_arn}' that was provided for this task. Please verify that the "
            "role being passed has the proper trust relationship and permissions and that your IAM user has "
            "permissions to pass this role."
        )
    session = RoleSession(
        role_arn=role_arn,
        access_key="ASIA" + secrets.token_hex(8).upper(),
        secret=secrets.token_urlsafe(30),
        token=secrets.token_urlsafe(96),
        expires=float(int(time.time() + LIFETIME_S)),
    )
    sts.register_session(
        session.access_key,
        {
            "Arn": f"arn:aws:sts::{account}:assumed-role/{role_name}/{name}",
            "UserId": f"{role.get('RoleId', 'AROA')}:{name}",
            "AccountId": account,
            "PrincipalType": "AssumedRole",
            "SecretAccessKey": session.secret,
            "SessionToken": session.token,
            "Expiration": session.expires,
        },
    )
    return session


class CredentialEndpoints:
    """What `/v2/credentials/ID` answers: for each task its role's session, while the task lives."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: dict[str, tuple[str, RoleSession, str]] = {}

    def open(self, role_arn: str, task_id: str) -> tuple[str, str]:
        """Make an endpoint for a task; its id and the token that a reader must send. Raises NotAssumable."""
        session = open_session(role_arn, task_id)
        identifier, token = secrets.token_hex(16), secrets.token_urlsafe(32)
        with self._lock:
            self._held[identifier] = (token, session, task_id)
        return identifier, token

    def close(self, task_id: str) -> None:
        """A stopped task's endpoint is gone; its credentials last until they expire, as on AWS."""
        with self._lock:
            self._held = {key: held for key, held in self._held.items() if held[2] != task_id}

    def read(self, identifier: str, token: str) -> tuple[int, dict[str, str]]:
        """The HTTP status and the document."""
        with self._lock:
            held = self._held.get(identifier)
            if held is None:
                return 404, {"code": "InvalidIdInRequest", "message": "CredentialsV2Request: Credentials not found"}
            if not secrets.compare_digest(held[0], token):
                return 403, {"code": "AccessDeniedException", "message": "the authorization token does not match"}
            if held[1].expires - time.time() < _RENEWED_BEFORE_S:
                held = (held[0], open_session(held[1].role_arn, held[2]), held[2])
                self._held[identifier] = held
            return 200, held[1].document()


def _trusts(document: str | Mapping[str, Any], role_arn: str) -> bool:
    """Whether a trust policy lets the ECS service assume the role: an Allow that names it, and no Deny."""
    parsed = json.loads(document) if isinstance(document, str) else document
    statements = parsed.get("Statement", [])
    account = role_arn.split(":")[4]
    context = iam_evaluator.EvalContext(
        principal_arn=SERVICE,
        principal_type="Service",
        principal_account="",
        action="sts:AssumeRole",
        resource_arn=role_arn,
        region="",
        service_context={"aws:sourceaccount": account, "aws:sourcearn": f"arn:aws:ecs:{get_region()}:{account}:*"},
    )
    allowed = False
    for statement in statements if isinstance(statements, list) else [statements]:
        actions, without = _list(statement.get("Action")), _list(statement.get("NotAction"))
        if (
            (actions or without)
            and iam_evaluator._action_matches("sts:AssumeRole", actions, without)
            and iam_evaluator._service_principal_matches(statement.get("Principal"), SERVICE)
            and iam_evaluator._conditions_met(statement.get("Condition", {}), context)
        ):
            if statement.get("Effect") == "Deny":
                return False
            allowed = allowed or statement.get("Effect") == "Allow"
    return allowed


def _list(value: str | list[str] | None) -> list[str]:
    return [value] if isinstance(value, str) else value or []
