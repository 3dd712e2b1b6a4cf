"""Hardened botocore sessions: one identity, its clients, and nothing that the surroundings could slip in.

- Only the data that botocore ships is loaded (no AWS_DATA_PATH, no models folder of the user).
- Configured endpoints, proxies of the environment and its CA bundles are not used; what the declaration says is.
- Every request on AWS is checked as it is sent (`hosts`).
- Every call is bounded: connect 5 s, read 15 s, two attempts.
- What the SDK would log of a call is dropped (`quiet`), and `known` hears of every secret key and session token that a
  session signs with, before the request leaves.

What such surroundings hold is refused beforehand by the target guard; here it merely has no effect.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any, Final

from pytest_substrate.adapters.aws.hosts import builtin_loader, client_check, provider_check
from pytest_substrate.adapters.aws.quiet import quiet, quiet_clients
from pytest_substrate.model.facts import line
from pytest_substrate.model.observation import Unobserved

CONNECT_S: Final = 5
READ_S: Final = 15
ATTEMPTS: Final = 2
_SHORTEST_KEY: Final = 16
"""What is shorter is no key of AWS but an emulator's placeholder (`test`), and to mask that would mask plain words."""

Known = Callable[[str], None]
"""Hears of a value that must not be shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """Explicit credentials; their values show nowhere."""

    access_key_id: str = field(repr=False)
    secret_access_key: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """How requests leave: to AWS itself, or to an endpoint; through which proxy; trusting which CAs."""

    endpoint: Callable[[str], str] | None = None
    """The endpoint of a service of boto3's name; None is AWS itself."""
    proxy: str | None = field(default=None, repr=False)
    """May hold credentials."""
    ca_bundle: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who STS says that a session is."""

    arn: str
    account: str


class AwsSession:
    """The clients of one identity in one region. Safe in several threads."""

    def __init__(self, *, region: str, way: Way, session: Any, known: Known | None = None) -> None:
        self.region = region
        self._way = way
        self._session = session
        self._known = known
        self._clients: dict[tuple[str, str], Any] = {}
        self._lock = threading.RLock()

    @classmethod
    def ambient(cls, *, region: str, way: Way, known: Known | None = None) -> AwsSession:
        """The identity that the surroundings give: environment, profile, container or machine role."""
        return cls(region=region, way=way, session=_bare_session(region, way, known, isolated=False), known=known)

    @classmethod
    def keyed(cls, *, region: str, way: Way, keys: Keys, known: Known | None = None) -> AwsSession:
        """The identity of these keys; profiles, config files and credentials of the surroundings are not looked at."""
        session = _bare_session(region, way, known, isolated=True)
        session.set_credentials(keys.access_key_id, keys.secret_access_key, keys.session_token)
        return cls(region=region, way=way, session=session, known=known)

    def as_keys(self, keys: Keys) -> AwsSession:
        """A session of these keys on the same way."""
        return AwsSession.keyed(region=self.region, way=self._way, keys=keys, known=self._known)

    def without_identity(self) -> AwsSession:
        """A session that has no credentials and finds none, for what is called with a token."""
        session = _bare_session(self.region, self._way, self._known, isolated=True)
        session.register_component("credential_provider", _nobody())
        return AwsSession(region=self.region, way=self._way, session=session, known=self._known)

    def as_boto3(self, renew: Callable[[], dict[str, Any]]) -> Any:
        """A `boto3.Session` on the same way whose credentials `renew` gives, when first used and before they expire."""
        from botocore.credentials import CredentialResolver

        from pytest_substrate.adapters.aws.oidc_session import OidcSession

        session = _bare_session(self.region, self._way, self._known, isolated=True)
        providers: list[Any] = [_RoleProvider(renew)]
        session.register_component("credential_provider", CredentialResolver(providers))
        return OidcSession(session, region=self.region, way=self._way)

    def client(self, service: str, region: str | None = None) -> Any:
        """The botocore client of a service of boto3's name; made once."""
        where = region or self.region
        with self._lock, quiet():
            client = self._clients.get((service, where))
            if client is None:
                way = self._way
                client = self._session.create_client(
                    service,
                    region_name=where,
                    endpoint_url=way.endpoint(service) if way.endpoint else None,
                )
                if way.endpoint is None:
                    prefix = client.meta.service_model.endpoint_prefix
                    client.meta.events.register_first("before-send", client_check(prefix, where))
                self._clients[(service, where)] = client
        return client

    def has_credentials(self) -> bool | Unobserved:
        """Whether a provider gives any; Unobserved with the SDK's words for a broken profile or a refused sign-in."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            with self._lock, quiet():
                return self._session.get_credentials() is not None
        except (BotoCoreError, ClientError) as error:  # their texts name profiles, files and URLs, and no credential
            return Unobserved(reason="no-credentials", code=type(error).__name__, detail=line(error))

    def as_role(self, role_arn: str, *, name: str) -> AwsSession:
        """A session of that role, assumed by this one when first used and again before it expires.

        There is no way back to this session's own identity: where AssumeRole fails, so does every call.
        """
        from botocore.credentials import CredentialResolver

        session = _bare_session(self.region, self._way, self._known, isolated=True)
        provider = _RoleProvider(lambda: self._assume(role_arn, name))
        providers: list[Any] = [provider]
        session.register_component("credential_provider", CredentialResolver(providers))
        return AwsSession(region=self.region, way=self._way, session=session, known=self._known)

    def caller(self) -> Caller | Unobserved:
        """Who this session is, asked of STS (`sts:GetCallerIdentity` needs no permission)."""
        from botocore.exceptions import BotoCoreError, ClientError
        from botocore.parsers import ResponseParserError

        try:
            answer = self.client("sts").get_caller_identity()
            return Caller(arn=answer["Arn"], account=answer["Account"])
        except ClientError as error:
            operation = str(error.operation_name)
            code = str(error.response.get("Error", {}).get("Code", "unknown"))
            refused = "AccessDenied" in code or "Token" in code or "Signature" in code
            return Unobserved(
                reason="access-denied" if refused else "unreachable", code=code, operation=f"sts:{operation}"
            )
        except (BotoCoreError, ResponseParserError, KeyError) as error:  # a parser's words hold the whole answer
            return Unobserved(
                reason="malformed" if isinstance(error, ResponseParserError) else "unreachable",
                code=type(error).__name__,
                operation="sts:GetCallerIdentity",
            )

    def _assume(self, role_arn: str, name: str) -> dict[str, Any]:
        credentials = self.client("sts").assume_role(RoleArn=role_arn, RoleSessionName=name)["Credentials"]
        for member in ("SecretAccessKey", "SessionToken"):
            _tell(self._known, credentials.get(member))
        return {
            "access_key": credentials["AccessKeyId"],
            "secret_key": credentials["SecretAccessKey"],
            "token": credentials["SessionToken"],
            "expiry_time": credentials["Expiration"].isoformat(),
        }


class _RoleProvider:
    """The only credential provider of a role's session."""

    METHOD = "assume-role"
    CANONICAL_NAME = "substrate-role"

    def __init__(self, assume: Callable[[], dict[str, Any]]) -> None:
        self._assume = assume

    def load(self) -> Any:
        from botocore.credentials import DeferredRefreshableCredentials

        return DeferredRefreshableCredentials(refresh_using=self._assume, method=self.METHOD)


def _nobody() -> Any:
    from botocore.credentials import CredentialResolver

    return CredentialResolver([])


def _bare_session(region: str, way: Way, known: Known | None, *, isolated: bool) -> Any:
    """A session; isolated ones see no profile, no config file and no credentials of the surroundings."""
    with quiet():
        return _made_session(region, way, known, isolated=isolated)


def _made_session(region: str, way: Way, known: Known | None, *, isolated: bool) -> Any:
    import botocore.session

    nothing = (None, None, None, None)
    hidden = {"profile": nothing, "config_file": nothing, "credentials_file": nothing} if isolated else {}
    session: Any = botocore.session.Session(session_vars=hidden)
    session.register_component("data_loader", builtin_loader())
    session.set_config_variable("ca_bundle", way.ca_bundle or True)
    session.set_config_variable("region", region)
    session.set_config_variable("sts_regional_endpoints", "regional")
    session.set_default_client_config(_config(way))
    session.register("creating-client-class", quiet_clients)
    if known is not None:
        session.register("before-sign", _teller(known))
    if way.endpoint is None:
        session.register("before-send", provider_check(region))
    return session


def _teller(known: Known) -> Callable[..., None]:
    """A `before-sign` handler: what signs a request is known before the request is made.

    It asks the signer and not the session: while a provider renews a session's credentials, it signs with others, and
    the session's own can't be asked for.
    """

    def tell(request_signer: Any, **_: object) -> None:
        credentials = getattr(request_signer, "_credentials", None)
        if credentials is not None:
            frozen = credentials.get_frozen_credentials()
            _tell(known, frozen.secret_key)
            _tell(known, frozen.token)

    return tell


def _tell(known: Known | None, value: object) -> None:
    if known is not None and isinstance(value, str) and len(value) >= _SHORTEST_KEY:
        known(value)


def _config(way: Way) -> Any:
    from botocore.config import Config

    settings: dict[str, Any] = {
        "connect_timeout": CONNECT_S,
        "read_timeout": READ_S,
        "retries": {"mode": "standard", "total_max_attempts": ATTEMPTS},
        "ignore_configured_endpoint_urls": True,
        "proxies": {"https": way.proxy, "http": way.proxy} if way.proxy else {},
        "user_agent_extra": f"pytest-substrate/{version('pytest-substrate')}",
        "max_pool_connections": 20,
    }
    if way.endpoint is not None:  # the surroundings' wish for FIPS or dual-stack hosts means nothing at an endpoint
        settings |= {"use_fips_endpoint": False, "use_dualstack_endpoint": False, "s3": {"addressing_style": "path"}}
    return Config(**settings)
