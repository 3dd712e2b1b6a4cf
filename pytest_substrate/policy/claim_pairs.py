"""GitHub's customised subjects, taken apart: claims of the organization's choice as `key:value`, one behind the other.

Source: "OpenID Connect reference", customizing the subject claims (GitHub Docs). `repo` and `context` stand for the
usual parts; a `pull_request` has no value.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypeAlias

OWNER: Final = frozenset({"repository_owner", "repository_owner_id", "enterprise", "enterprise_id"})
THING: Final = frozenset({"repo", "repository", "repository_id"})
"""What keeps strangers out: the claims that name an owner, or what it owns."""
_KEYS: Final = (
    OWNER
    | THING
    | {
        *("ref", "ref_type", "environment", "event_name", "context", "base_ref", "head_ref", "repository_visibility"),
        *("actor", "actor_id", "job_workflow_ref", "job_workflow_sha", "workflow", "workflow_ref", "workflow_sha"),
        *("sha", "run_id", "run_number", "run_attempt", "runner_environment"),
    }
)
_USUAL: Final = ("ref", "environment")
"""What stands behind `repo` in a subject that nobody customised."""

Pairs: TypeAlias = tuple[tuple[str, str], ...]
Values: TypeAlias = Mapping[str, str]


def pairs_of(pattern: str) -> Pairs | None:
    """The keys of a customised subject, or of a pattern of one, with their values; None of the usual form."""
    found: list[tuple[str, list[str]]] = []
    for word in pattern.split(":"):
        if word in _KEYS:
            found.append((word, []))
        elif not found:
            return None
        else:
            found[-1][1].append(word)
    pairs = tuple((key, ":".join(words)) for key, words in found)
    keys = [key for key, _ in pairs]
    is_usual = keys == ["repo"] or (len(keys) == 2 and keys[0] == "repo" and keys[1] in _USUAL)
    return None if is_usual or not keys else pairs


def written(pairs: Pairs, changed: Values) -> str:
    """The subject of these keys, some values changed."""
    return ":".join(f"{key}:{changed.get(key, value)}" for key, value in pairs)


def claims_of_pairs(pairs: Pairs) -> dict[str, str]:
    """The claims that a customised subject tells."""
    claims = {"repository" if key == "repo" else key: value for key, value in pairs if key != "context"}
    if "/" in claims.get("repository", ""):
        claims.setdefault("repository_owner", claims["repository"].partition("/")[0])
    return claims
