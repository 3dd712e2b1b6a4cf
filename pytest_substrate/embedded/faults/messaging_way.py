"""Faults of the messaging plane on the way to the brokers: what the task receives, network, TLS, SASL, credential."""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Iterator

from pytest_substrate.embedded.faults import fault
from pytest_substrate.embedded.kafka.resources import ScramUser
from pytest_substrate.embedded.kafka.tls import Certificate
from pytest_substrate.embedded.network.https import speaking_https
from pytest_substrate.embedded.network.mode import Refuse
from pytest_substrate.embedded.platform import dev_min, names
from pytest_substrate.embedded.platform.login import await_login
from pytest_substrate.embedded.platform.platform import Platform
from pytest_substrate.embedded.platform.service import deploy, deployed, set_variable
from pytest_substrate.model.outcome import Layer

_BOOTSTRAP = "KAFKA_BOOTSTRAP_SERVERS"


@fault(
    "secret-holds-another-principal",
    check="MSG-070",
    layer=Layer.CREDENTIAL,
    cause="principal-mismatch",
    breaks="the secret holds the user of another principal, which the brokers do accept, and the service runs with it",
)
def secret_holds_another_principal(platform: Platform) -> Iterator[None]:
    """Rotated and redeployed by the book: nothing but the name is wrong."""
    try:
        _rotate_and_deploy(platform, "reporting")
        yield
    finally:
        _rotate_and_deploy(platform, names.PRINCIPAL)


def _rotate_and_deploy(platform: Platform, principal: str) -> None:
    await_login(platform, principal, dev_min.put_credential(platform, principal))
    deploy(platform)


@fault(
    "broker-name-unresolved",
    check="MSG-110",
    layer=Layer.NETWORK,
    cause="unresolved",
    breaks="the cluster's bootstrap list has a broker whose name does not resolve, and the service is wired to it",
)
def broker_name_unresolved(platform: Platform) -> Iterator[None]:
    """MSK names it, so the wiring is right."""
    brokers = dev_min.brokers_of(platform.kafka)
    stranger = "b-3.spine.invalid:9096"
    listed = [*brokers, {"id": len(brokers) + 1, "scram": stranger}]
    servers = ",".join([*platform.kafka.bootstrap, stranger])
    try:
        platform.cloud.register_cluster(names.CLUSTER, {"brokers": listed})
        with deployed(platform, lambda definition: set_variable(definition, _BOOTSTRAP, servers)):
            yield
    finally:
        platform.cloud.register_cluster(names.CLUSTER, {"brokers": brokers})


@fault(
    "broker-refuses-connections",
    check="MSG-120",
    layer=Layer.NETWORK,
    cause="connection-refused",
    breaks="nobody listens at one of the two brokers' addresses",
)
def broker_refuses_connections(platform: Platform) -> Iterator[None]:
    """The broker itself is well."""
    with platform.kafka.relay(1).behaving(Refuse()):
        yield


@fault(
    "certificate-for-another-host",
    check="MSG-130",
    layer=Layer.TLS,
    cause="certificate-wrong-name",
    breaks="the brokers show a sound certificate for another host",
)
def certificate_for_another_host(platform: Platform) -> Iterator[None]:
    """Signed by the authority that the service trusts."""
    with _showing(platform, platform.authority.issue_for_other_host(now=dt.datetime.now(dt.UTC))):
        yield


@fault(
    "certificate-expired",
    check="MSG-130",
    layer=Layer.TLS,
    cause="certificate-expired",
    breaks="the brokers show a certificate that ended yesterday",
)
def certificate_expired(platform: Platform) -> Iterator[None]:
    """Sound but for its end."""
    with _showing(platform, platform.authority.issue_expired(now=dt.datetime.now(dt.UTC))):
        yield


@fault(
    "proxy-in-place-of-a-broker",
    check="MSG-140",
    layer=Layer.COMPATIBILITY,
    cause="garbled",
    breaks="at a broker's address a proxy ends TLS, with a certificate that is trusted, and speaks HTTP",
)
def proxy_in_place_of_a_broker(platform: Platform) -> Iterator[None]:
    """Everything up to TLS is as it should be."""
    relay = platform.kafka.relay(1)
    with speaking_https(platform.authority.issue(now=dt.datetime.now(dt.UTC)).file) as address:
        broker = relay.upstream
        try:
            relay.redirect(address)
            yield
        finally:
            relay.redirect(broker)


@fault(
    "mechanism-not-offered",
    check="MSG-150",
    layer=Layer.IDENTITY,
    cause="mechanism-not-offered",
    breaks="the brokers' listener offers SCRAM-SHA-256 alone",
)
def mechanism_not_offered(platform: Platform) -> Iterator[None]:
    """The brokers start again for it, as a listener keeps its mechanisms."""
    former = platform.kafka.spec.listeners[0].mechanisms
    try:
        platform.kafka.offer("SCRAM-SHA-256")
        yield
    finally:
        platform.kafka.offer(*former)


@fault(
    "password-changed-at-the-brokers",
    check="MSG-160",
    layer=Layer.CREDENTIAL,
    cause="rejected",
    breaks="the principal has another password at the brokers than in the secret",
)
def password_changed_at_the_brokers(platform: Platform) -> Iterator[None]:
    """As by Kafka's own tools, past the secret; associating it anew brings the secret's password back."""
    try:
        platform.kafka.admin.upsert_users(ScramUser(name=names.PRINCIPAL, password=dev_min.new_password()))
        yield
    finally:
        dev_min.associate(platform, names.CLUSTER_ARN, dev_min.secret_arn(platform))


@fault(
    "advertised-broker-unreachable",
    check="MSG-170",
    layer=Layer.NETWORK,
    cause="connection-refused",
    breaks="the service is wired to one broker, and the other, which that one advertises, refuses connections",
)
def advertised_broker_unreachable(platform: Platform) -> Iterator[None]:
    """A client gets in, and fails at the first partition that the other leads."""
    first = platform.kafka.bootstrap[0]
    with (
        deployed(platform, lambda definition: set_variable(definition, _BOOTSTRAP, first)),
        platform.kafka.relay(2).behaving(Refuse()),
    ):
        yield


@contextlib.contextmanager
def _showing(platform: Platform, certificate: Certificate) -> Iterator[None]:
    former = platform.kafka.certificate()
    try:
        platform.kafka.serve(certificate)
        yield
    finally:
        platform.kafka.serve(former)
