"""Faults of the release plane in whom the CI role trusts: too few, too many, and who can't be told."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_substrate.embedded.faults import fault
from pytest_substrate.embedded.platform import names, release
from pytest_substrate.embedded.platform.platform import Platform
from pytest_substrate.embedded.platform.release import AUD, SUB, trusting
from pytest_substrate.model.outcome import Layer


@fault(
    "trust-of-another-branch",
    check="REL-030",
    layer=Layer.IDENTITY,
    cause="subject-refused",
    breaks="the role trusts the branch master, and the release comes from main",
)
def trust_of_another_branch(platform: Platform) -> Iterator[None]:
    """The policy that was right before the branch got its new name."""
    with trusting(platform, StringEquals={AUD: release.AUDIENCE, SUB: "repo:acme/ingest:ref:refs/heads/master"}):
        yield


@fault(
    "trust-in-other-letters",
    check="REL-030",
    layer=Layer.IDENTITY,
    cause="subject-refused",
    breaks="the trust policy writes the owner with a capital letter, as its page shows it",
)
def trust_in_other_letters(platform: Platform) -> Iterator[None]:
    """StringEquals looks at letter case, and the console doesn't say so."""
    with trusting(platform, StringEquals={AUD: release.AUDIENCE, SUB: "repo:Acme/ingest:ref:refs/heads/main"}):
        yield


@fault(
    "trust-of-the-whole-repository",
    check="REL-030",
    layer=Layer.IDENTITY,
    cause="subject-admitted",
    breaks="somebody widened the trust policy to all that runs in the repository, pull requests among it",
)
def trust_of_the_whole_repository(platform: Platform) -> Iterator[None]:
    """The fix that is found first."""
    with trusting(platform, StringEquals={AUD: release.AUDIENCE}, StringLike={SUB: "repo:acme/ingest:*"}):
        yield


@fault(
    "trust-of-the-whole-owner",
    check="REL-030",
    layer=Layer.IDENTITY,
    cause="attack-admitted",
    breaks="the role trusts the main branch of every repository of the owner",
)
def trust_of_the_whole_owner(platform: Platform) -> Iterator[None]:
    """Whoever may make a repository may publish."""
    with trusting(platform, StringEquals={AUD: release.AUDIENCE}, StringLike={SUB: "repo:acme/*:ref:refs/heads/main"}):
        yield


@fault(
    "trust-of-forks",
    check="REL-030",
    layer=Layer.IDENTITY,
    cause="attack-admitted",
    breaks="the role trusts a repository of that name in anybody's hands",
)
def trust_of_forks(platform: Platform) -> Iterator[None]:
    """A fork has the name of what it was made from."""
    with trusting(
        platform, StringEquals={AUD: release.AUDIENCE}, StringLike={SUB: "repo:*/ingest:ref:refs/heads/main"}
    ):
        yield


@fault(
    "trust-without-audience",
    check="REL-030",
    layer=Layer.IDENTITY,
    cause="attack-admitted",
    breaks="the trust policy doesn't ask for whom a token was made",
)
def trust_without_audience(platform: Platform) -> Iterator[None]:
    """The provider's list is then all that stands between another service's token and the role."""
    with trusting(platform, StringEquals={SUB: release.SUBJECT}):
        yield


@fault(
    "trust-by-address",
    check="REL-030",
    layer=Layer.IDENTITY,
    cause="trust-undecided",
    breaks="the role trusts a token from an address that the runners may or may not have",
)
def trust_by_address(platform: Platform) -> Iterator[None]:
    """Whether that admits a token no policy tells: it is not green."""
    exact = {AUD: release.AUDIENCE, SUB: release.SUBJECT}
    with trusting(platform, StringEquals=exact, IpAddress={"aws:SourceIp": "127.0.0.0/8"}):
        yield


@fault(
    "role-gone",
    check="REL-030",
    layer=Layer.IDENTITY,
    cause="role-missing",
    breaks="an apply removed the role that CI assumes",
)
def role_gone(platform: Platform) -> Iterator[None]:
    """STS answers that as it answers a trust policy that refuses."""
    iam = platform.client("iam")
    try:
        iam.delete_role_policy(RoleName=names.CI_ROLE, PolicyName=release.POLICY)
        iam.delete_role(RoleName=names.CI_ROLE)
        yield
    finally:
        release.make_role(platform)
