"""REL-060, REL-070, REL-080: what the CI role may do, by its policies and by real calls. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final, TypeAlias

from pytest_substrate.model.ci import Call, Calls, NotAssumed, Policy, Role, RolePolicies, ServiceControls
from pytest_substrate.model.diagnosis import Diagnosis, inconclusive, passed, violated
from pytest_substrate.model.errors import BadInput
from pytest_substrate.model.facts import FactValue, admitted, line, number_of
from pytest_substrate.model.observation import Missing, Unobserved
from pytest_substrate.model.policy_digest import canonical, digest_of
from pytest_substrate.model.unseen import unseen
from pytest_substrate.planes.release.diagnose.wide import find_wide
from pytest_substrate.policy.admin import powers
from pytest_substrate.policy.decision import decide
from pytest_substrate.policy.document import Document, PolicyKind, parse_policy
from pytest_substrate.policy.evaluate import Outcome as Answer
from pytest_substrate.policy.evaluate import Policies
from pytest_substrate.policy.request import make_request

Seen: TypeAlias = RolePolicies | Missing | Unobserved
Controls: TypeAlias = ServiceControls | Missing | Unobserved
Tried: TypeAlias = Calls | NotAssumed | Missing | Unobserved

_NEEDED: Final = (
    "ecr:GetAuthorizationToken",
    "ecr:BatchCheckLayerAvailability",
    "ecr:InitiateLayerUpload",
    "ecr:UploadLayerPart",
    "ecr:CompleteLayerUpload",
    "ecr:PutImage",
    "ecr:BatchGetImage",
    "ecr:GetDownloadUrlForLayer",
)
"""What a push and a pull call."""
_REPOSITORY: Final = (
    "ecr:SetRepositoryPolicy",
    "ecr:DeleteRepository",
    "ecr:DeleteRepositoryPolicy",
    "ecr:PutImageTagMutability",
    "ecr:PutLifecyclePolicy",
)
_ROLE: Final = ("iam:PutRolePolicy", "iam:AttachRolePolicy", "iam:UpdateAssumeRolePolicy")
"""What could do harm if it succeeded: evaluated by the role's policies, never called."""


class _Unreadable(Exception):
    """A policy that IAM holds and that can't be read."""


def diagnose_no_administrator(
    role: Role | Missing | Unobserved, policies: Seen, controls: Controls, *, name: str, boundary: str | None = None
) -> Diagnosis:
    """REL-060: by what it may effectively do, whatever its policies are called, the role is no administrator.

    Service control policies count where they can be read; unread, nothing is taken to be limited by them. `boundary`
    is the declared one.
    """
    unread = _unread(role, policies, name)
    if unread is not None:
        return unread
    assert isinstance(role, Role)  # noqa: S101  `_unread` told otherwise
    assert isinstance(policies, RolePolicies)  # noqa: S101
    facts: dict[str, FactValue] = {"role_arn": admitted("role_arn", role.arn), "total": len(policies.policies)}
    facts |= {"boundary_arn": None if role.boundary_arn is None else admitted("boundary_arn", role.boundary_arn)}
    facts |= {"service_controls": _told_of(controls), "policy_digest": _digest(policies)}
    try:
        held = _held(policies, controls)
    except _Unreadable as error:
        return inconclusive("policy-unreadable", str(error)).with_facts(facts)
    return _judged(role, held, name, boundary).with_facts(facts)


def _digest(policies: RolePolicies) -> str:
    """Of all that gives the role permissions or bounds them."""
    named = [(one.name, canonical(one.document)) for one in policies.policies]
    bounding = policies.boundary
    return digest_of([*named, ("boundary", bounding and canonical(bounding.document))])


def _judged(role: Role, held: Policies, name: str, boundary: str | None) -> Diagnosis:
    found = powers(role.arn, held.identity, boundary=held.boundary, scps=held.scps)
    certain = [power for power in found if power.certain]
    if certain:
        first = certain[0]
        cause = "wildcard-action" if first.means.startswith("all-") else "administrator"
        facts: dict[str, FactValue] = {"action": admitted("action", first.actions), "statement": first.statement}
        told = f"{name} is an administrator: {first.message}"
        return violated(cause, line(told, 280), policy=line(first.document, 200)).with_facts(facts)
    if boundary is not None and role.boundary_arn != boundary:
        told = f"{name} has {'another' if role.boundary_arn else 'no'} permissions boundary, and {boundary} is declared"
        cause = "boundary-differs" if role.boundary_arn else "boundary-missing"
        return violated(cause, line(told, 280))
    wide = find_wide(held.identity)
    if wide is not None:
        facts = {"statement": wide.statement, "action": admitted("action", wide.action)}
        told = f"{name} {wide.told} (statement {wide.statement} of {wide.document})"
        return violated(wide.cause, line(told, 280), policy=line(wide.document, 200)).with_facts(facts)
    if found:
        told = f"whether {name} is an administrator depends on what isn't known: {found[0].message}"
        return inconclusive("undecided", line(told, 280))
    return passed(f"{name} is no administrator ({number_of(len(held.identity), 'policy document')})")


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
    unproven = _unproven(tried.calls)
    if unproven is not None:
        return unproven.with_facts(facts)
    done = number_of(len(_NEEDED), "action")
    return passed(f"{role} really pushed to and pulled from {repository} ({done}), and left nothing").with_facts(facts)


def _unproven(calls: Sequence[Call]) -> Diagnosis | None:
    """What came to an answer that proves nothing, or could not even be tried."""
    odd = next((call for call in calls if call.answer != "done"), None)
    if odd is not None:
        told = f"{odd.action} was answered {odd.answer}, which proves nothing"
        return inconclusive("registry-not-reached" if not odd.reached else "answered-otherwise", told)
    tried = {call.action for call in calls}
    untried = next((action for action in _NEEDED if action not in tried), None)
    if untried is not None:
        return inconclusive("answered-otherwise", f"{untried} could not be tried: nothing was given to try it with")
    return None


def diagnose_forbidden(
    tried: Tried,
    role: Role | Missing | Unobserved,
    policies: Seen,
    controls: Controls,
    resource: Policy | Missing | Unobserved,
    *,
    name: str,
    repository_arn: str,
) -> Diagnosis:
    """REL-080: what a publishing role has no business with is refused: by real calls, and by evaluation where a call
    could do harm; `resource` is the repository's own policy, which may grant too."""
    unmade = _unmade(tried, name) or _unread(role, policies, name)
    if unmade is None and isinstance(resource, Unobserved):
        unmade = unseen(resource, "the repository's policy")
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
    try:
        held = _held(policies, controls)
        own = _parsed(resource, PolicyKind.RESOURCE) if isinstance(resource, Policy) else None
    except _Unreadable as error:
        return inconclusive("policy-unreadable", str(error)).with_facts(facts)
    return _evaluated(role, held, own, name, repository_arn).with_facts(facts)


def _evaluated(role: Role, held: Policies, own: Document | None, name: str, repository_arn: str) -> Diagnosis:
    asked = [
        *((action, repository_arn, replace(held, resource=own)) for action in _REPOSITORY),
        *((action, role.arn, held) for action in _ROLE),
    ]
    undecided: Diagnosis | None = None
    for action, resource, policies in asked:
        answer = decide(make_request(principal=role.arn, action=action, resource=resource), policies)
        facts: dict[str, FactValue] = {"action": admitted("action", (action,)), "statement": answer.statement}
        if answer.outcome is Answer.ALLOW:
            told = f"by evaluation, the policies of {name} allow {action} on {resource}"
            return violated("action-allowed", line(told, 280)).with_facts(facts)
        if answer.outcome is Answer.UNDECIDED:
            told = f"whether the policies of {name} allow {action} can't be told: {answer.reason}"
            undecided = undecided or inconclusive("undecided", line(told, 280)).with_facts(facts)
    told = f"{name} is refused what it has no business with ({number_of(len(asked), 'action')} by evaluation)"
    return undecided or passed(told)


def _held(policies: RolePolicies, controls: Controls) -> Policies:
    """All that gives the role permissions and limits them; a level's policies together are one document."""
    levels = controls.levels if isinstance(controls, ServiceControls) else ()
    parsed = [[_parsed(policy, PolicyKind.SCP) for policy in level] for level in levels]
    return Policies(
        identity=tuple(_parsed(policy, PolicyKind.IDENTITY) for policy in policies.policies),
        boundary=None if policies.boundary is None else _parsed(policies.boundary, PolicyKind.BOUNDARY),
        scps=tuple(
            replace(level[0], statements=tuple(one for held in level for one in held.statements)) for level in parsed
        ),
    )


def _told_of(controls: Controls) -> str:
    if isinstance(controls, ServiceControls):
        return "read" if controls.levels else "none"
    return "none" if isinstance(controls, Missing) else "not-readable"


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
