"""A boto3 session of the CI role, for a user's own tests: its credentials come from the job's token and nothing else.

What would put something else in their place is refused where it is asked for: keys, another endpoint, a proxy, TLS
without verification. It is renewed before it expires; where it can't be, calls fail, and nothing else answers them.
"""

from __future__ import annotations

import inspect
from typing import Any, Final, NoReturn

import boto3
from botocore import UNSIGNED
from botocore.session import Session as BotocoreSession

from pytest_substrate.adapters.aws.hosts import client_check
from pytest_substrate.adapters.aws.session import Way

_KEYS: Final = ("aws_access_key_id", "aws_secret_access_key", "aws_session_token")
_SIGNATURE: Final = inspect.signature(boto3.Session.client)


class Refused(ValueError):
    """What a session of the CI role does not take."""


class OidcSession(boto3.Session):
    """See the module."""

    def __init__(self, session: BotocoreSession, *, region: str, way: Way) -> None:
        super().__init__(botocore_session=session, region_name=region)
        self._way = way

    def client(self, *args: Any, **named: Any) -> Any:
        """As boto3's; Refused for what would take the place of the job's identity, or of AWS."""
        asked = _SIGNATURE.bind(self, *args, **named).arguments
        asked.pop("self")
        for name in _KEYS:
            if asked.get(name) is not None:
                _refuse(f"{name}: its identity is the CI role's")
        if asked.get("endpoint_url") is not None:
            _refuse("endpoint_url: where a service is, the target says")
        if asked.get("verify") is not None or asked.get("use_ssl") is False:
            _refuse("verify and use_ssl: whom to trust, the declaration says ([target] ca_bundle)")
        if getattr(asked.get("config"), "proxies", None):
            _refuse("config.proxies: a proxy is declared ([target] proxy)")
        if getattr(asked.get("config"), "signature_version", None) is UNSIGNED:
            _refuse("config.signature_version UNSIGNED: its calls bear the CI role's identity")
        service, region = asked["service_name"], asked.get("region_name") or self.region_name
        way = self._way
        if way.endpoint is not None:
            asked["endpoint_url"] = way.endpoint(service)
        made = super().client(**asked)
        if way.endpoint is None:
            made.meta.events.register_first(
                "before-send", client_check(made.meta.service_model.endpoint_prefix, region)
            )
        return made


def _refuse(what: str) -> NoReturn:
    raise Refused(f"oidc_session takes no {what}")
