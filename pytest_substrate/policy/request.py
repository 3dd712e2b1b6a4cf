"""One request to be judged: who, what, on which resource, and what is known of its context."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from pytest_substrate.model.errors import BadInput
from pytest_substrate.policy.context import Lookup, Missing
from pytest_substrate.policy.keys import why_missing
from pytest_substrate.policy.requester import Requester, requester_of

_ACTION: Final = re.compile(r"[A-Za-z0-9-]+:[A-Za-z0-9_-]+")
_RESOURCE: Final = re.compile(r"arn:[^:\s]*:[^:\s]+:[^:\s]*:(?P<account>[^:\s]*):.+", re.DOTALL)
_OF_AN_ENDPOINT: Final = frozenset(
    (
        *("aws:sourcevpc", "aws:sourcevpcarn", "aws:sourcevpce", "aws:vpcsourceip"),
        *("aws:vpceaccount", "aws:vpceorgid", "aws:vpceorgpaths"),
    )
)
"""Keys of a request through a VPC endpoint: such a one has no `aws:SourceIp`."""
_ACCOUNT: Final = re.compile(r"\d{12}")


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestContext:
    """The condition keys: those given, then those that follow from principal and resource, then AWS' availability."""

    known: Mapping[str, Lookup]
    """By key in lower case."""

    def lookup(self, key: str) -> Lookup:
        """As `Context.lookup`."""
        name = key.lower()
        found = self.known.get(name)
        return why_missing(name) if found is None else found

    def with_keys(self, keys: Mapping[str, Lookup]) -> RequestContext:
        """The same with `keys` (in lower case) instead."""
        return RequestContext(known={**self.known, **keys})


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is asked of AWS."""

    principal: Requester
    action: str
    resource: str
    resource_account: str
    context: RequestContext

    @property
    def service(self) -> str:
        """The action's service, in lower case."""
        return self.action.partition(":")[0].lower()

    @property
    def is_cross_account(self) -> bool:
        """Whether the resource is another account's."""
        return self.resource_account != self.principal.account


def make_request(*, principal: str, action: str, resource: str, context: Iterable[tuple[str, str]] = ()) -> Request:
    """The request, its context completed; BadInput naming the option of `substrate access` that can't be used.

    `context` are pairs of key and value; a key that stands twice has several values. The resource's account is its
    ARN's, else `aws:ResourceAccount`, else the principal's.
    """
    who = requester_of(principal)
    if _ACTION.fullmatch(action) is None:
        raise BadInput("--action", "is not an action", "write SERVICE:ACTION, such as s3:GetObject, without wildcards")
    found = _RESOURCE.fullmatch(resource)
    if found is None and resource != "*":
        raise BadInput(
            "--resource", "is neither an ARN nor *", "write the resource's ARN, or * where an action has none"
        )
    given: dict[str, tuple[str, ...]] = {}
    for key, value in context:
        if ":" not in key.strip(":"):
            raise BadInput("--context", "does not name a condition key", "write SERVICE:KEY=VALUE")
        given[key.lower()] = (*given.get(key.lower(), ()), value)
    account = _account(found["account"] if found else "", given, who)
    owner: dict[str, Lookup] = {"aws:resourceaccount": (account,), "s3:resourceaccount": (account,)}
    if _OF_AN_ENDPOINT & given.keys():
        owner["aws:sourceip"] = Missing.ABSENT
    return Request(
        principal=who,
        action=action,
        resource=resource,
        resource_account=account,
        context=RequestContext(known={**who.keys(), **owner, **given}),
    )


def is_resource(text: str) -> bool:
    """Whether a request may be made on it."""
    return text == "*" or _RESOURCE.fullmatch(text) is not None


def _account(in_arn: str, given: Mapping[str, tuple[str, ...]], who: Requester) -> str:
    if _ACCOUNT.fullmatch(in_arn):
        return in_arn
    told = given.get("aws:resourceaccount", ())
    return told[0] if len(told) == 1 else who.account
