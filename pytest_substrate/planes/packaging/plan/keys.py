"""The rules for KMS keys and aliases: red only where a secret or parameter of the plan names them. Pure.

A key's own rotation keeps what it encrypted readable; its description and deletion window change nobody's access.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pytest_substrate.planes.packaging.plan.change import Action, Change, Resource
from pytest_substrate.planes.packaging.plan.credentials import readers_changed
from pytest_substrate.planes.packaging.plan.finding import MOVED, READERS, Finding, goes, verb
from pytest_substrate.planes.packaging.plan.names import key_names, same_key
from pytest_substrate.planes.packaging.plan.sensitive import sensitive_change
from pytest_substrate.planes.packaging.plan.values import same_document

if TYPE_CHECKING:
    from pytest_substrate.planes.packaging.plan.surroundings import Surroundings

_KEYS: Final = ("aws_kms_key", "aws_kms_external_key", "aws_kms_replica_key", "aws_kms_replica_external_key")
_ENABLED: Final = ("is_enabled", "enabled")


def key(change: Change, among: Surroundings) -> Finding | None:
    """`aws_kms_key` and its kin: deleted, disabled, or with another policy."""
    if change.action is Action.CREATE or not among.names_key(change.resource):
        return sensitive_change(change)
    if goes(change):
        return _lost(change, "the key that a credential is encrypted with")
    disabled = tuple(
        name
        for name in _ENABLED
        if change.changes(name) and change.after.get(name) is not True and not _stays_default(change, name)
    )
    if disabled:
        what = "disables the key that a credential is encrypted with"
        return Finding(cause=READERS, what=what, mend="leave the key enabled", attributes=disabled)
    if change.is_unknown("policy") or not same_document(change.before.get("policy"), change.after.get("policy")):
        return readers_changed(change, "policy")
    if change.changes("valid_to"):
        return readers_changed(change, "valid_to")
    return sensitive_change(change)


def alias(change: Change, among: Surroundings) -> Finding | None:
    """`aws_kms_alias`: gone, or for another key."""
    if change.action is Action.CREATE or not among.names_key(change.resource):
        return None
    if goes(change):
        return _lost(change, "the alias by which a credential's key is named")
    was, becomes = change.before.get("target_key_id"), change.after.get("target_key_id")
    if change.is_unknown("target_key_id") or not same_key(was, becomes):
        return readers_changed(change, "target_key_id")
    return None


def key_policy(change: Change, among: Surroundings) -> Finding | None:
    """`aws_kms_key_policy`: who may use a key that exists."""
    if change.action is Action.CREATE and among.is_new(change, "key_id", *_KEYS, names=("arn", "id", "key_id")):
        return None
    if not _acts_on_named(change, among):
        return None
    same_policy = same_document(change.before.get("policy"), change.after.get("policy"))
    if change.action is Action.UPDATE and same_policy and not any(map(change.is_unknown, ("policy", "key_id"))):
        return None
    return readers_changed(change, "policy")


def grant(change: Change, among: Surroundings) -> Finding | None:
    """`aws_kms_grant`: one that goes or changes; a new one takes nothing away."""
    if change.action is Action.CREATE or not _acts_on_named(change, among):
        return None
    beside = ("retire_on_delete", "name")
    attributes = ("operations", "grantee_principal", "key_id", "constraints", "retiring_principal")
    changed = tuple(name for name in attributes if change.changes(name))
    if not goes(change) and not changed:
        return None
    return readers_changed(change, *(name for name in changed if name not in beside))


def _acts_on_named(change: Change, among: Surroundings) -> bool:
    """Whether the key of a policy or grant is one that a secret or parameter names."""
    named = key_names(change.before.get("key_id")) | key_names(change.becomes("key_id"))
    if named & among.named_keys:
        return True
    found, _ = among.referred(change.resource, "key_id", *_KEYS)
    keys: list[Resource] = [other.resource for other in found]
    keys += [resource for resource in among.of_type(*_KEYS) if named & key_names(resource.values.get("key_id"))]
    return any(among.names_key(resource) for resource in keys)


def _stays_default(change: Change, name: str) -> bool:
    """A key is enabled where nothing is said; a replica's attribute that its kind lacks is nowhere."""
    return change.after.get(name) is None and not change.is_unknown(name)


def _lost(change: Change, what: str) -> Finding:
    return Finding(cause=READERS, what=f"{verb(change)} {what}", mend=MOVED)
