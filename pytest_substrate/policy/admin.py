"""Whether a principal is an administrator by what it may do, whatever its policies are called.

It is one where it may do nearly everything, or may by documented steps give itself everything: write a policy of its
own, change one that is attached, take over another identity, or hand any role to a computer of its own. Asked is what
its own side allows (identity policies within boundary and SCPs); what resource policies add is not looked at. A right
to pass or assume roles that are named is none of this: it ends at those roles.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from pytest_substrate.policy.document import Document, Effect
from pytest_substrate.policy.evaluate import Finding, Policies, Source, findings, weigh
from pytest_substrate.policy.request import Request, is_resource, make_request
from pytest_substrate.policy.requester import Kind, Requester, requester_of
from pytest_substrate.policy.truth import Truth, all_of, any_of

_NO_SERVICE: Final = "substrate-no-such-service"
"""Whoever may use a service that does not exist was given all of them."""
_WILD: Final = re.compile(r"\$\{[^}]*\}|[*?]")
_OTHER: Final = "substrate-no-such-name"
"""A name that only a wildcard can mean."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Power:
    """One way in which the principal is an administrator."""

    means: str
    """A stable slug."""
    actions: tuple[str, ...]
    certain: bool
    """False where it depends on a condition whose key isn't known."""
    document: str
    statement: int
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Way:
    means: str
    needs: tuple[tuple[str, str], ...]
    """Action and what it is asked on: `self`; a `role`, `policy`, `user`, `group` that no policy names; `somewhere`; an
    ARN."""
    why: str
    named: bool = False
    """Whether it is one of several to the same end: told once."""


_SELF_ROLE: Final = (
    _Way(means="own-inline-policy", needs=(("iam:PutRolePolicy", "self"),), why="writes its own permissions"),
    _Way(means="own-managed-policy", needs=(("iam:AttachRolePolicy", "self"),), why="attaches any policy to itself"),
)
_SELF_USER: Final = (
    _Way(means="own-inline-policy", needs=(("iam:PutUserPolicy", "self"),), why="writes its own permissions"),
    _Way(means="own-managed-policy", needs=(("iam:AttachUserPolicy", "self"),), why="attaches any policy to itself"),
    _Way(means="join-any-group", needs=(("iam:AddUserToGroup", "group"),), why="joins any group"),
)
_PASS: Final = ("iam:PassRole", "role")
_WAYS: Final = (
    _Way(means="any-policy-version", needs=(("iam:CreatePolicyVersion", "policy"),), why="rewrites any policy"),
    _Way(
        means="any-default-version", needs=(("iam:SetDefaultPolicyVersion", "policy"),), why="revives any old version"
    ),
    _Way(means="any-trust-policy", needs=(("iam:UpdateAssumeRolePolicy", "role"),), why="makes any role trust it"),
    _Way(means="any-access-key", needs=(("iam:CreateAccessKey", "user"),), why="makes keys of any user"),
    _Way(means="any-password", needs=(("iam:CreateLoginProfile", "user"),), why="makes a password of any user"),
    _Way(means="any-new-password", needs=(("iam:UpdateLoginProfile", "user"),), why="changes any user's password"),
    _Way(means="any-group-policy", needs=(("iam:PutGroupPolicy", "group"),), why="writes any group's permissions"),
    _Way(means="any-group-managed", needs=(("iam:AttachGroupPolicy", "group"),), why="attaches policies to any group"),
    _Way(means="any-user-policy", needs=(("iam:PutUserPolicy", "user"),), why="writes any user's permissions"),
    _Way(means="any-user-managed", needs=(("iam:AttachUserPolicy", "user"),), why="attaches policies to any user"),
    _Way(means="assume-any-role", needs=(("sts:AssumeRole", "role"),), why="assumes any role that trusts its account"),
    _Way(
        means="any-role-policy",
        needs=(("iam:PutRolePolicy", "role"), _PASS),
        why="writes any role's permissions and passes it on",
    ),
    _Way(
        means="any-role-managed",
        needs=(("iam:AttachRolePolicy", "role"), _PASS),
        why="attaches policies to any role and passes it on",
    ),
    *(
        _Way(
            means=f"pass-any-role-to-{action.partition(':')[0]}",
            needs=(_PASS, (action, "somewhere")),
            why=f"runs {what}",
        )
        for action, what in (
            ("lambda:CreateFunction", "a function as any role"),
            ("lambda:UpdateFunctionConfiguration", "a function as any role"),
            ("ec2:RunInstances", "an instance as any role"),
            ("ec2:AssociateIamInstanceProfile", "an instance as any role"),
            ("ecs:RegisterTaskDefinition", "a task as any role"),
            ("ecs:RunTask", "a task as any role"),
            ("batch:RegisterJobDefinition", "a batch job as any role"),
            ("codebuild:CreateProject", "a build as any role"),
            ("codebuild:UpdateProject", "a build as any role"),
            ("codepipeline:CreatePipeline", "a pipeline as any role"),
            ("cloudformation:CreateStack", "a stack as any role"),
            ("cloudformation:UpdateStack", "a stack as any role"),
            ("cloudformation:CreateChangeSet", "a stack as any role"),
            ("elasticmapreduce:RunJobFlow", "a cluster as any role"),
            ("glue:CreateJob", "a job as any role"),
            ("glue:CreateDevEndpoint", "an endpoint as any role"),
            ("glue:CreateSession", "a session as any role"),
            ("apprunner:CreateService", "a service as any role"),
            ("sagemaker:CreateNotebookInstance", "a notebook as any role"),
            ("sagemaker:CreateTrainingJob", "a training as any role"),
            ("sagemaker:CreateProcessingJob", "a processing as any role"),
            ("ssm:StartAutomationExecution", "an automation as any role"),
            ("states:CreateStateMachine", "a state machine as any role"),
            ("datapipeline:CreatePipeline", "a pipeline as any role"),
            ("scheduler:CreateSchedule", "a schedule as any role"),
        )
    ),
)
_BOUNDARY: Final = (
    _Way(
        means="drops-its-boundary", needs=(("iam:DeleteRolePermissionsBoundary", "self"),), why="removes its boundary"
    ),
    _Way(
        means="changes-its-boundary", needs=(("iam:PutRolePermissionsBoundary", "self"),), why="replaces its boundary"
    ),
)


def powers(
    principal: str, identity: Iterable[Document], *, boundary: Document | None = None, scps: Iterable[Document] = ()
) -> tuple[Power, ...]:
    """Every way in which the user or role `principal` (its ARN) is an administrator, the widest first; () if none.

    A service-linked role and the root are not asked for: the one can't be changed, the other is one.
    """
    who = requester_of(principal)
    policies = Policies(identity=tuple(identity), boundary=boundary, scps=tuple(scps))
    found = [*_everything(who, policies)]
    ways = [*(_SELF_USER if who.kind is Kind.USER else _SELF_ROLE), *_WAYS]
    if boundary is not None and who.kind is Kind.ROLE:
        ways.extend(_BOUNDARY)
    ways.extend(_of_own_policies(policies))
    for role in _named_roles(who, policies):
        ways.extend(_through(role))
    for way in ways:
        truth = all_of(_may(who, action, target, policies) for action, target in way.needs)
        if truth is not Truth.FALSE and not (way.named and any(way.means == one.means for one in found)):
            by = _statement(_request(who, *way.needs[0]), policies)
            found.append(_power(way.means, tuple(action for action, _ in way.needs), truth, by, f"it {way.why}"))
    return tuple(found)


def _of_own_policies(policies: Policies) -> Iterator[_Way]:
    """To rewrite a managed policy that the principal has, or that bounds it: documents go by their ARNs."""
    for document, means, why in (
        *((one, "own-policy-version", "rewrites a policy that it has") for one in policies.identity),
        *((one, "rewrites-its-boundary", "rewrites its boundary") for one in (policies.boundary,) if one is not None),
    ):
        if is_resource(document.name) and ":policy/" in document.name and ":iam::aws:" not in document.name:
            for action in ("iam:CreatePolicyVersion", "iam:SetDefaultPolicyVersion"):
                yield _Way(means=means, needs=((action, document.name),), why=why, named=True)


def _named_roles(who: Requester, policies: Policies) -> Iterator[str]:
    """The other roles that the policies name, wildcards filled in."""
    named = (
        _WILD.sub("x", resource)
        for document in policies.identity
        for statement in document.statements
        if statement.effect is Effect.ALLOW
        for resource in statement.resources or ()
        if ":role/" in resource
    )
    yield from (one for one in dict.fromkeys(named) if is_resource(one) and one != who.entity_arn)


def _through(role: str) -> Iterator[_Way]:
    """To make a named role all-powerful and then become it: its permissions are written, its trust or a session had."""
    for writes in ("iam:PutRolePolicy", "iam:AttachRolePolicy"):
        for becomes in ("iam:UpdateAssumeRolePolicy", "sts:AssumeRole", "iam:PassRole"):
            yield _Way(
                means="through-a-named-role",
                needs=((writes, role), (becomes, role)),
                why=f"writes the permissions of {role.rpartition('/')[2]} and may become it",
                named=True,
            )


def _everything(who: Requester, policies: Policies) -> Iterator[Power]:
    """All actions, or all but a few; and all of IAM."""
    anything = _request(who, f"{_NO_SERVICE}:DoAnything", "somewhere")
    truth = _own(anything, policies)
    if truth is not Truth.FALSE:
        by = _statement(anything, policies)
        means = "all-actions" if by.statement.actions is not None else "all-actions-but-named"
        yield _power(means, ("*",), truth, by, "it may use every service, those to come included")
    whole = _request(who, "iam:SubstrateNoSuchAction", "role")
    truth = _own(whole, policies)
    if truth is not Truth.FALSE:
        yield _power("all-of-iam", ("iam:*",), truth, _statement(whole, policies), "it may do everything in IAM")


def _may(who: Requester, action: str, target: str, policies: Policies) -> Truth:
    """Whether the principal's own side allows it on the target; `somewhere`: on any resource that a statement means."""
    request = _request(who, action, target)
    if target != "somewhere":
        return _own(request, policies)
    named = (
        resource
        for document in policies.identity
        for statement in document.statements
        if statement.effect is Effect.ALLOW
        for resource in statement.resources or ()
        if resource != "*"
    )
    examples = {request.resource, *(_WILD.sub("x", resource) for resource in named)}
    return any_of(
        _own(make_request(principal=who.arn, action=action, resource=resource), policies)
        for resource in sorted(examples)
        if is_resource(resource)
    )


def _own(request: Request, policies: Policies) -> Truth:
    """Whether the principal's own side allows."""
    weighed = weigh(request, policies, findings(request, policies))
    return min(weighed.identity, weighed.limits, weighed.scp, weighed.deny.negated)


def _statement(request: Request, policies: Policies) -> Finding:
    """The identity statement that allows, or may."""
    return max(
        (
            one
            for one in findings(request, policies)
            if one.source is Source.IDENTITY and one.statement.effect is Effect.ALLOW
        ),
        key=lambda one: one.truth,
    )


def _power(means: str, actions: tuple[str, ...], truth: Truth, by: Finding, message: str) -> Power:
    return Power(
        means=means,
        actions=actions,
        certain=truth is Truth.TRUE,
        document=by.document.name,
        statement=by.statement.index,
        message=f"{message} ({by.place})",
    )


def _request(who: Requester, action: str, target: str) -> Request:
    account = f"arn:{who.partition}:iam::{who.account}"
    resource = {
        target: target if is_resource(target) else f"{account}:{target}/{_OTHER}",
        "self": who.entity_arn,
        "somewhere": f"arn:{who.partition}:{action.partition(':')[0]}:us-east-1:{who.account}:{_OTHER}",
    }[target]
    return make_request(principal=who.arn, action=action, resource=resource)
