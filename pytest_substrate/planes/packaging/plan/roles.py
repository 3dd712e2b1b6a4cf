"""The rules for roles that task definitions of the plan name, and for the policies of those roles. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from pytest_substrate.planes.packaging.plan.change import Action, Change, Resource
from pytest_substrate.planes.packaging.plan.finding import KEEP, MOVED, READERS, Finding, goes, verb
from pytest_substrate.planes.packaging.plan.names import role_name
from pytest_substrate.planes.packaging.plan.sensitive import sensitive_change
from pytest_substrate.planes.packaging.plan.values import same_document, same_members

if TYPE_CHECKING:
    from pytest_substrate.planes.packaging.plan.surroundings import Surroundings

_ROLE: Final = "aws_iam_role"
_ATTACHMENT: Final = "aws_iam_role_policy_attachment"
_ATTACHMENTS: Final = "aws_iam_role_policy_attachments_exclusive"
_POLICY_ATTACHMENT: Final = "aws_iam_policy_attachment"


def role(change: Change, among: Surroundings) -> Finding | None:
    """`aws_iam_role`: gone, or with other policies (trust, inline, managed, boundary)."""
    if change.action is Action.CREATE or not among.names_role(change.resource):
        return sensitive_change(change)
    if goes(change):
        what = f"{verb(change)} a role that a task definition names"
        return Finding(cause=READERS, what=what, mend=MOVED)
    changed = [
        name
        for name in ("assume_role_policy", "permissions_boundary")
        if change.is_unknown(name) or not same_document(change.before.get(name), change.after.get(name))
    ]
    changed += [
        name
        for name in ("managed_policy_arns", "inline_policy")
        if change.is_unknown(name) or not same_members(_plain(change.before.get(name)), _plain(change.after.get(name)))
    ]
    return _policies(change, *changed) if changed else sensitive_change(change)


def role_policy(change: Change, among: Surroundings) -> Finding | None:
    """`aws_iam_role_policy` and the attachment of one policy: one more on a role that exists is a change of it too."""
    attribute = "role_name" if "exclusive" in change.type else "role"
    if change.action is Action.CREATE and among.is_new(change, attribute, _ROLE, names=("name", "id")):
        return None
    if not _is_of_named(change, attribute, among):
        return None
    if change.action is Action.UPDATE and not any(_differs(change, name) for name in _CONTENT):
        return None
    return _policies(change, *(name for name in _CONTENT if change.after and _differs(change, name)))


def policy_attachment(change: Change, among: Surroundings) -> Finding | None:
    """`aws_iam_policy_attachment`: a policy for several roles at once, and for no others."""
    roles = {role_name(item) for values in (change.before, change.after) for item in _items(values.get("roles"))}
    found, _ = among.referred(change.resource, "roles", _ROLE)
    refers = any(among.names_role(other.resource) and other.exists for other in found)
    if not roles & among.named_roles and not refers:
        return None
    new = {other.becomes("name") for other in among.planned(_ROLE) if other.action is Action.CREATE}
    if change.action is Action.CREATE and roles & among.named_roles <= new and not refers:
        return None
    changed = change.changes("policy_arn") or change.is_unknown("roles")
    changed = changed or not same_members(change.before.get("roles"), change.after.get("roles"))
    if change.action is Action.UPDATE and not changed:
        return None
    return _policies(change, "roles")


def managed_policy(change: Change, among: Surroundings) -> Finding | None:
    """`aws_iam_policy`: the text of a policy that such a role holds, as an attachment or the role itself tells."""
    if change.action is Action.CREATE or not _is_attached(change.resource, among):
        return None
    if change.action is Action.UPDATE and not _differs(change, "policy"):
        return None
    return _policies(change, "policy")


_CONTENT: Final = ("policy", "policy_arn", "policy_arns", "policy_names", "role", "role_name", "name")


def _differs(change: Change, name: str) -> bool:
    if change.is_unknown(name):
        return True
    before, after = change.before.get(name), change.after.get(name)
    return not (same_members(before, after) or same_document(before, after))


def _is_of_named(change: Change, attribute: str, among: Surroundings) -> bool:
    names = {role_name(change.was(attribute)), role_name(change.becomes(attribute))}
    if names & among.named_roles:
        return True
    found, _ = among.referred(change.resource, attribute, _ROLE)
    return any(among.names_role(other.resource) and other.exists for other in found)


def _is_attached(policy: Resource, among: Surroundings) -> bool:
    arn = policy.text("arn")
    return arn is not None and any(arn in arns for names, arns in _attached(among) if names & among.named_roles)


def _attached(among: Surroundings) -> Iterator[tuple[set[str | None], list[Any]]]:
    """The names of roles, with the ARNs of managed policies that they hold."""
    for held in among.of_type(_ATTACHMENT):
        yield {role_name(held.values.get("role"))}, [held.values.get("policy_arn")]
    for held in among.of_type(_ATTACHMENTS):
        yield {role_name(held.values.get("role_name"))}, _items(held.values.get("policy_arns"))
    for held in among.of_type(_POLICY_ATTACHMENT):
        yield {role_name(item) for item in _items(held.values.get("roles"))}, [held.values.get("policy_arn")]
    for held in among.of_type(_ROLE):
        arns = [*_items(held.values.get("managed_policy_arns")), held.values.get("permissions_boundary")]
        yield {role_name(held.values.get("name"))}, arns


def _items(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _plain(value: Any) -> Any:
    """Blocks without those that say nothing, as a provider writes one for none."""
    return (
        [item for item in value if item not in ({}, {"name": "", "policy": ""})] if isinstance(value, list) else value
    )


def _policies(change: Change, *attributes: str) -> Finding:
    told = ", ".join(attributes) or "policy"
    return Finding(
        cause=READERS,
        what=f"{verb(change)} what a role that a task definition names may do",
        mend=f"{KEEP.format(told)}; or apply it by itself, with what the tasks read in view",
        attributes=tuple(attributes),
    )
