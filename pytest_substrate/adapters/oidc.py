"""The CI job's own token: fetched from where it is declared, and verified as its issuer's before anyone else sees it.

Discovery and keys come from the issuer itself (OpenID Connect Discovery 1.0), over verified TLS, without redirects. The
token is handed on as a text to whoever sends it to STS, and to nothing that is kept or shown.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlsplit

from pytest_substrate.adapters.files import open_regular
from pytest_substrate.adapters.https import get_json
from pytest_substrate.model.ci import CiToken
from pytest_substrate.model.facts import line
from pytest_substrate.model.observation import Missing, Unobserved

if TYPE_CHECKING:
    from pytest_substrate.model.declaration.document import Token, TokenPlace

_LONGEST: Final = 64 * 1024
"""Bytes of a token."""
GITLAB_VARIABLE: Final = "SUBSTRATE_ID_TOKEN"
"""The variable that a GitLab job's `id_tokens` gives the token under (docs/how-to/prove-the-release.md)."""
_ALGORITHMS: Final = ("RS256", "RS384", "RS512", "ES256", "ES384", "ES512", "PS256", "PS384", "PS512")
"""Asymmetric ones alone: a shared secret would let anyone who verifies also sign."""
_REQUEST_URL, _REQUEST_TOKEN = "ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"

Environment = Mapping[str, str]
Locate = Callable[[str], str]
"""Where an https URL of the issuer really lies: itself, but on the embedded platform."""


def fetch_token(place: Token | TokenPlace, environment: Environment, *, audience: str) -> str | Missing | Unobserved:
    """The token from its declared place; `audience` is asked for where the provider can be asked."""
    provider = getattr(place, "provider", None)
    if provider == "github":
        return _from_github(environment, audience)
    name = GITLAB_VARIABLE if provider == "gitlab" else place.env
    if name is not None:
        return environment.get(name, "").strip() or Missing(what=f"the variable {name}")
    assert place.file is not None  # noqa: S101  the declaration admits no third place
    try:
        with open_regular(Path(place.file)) as file:
            text = file.read(_LONGEST).decode("ascii", "replace").strip()
    except FileNotFoundError:
        return Missing(what=f"the file {place.file}")
    except OSError as error:
        return Unobserved(reason="unreadable", detail=f"{place.file}: {error.strerror}")
    return text or Missing(what=f"a token in the file {place.file}")


def _from_github(environment: Environment, audience: str) -> str | Missing | Unobserved:
    url, bearer = environment.get(_REQUEST_URL), environment.get(_REQUEST_TOKEN)
    if not url or not bearer:
        name = _REQUEST_TOKEN if url else _REQUEST_URL
        return Missing(what=f"the variable {name}; the job needs `permissions: id-token: write`")
    joined = "&" if urlsplit(url).query else "?"
    answer = get_json(f"{url}{joined}audience={quote(audience, safe='')}", bearer=bearer)
    if isinstance(answer, Unobserved):
        return answer
    token = answer.get("value")
    if not isinstance(token, str) or not token:
        return Unobserved(reason="malformed", detail="the token request was answered without a token")
    return token


def verified(token: str, *, issuer: str, locate: Locate) -> CiToken:
    """What is in the token, and what is wrong with it.

    `issuer` is its https URL, as declared. The audience is not judged here: whom a token is for decides a check.
    """
    import jwt

    try:
        header = jwt.get_unverified_header(token)
        claims = jwt.decode(token, options={"verify_signature": False})
    except (jwt.InvalidTokenError, ValueError, RecursionError):
        return CiToken(claims_json="{}", key_id=None, problem="no-token", detail="it is no signed JSON web token")
    key_id = header.get("kid") if isinstance(header.get("kid"), str) else None
    problem, detail = _problem(token, claims, key_id, issuer=issuer, locate=locate)
    return CiToken(claims_json=json.dumps(claims), key_id=key_id, problem=problem, detail=detail)


def _problem(
    token: str, claims: Mapping[str, Any], key_id: str | None, *, issuer: str, locate: Locate
) -> tuple[str | None, str | None]:
    """What is wrong with a token's signature, issuer or times, and a detail of that."""
    import jwt

    if claims.get("iss") != issuer:
        return "other-issuer", f"its issuer is {line(claims.get('iss'), 100)}"
    key = _key(issuer, key_id, locate)
    if isinstance(key, Unobserved):
        return "unknown-key" if key.reason == "unknown-key" else "issuer-unreachable", key.detail
    problem: tuple[str | None, str | None] = (None, None)
    try:
        jwt.decode(token, key, algorithms=list(_ALGORITHMS), options={"verify_aud": False, "require": ["exp", "iss"]})
    except jwt.ExpiredSignatureError:
        problem = "expired", None
    except jwt.ImmatureSignatureError:
        problem = "not-yet", None
    except (jwt.InvalidTokenError, jwt.InvalidKeyError, ValueError, TypeError):
        problem = "signature", "no key of the issuer made its signature"
    return problem


def _key(issuer: str, key_id: str | None, locate: Locate) -> Any:
    import jwt

    document = get_json(locate(f"{issuer}/.well-known/openid-configuration"))
    if isinstance(document, Unobserved):
        return document
    place = document.get("jwks_uri")
    if document.get("issuer") != issuer or not isinstance(place, str) or not place.startswith("https://"):
        return Unobserved(reason="malformed", detail="the issuer's discovery names another issuer, or no keys")
    listed = get_json(locate(place))
    if isinstance(listed, Unobserved):
        return listed
    keys = listed.get("keys")
    for one in keys if isinstance(keys, list) else []:
        if isinstance(one, dict) and one.get("kid") == key_id and one.get("kty") in ("RSA", "EC"):
            with contextlib.suppress(jwt.InvalidKeyError, jwt.PyJWKError, ValueError, TypeError, KeyError):
                return jwt.PyJWK(one).key
    return Unobserved(reason="unknown-key", detail=f"the issuer publishes no key {line(key_id, 60)}")
