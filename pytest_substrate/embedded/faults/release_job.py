"""Faults of the release plane around the CI job: what lies in it, its token, its provider, and whom the role trusts."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator, Mapping
from typing import Any, Final

from pytest_substrate.embedded.faults import fault
from pytest_substrate.embedded.platform import names, release
from pytest_substrate.embedded.platform.platform import Platform
from pytest_substrate.model.outcome import Layer

_JOB: Final = "/_substrate/ci"
_OTHER_AUDIENCE: Final = "https://substrate.invalid/another-audience"
_AUD, _SUB = f"{release.PROVIDER}:aud", f"{release.PROVIDER}:sub"


@fault(
    "static-keys-in-the-job",
    check="REL-010",
    layer=Layer.IDENTITY,
    cause="static-keys",
    breaks="somebody put long-lived keys into the CI job's variables, to get a release out",
)
def static_keys_in_the_job(platform: Platform) -> Iterator[None]:
    """They would answer, and nobody would see that the token doesn't."""
    with _job(platform, environment={"AWS_ACCESS_KEY_ID": "AKIASUBSTRATEEXAMPLE", "AWS_SECRET_ACCESS_KEY": "none"}):
        yield


@fault(
    "endpoint-in-the-job",
    check="REL-010",
    layer=Layer.IDENTITY,
    cause="endpoint-override",
    breaks="a variable of the CI job sends the calls of STS elsewhere",
)
def endpoint_in_the_job(platform: Platform) -> Iterator[None]:
    """Whoever answers there can say anything."""
    with _job(platform, environment={"AWS_ENDPOINT_URL_STS": "https://sts.invalid"}):
        yield


@fault(
    "profile-in-the-job",
    check="REL-010",
    layer=Layer.IDENTITY,
    cause="profile-fallback",
    breaks="the CI job names a profile of the runner",
)
def profile_in_the_job(platform: Platform) -> Iterator[None]:
    """An SDK would take the profile, and leave the token alone."""
    with _job(platform, environment={"AWS_PROFILE": "runner"}):
        yield


@fault(
    "runner-with-a-role",
    check="REL-010",
    layer=Layer.IDENTITY,
    cause="profile-fallback",
    breaks="the CI job runs on a runner of the account whose own role would answer",
)
def runner_with_a_role(platform: Platform) -> Iterator[None]:
    """A container's credentials stand behind every other source, and take over silently."""
    with _job(platform, environment={"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/v2/credentials/runner"}):
        yield


@fault(
    "job-may-ask-for-no-token",
    check="REL-010",
    layer=Layer.IDENTITY,
    cause="token-missing",
    breaks="the workflow lost `permissions: id-token: write`",
)
def job_may_ask_for_no_token(platform: Platform) -> Iterator[None]:
    """The provider then tells the job nowhere to ask."""
    with _job(platform, environment={"ACTIONS_ID_TOKEN_REQUEST_URL": "", "ACTIONS_ID_TOKEN_REQUEST_TOKEN": ""}):
        yield


@fault(
    "token-of-another-issuer",
    check="REL-010",
    layer=Layer.IDENTITY,
    cause="token-not-the-jobs",
    breaks="the CI moved to an enterprise server, whose tokens name another issuer than the declared one",
)
def token_of_another_issuer(platform: Platform) -> Iterator[None]:
    """STS would only say that it knows no such provider."""
    with _job(platform, claims={"iss": "https://ci.invalid/_services/token"}):
        yield


@fault(
    "provider-not-registered",
    check="REL-020",
    layer=Layer.IDENTITY,
    cause="provider-missing",
    breaks="the account has no OIDC provider for the CI's issuer",
)
def provider_not_registered(platform: Platform) -> Iterator[None]:
    """As every account is in which nobody made one."""
    try:
        _delete_provider(platform)
        yield
    finally:
        release.make_provider(platform)


@fault(
    "provider-for-another-audience",
    check="REL-020",
    layer=Layer.IDENTITY,
    cause="audience-missing",
    breaks="the account's OIDC provider was made for the CI's default audience, and not for STS",
)
def provider_for_another_audience(platform: Platform) -> Iterator[None]:
    """GitHub's default audience is the owner's URL."""
    with _provider(platform, "https://github.com/acme"):
        yield


@fault(
    "trust-of-another-branch",
    check="REL-030",
    layer=Layer.IDENTITY,
    cause="subject-refused",
    breaks="the role trusts the branch master, and the release comes from main",
)
def trust_of_another_branch(platform: Platform) -> Iterator[None]:
    """The policy that was right before the branch got its new name."""
    with _trust(platform, StringEquals={_AUD: release.AUDIENCE, _SUB: "repo:acme/ingest:ref:refs/heads/master"}):
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
    with _trust(platform, StringEquals={_AUD: release.AUDIENCE, _SUB: "repo:Acme/ingest:ref:refs/heads/main"}):
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
    with _trust(platform, StringEquals={_AUD: release.AUDIENCE}, StringLike={_SUB: "repo:acme/ingest:*"}):
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
    with _trust(platform, StringEquals={_AUD: release.AUDIENCE}, StringLike={_SUB: "repo:acme/*:ref:refs/heads/main"}):
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
    with _trust(
        platform, StringEquals={_AUD: release.AUDIENCE}, StringLike={_SUB: "repo:*/ingest:ref:refs/heads/main"}
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
    with _trust(platform, StringEquals={_SUB: release.SUBJECT}):
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
    exact = {_AUD: release.AUDIENCE, _SUB: release.SUBJECT}
    with _trust(platform, StringEquals=exact, IpAddress={"aws:SourceIp": "127.0.0.0/8"}):
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


@fault(
    "token-expired",
    check="REL-040",
    layer=Layer.IDENTITY,
    cause="token-expired",
    breaks="the job fetched its token early and used it late: it has expired",
)
def token_expired(platform: Platform) -> Iterator[None]:
    """A token of GitHub lives five minutes."""
    with _job(platform, claims={"exp": int(time.time()) - 60}):
        yield


@fault(
    "job-of-a-feature-branch",
    check="REL-040",
    layer=Layer.IDENTITY,
    cause="token-refused",
    breaks="the release runs on a feature branch, which the role rightly refuses",
)
def job_of_a_feature_branch(platform: Platform) -> Iterator[None]:
    """Provider and trust policy are right; the token is another one's."""
    ref = "refs/heads/feature"
    with _job(platform, claims={"sub": f"repo:acme/ingest:ref:{ref}", "ref": ref}):
        yield


@fault(
    "job-with-an-environment",
    check="REL-040",
    layer=Layer.IDENTITY,
    cause="token-refused",
    breaks="somebody gave the release job an environment, which takes the place of the branch in its subject",
)
def job_with_an_environment(platform: Platform) -> Iterator[None]:
    """One line in the workflow, and the role is out of reach."""
    with _job(platform, claims={"sub": "repo:acme/ingest:environment:prod", "environment": "prod"}):
        yield


@fault(
    "another-audience-admitted",
    check="REL-050",
    layer=Layer.IDENTITY,
    cause="audience-admitted",
    breaks="somebody added an audience of another service to provider and trust policy, and let it stay",
)
def another_audience_admitted(platform: Platform) -> Iterator[None]:
    """A token that was made for that service opens this account."""
    both = [release.AUDIENCE, _OTHER_AUDIENCE]
    with _provider(platform, *both), _trust(platform, StringEquals={_AUD: both, _SUB: release.SUBJECT}):
        yield


@fault(
    "issuer-deaf-to-audiences",
    check="REL-050",
    layer=Layer.IDENTITY,
    cause="no-second-token",
    breaks="the issuer makes every token for STS, whatever audience it is asked for",
)
def issuer_deaf_to_audiences(platform: Platform) -> Iterator[None]:
    """Then nothing shows what STS says to another audience, and that is no green."""
    with _job(platform, claims={"aud": release.AUDIENCE}):
        yield


@contextlib.contextmanager
def _job(
    platform: Platform, *, claims: Mapping[str, Any] | None = None, environment: Mapping[str, str] | None = None
) -> Iterator[None]:
    """The CI job with other claims, or with more in its environment."""
    try:
        platform.cloud.control("PUT", _JOB, {"claims": dict(claims or {}), "environment": dict(environment or {})})
        yield
    finally:
        platform.cloud.control("PUT", _JOB, {"claims": {}, "environment": {}})


@contextlib.contextmanager
def _trust(platform: Platform, **condition: Any) -> Iterator[None]:
    """The role's trust policy with another condition."""
    iam = platform.client("iam")

    def put(document: Mapping[str, Any]) -> None:
        iam.update_assume_role_policy(RoleName=names.CI_ROLE, PolicyDocument=json.dumps(document))

    try:
        put(release.trust(**condition))
        yield
    finally:
        put(release.trust())


@contextlib.contextmanager
def _provider(platform: Platform, *audiences: str) -> Iterator[None]:
    """The account's provider for other audiences."""
    try:
        _delete_provider(platform)
        release.make_provider(platform, *audiences)
        yield
    finally:
        _delete_provider(platform)
        release.make_provider(platform)


def _delete_provider(platform: Platform) -> None:
    platform.client("iam").delete_open_id_connect_provider(OpenIDConnectProviderArn=release.PROVIDER_ARN)
