"""The names by which AWS things call each other, in one form: an ARN, a short name and an id can mean the same."""

from __future__ import annotations

import re
from typing import Any, Final

DEFAULT_KEYS: Final = frozenset({"alias/aws/secretsmanager", "alias/aws/ssm"})
"""The aliases of AWS's own keys, which are used where none is named."""

_REVISION: Final = re.compile(r"(?:arn:[^\s]*:task-definition/)?([\w-]+):(\d+)")
_KEY: Final = re.compile(r"(?:arn:[^\s:]*:kms:[^\s:]*:[^\s:]*:)?(?:key/)?([\w-]+)")
_PARAMETER: Final = re.compile(r"arn:[^\s:]*:ssm:[^\s:]*:[^\s:]*:parameter/?(\S+)")
_ALIAS: Final = re.compile(r"(?:arn:[^\s:]*:kms:[^\s:]*:[^\s:]*:)?(alias/[\w/-]+)")


def revision_of(pointer: Any) -> tuple[str, int] | None:
    """Family and revision in `family:revision` or in its ARN; None where no revision is named."""
    found = _REVISION.fullmatch(pointer) if isinstance(pointer, str) else None
    return None if found is None else (found[1], int(found[2][:18]))


def key_names(value: Any) -> frozenset[str]:
    """A key's id or an alias's name, out of any of the forms that KMS takes; none for AWS's own keys."""
    if not isinstance(value, str) or not value:
        return frozenset()
    if found := _ALIAS.fullmatch(value):
        return frozenset() if found[1] in DEFAULT_KEYS else frozenset({found[1]})
    found = _KEY.fullmatch(value)
    return frozenset({found[1] if found else value})


def same_key(one: Any, other: Any) -> bool:
    """Whether two names are of one key: two ARNs where they are equal, else by id or alias."""
    if isinstance(one, str) and isinstance(other, str) and one.startswith("arn:") and other.startswith("arn:"):
        return one == other
    return key_names(one) == key_names(other)


def role_name(value: Any) -> str | None:
    """A role's name, out of its ARN or itself."""
    if not isinstance(value, str) or not value:
        return None
    return value.rsplit("/", 1)[-1]


def secret_name(source: str) -> str:
    """What lies behind a `valueFrom`: a secret's ARN without JSON key, stage and version, or a parameter's name."""
    if found := _PARAMETER.fullmatch(source):
        return found[1].lstrip("/")
    if source.startswith("arn:"):
        return ":".join(source.split(":")[:7])
    return source.lstrip("/")
