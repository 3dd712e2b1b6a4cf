"""KMS, corrected: keys that AWS manages exist by their aliases and say so, and every key names its account."""

from __future__ import annotations

import json
import re
from typing import Any

from ministack.core.responses import get_account_id
from ministack.services import kms

_MANAGED = re.compile(r"(?:arn:aws[a-z-]*:kms:[^:]+:\d{12}:)?(alias/aws/([a-z0-9/]+))")
_resolve_key, _key_metadata = kms._resolve_key, kms._key_metadata


def install() -> None:
    """Correct the service."""
    kms._resolve_key = _resolve
    kms._key_metadata = _metadata


def is_customers(key: dict[str, Any]) -> bool:
    """Whether a key is a customer's, not AWS's."""
    return "_managed_for" not in key


def _resolve(name: Any) -> Any:
    found = _resolve_key(name)
    managed = _MANAGED.fullmatch(str(name)) if found is None else None
    if managed is None:
        return found
    made = json.loads(kms._create_key({"Description": f"Default key that protects my {managed[2]} data"})[2])
    identifier = made["KeyMetadata"]["KeyId"]
    key = kms._keys[identifier]
    key["_managed_for"] = managed[2]
    kms._aliases[kms._alias_arn(managed[1])] = identifier
    return key


def _metadata(key: Any) -> Any:
    told = {"AWSAccountId": get_account_id(), **_key_metadata(key)}
    return told if is_customers(key) else {**told, "KeyManager": "AWS"}
