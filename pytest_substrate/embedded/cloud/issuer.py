"""The OIDC issuer of the embedded platform, and the CI job that it speaks for: real RS256 tokens, discovery and JWKS.

It has the form of GitHub's: a job asks a request URL with a request token, for an audience of its choice. Discovery
lies at the cloud's loopback endpoint, as nobody can serve the issuer's own https URL here; the tokens name that URL.
"""

from __future__ import annotations

import base64
import functools
import secrets
import threading
import time
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qs

PATH: Final = "/_oidc"
ISSUER: Final = "https://token.actions.githubusercontent.com"
_LIFETIME_S: Final = 300
_CLAIMS: Final[Mapping[str, Any]] = {
    "sub": "repo:acme/ingest:ref:refs/heads/main",
    "repository": "acme/ingest",
    "repository_id": "801234567",
    "repository_owner": "acme",
    "repository_owner_id": "91234567",
    "repository_visibility": "private",
    "ref": "refs/heads/main",
    "ref_type": "branch",
    "ref_protected": "true",
    "actor": "release-bot",
    "actor_id": "7001",
    "event_name": "push",
    "workflow": "release",
    "job_workflow_ref": "acme/ingest/.github/workflows/release.yml@refs/heads/main",
    "workflow_ref": "acme/ingest/.github/workflows/release.yml@refs/heads/main",
    "runner_environment": "github-hosted",
    "run_id": "17",
    "run_number": "17",
    "run_attempt": "1",
    "head_ref": "",
    "base_ref": "",
    "sha": "",
}
"""Of a push to `main`, by their names on GitHub
(https://docs.github.com/en/actions/reference/security/oidc)."""

Answer = tuple[int, Any]


class Issuer:
    """Signs for one job: `claims` replace those of a push to main, `environment` is what lies in the job beside."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self.request_token = secrets.token_urlsafe(32)
        self.claims: dict[str, Any] = {}
        self.environment: dict[str, str] = {}
        self._lock = threading.Lock()

    @functools.cached_property
    def _key(self) -> Any:
        from cryptography.hazmat.primitives.asymmetric import rsa

        return rsa.generate_private_key(public_exponent=65537, key_size=2048)

    @functools.cached_property
    def key_id(self) -> str:
        """The id of the one signing key."""
        return secrets.token_hex(8)

    @property
    def public_key(self) -> Any:
        """What verifies a signature."""
        with self._lock:
            return self._key.public_key()

    def job(self) -> dict[str, str]:
        """The environment of the CI job: where to ask for a token, and whatever else lies in it."""
        return {
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "ACTIONS_ID_TOKEN_REQUEST_URL": f"{self.endpoint}{PATH}/token?api-version=2.0",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": self.request_token,
            **self.environment,
        }

    def change(self, asked: Mapping[str, Any]) -> None:
        """Replace the job's own claims and environment; what isn't named stays as it is."""
        if "claims" in asked:
            self.claims = dict(asked["claims"])
        if "environment" in asked:
            self.environment = {str(name): str(value) for name, value in asked["environment"].items()}

    def token(self, audience: str) -> str:
        """A signed token of the job."""
        import jwt

        now = int(time.time())
        claims = {"iss": ISSUER, "aud": audience, "jti": secrets.token_hex(16), "iat": now, "nbf": now - 5}
        claims |= {"exp": now + _LIFETIME_S, **_CLAIMS, **self.claims}
        told = {name: value for name, value in claims.items() if value is not None}
        with self._lock:
            return jwt.encode(told, self._key, algorithm="RS256", headers={"kid": self.key_id})

    def verified(self, token: str) -> dict[str, Any]:
        """The claims of a token that this issuer signed; jwt.InvalidTokenError for another one, expired or not yet."""
        import jwt

        return jwt.decode(
            token,
            self.public_key,
            algorithms=["RS256"],
            options={"verify_aud": False, "require": ["exp", "iat", "iss"]},
        )

    def serve(self, path: str, query: str, authorization: str) -> Answer:
        """What a request below `PATH` is answered."""
        if path == f"{PATH}/.well-known/openid-configuration":
            return 200, {
                "issuer": ISSUER,
                "jwks_uri": f"{ISSUER}/.well-known/jwks",
                "id_token_signing_alg_values_supported": ["RS256"],
                "subject_types_supported": ["public"],
                "response_types_supported": ["id_token"],
                "claims_supported": sorted({"sub", "aud", "exp", "iat", "iss", "jti", "nbf", *_CLAIMS}),
            }
        if path == f"{PATH}/.well-known/jwks":
            return 200, {"keys": [self._jwk()]}
        if path == f"{PATH}/token":
            if not secrets.compare_digest(authorization.encode(), f"bearer {self.request_token}".encode()):
                return 401, {"message": "the request token is missing or wrong"}
            audience = parse_qs(query).get("audience", ["https://github.com/acme"])[0]
            return 200, {"value": self.token(audience)}
        return 404, {"message": "the issuer serves discovery, jwks and token"}

    def _jwk(self) -> dict[str, str]:
        numbers = self.public_key.public_numbers()
        words = {name: _base64(getattr(numbers, name)) for name in ("n", "e")}
        return {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": self.key_id, **words}


def _base64(number: int) -> str:
    data = number.to_bytes((number.bit_length() + 7) // 8, "big")
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
