"""The value of a service's own secret, for a user's test that asks for it by name. No check and no plane reads one."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pytest_substrate.adapters.aws.answer import NoAnswer, answered, ask
from pytest_substrate.evidence.forms import secrets_of
from pytest_substrate.evidence.secret import Secret
from pytest_substrate.model.observation import Unobserved

_OPERATION = "secretsmanager:GetSecretValue"


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeCredential:
    """The current version of an MSK secret, taken apart."""

    username: str
    password: Secret
    secret_arn: str
    version_id: str


@answered
def read_runtime_credential(client: Any, name: str, *, known: Callable[[str], None]) -> RuntimeCredential:
    """The secret's current value; `known` hears of whatever must not be printed, before anything else is done with it.

    `malformed` where it is not the JSON that MSK demands; the value is never part of what is told.
    """
    answer = ask(client, _OPERATION, what=name, SecretId=name)
    text = answer.text("SecretString")
    for secret in secrets_of(text):
        known(secret)
    try:
        value = json.loads(text)
    except ValueError:
        raise _malformed() from None
    if not isinstance(value, dict) or not all(isinstance(value.get(key), str) for key in ("username", "password")):
        raise _malformed()
    return RuntimeCredential(
        username=value["username"],
        password=Secret(value["password"], known=known),
        secret_arn=answer.text("ARN"),
        version_id=answer.text("VersionId"),
    )


def _malformed() -> NoAnswer:
    detail = 'the value is not the JSON that MSK demands: {"username": …, "password": …}'
    return NoAnswer(Unobserved(reason="malformed", operation=_OPERATION, detail=detail))
