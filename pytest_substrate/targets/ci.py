"""The CI job as a target reaches it: what lies around it, its token, and the session that STS gives for that."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from pytest_substrate.adapters.aws import ci_session
from pytest_substrate.adapters.oidc import fetch_token, verified
from pytest_substrate.model.ci import Assumed, Call, CiToken, NotAssumed
from pytest_substrate.model.observation import Missing, Unobserved

if TYPE_CHECKING:
    from pytest_substrate.adapters.aws.session import AwsSession, Keys
    from pytest_substrate.model.declaration.document import Release, TokenPlace

OTHER_AUDIENCE: Final = "https://substrate.invalid/another-audience"
"""Nobody's; a token for it must open nothing."""


_EXPIRED: Final = "ExpiredTokenException"
_INVALID: Final = "InvalidIdentityToken"
"""What STS would say to a token whose time is over, and to one that isn't its issuer's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobWay:
    """How a target reaches the job: its environment, where an https URL of its issuer really lies."""

    environment: Callable[[], Mapping[str, str]]
    locate: Callable[[str], str] = field(default=lambda url: url)


class CiJob:
    """One job. Tokens are kept in this process alone; `known` hears of each before it goes anywhere."""

    def __init__(self, release: Release, *, way: JobWay, anyone: AwsSession, known: Callable[[str], None]) -> None:
        self._release = release
        self._way = way
        self._anyone = anyone
        self._known = known
        self._lock = threading.RLock()
        self._session: AwsSession | None = None

    @property
    def environment(self) -> Mapping[str, str]:
        """The job's variables."""
        return self._way.environment()

    def token(self) -> CiToken | Missing | Unobserved:
        """The job's token for the declared audience, verified, without itself."""
        fetched = self._fetch(self._release.token, self._release.audience)
        return fetched if not isinstance(fetched, str) else self._verified(fetched)

    def other_token(self) -> CiToken | Missing | Unobserved:
        """A token of the same issuer for another audience, verified, without itself."""
        fetched = self._fetch_other()
        return fetched if not isinstance(fetched, str) else self._verified(fetched)

    def assume(self, role_arn: str, *, name: str) -> Assumed | NotAssumed | Missing | Unobserved:
        """Ask STS for the role with the job's token."""
        fetched = self._fetch(self._release.token, self._release.audience)
        return fetched if not isinstance(fetched, str) else self._assume(fetched, role_arn, name, keep=True)

    def assume_with_other(self, role_arn: str, *, name: str) -> Assumed | NotAssumed | Missing | Unobserved:
        """Ask STS for the role with the token for another audience; a session that it gives is let go."""
        fetched = self._fetch_other()
        return fetched if not isinstance(fetched, str) else self._assume(fetched, role_arn, name, keep=False)

    def boto3_session(self, role_arn: str, *, name: str) -> Any:
        """A `boto3.Session` of the role and of nothing else, which asks STS with a fresh token before it expires.

        Where STS gives nothing, a call fails with botocore's CredentialRetrievalError.
        """

        def ask() -> tuple[Assumed, Keys] | NotAssumed | Missing | Unobserved:
            fetched = self._fetch(self._release.token, self._release.audience)
            return self._asked(fetched, role_arn, name) if isinstance(fetched, str) else fetched

        return self._anyone.as_boto3(lambda: ci_session.renewed(ask()))

    def push_and_pull(
        self, role_arn: str, *, name: str, **asked: Any
    ) -> tuple[Call, ...] | NotAssumed | Missing | Unobserved:
        """See `ci_session.push_and_pull`."""
        given = self._given(role_arn, name)
        return given if given is not None else ci_session.push_and_pull(self._client, **asked)

    def forbidden(
        self, role_arn: str, *, name: str, **asked: Any
    ) -> tuple[Call, ...] | NotAssumed | Missing | Unobserved:
        """See `ci_session.forbidden`."""
        given = self._given(role_arn, name)
        return given if given is not None else ci_session.forbidden(self._client, **asked)

    def _given(self, role_arn: str, name: str) -> NotAssumed | Missing | Unobserved | None:
        """None where this process has the session."""
        with self._lock:
            if self._session is not None:
                return None
            found = self.assume(role_arn, name=name)
            return None if isinstance(found, Assumed) else found

    def _client(self, service: str, region: str | None) -> Any:
        assert self._session is not None  # noqa: S101  `_given` came first
        return self._session.client(service, region)

    def _assume(self, token: str, role_arn: str, name: str, *, keep: bool) -> Assumed | NotAssumed | Unobserved:
        found = self._asked(token, role_arn, name)
        if not isinstance(found, tuple):
            return found
        assumed, keys = found
        if keep:
            with self._lock:
                self._session = self._anyone.as_keys(keys)
        return assumed

    def _asked(self, token: str, role_arn: str, name: str) -> tuple[Assumed, Keys] | NotAssumed | Unobserved:
        unfit = self._unfit(token)
        if unfit is not None:
            return unfit
        found = ci_session.assume(self._anyone, role_arn=role_arn, name=name, token=token)
        if isinstance(found, tuple):
            for secret in (found[1].secret_access_key, found[1].session_token):
                if secret is not None:
                    self._known(secret)
        return found

    def _unfit(self, token: str) -> NotAssumed | Unobserved | None:
        """Why a token is not shown to STS: it isn't its issuer's or its time is over, or that could not be seen."""
        problem = self._verified(token).problem
        if problem in (None, "not-yet"):  # two clocks differ by seconds, and STS takes minutes
            return None
        if problem == "issuer-unreachable":
            return Unobserved(reason="unreachable", detail="the token's issuer, so that STS was not asked")
        code = _EXPIRED if problem == "expired" else _INVALID
        return NotAssumed(code=code, message=f"it was not asked, as the token is no good ({problem})")

    def _fetch_other(self) -> str | Missing | Unobserved:
        declared = self._release.wrong_audience_token
        if declared is not None:
            return self._fetch(declared, OTHER_AUDIENCE)
        if self._release.token.provider != "github":
            return Missing(what="a token for another audience, which no place is declared for")
        return self._fetch(self._release.token, OTHER_AUDIENCE)

    def _fetch(self, place: TokenPlace, audience: str) -> str | Missing | Unobserved:
        environment = self._way.environment()
        for name in ("ACTIONS_ID_TOKEN_REQUEST_TOKEN",):
            if environment.get(name):
                self._known(environment[name])
        fetched = fetch_token(place, environment, audience=audience)
        if isinstance(fetched, str):
            self._known(fetched)
        return fetched

    def _verified(self, token: str) -> CiToken:
        return verified(token, issuer=f"https://{self._release.provider}", locate=self._way.locate)
