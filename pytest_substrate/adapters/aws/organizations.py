"""What AWS Organizations says of the account's service control policies, where it tells its caller at all."""

from __future__ import annotations

from typing import Any, Final

from pytest_substrate.adapters.aws.answer import NoAnswer, answered, ask, ask_pages
from pytest_substrate.model import ci as facts
from pytest_substrate.model.observation import Unobserved

_KIND: Final = "SERVICE_CONTROL_POLICY"
_MOST: Final = 8
"""Levels: an organization has a root, at most five units below each other, and the account."""


@answered
def read_service_controls(client: Any, account: str) -> facts.ServiceControls:
    """The policies at the account and at each level above it, the account's first; no level where none limit it.

    `Missing` where the account is in no organization. None limit the management account. AWS answers only there and in
    the account that it delegated this to.
    """
    organization = ask(client, "organizations:DescribeOrganization", what="an organization").part("Organization")
    if organization.text("MasterAccountId") == account:
        return facts.ServiceControls(levels=())
    levels: list[tuple[facts.Policy, ...]] = []
    target = account
    while len(levels) < _MOST:
        levels.append(_attached(client, target))
        parents = [
            (one.text("Id"), one.text("Type"))
            for page in ask_pages(client, "organizations:ListParents", what=target, ChildId=target)
            for one in page.parts("Parents")
        ]
        if len(parents) != 1:
            raise _malformed(f"{target} has {len(parents)} parents")
        target, kind = parents[0]
        if kind == "ROOT":
            levels.append(_attached(client, target))
            break
    else:
        raise _malformed("no root above the account")
    if not any(levels):  # the organization has not enabled them
        return facts.ServiceControls(levels=())
    if not all(levels):
        raise _malformed("a level without a policy, which AWS does not admit")
    return facts.ServiceControls(levels=tuple(levels))


def _attached(client: Any, target: str) -> tuple[facts.Policy, ...]:
    listed = [
        one.text("Id")
        for page in ask_pages(client, "organizations:ListPoliciesForTarget", what=target, TargetId=target, Filter=_KIND)
        for one in page.parts("Policies")
    ]
    return tuple(
        facts.Policy(
            name=f"{one} at {target}",
            document=ask(client, "organizations:DescribePolicy", what=one, PolicyId=one).part("Policy").text("Content"),
        )
        for one in listed
    )


def _malformed(detail: str) -> NoAnswer:
    return NoAnswer(Unobserved(reason="malformed", operation="organizations:ListParents", detail=detail))
