"""STS AssumeRoleWithWebIdentity, corrected: signature, expiry, provider and its audiences come before the trust policy.

ministack evaluates the trust policy by the token's word alone. What AWS checks first is added here, in AWS's own errors
(https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html), as are the claims that AWS
offers as condition keys, and what STS says of the token in its answer.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any, Final
from xml.sax.saxutils import escape

from ministack.services import iam, sts

from pytest_substrate.embedded.cloud.issuer import Issuer

_KEYS: Final = (
    "aud",
    "sub",
    "amr",
    "actor",
    "actor_id",
    "enterprise_id",
    "environment",
    "job_workflow_ref",
    "ref",
    "repository",
    "repository_id",
    "repository_owner_id",
    "workflow",
)
"""GitHub's claims that AWS offers as condition keys, beside those of every provider."""

_presented: ContextVar[tuple[str, str, str] | None] = ContextVar("presented", default=None)
"""Provider, subject and audience of the token that the present request was let in with."""
_denied, _xml = sts._web_identity_trust_denied, sts._xml


def install(issuer: Issuer) -> None:
    """Correct the service for tokens of this issuer; every other token is nobody's."""
    sts._web_identity_principal = _principal
    sts._web_identity_trust_denied = lambda role, params, use_json: _refused(issuer, role, params, use_json)
    sts._xml = _told


def _refused(issuer: Issuer, role_arn: str, params: Any, use_json: bool) -> Any:
    import jwt

    _presented.set(None)
    try:
        claims = issuer.verified(sts._p(params, "WebIdentityToken"))
    except jwt.ExpiredSignatureError:
        said = "Token expired: current date/time must be before the expiration date/time of the token"
        return _error("ExpiredTokenException", said)
    except jwt.InvalidTokenError:
        return _error("InvalidIdentityToken", "Couldn't verify the token's signature with a key of its issuer")
    account, host = role_arn.split(":")[4], str(claims["iss"]).partition("://")[2]
    arn = f"arn:aws:iam::{account}:oidc-provider/{host}"
    provider = iam._oidc_providers.get_scoped(account, None, arn)
    if provider is None:
        said = f"No OpenIDConnect provider found in your account for {claims['iss']}"
        return _error("InvalidIdentityToken", said)
    named = claims.get("aud")
    audiences = [str(one) for one in (named if isinstance(named, list) else [named])]
    if not set(audiences) & set(provider["ClientIDList"]):
        return _error("InvalidIdentityToken", "Incorrect token audience")
    denied = _denied(role_arn, params, use_json)
    if denied is None:
        _presented.set((arn, str(claims.get("sub")), audiences[0]))
    return denied


def _error(code: str, message: str) -> Any:
    return sts._error(400, code, message, ns="sts")


def _principal(token: str, provider_id: str, role_arn: str) -> tuple[str, dict[str, Any]]:
    """The Federated principal of a verified token, with the condition keys that AWS makes of its claims."""
    import jwt

    del provider_id  # of OAuth 2.0 providers alone
    claims = jwt.decode(token, options={"verify_signature": False})
    host = str(claims["iss"]).partition("://")[2]
    _, partition, _, _, account, _ = role_arn.split(":", 5)
    keys = {f"{host}:{key}".lower(): claims[key] for key in _KEYS if key in claims}
    return f"arn:{partition}:iam::{account}:oidc-provider/{host}", keys


def _told(status: int, root_tag: str, inner: str, ns: str = "iam") -> Any:
    presented = _presented.get()
    if root_tag == "AssumeRoleWithWebIdentityResponse" and presented is not None:
        _presented.set(None)
        names = ("Provider", "SubjectFromWebIdentityToken", "Audience")
        for name, value in zip(names, presented, strict=True):
            head, _, rest = inner.partition(f"<{name}>")
            inner = f"{head}<{name}>{escape(value)}</{name}>{rest.partition(f'</{name}>')[2]}"
    return _xml(status, root_tag, inner, ns)
