"""REL-010, REL-020, REL-040, REL-050: who the CI job is, and what STS says to its token."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_substrate.model.ci import Assumed, CiSurroundings, CiToken, NotAssumed, OidcProvider, OidcProviders
from pytest_substrate.model.observation import Missing, Unobserved
from pytest_substrate.model.outcome import Outcome
from pytest_substrate.planes.catalogue import catalogue
from pytest_substrate.planes.release.diagnose.job import (
    diagnose_other_audience,
    diagnose_provider,
    diagnose_session,
    diagnose_surroundings,
)

PROVIDER, AUDIENCE, ACCOUNT, ROLE = (
    "token.actions.githubusercontent.com",
    "sts.amazonaws.com",
    "111122223333",
    "publish",
)
CLAIMS = {"iss": f"https://{PROVIDER}", "aud": AUDIENCE, "sub": "repo:acme/ingest:ref:refs/heads/main"}
LISTED = {check.id: {None, *(cause.slug for cause in check.causes)} for check in catalogue().values()}
DENIED = Unobserved(reason="access-denied", operation="iam:ListOpenIDConnectProviders")


def token(problem: str | None = None, **claims: Any) -> CiToken:
    """A token of the job, with what is wrong with it."""
    return CiToken(claims_json=json.dumps({**CLAIMS, **claims}), key_id="k", problem=problem)


def assumed(arn: str = f"arn:aws:sts::{ACCOUNT}:assumed-role/{ROLE}/run") -> Assumed:
    """A session that STS gave."""
    return Assumed(arn=arn, provider=f"arn:{PROVIDER}", subject="s", audience=AUDIENCE, expires=None)


@pytest.mark.parametrize(
    ("around", "found", "cause"),
    [
        (CiSurroundings(static_keys=("the variable A",)), token(), "static-keys"),
        (CiSurroundings(endpoints=("the variable A",)), token(), "endpoint-override"),
        (CiSurroundings(profiles=("the variable A",)), token(), "profile-fallback"),
        (CiSurroundings(container_credentials=("the variable A",)), token(), "profile-fallback"),
        (CiSurroundings(), Missing(what="the variable T"), "token-missing"),
        (CiSurroundings(), token("signature"), "token-not-the-jobs"),
        (CiSurroundings(), token("other-issuer"), "token-not-the-jobs"),
        (CiSurroundings(), token("unknown-key"), "token-not-the-jobs"),
        (CiSurroundings(), token("no-token"), "token-not-the-jobs"),
    ],
)
def test_what_stands_in_the_tokens_place_is_red(around: CiSurroundings, found: Any, cause: str) -> None:
    """Keys, endpoints, profiles, containers; no token, or one that its issuer did not make."""
    seen = diagnose_surroundings(around, found)
    assert (Outcome.VIOLATION, cause) == (seen.outcome, seen.cause)


@pytest.mark.parametrize("problem", [None, "expired", "not-yet", "issuer-unreachable"])
def test_a_job_with_its_token_alone_is_green(problem: str | None) -> None:
    """Times are what STS judges; an issuer that doesn't answer proves nothing against the token."""
    seen = diagnose_surroundings(CiSurroundings(), token(problem))
    assert Outcome.PASS is seen.outcome
    assert CLAIMS["sub"] == seen.facts["token_subject"]


def test_a_token_that_cannot_be_read_is_undecided() -> None:
    """And so never green."""
    seen = diagnose_surroundings(CiSurroundings(), Unobserved(reason="unreadable", detail="token: Permission denied"))
    assert (Outcome.INCONCLUSIVE, "unreadable") == (seen.outcome, seen.cause)


def provider(url: str = PROVIDER, *audiences: str) -> OidcProvider:
    """A registered provider."""
    return OidcProvider(arn=f"arn:aws:iam::{ACCOUNT}:oidc-provider/{url}", url=url, audiences=audiences or (AUDIENCE,))


@pytest.mark.parametrize(
    ("seen", "cause"),
    [
        (OidcProviders(providers=(provider(),)), None),
        (OidcProviders(providers=()), "provider-missing"),
        (OidcProviders(providers=(provider(f"{PROVIDER}/acme"),)), "provider-missing"),
        (OidcProviders(providers=(provider(PROVIDER, "https://github.com/acme"),)), "audience-missing"),
        (DENIED, "access-denied"),
    ],
)
def test_the_provider(seen: Any, cause: str | None) -> None:
    """Registered for exactly this issuer, and for the audience."""
    found = diagnose_provider(seen, provider=PROVIDER, audience=AUDIENCE, account=ACCOUNT)
    assert cause == found.cause


@pytest.mark.parametrize(
    ("session", "held", "cause"),
    [
        (assumed(), token(), None),
        (assumed(f"arn:aws:sts::{ACCOUNT}:assumed-role/other/run"), token(), "other-role"),
        (assumed(f"arn:aws:sts::999999999999:assumed-role/{ROLE}/run"), token(), "other-role"),
        (assumed(f"arn:aws:iam::{ACCOUNT}:user/{ROLE}"), token(), "other-role"),
        (NotAssumed(code="AccessDenied", message="Not authorized to perform"), token(), "token-refused"),
        (NotAssumed(code="ExpiredTokenException", message="Token expired"), token(), "token-expired"),
        (NotAssumed(code="AccessDenied", message="no"), token("expired"), "token-expired"),
        (Missing(what="the variable T"), Missing(what="the variable T"), "token-missing"),
        (Unobserved(reason="timeout"), token(), "timeout"),
    ],
)
def test_what_sts_says(session: Any, held: Any, cause: str | None) -> None:
    """Only a session of the declared role, in the declared account, is green."""
    assert cause == diagnose_session(session, held, role=ROLE, account=ACCOUNT).cause


OTHER = "https://substrate.invalid/another-audience"
REFUSED = NotAssumed(code="InvalidIdentityToken", message="Incorrect token audience")


@pytest.mark.parametrize(
    ("session", "other", "outcome", "cause"),
    [
        (REFUSED, token(aud=OTHER), Outcome.PASS, None),
        (NotAssumed(code="AccessDenied", message="no"), token(aud=OTHER), Outcome.PASS, None),
        (assumed(), token(aud=OTHER), Outcome.VIOLATION, "audience-admitted"),
        (REFUSED, token(aud=[OTHER, AUDIENCE]), Outcome.INCONCLUSIVE, "no-second-token"),
        (assumed(), token(aud=AUDIENCE), Outcome.INCONCLUSIVE, "no-second-token"),
        (REFUSED, Missing(what="a token"), Outcome.INCONCLUSIVE, "no-second-token"),
        (REFUSED, Unobserved(reason="timeout"), Outcome.INCONCLUSIVE, "no-second-token"),
        (REFUSED, token("expired", aud=OTHER), Outcome.INCONCLUSIVE, "refused-otherwise"),
        (REFUSED, token("signature", aud=OTHER), Outcome.INCONCLUSIVE, "refused-otherwise"),
        (
            NotAssumed(code="ExpiredTokenException", message="x"),
            token(aud=OTHER),
            Outcome.INCONCLUSIVE,
            "refused-otherwise",
        ),
        (
            NotAssumed(code="IDPCommunicationError", message="x"),
            token(aud=OTHER),
            Outcome.INCONCLUSIVE,
            "refused-otherwise",
        ),
        (Unobserved(reason="timeout"), token(aud=OTHER), Outcome.INCONCLUSIVE, "refused-otherwise"),
    ],
)
def test_another_audience(session: Any, other: Any, outcome: Outcome, cause: str | None) -> None:
    """Only a valid token, refused for whom it was made for, is a proof."""
    found = diagnose_other_audience(session, other, role=ROLE, audience=AUDIENCE)
    assert (outcome, cause) == (found.outcome, found.cause)


_TEXT = st.text(max_size=40)
_TOKENS = st.builds(
    token,
    st.sampled_from([None, "expired", "not-yet", "signature", "other-issuer", "unknown-key", "no-token"]),
    iss=_TEXT | st.none() | st.integers(),
    sub=_TEXT | st.none(),
    aud=_TEXT | st.lists(_TEXT | st.integers(), max_size=3),
)
_SESSIONS = st.one_of(
    st.builds(NotAssumed, code=_TEXT, message=_TEXT),
    st.builds(assumed, _TEXT),
    st.builds(Missing, what=_TEXT),
    st.builds(Unobserved, reason=st.sampled_from(["timeout", "access-denied", "malformed"])),
)


@given(_SESSIONS, _TOKENS)
def test_whatever_a_peer_says_has_a_listed_cause(session: Any, held: CiToken) -> None:
    """No claim and no word of STS breaks a diagnosis, and each cause is one that the check lists."""
    for check, found in (
        ("REL-010", diagnose_surroundings(CiSurroundings(), held)),
        ("REL-040", diagnose_session(session, held, role=ROLE, account=ACCOUNT)),
        ("REL-050", diagnose_other_audience(session, held, role=ROLE, audience=AUDIENCE)),
    ):
        assert found.cause in LISTED[check]
