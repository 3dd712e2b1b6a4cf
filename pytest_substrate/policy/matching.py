"""Whether a statement is about a request: its actions, its resources, its principals, each three-valued."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from pytest_substrate.policy.context import Context
from pytest_substrate.policy.document import Document, Effect, Principals, Statement
from pytest_substrate.policy.pattern import compile_pattern, fields
from pytest_substrate.policy.request import Request
from pytest_substrate.policy.requester import Kind, Requester
from pytest_substrate.policy.truth import Truth, all_of, any_of

_ACCOUNT_FORM: Final = re.compile(r"(?:arn:(?P<partition>aws[a-z-]*):iam::)?(?P<account>\d{12})(?P<root>:root)?")
_ROLE_FORM: Final = re.compile(
    r"arn:(?P<partition>[a-z-]+):iam::(?P<account>\d{12}):role(?P<path>/(?:.*/)?)(?P<name>[^/]+)"
)
_SESSION_FORM: Final = re.compile(
    r"arn:(?P<partition>[a-z-]+):sts::(?P<account>\d{12}):assumed-role/(?P<name>[^/]+)/.+"
)
_ARN_FIELDS: Final = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """By which of its names a statement reaches a principal: that decides what else limits a grant."""

    account: Truth = Truth.FALSE
    """By its account, which delegates: the principal's own policies still have to allow."""
    entity: Truth = Truth.FALSE
    """By its role (or the user that a federated session comes from): boundary and session policy limit it."""
    direct: Truth = Truth.FALSE
    """By the user, the session or everyone: in its own account nothing but a deny limits it."""

    @property
    def any(self) -> Truth:
        """Whether it is reached at all."""
        return max(self.account, self.entity, self.direct)

    def and_also(self, truth: Truth) -> Reach:
        """The same under one more condition."""
        return Reach(account=min(self.account, truth), entity=min(self.entity, truth), direct=min(self.direct, truth))

    def or_else(self, other: Reach) -> Reach:
        """What either reaches."""
        return Reach(
            account=max(self.account, other.account),
            entity=max(self.entity, other.entity),
            direct=max(self.direct, other.direct),
        )


def action_matches(patterns: Iterable[str], action: str) -> bool:
    """Whether an action is named; letter case does not count."""
    return any(compile_pattern(one, None).match(action, ignore_case=True) is Truth.TRUE for one in patterns)


def resource_matches(patterns: Iterable[str], resource: str, context: Context | None) -> Truth:
    """Whether a resource is named. With a context, `${…}` are variables."""
    return any_of(_resource_matches(one, resource, context) for one in patterns)


def _resource_matches(text: str, resource: str, context: Context | None) -> Truth:
    if text == "*":
        return Truth.TRUE
    text += ":*" * max(0, _ARN_FIELDS - 1 - _colons(text))  # "automatically completes the ARN"
    pattern = compile_pattern(text, context, from_field=_ARN_FIELDS - 1)
    return fields(pattern, last_of_field_spans=True).match(resource)


def _colons(text: str) -> int:
    return re.sub(r"\$\{[^{}]*\}", "", text).count(":")


def about(statement: Statement, document: Document, request: Request) -> Truth:
    """Whether it names the action and the resource."""
    if statement.actions is not None:
        acts = action_matches(statement.actions, request.action)
    else:
        acts = not action_matches(statement.not_actions or (), request.action)
    if not acts:
        return Truth.FALSE
    context = request.context if document.has_variables else None
    if statement.resources is not None:
        return resource_matches(statement.resources, request.resource, context)
    if statement.not_resources is not None:
        return resource_matches(statement.not_resources, request.resource, context).negated
    return Truth.TRUE  # a policy whose resource is what it is attached to


def reach(statement: Statement, request: Request, *, has_boundary: bool) -> Reach:
    """By which names the statement reaches the request's principal."""
    if statement.principals is not None:
        return _named(statement.principals, request)
    if statement.not_principals is not None:
        return _not_named(statement.not_principals, statement.effect, request, has_boundary=has_boundary)
    return Reach(direct=Truth.TRUE)  # an identity's own policy


def _named(principals: Principals, request: Request) -> Reach:
    who = request.principal
    found = Reach(direct=Truth.of(principals.everyone))
    for name in principals.aws:
        found = found.or_else(_aws(name, who, request))
    if principals.canonical_user:  # which account it stands for is not known
        known = Reach(account=Truth.UNKNOWN)
        found = found.or_else(known if who.kind is not Kind.ROOT else Reach(direct=Truth.UNKNOWN))
    if principals.federated and who.kind is Kind.ROLE:
        provider = request.context.lookup("aws:FederatedProvider")
        if isinstance(provider, tuple):
            found = found.or_else(Reach(direct=Truth.of(any(one in principals.federated for one in provider))))
    return found


def _aws(name: str, who: Requester, request: Request) -> Reach:
    if name == who.arn and who.kind is not Kind.ROLE:
        return Reach(account=Truth.TRUE, direct=Truth.TRUE) if who.kind is Kind.ROOT else Reach(direct=Truth.TRUE)
    if found := _ACCOUNT_FORM.fullmatch(name):
        same = found["account"] == who.account and found["partition"] in (None, who.partition)
        return Reach(account=Truth.of(same), direct=Truth.of(same and who.kind is Kind.ROOT))
    if not name.startswith("arn:"):  # a unique id
        mine = {"AIDA": (Kind.USER, Kind.FEDERATED), "AROA": (Kind.ROLE,)}.get(name[:4], ())
        maybe = Truth.UNKNOWN if who.kind in mine else Truth.FALSE
        return Reach(direct=maybe) if who.kind is Kind.USER else Reach(entity=maybe)
    if who.kind is Kind.ROLE:
        return _role(name, who, request)
    if who.kind is Kind.FEDERATED and name.startswith(f"arn:{who.partition}:iam::{who.account}:user/"):
        return Reach(entity=Truth.UNKNOWN)  # whose session it is, its ARN does not tell
    return Reach()


def _role(name: str, who: Requester, request: Request) -> Reach:
    mine = (who.partition, who.account, who.name)
    if found := _ROLE_FORM.fullmatch(name):
        same = (found["partition"], found["account"], found["name"]) == mine
        path = who.path or _told_path(who, request)
        return Reach(entity=Truth.of(same and path in (None, found["path"])))
    if found := _SESSION_FORM.fullmatch(name):
        if (found["partition"], found["account"], found["name"]) != mine:
            return Reach()
        if who.session is None:
            return Reach(direct=Truth.UNKNOWN)
        return Reach(direct=Truth.of(name == who.arn))
    return Reach()


def _told_path(who: Requester, request: Request) -> str | None:
    """The role's path where `aws:PrincipalArn` was given and tells more than the session's ARN."""
    told = request.context.lookup("aws:PrincipalArn")
    found = _ROLE_FORM.fullmatch(told[0]) if isinstance(told, tuple) else None
    if found is None or found["name"] != who.name or told == (who.entity_arn,):
        return None
    return str(found["path"])


def _not_named(principals: Principals, effect: Effect, request: Request, *, has_boundary: bool) -> Reach:
    """NotPrincipal. A deny spares whom it names together with its role and account ("NotPrincipal With Deny")."""
    who = request.principal
    if effect is Effect.DENY and has_boundary and who.kind in (Kind.USER, Kind.ROLE):
        return Reach(direct=Truth.TRUE)  # "will always deny any IAM principal that has a permissions boundary"
    named = _named(principals, request)
    if effect is Effect.ALLOW:
        if named.direct is Truth.TRUE:
            return Reach()
        return Reach(direct=Truth.TRUE if named.any is Truth.FALSE else Truth.UNKNOWN)
    if principals.everyone:
        return Reach()
    own = named.direct
    parents = [named.account] if who.kind is Kind.USER or who.kind is Kind.FEDERATED else [named.account, named.entity]
    if who.kind is Kind.ROOT:
        parents = []
    spared = Truth.FALSE if own is Truth.FALSE else all_of([own, *(max(one, Truth.UNKNOWN) for one in parents)])
    return Reach(direct=spared.negated)
