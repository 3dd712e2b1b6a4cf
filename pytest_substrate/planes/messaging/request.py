"""What a probe is asked for the services that it serves: a pure function of the declaration."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from pytest_substrate.model.aws import kafka
from pytest_substrate.model.transcript import EXPECTED_ENV, ProbeRequest

if TYPE_CHECKING:
    from pytest_substrate.model.declaration import Declaration

_SASL: Final[dict[str, tuple[str, str | None]]] = {
    kafka.SCRAM: ("SASL_SSL", "SCRAM-SHA-512"),
    kafka.IAM: ("SASL_SSL", "AWS_MSK_IAM"),
    kafka.MTLS: ("SSL", None),
}
"""Protocol and mechanism of MSK's listeners, by the declared authentication."""


def probe_request(
    declaration: Declaration,
    services: Sequence[str],
    *,
    nonce: str,
    smoke_topic: str | None,
    sts_endpoint: str | None = None,
) -> ProbeRequest:
    """The request for services that share everything but their topics, which come together.

    `smoke_topic` is the declared one where it may be written to, None for a probe that writes nothing. `sts_endpoint`
    is for targets other than AWS. KeyError or ValueError for a service without messaging: our own bug.
    """
    messaging = declaration.service[services[0]].messaging
    if messaging is None:
        raise ValueError(f"the service {services[0]} declares no messaging")
    cluster = declaration.cluster[messaging.cluster]
    protocol, mechanism = _SASL[cluster.auth]
    credential, settings = messaging.credential, messaging.client.settings
    topics: dict[str, None] = {}
    for name in services:
        other = declaration.service[name].messaging
        topics.update(dict.fromkeys(other.topics if other is not None else ()))
    return ProbeRequest(
        nonce=nonce,
        bootstrap_env=messaging.bootstrap_env,
        protocol=protocol,
        mechanism=mechanism,
        credential_env=credential.env if credential else None,
        username_env=credential.username_env if credential else None,
        password_env=credential.password_env if credential else None,
        expected_env=EXPECTED_ENV if credential else None,
        principal=credential.principal if credential else None,
        ca_file=settings.ca_file,
        ca_file_env=settings.ca_file_env,
        cert_file=settings.cert_file,
        cert_file_env=settings.cert_file_env,
        key_file=settings.key_file,
        key_file_env=settings.key_file_env,
        topics=tuple(topics),
        group=messaging.group,
        smoke_topic=smoke_topic,
        client=messaging.client.name,
        api_version=settings.api_version,
        api_version_env=settings.api_version_env,
        client_round_trip=smoke_topic is not None,
        identity=True,
        region=declaration.region,
        sts_endpoint=sts_endpoint,
        reauthenticate=mechanism is not None,
    )
