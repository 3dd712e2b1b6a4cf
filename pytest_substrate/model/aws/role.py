"""Roles by name, as a declaration has them, and by the ARNs that IAM, STS and ECS write."""

from __future__ import annotations


def role_of(arn: str) -> tuple[str, str] | None:
    """Account and name of the role in the ARN of a role (whose path is left out) or of its session; else None."""
    parts = arn.split(":", 5)
    words = parts[-1].split("/")
    if len(parts) != 6 or len(words) < 2 or words[0] not in ("role", "assumed-role"):
        return None
    return parts[4], words[-1] if words[0] == "role" else words[1]


def is_role(text: str, account: str | None, name: str | None) -> bool:
    """Whether a task definition's role is this one; ECS also takes a bare name, which is of its own account."""
    return text == name or role_of(text) == (account, name)
