"""The rules for what is a runtime credential: secrets, parameters, SCRAM associations, passwords, keys. Pure.

What stands beside the value (a description, the recovery window, a rotation that is removed) is left alone. A creation
is red only where it acts on something that exists.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from pytest_substrate.planes.packaging.plan.change import Action, Change
from pytest_substrate.planes.packaging.plan.finding import KEEP, MOVED, OVERWRITTEN, READERS, Finding, goes, verb
from pytest_substrate.planes.packaging.plan.names import same_key, secret_name
from pytest_substrate.planes.packaging.plan.sensitive import changed_sensitive, sensitive_change
from pytest_substrate.planes.packaging.plan.values import (
    any_true,
    canonical,
    is_nothing,
    same,
    same_document,
    same_members,
)

if TYPE_CHECKING:
    from pytest_substrate.planes.packaging.plan.surroundings import Surroundings

_SECRET: Final = "aws_secretsmanager_secret"
_NAMES: Final = ("arn", "id", "name")
PLAIN_TYPES: Final = ("String", "StringList")
"""The types of parameters that are no secrets."""

_WRITE_ONLY: Final = "write it by {0}_wo with a {0}_wo_version that stays"


def secret(change: Change, _: Surroundings) -> Finding | None:
    """`aws_secretsmanager_secret`: its deletion, its key, its resource policy, its replicas, a rotation it is given."""
    if change.action is Action.CREATE:
        return None
    if goes(change):
        return Finding(cause=OVERWRITTEN, what=f"{verb(change)} the secret with all its versions", mend=MOVED)
    readers = [name for name in ("kms_key_id",) if _another_key(change, name)]
    readers += ["policy"] if _another_policy(change, "policy") else []
    readers += ["replica"] if _replicas_change(change) else []
    if readers:
        return readers_changed(change, *readers)
    rotation = [
        name
        for name in ("rotation_lambda_arn", "rotation_rules")
        if change.changes(name) and (change.is_unknown(name) or not is_nothing(change.after.get(name)))
    ]
    if rotation:
        return Finding(
            cause=OVERWRITTEN,
            what="rotates the secret",
            mend="leave the rotation as it is, or redeploy what injects the secret after it",
            attributes=tuple(rotation),
        )
    return sensitive_change(change)


def secret_version(change: Change, among: Surroundings) -> Finding | None:
    """`aws_secretsmanager_secret_version`: any new version of a secret that exists."""
    if change.action is Action.CREATE:
        if among.is_new(change, "secret_id", _SECRET, names=_NAMES):
            return None
        what = "writes a new version of a secret that exists"
        return Finding(cause=OVERWRITTEN, what=what, mend=f"import the present version, or {MOVED}")
    return _value_changes(
        change,
        ("secret_string", "secret_binary", "secret_string_wo_version", "secret_id"),
        stages="version_stages",
        write_only="secret_string",
    )


def rotation(change: Change, among: Surroundings) -> Finding | None:
    """`aws_secretsmanager_secret_rotation`: one that begins or changes rotates; one that is removed does not."""
    if change.action is Action.DELETE:
        return None
    if change.action is Action.CREATE and among.is_new(change, "secret_id", _SECRET, names=_NAMES):
        return None
    attributes = ("secret_id", "rotation_lambda_arn", "rotation_rules", "rotate_immediately")
    changed = tuple(name for name in attributes if change.changes(name))
    if change.action is Action.UPDATE and not changed:
        return None
    return Finding(
        cause=OVERWRITTEN,
        what="rotates a secret that exists",
        mend="plan the rotation by itself, and redeploy what injects the secret after it",
        attributes=changed if change.action is not Action.CREATE else (),
    )


def secret_policy(change: Change, among: Surroundings) -> Finding | None:
    """`aws_secretsmanager_secret_policy`: who may read a secret that exists."""
    if change.action is Action.CREATE and among.is_new(change, "secret_arn", _SECRET, names=_NAMES):
        return None
    if change.action is Action.UPDATE and not (_another_policy(change, "policy") or change.changes("secret_arn")):
        return None
    return readers_changed(change, "policy")


def parameter(change: Change, among: Surroundings) -> Finding | None:
    """`aws_ssm_parameter`: a SecureString, or one of another type that a task definition of the plan injects."""
    overwrites = change.action is Action.CREATE and change.after.get("overwrite") is True
    if change.action is Action.CREATE:
        if not (overwrites and _is_injected(change, among)):
            return None
        return Finding(
            cause=OVERWRITTEN, what="overwrites a parameter that exists", mend="import it, or drop overwrite"
        )
    if not _is_secure(change) and not _is_injected(change, among):
        return None
    if not goes(change) and _another_key(change, "key_id"):
        return readers_changed(change, "key_id")
    found = _value_changes(change, ("value", "insecure_value", "value_wo_version", "type", "name"), write_only="value")
    return found or sensitive_change(change, aside=frozenset({"value", "insecure_value"}))


def scram_association(change: Change, _: Surroundings) -> Finding | None:
    """`aws_msk_scram_secret_association`: a secret that would no longer be associated; one that joins is none."""
    if change.action is Action.CREATE:
        return None
    lost = goes(change) or change.changes("cluster_arn") or _loses(change, "secret_arn_list")
    if not lost:
        return None
    return Finding(
        cause=OVERWRITTEN,
        what="takes a SCRAM secret from its cluster, whose users can then no longer log in",
        mend=f"keep every secret that is associated in secret_arn_list; {MOVED}",
        attributes=() if goes(change) else ("secret_arn_list",),
    )


def single_scram_association(change: Change, _: Surroundings) -> Finding | None:
    """`aws_msk_single_scram_secret_association`: as that of many."""
    if change.action is Action.CREATE:
        return None
    if not goes(change) and not change.changes("secret_arn") and not change.changes("cluster_arn"):
        return None
    what = "takes a SCRAM secret from its cluster, whose user can then no longer log in"
    return Finding(cause=OVERWRITTEN, what=what, mend=MOVED)


def generated(change: Change, _: Surroundings) -> Finding | None:
    """`random_password`, `tls_private_key`: generated anew. One that leaves the state is only forgotten."""
    if change.action is Action.REPLACE:
        return Finding(
            cause=OVERWRITTEN,
            what="generates another value",
            mend="leave keepers and the other arguments as they are, or ignore_changes = all",
        )
    return sensitive_change(change)


def access_key(change: Change, _: Surroundings) -> Finding | None:
    """`aws_iam_access_key`: gone, or made inactive."""
    if change.action is Action.CREATE:
        return None
    if goes(change):
        return Finding(cause=OVERWRITTEN, what=f"{verb(change)} an access key", mend=f"make the new key first; {MOVED}")
    if change.changes("status") and change.becomes("status") != "Active":
        what = "makes an access key inactive"
        return Finding(cause=OVERWRITTEN, what=what, mend=KEEP.format("status"), attributes=("status",))
    return sensitive_change(change)


def readers_changed(change: Change, *attributes: str) -> Finding:
    """Who can read or decrypt would be others."""
    return Finding(
        cause=READERS,
        what=f"{verb(change)} who can read or decrypt a credential",
        mend=f"{KEEP.format(', '.join(attributes))}; or apply it by itself, with the roles that read in view",
        attributes=attributes,
    )


def _value_changes(
    change: Change, attributes: tuple[str, ...], *, write_only: str, stages: str | None = None
) -> Finding | None:
    if goes(change):
        changed = tuple(name for name in attributes if change.changes(name)) if change.after else ()
        mend = f"{KEEP.format(write_only)}, or {_WRITE_ONLY.format(write_only)}" if change.after else MOVED
        return Finding(cause=OVERWRITTEN, what=f"{verb(change)} a credential's value", mend=mend, attributes=changed)
    changed = tuple(name for name in attributes if change.changes(name))
    if stages is not None and (
        change.is_unknown(stages) or not same_members(change.before.get(stages), change.after.get(stages))
    ):
        changed = (*changed, stages)
    changed = tuple(dict.fromkeys((*changed, *(n for n in changed_sensitive(change) if n in attributes))))
    if not changed:
        return None
    return Finding(
        cause=OVERWRITTEN,
        what="overwrites a credential's value",
        mend=f"{KEEP.format(', '.join(changed))}, or {_WRITE_ONLY.format(write_only)}",
        attributes=changed,
    )


def _another_key(change: Change, attribute: str) -> bool:
    if not change.changes(attribute):
        return False
    return change.is_unknown(attribute) or not same_key(change.before.get(attribute), change.after.get(attribute))


def _another_policy(change: Change, attribute: str) -> bool:
    if change.is_unknown(attribute):
        return True
    before, after = change.before.get(attribute), change.after.get(attribute)
    return not same_document(None if before == "{}" else before, None if after == "{}" else after)


def _replicas_change(change: Change) -> bool:
    """Whether a replica would go, or get another key. One that comes is none: it replaces nothing."""
    before = change.before.get("replica")
    if is_nothing(before) and not any_true(_unknown_of(change, "replica")):
        return False
    after = change.after.get("replica")
    if not isinstance(before, list):
        return False
    planned = {_region(item): item for item in after} if isinstance(after, list) else {}
    unknown = any_true([_keys_in(part) for part in _list(_unknown_of(change, "replica"))])
    return any(
        _region(item) not in planned or unknown or not same_key(_key_of(item), _key_of(planned[_region(item)]))
        for item in before
    )


def _unknown_of(change: Change, name: str) -> Any:
    return change.unknown.get(name) if isinstance(change.unknown, Mapping) else change.unknown


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _keys_in(part: Any) -> Any:
    return part.get("kms_key_id") if isinstance(part, Mapping) else part


def _region(item: Any) -> str:
    return canonical(item.get("region")) if isinstance(item, Mapping) else ""


def _key_of(item: Any) -> Any:
    return item.get("kms_key_id") if isinstance(item, Mapping) else None


def _is_secure(change: Change) -> bool:
    types = [values["type"] for values in (change.before, change.after) if values.get("type") is not None]
    return change.is_unknown("type") or not types or any(name not in PLAIN_TYPES for name in types)


def _is_injected(change: Change, among: Surroundings) -> bool:
    values = change.before or change.after
    owned = [value for value in (values.get(name) for name in _NAMES) if isinstance(value, str) and value]
    return any(secret_name(name) in among.injected for name in owned)


def _loses(change: Change, attribute: str) -> bool:
    """Whether a member of a set is not among those that are known afterwards."""
    before, after = change.before.get(attribute), change.after.get(attribute)
    left = after if isinstance(after, list) else []
    return any(not any(same(item, other) for other in left) for item in (before if isinstance(before, list) else []))
