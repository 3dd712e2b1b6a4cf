"""REL-010, REL-020, REL-040, REL-050: who the CI job is, and what STS says to its token. Pure."""

from __future__ import annotations

from typing import Final, TypeAlias

from pytest_substrate.model.aws.instant import text_of
from pytest_substrate.model.ci import Assumed, CiSurroundings, CiToken, NotAssumed, OidcProviders
from pytest_substrate.model.diagnosis import Diagnosis, inconclusive, passed, violated
from pytest_substrate.model.facts import FactValue, admitted, line, number_of
from pytest_substrate.model.observation import Missing, Unobserved
from pytest_substrate.model.unseen import unseen

Token: TypeAlias = CiToken | Missing | Unobserved
Session: TypeAlias = Assumed | NotAssumed | Missing | Unobserved

_PROBLEMS: Final = {
    "expired": "had expired before it was sent",
    "not-yet": "is not valid yet",
    "signature": "was not signed by a key of its issuer",
    "other-issuer": "is of another issuer than the declared one",
    "unknown-key": "was signed with a key that its issuer doesn't publish",
    "issuer-unreachable": "could not be verified, as its issuer did not answer",
    "no-token": "is none",
}
_EXPIRED: Final = ("ExpiredTokenException", "ExpiredToken")
_OF_THE_AUDIENCE: Final = ("InvalidIdentityToken", "AccessDenied", "AccessDeniedException")
"""What STS answers where the provider doesn't list the audience, and where the trust policy doesn't admit it."""


def diagnose_surroundings(seen: CiSurroundings, token: Token) -> Diagnosis:
    """REL-010: nothing lies around the job that would answer AWS calls instead of its token, and there is one."""
    for cause, found, what in (
        ("static-keys", seen.static_keys, "long-lived keys lie in the CI job"),
        ("endpoint-override", seen.endpoints, "AWS calls of the CI job are sent elsewhere"),
        (
            "profile-fallback",
            (*seen.profiles, *seen.container_credentials),
            "something else would answer for the token",
        ),
    ):
        if found:
            return violated(cause, f"{what}: {line(', '.join(found), 160)}", places=admitted("places", found))
    if isinstance(token, Missing):
        return violated("token-missing", f"the declared place holds no token: {line(token.what, 160)}")
    if isinstance(token, Unobserved):
        return unseen(token, "the CI job's token")
    if token.problem in ("no-token", "other-issuer", "signature", "unknown-key"):
        told = f"the CI job's token {_PROBLEMS[token.problem]}"
        return violated("token-not-the-jobs", told, detail=_detail(token)).with_facts(_claims(token))
    return passed("the CI job has its token and nothing that would take its place").with_facts(_claims(token))


def diagnose_provider(
    providers: OidcProviders | Missing | Unobserved, *, provider: str, audience: str, account: str
) -> Diagnosis:
    """REL-020: the account has an OIDC provider for the declared issuer, and it lists the audience."""
    if isinstance(providers, Unobserved):
        return unseen(providers, "the account's OIDC providers")
    known = providers.providers if isinstance(providers, OidcProviders) else ()
    found = next((one for one in known if one.url == provider), None)
    facts: dict[str, FactValue] = {"provider": provider, "audience": audience, "total": len(known)}
    if found is None:
        told = f"the account {account} has no OIDC provider for https://{provider} ({number_of(len(known), 'other')})"
        return violated("provider-missing", told).with_facts(facts)
    facts |= {"arn": admitted("arn", found.arn), "audiences": admitted("audiences", found.audiences)}
    if audience not in found.audiences:
        told = f"the OIDC provider of https://{provider} doesn't list the audience {audience}"
        return violated("audience-missing", told).with_facts(facts)
    return passed(f"the account has the OIDC provider of https://{provider} for {audience}").with_facts(facts)


def diagnose_session(session: Session, token: Token, *, role: str, account: str) -> Diagnosis:
    """REL-040: STS accepts the job's token, and the session is the declared role's."""
    if isinstance(session, Missing):
        return violated("token-missing", f"the declared place holds no token: {line(session.what, 160)}")
    facts = _claims(token)
    if isinstance(session, Unobserved):
        return unseen(session, "STS's answer to the token").with_facts(facts)
    if isinstance(session, NotAssumed):
        expired = session.code in _EXPIRED or (isinstance(token, CiToken) and token.problem == "expired")
        told = f"STS refuses the token for {role}: {line(session.message or session.code, 200)}"
        cause = "token-expired" if expired else "token-refused"
        return violated(cause, told, error_code=admitted("error_code", session.code)).with_facts(facts)
    facts |= {
        "caller_arn": admitted("caller_arn", session.arn),
        "provider": None if session.provider is None else line(session.provider, 200),
        "token_subject": session.subject and line(session.subject, 200),
        "audience": session.audience and line(session.audience, 200),
        "expires_at": text_of(session.expires),
    }
    parts = session.arn.split(":")
    if len(parts) != 6 or parts[4] != account or parts[5].split("/")[:2] != ["assumed-role", role]:
        return violated("other-role", f"STS gave a session of another role than {role}").with_facts(facts)
    return passed(f"STS gave {role} for the token of {line(session.subject, 120)}").with_facts(facts)


def diagnose_other_audience(session: Session, other: Token, *, role: str, audience: str) -> Diagnosis:
    """REL-050: a valid token of the same issuer for another audience opens nothing.

    Only a refusal that speaks of the token's identity or of the trust is a proof, and only of a token that is valid
    otherwise.
    """
    if isinstance(other, Missing):
        return inconclusive("no-second-token", f"there is no token for another audience: {line(other.what, 160)}")
    if isinstance(other, Unobserved):
        return inconclusive("no-second-token", f"a token for another audience could not be had: {other.reason}")
    if audience in other.audiences:
        told = f"what was given as a token for another audience is one for {audience} too"
        return inconclusive("no-second-token", told).with_facts(_claims(other))
    return _judged_by_sts(session, other, role).with_facts(_claims(other))


def _judged_by_sts(session: Session, other: CiToken, role: str) -> Diagnosis:
    if isinstance(session, Assumed):
        return violated("audience-admitted", f"STS gave {role} for a token that was made for another audience")
    if other.problem is not None:
        told = f"the token for another audience {_PROBLEMS.get(other.problem, other.problem)}"
        return inconclusive("refused-otherwise", told)
    if isinstance(session, (Missing, Unobserved)):
        reason = session.reason if isinstance(session, Unobserved) else "no-second-token"
        return inconclusive("refused-otherwise", f"STS did not judge the token: {reason}")
    code = admitted("error_code", session.code)
    if session.code not in _OF_THE_AUDIENCE:
        told = f"STS refused the token for another reason: {line(session.message or session.code, 160)}"
        return inconclusive("refused-otherwise", told, error_code=code)
    return passed(f"STS refuses the issuer's token for another audience ({session.code})", error_code=code)


def _claims(token: Token) -> dict[str, FactValue]:
    if not isinstance(token, CiToken):
        return {}
    issuer = token.claims.get("iss")
    return {
        "issuer": line(issuer, 200) if isinstance(issuer, str) else None,
        "token_subject": None if token.subject is None else line(token.subject, 200),
        "audiences": admitted("audiences", token.audiences) if token.audiences else None,
    }


def _detail(token: CiToken) -> str | None:
    return None if token.detail is None else line(token.detail)
