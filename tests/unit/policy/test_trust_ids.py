"""Patterns over GitHub's subjects that leave a part of a name open, or the name beside an id: whom they let in."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_substrate.policy.trust import issuer_of
from pytest_substrate.policy.weaknesses import weaknesses
from tests.unit.policy.trusts import CLAIMS, like, policy, statement

OWNER, REPOSITORY, PULL, SUBJECT = "owner-wide", "repository-wide", "pull-request-admitted", "subject-unbound"


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (like("repo:*@123456/*@456789:ref:refs/heads/main"), []),
        (like("repo:*@123456/*:ref:refs/heads/main"), [OWNER]),
        (like("repo:*/*@456789:ref:refs/heads/main"), [SUBJECT]),
        (like("repo:octo-org@123456/*", repository="octo-org/app"), [PULL, REPOSITORY]),
        (like("repo:octo-org@123456/*", repository_id="456789"), [PULL, REPOSITORY]),
    ],
)
def test_ids_name_owner_and_repository_whatever_they_are_called(condition: Any, expected: list[str]) -> None:
    """No name holds a slash or a sign of an id, so that an id in its place is as good as a name."""
    found = weaknesses(policy(statement(condition)), issuer=issuer_of(CLAIMS, provider_arn=None), claims=CLAIMS)
    assert expected == sorted({one.code for one in found})


def test_a_branch_may_be_called_like_an_owner_and_a_repository() -> None:
    """A pattern that ends in a wildcard behind the owner's id takes a stranger's branch for it."""
    document = policy(statement(like("repo:*@123456/*")))
    found = weaknesses(document, issuer=issuer_of(CLAIMS, provider_arn=None), claims=CLAIMS)
    assert SUBJECT in {one.code for one in found}


def test_a_denial_of_the_name_itself_leaves_those_that_begin_with_it() -> None:
    """Pull requests of a repository with a similar name come in where the pattern takes it and nothing denies it."""
    deny = statement({"StringLike": {"sub": "repo:octo-org/app:*"}}, Effect="Deny")
    document = policy(statement(like("repo:octo-org/app*")), deny)
    found = weaknesses(document, issuer=issuer_of(CLAIMS, provider_arn=None), claims=CLAIMS)
    assert {OWNER, PULL} <= {one.code for one in found}
