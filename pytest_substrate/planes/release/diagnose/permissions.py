"""REL-060, REL-070, REL-080: what the CI role may do, by its policies and by real calls. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from pytest_substrate.model.ci import Call, Calls, NotAssumed, Policy, Role, RolePolicies
from pytest_substrate.model.diagnosis import Diagnosis, inconclusive, passed, violated
from pytest_substrate.model.errors import BadInput
from pytest_substrate.model.facts import FactValue, admitted, line, number_of
from pytest_substrate.model.observation import Missing, Unobserved
from pytest_substrate.model.unseen import unseen
from pytest_substrate.policy.admin import powers
from pytest_substrate.policy.decision import decide
from pytest_substrate.policy.document import Document, Effect, PolicyKind, Statement, parse_policy
from pytest_substrate.policy.evaluate import Outcome as Answer
from pytest_substrate.policy.evaluate import Policies
from pytest_substrate.policy.request import make_request

Seen: TypeAlias = RolePolicies | Missing | Unobserved
Tried: TypeAlias = Calls | NotAssumed | Missing | Unobserved

_REPOSITORY: Final = (
    "ecr:SetRepositoryPolicy",
    "ecr:DeleteRepository",
    "ecr:DeleteRepositoryPolicy",
    "ecr:PutImageTagMutability",
    "ecr:PutLifecyclePolicy",
)
_ROLE: Final = ("iam:PutRolePolicy", "iam:AttachRolePolicy", "iam:UpdateAssumeRolePolicy")
"""What could do harm if it succeeded: evaluated by the role's policies, never called."""
_UNBOUND: Final = frozenset({"ecr:getauthorizationtoken"})
"""Actions that AWS limits to no resource; in lower case, as IAM compares them."""


class _Unreadable(Exception):
    """A policy that IAM holds and that can't be read."""


def diagnose_no_administrator(role: Role | Missing | Unobserved, policies: Seen, *, name: str) -> Diagnosis:
    """REL-060: by what it may effectively do, whatever its policies are called, the role is no administrator."""
    unread = _unread(role, policies, name)
    if unread is not None:
        return unread
    assert isinstance(role, Role)  # noqa: S101  `_unread` told otherwise
    assert isinstance(policies, RolePolicies)  # noqa: S101
    facts: dict[str, FactValue] = {"role_arn": admitted("role_arn", role.arn), "total": len(policies.policies)}
    facts |= {"boundary_arn": None if role.boundary_arn is None else admitted("boundary_arn", role.boundary_arn)}
    try:
        identity, boundary = _documents(policies)
    except _Unreadable as error:
        return inconclusive("policy-unreadable", str(error)).with_facts(facts)
    found = powers(role.arn, identity, boundary=boundary)
    certain = [power for power in found if power.certain]
    if certain:
        first = certain[0]
        cause = "wildcard-action" if first.means.startswith("all-") else "administrator"
        facts |= {"action": admitted("action", first.actions), "statement": first.statement}
        told = f"{name} is an administrator: {first.message}"
        return violated(cause, line(told, 280), policy=line(first.document, 200)).with_facts(facts)
    wide = _wide(identity)
    if wide is not None:
        facts |= {"statement": wide.statement, "action": admitted("action", wide.action)}
        told = f"{name} {wide.told} (statement {wide.statement} of {wide.document})"
        return violated(wide.cause, line(told, 280), policy=line(wide.document, 200)).with_facts(facts)
    if found:
        told = f"whether {name} is an administrator depends on what isn't known: {found[0].message}"
        return inconclusive("undecided", line(told, 280)).with_facts(facts)
    return passed(f"{name} is no administrator ({number_of(len(identity), 'policy document')})").with_facts(facts)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wide:
    """A statement that gives more than a publishing role needs, whatever the role can make of it."""

    cause: str
    document: str
    statement: int
    told: str
    action: str | None = None


def _wide(identity: Sequence[Document]) -> _Wide | None:
    """The first Allow of a whole service, of all but something, or of a change on more than named resources.

    What a condition narrows may be meant so; whether that makes an administrator, `powers` tells.
    """
    for document in identity:
        for one in document.statements:
            if one.effect is not Effect.ALLOW or one.conditions:
                continue
            told = _wide_action(one)
            if told is not None:
                return _Wide(cause="wildcard-action", document=document.name, statement=one.index, told=told)
            for action in one.actions or ():
                where = _wide_resource(one)
                if where is not None and action.lower() not in _UNBOUND and not _reads(action):
                    told = f"may use {action} on {where}"
                    return _Wide(
                        cause="wildcard-resource",
                        document=document.name,
                        statement=one.index,
                        told=told,
                        action=action,
                    )
    return None


def _wide_action(statement: Statement) -> str | None:
    if statement.actions is None:
        return "may use every action but those that the statement names"
    whole = next((action for action in statement.actions if action.rpartition(":")[2].strip("*") == ""), None)
    return None if whole is None else f"may use {whole}, which is every action"


def _wide_resource(statement: Statement) -> str | None:
    if statement.resources is None:
        return "every resource but those that the statement names"
    wild = next((resource for resource in statement.resources if set("*?") & set(resource)), None)
    return None if wild is None else f"{line(wild, 120)}, more than one named resource"


def _reads(action: str) -> bool:
    return action.lower().partition(":")[2].startswith(("get", "list", "describe", "batchget", "batchcheck"))


def diagnose_push(tried: Tried, *, role: str, repository: str) -> Diagnosis:
    """REL-070: each action that a push and a pull need was really called, and nothing of it stays."""
    unmade = _unmade(tried, role)
    if unmade is not None:
        return unmade
    assert isinstance(tried, Calls)  # noqa: S101  `_unmade` told otherwise
    denied = [call for call in tried.calls if call.denied]
    facts = _of_calls(tried.calls) | {"repository": admitted("repository", repository)}
    if denied:
        first = denied[0]
        told = f"{role} may not {first.action} on {first.resource}"
        more = f" (and {number_of(len(denied) - 1, 'other')})" if len(denied) > 1 else ""
        facts |= {"action": admitted("action", tuple(call.action for call in denied)), "detail": first.detail}
        return violated("action-denied", told + more).with_facts(facts)
    missing = [call for call in tried.calls if call.answer == "RepositoryNotFoundException"]
    if missing:
        return violated("repository-missing", f"there is no repository {repository} here").with_facts(facts)
    if tried.left_behind:
        told = f"the calls left {number_of(len(tried.left_behind), 'entry')} in {repository}"
        return violated("left-behind", told).with_facts(facts)
    odd = [call for call in tried.calls if call.answer != "done"]
    if odd:
        told = f"{odd[0].action} was answered {odd[0].answer}, which proves nothing"
        cause = "registry-not-reached" if not odd[0].reached else "answered-otherwise"
        return inconclusive(cause, told).with_facts(facts)
    done = number_of(len(tried.calls), "action")
    return passed(f"{role} really pushed to and pulled from {repository} ({done}), and left nothing").with_facts(facts)


def diagnose_forbidden(
    tried: Tried,
    role: Role | Missing | Unobserved,
    policies: Seen,
    *,
    name: str,
    repository_arn: str,
) -> Diagnosis:
    """REL-080: what a publishing role has no business with is refused: by real calls, and by evaluation where a call
    could do harm."""
    unmade = _unmade(tried, name) or _unread(role, policies, name)
    if unmade is not None:
        return unmade
    assert isinstance(tried, Calls)  # noqa: S101  told otherwise above
    assert isinstance(role, Role)  # noqa: S101
    assert isinstance(policies, RolePolicies)  # noqa: S101
    facts = _of_calls(tried.calls)
    allowed = [call for call in tried.calls if not call.denied and call.reached]
    if allowed:
        told = f"{name} may {allowed[0].action} on {allowed[0].resource}: the call was let through"
        facts |= {"action": admitted("action", tuple(call.action for call in allowed))}
        return violated("action-allowed", told).with_facts(facts)
    unreached = [call for call in tried.calls if not call.reached]
    if unreached:
        told = f"{unreached[0].action} failed for another reason than a permission: {unreached[0].answer}"
        return inconclusive("refused-otherwise", told).with_facts(facts)
    return _evaluated(role, policies, name, repository_arn).with_facts(facts)


def _evaluated(role: Role, policies: RolePolicies, name: str, repository_arn: str) -> Diagnosis:
    try:
        identity, boundary = _documents(policies)
    except _Unreadable as error:
        return inconclusive("policy-unreadable", str(error))
    held = Policies(identity=identity, boundary=boundary)
    asked = [*((action, repository_arn) for action in _REPOSITORY), *((action, role.arn) for action in _ROLE)]
    for action, resource in asked:
        answer = decide(make_request(principal=role.arn, action=action, resource=resource), held)
        facts: dict[str, FactValue] = {"action": admitted("action", (action,)), "statement": answer.statement}
        if answer.outcome is Answer.ALLOW:
            told = f"the policies of {name} allow {action} on {resource}"
            return violated("action-allowed", line(told, 280)).with_facts(facts)
        if answer.outcome is Answer.UNDECIDED:
            told = f"whether the policies of {name} allow {action} can't be told: {answer.reason}"
            return inconclusive("undecided", line(told, 280)).with_facts(facts)
    return passed(f"{name} is refused what it has no business with ({number_of(len(asked), 'action')} by evaluation)")


def _documents(policies: RolePolicies) -> tuple[tuple[Document, ...], Document | None]:
    identity = tuple(_parsed(policy, PolicyKind.IDENTITY) for policy in policies.policies)
    return identity, None if policies.boundary is None else _parsed(policies.boundary, PolicyKind.BOUNDARY)


def _parsed(policy: Policy, kind: PolicyKind) -> Document:
    try:
        return parse_policy(policy.document, name=policy.name, kind=kind)
    except BadInput as error:
        raise _Unreadable(f"the policy {line(policy.name, 120)} can't be read: {line(error, 160)}") from None


def _unread(role: Role | Missing | Unobserved, policies: Seen, name: str) -> Diagnosis | None:
    for seen, what in ((role, f"the role {name}"), (policies, f"the policies of {name}")):
        if isinstance(seen, Unobserved):
            return unseen(seen, what)
        if isinstance(seen, Missing):
            return violated("role-missing", f"there is no {line(seen.what, 120)}")
    return None


def _unmade(tried: Tried, role: str) -> Diagnosis | None:
    if isinstance(tried, Unobserved):
        return unseen(tried, "what the CI session may do")
    if isinstance(tried, (Missing, NotAssumed)):
        code = tried.code if isinstance(tried, NotAssumed) else None
        told = f"there is no session of {role} to try it with"
        return inconclusive("no-session", told, error_code=admitted("error_code", code))
    return None


def _of_calls(calls: Sequence[Call]) -> dict[str, FactValue]:
    return {"count": sum(not call.denied for call in calls), "total": len(calls)}
