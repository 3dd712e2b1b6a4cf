"""From a request and its policies to a decision: who decided, by which statement, and why, in one line."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from pytest_substrate.policy.completions import completions, open_points
from pytest_substrate.policy.document import Document, Effect
from pytest_substrate.policy.evaluate import (
    Finding,
    Outcome,
    Policies,
    Source,
    Weighed,
    findings,
    granted,
    needs_resource_policy,
    outcome,
    weigh,
)
from pytest_substrate.policy.request import Request
from pytest_substrate.policy.requester import Kind
from pytest_substrate.policy.truth import Truth, any_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The answer. `statement` is an index from 0 in `document`; both None where no statement decided."""

    outcome: Outcome
    source: Source
    statement: int | None
    document: str | None
    reason: str


def decide(request: Request, policies: Policies) -> Decision:
    """AWS' answer; UNDECIDED only where what isn't known could change whether access is allowed."""
    first = _decide(request, policies)
    if first.outcome is not Outcome.UNDECIDED:
        return first
    answers: list[Decision] = []
    for context in completions(request, policies):
        answer = _decide(replace(request, context=context), policies)
        if answer.outcome is Outcome.UNDECIDED or (
            answers and (answer.outcome is Outcome.ALLOW) is not (answers[0].outcome is Outcome.ALLOW)
        ):
            return first
        answers.append(answer)
    if not answers:
        return first
    if len({answer.outcome for answer in answers}) > 1:  # denied in every case, but not always explicitly
        return replace(next(one for one in answers if one.outcome is Outcome.IMPLICIT_DENY), statement=None)
    return answers[0]


def _decide(request: Request, policies: Policies) -> Decision:
    found = findings(request, policies)
    weighed = weigh(request, policies, found)
    grant = granted(request, weighed)
    answer = outcome(weighed.deny, grant)
    if answer is Outcome.EXPLICIT_DENY:
        by = next(one for one in found if one.statement.effect is Effect.DENY and one.truth is Truth.TRUE)
        return _by(answer, by, f"{by.place} denies {request.action}")
    if answer is Outcome.ALLOW:
        return _allow(request, weighed, found)
    if answer is Outcome.IMPLICIT_DENY:
        return _implicit_deny(request, policies, weighed, found)
    return _undecided(request, policies, found, grant)


def _by(answer: Outcome, by: Finding | None, reason: str, source: Source = Source.NONE) -> Decision:
    return Decision(
        outcome=answer,
        source=by.source if by else source,
        statement=by.statement.index if by else None,
        document=by.document.name if by else None,
        reason=reason,
    )


def _allow(request: Request, weighed: Weighed, found: tuple[Finding, ...]) -> Decision:
    allows = [one for one in found if one.statement.effect is Effect.ALLOW and one.truth is Truth.TRUE]
    if min(weighed.identity, weighed.limits) is Truth.TRUE and (
        request.is_cross_account or weighed.account is Truth.TRUE or not needs_resource_policy(request)
    ):
        by = next((one for one in allows if one.source is Source.IDENTITY), None)
        if by is None:  # a root
            also = next((one for one in allows if one.source is Source.RESOURCE), None)
            reason = f"{also.place} allows the root" if also else "the root of an account has full access to it"
            return _by(Outcome.ALLOW, also, reason)
        also = next((one for one in allows if one.source is Source.RESOURCE), None)
        both = f", and {also.place} does" if also and request.is_cross_account else ""
        return _by(Outcome.ALLOW, by, f"{by.place} allows {request.action}{both}")
    by = max(
        (one for one in allows if one.source is Source.RESOURCE),
        key=lambda one: (one.reach.direct, one.reach.entity),
    )
    return _by(Outcome.ALLOW, by, f"{by.place} allows {request.action} to the principal itself")


def _implicit_deny(request: Request, policies: Policies, weighed: Weighed, found: tuple[Finding, ...]) -> Decision:
    source, why = _who_failed(request, policies, weighed)
    near = _near_miss(source, found)
    return _by(Outcome.IMPLICIT_DENY, None, f"{why}{near}", source)


def _who_failed(request: Request, policies: Policies, weighed: Weighed) -> tuple[Source, str]:
    """The policy that failed to allow, and a sentence of it. What may grant counts as granting."""
    must_both = request.is_cross_account or needs_resource_policy(request)
    may_own = weighed.identity is not Truth.FALSE
    to_itself = max(weighed.entity, weighed.direct) is not Truth.FALSE
    may_resource = weighed.by_resource is not Truth.FALSE if must_both else to_itself
    action = request.action
    if not may_own and not may_resource:
        failed = Source.NONE, f"no policy allows {action} on {request.resource}"
    elif weighed.scp is Truth.FALSE:
        failed = Source.SCP, f"{_silent_level(request, policies)} does not allow {action}"
    elif must_both and not may_resource:
        failed = Source.RESOURCE, _silent_resource(request, policies)
    elif must_both and not may_own and (request.is_cross_account or not to_itself):
        failed = Source.IDENTITY, f"no identity policy allows {action}, and the resource's policy leaves it to those"
    elif weighed.boundary is Truth.FALSE:
        failed = Source.BOUNDARY, f"the permissions boundary does not allow {action}"
    elif request.principal.kind is Kind.FEDERATED and policies.session is None:
        failed = Source.SESSION, "the session was federated without a session policy, so it has no permissions"
    else:
        failed = Source.SESSION, f"the session policy does not allow {action}"
    return failed


def _silent_resource(request: Request, policies: Policies) -> str:
    if request.is_cross_account:
        why = f"the resource is of another account, {request.resource_account}"
    else:
        why = "a key's policy and a role's trust have to allow, whatever identity policies say"
    said = f"{policies.resource.name} does not allow it" if policies.resource else "no policy of the resource is given"
    return f"{said}: {why}"


def _silent_level(request: Request, policies: Policies) -> str:
    found = findings(request, policies)

    def allows(level: Document) -> Truth:
        return any_of(one.truth for one in found if one.document is level and one.statement.effect is Effect.ALLOW)

    return next(level.name for level in policies.scps if allows(level) is Truth.FALSE)


def _near_miss(source: Source, found: Iterable[Finding]) -> str:
    """The first statement that would allow but for its conditions."""
    wanted = (Source.IDENTITY, Source.RESOURCE) if source is Source.NONE else (source,)
    for one in found:
        allows = one.source in wanted and one.statement.effect is Effect.ALLOW and one.about is not Truth.FALSE
        if allows and one.statement.conditions and one.truth is Truth.FALSE:
            return f"; {one.place} would, but its conditions do not hold"
    return ""


def _undecided(request: Request, policies: Policies, found: tuple[Finding, ...], grant: Truth) -> Decision:
    unknown = [one for one in found if one.truth is Truth.UNKNOWN]
    effect = Effect.DENY if grant is Truth.TRUE else Effect.ALLOW
    by = next((one for one in unknown if one.statement.effect is effect), None) or next(iter(unknown), None)
    points = open_points(request, policies)
    named = by is None or bool(by.statement.principals or by.statement.not_principals)
    what = ", ".join(points) or ("how the principal is named" if named else "how AWS compares such a value")
    does = "denies" if by is not None and by.statement.effect is Effect.DENY else "allows"
    place = by.place if by else "a policy"
    return _by(Outcome.UNDECIDED, by, f"whether {place} {does} it depends on what is not known: {what}")
