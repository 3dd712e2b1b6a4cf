"""Faults of the release plane around the CI job: what lies in it, its token, and its provider."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping
from typing import Any, Final

from pytest_substrate.embedded.faults import fault
from pytest_substrate.embedded.platform import release
from pytest_substrate.embedded.platform.platform import Platform
from pytest_substrate.embedded.platform.release import AUD, SUB, trusting
from pytest_substrate.model.outcome import Layer

_JOB: Final = "/_substrate/ci"
_OTHER_AUDIENCE: Final = "https://substrate.invalid/another-audience"


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
    with _provider(platform, *both), trusting(platform, StringEquals={AUD: both, SUB: release.SUBJECT}):
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
