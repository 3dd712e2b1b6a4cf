"""Service control policies above an account, read level by level, and who may not read them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.stub import Stubber

from pytest_substrate.adapters.aws.organizations import read_service_controls
from pytest_substrate.model.ci import Policy, ServiceControls
from pytest_substrate.model.observation import Missing, Unobserved

ACCOUNT = "111122223333"
Stubs = Callable[[str], tuple[Any, Stubber]]


def organization(stubber: Stubber, management: str = "999988887777") -> None:
    """The organization's answer."""
    stubber.add_response("describe_organization", {"Organization": {"MasterAccountId": management}})


def level(stubber: Stubber, target: str, *policies: str, above: tuple[str, str] | None) -> None:
    """What is attached at a target, and what lies above it."""
    listed = {"Policies": [{"Id": one} for one in policies]}
    asked = {"TargetId": target, "Filter": "SERVICE_CONTROL_POLICY"}
    stubber.add_response("list_policies_for_target", listed, asked)
    for one in policies:
        stubber.add_response("describe_policy", {"Policy": {"Content": f"{{{one}}}"}}, {"PolicyId": one})
    if above is not None:
        parents = {"Parents": [{"Id": above[0], "Type": above[1]}]}
        stubber.add_response("list_parents", parents, {"ChildId": target})


def test_levels(stub: Stubs) -> None:
    """The account's, its unit's, the root's."""
    client, stubber = stub("organizations")
    organization(stubber)
    level(stubber, ACCOUNT, "p-full", above=("ou-ab12-cdef3456", "ORGANIZATIONAL_UNIT"))
    level(stubber, "ou-ab12-cdef3456", "p-full", "p-deny", above=("r-ab12", "ROOT"))
    level(stubber, "r-ab12", "p-full", above=None)
    found = read_service_controls(client, ACCOUNT)
    assert isinstance(found, ServiceControls)
    assert [1, 2, 1] == [len(one) for one in found.levels]
    assert Policy(name="p-deny at ou-ab12-cdef3456", document="{p-deny}") == found.levels[1][1]


def test_nothing_limits_the_management_account(stub: Stubs) -> None:
    """Whatever is attached to it."""
    client, stubber = stub("organizations")
    organization(stubber, ACCOUNT)
    assert ServiceControls(levels=()) == read_service_controls(client, ACCOUNT)


@pytest.mark.parametrize(("held", "known"), [(((), ()), True), ((("p-full",), ()), False)])
def test_no_policies(stub: Stubs, held: tuple[tuple[str, ...], tuple[str, ...]], known: bool) -> None:
    """At no level: they aren't enabled. At one of them: that can't be."""
    client, stubber = stub("organizations")
    organization(stubber)
    level(stubber, ACCOUNT, *held[0], above=("r-ab12", "ROOT"))
    level(stubber, "r-ab12", *held[1], above=None)
    found = read_service_controls(client, ACCOUNT)
    assert ServiceControls(levels=()) == found if known else isinstance(found, Unobserved)


@pytest.mark.parametrize(
    ("code", "kind"), [("AWSOrganizationsNotInUseException", Missing), ("AccessDeniedException", Unobserved)]
)
def test_whom_aws_does_not_answer(stub: Stubs, code: str, kind: type) -> None:
    """No organization is an absence, a refusal is none."""
    client, stubber = stub("organizations")
    stubber.add_client_error("describe_organization", code)
    assert isinstance(read_service_controls(client, ACCOUNT), kind)
