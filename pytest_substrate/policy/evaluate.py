"""AWS' policy evaluation logic: one request against all policies that apply to it, to one decision with its reason.

Sources: "Policy evaluation logic", "Policy evaluation for requests within a single account", "How AWS enforcement code
logic evaluates requests", "Cross-account policy evaluation logic", "AWS JSON policy elements: Principal" (IAM User
Guide), and "Key policies in AWS KMS". Not judged: VPC endpoint policies, ACLs, grants of KMS, and whether the account
is the management account of its organization, which SCPs and RCPs do not limit.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from pytest_substrate.policy.conditions import conditions_hold
from pytest_substrate.policy.document import Document, Effect, Statement
from pytest_substrate.policy.matching import Reach, about, reach
from pytest_substrate.policy.request import Request
from pytest_substrate.policy.requester import Kind
from pytest_substrate.policy.truth import Truth, all_of, any_of


class Source(StrEnum):
    """The kind of policy that decided."""

    IDENTITY = "identity"
    BOUNDARY = "boundary"
    SCP = "scp"
    RCP = "rcp"
    SESSION = "session"
    RESOURCE = "resource"
    NONE = "none"


class Outcome(StrEnum):
    """What AWS answers."""

    ALLOW = "allow"
    IMPLICIT_DENY = "implicit-deny"
    EXPLICIT_DENY = "explicit-deny"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True, kw_only=True)
class Policies:
    """All policies that apply. Each of `scps` is a level of the organization, which must allow; RCPs only deny.

    `session`: the session policies together, None where the session was made without. The resource's policy is None
    where it has none.
    """

    identity: tuple[Document, ...] = ()
    boundary: Document | None = None
    scps: tuple[Document, ...] = ()
    rcps: tuple[Document, ...] = ()
    session: tuple[Document, ...] | None = None
    resource: Document | None = None

    def applying_to(self, request: Request) -> Iterator[tuple[Source, Document]]:
        """Each with its source, in the order of AWS' evaluation. A root and service-linked roles have fewer."""
        who = request.principal
        if not who.is_service_linked:
            yield from ((Source.RCP, document) for document in self.rcps)
            yield from ((Source.SCP, document) for document in self.scps)
        if self.resource is not None:
            yield Source.RESOURCE, self.resource
        if who.kind is not Kind.ROOT:
            yield from ((Source.IDENTITY, document) for document in self.identity)
            if self.boundary is not None:
                yield Source.BOUNDARY, self.boundary
            yield from ((Source.SESSION, document) for document in self.session or ())


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one statement says of the request."""

    source: Source
    document: Document
    statement: Statement
    about: Truth
    """Whether it names action, resource and principal."""
    reach: Reach
    """Whether it applies, by each name of the principal: `about` and its conditions."""

    @property
    def truth(self) -> Truth:
        """Whether it applies."""
        return self.reach.any

    @property
    def place(self) -> str:
        """As messages name it."""
        return f"{self.statement.place} of {self.document.name}"


def findings(request: Request, policies: Policies) -> tuple[Finding, ...]:
    """Every statement of every policy that applies, in AWS' order."""
    return tuple(
        _finding(source, document, statement, request, has_boundary=policies.boundary is not None)
        for source, document in policies.applying_to(request)
        for statement in document.statements
    )


def _finding(
    source: Source, document: Document, statement: Statement, request: Request, *, has_boundary: bool
) -> Finding:
    named = reach(statement, request, has_boundary=has_boundary).and_also(about(statement, document, request))
    applies = named
    if named.any is not Truth.FALSE:
        holds = conditions_hold(statement.conditions, request.context, has_variables=document.has_variables)
        applies = named.and_also(holds)
    return Finding(source=source, document=document, statement=statement, about=named.any, reach=applies)


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighed:
    """What the policies of each kind say together."""

    deny: Truth
    identity: Truth
    boundary: Truth
    session: Truth
    scp: Truth
    account: Truth
    """The resource's policy grants to the principal's account."""
    entity: Truth
    """… to its role."""
    direct: Truth
    """… to the user, the session, or everyone."""

    @property
    def limits(self) -> Truth:
        """What bounds a principal's own permissions."""
        return min(self.boundary, self.session)

    @property
    def by_resource(self) -> Truth:
        """Whether the resource's policy grants at all."""
        return max(self.account, self.entity, self.direct)


def weigh(request: Request, policies: Policies, found: Iterable[Finding]) -> Weighed:
    """The statements put together by kind of policy."""
    found = tuple(found)
    allows = [one for one in found if one.statement.effect is Effect.ALLOW]

    def allowed(source: Source) -> Truth:
        return any_of(one.truth for one in allows if one.source is source)

    who = request.principal
    by_resource = [one.reach for one in allows if one.source is Source.RESOURCE]
    session = Truth.TRUE if policies.session is None else allowed(Source.SESSION)
    if who.kind is Kind.FEDERATED and policies.session is None:
        session = Truth.FALSE  # GetFederationToken: "if you do not pass a policy, the session has no permissions"
    if who.kind is Kind.ROOT:
        session = Truth.TRUE
    has_boundary = policies.boundary is not None and who.kind is not Kind.ROOT
    levels = () if who.is_service_linked else policies.scps
    return Weighed(
        deny=any_of(one.truth for one in found if one.statement.effect is Effect.DENY),
        identity=Truth.TRUE if who.kind is Kind.ROOT else allowed(Source.IDENTITY),
        boundary=allowed(Source.BOUNDARY) if has_boundary else Truth.TRUE,
        session=session,
        scp=all_of(any_of(one.truth for one in allows if one.document is level) for level in levels),
        account=any_of(one.account for one in by_resource),
        entity=any_of(one.entity for one in by_resource),
        direct=any_of(one.direct for one in by_resource),
    )


def needs_resource_policy(request: Request) -> bool:
    """Whether the resource's own policy must allow, whatever an identity's says: a KMS key, the trust of a role."""
    if request.service == "kms":
        return ":key/" in request.resource
    return request.service == "sts" and request.action.lower().startswith("sts:assumerole")


def granted(request: Request, weighed: Weighed) -> Truth:
    """Whether all that must allow does; denials are not looked at."""
    own = min(weighed.identity, weighed.limits)
    if request.is_cross_account:
        return min(weighed.scp, own, weighed.by_resource)
    delegated = weighed.account if needs_resource_policy(request) else Truth.TRUE
    return min(
        weighed.scp,
        max(weighed.direct, min(weighed.entity, weighed.limits), min(own, delegated)),
    )


def outcome(deny: Truth, grant: Truth) -> Outcome:
    """What follows for certain."""
    if deny is Truth.TRUE:
        return Outcome.EXPLICIT_DENY
    if grant is Truth.FALSE:
        return Outcome.IMPLICIT_DENY
    return Outcome.ALLOW if grant is Truth.TRUE and deny is Truth.FALSE else Outcome.UNDECIDED
