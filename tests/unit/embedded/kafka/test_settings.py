"""What a broker's configuration says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_substrate.embedded.kafka.settings import BrokerPorts, login, properties_text, server_properties
from pytest_substrate.embedded.kafka.spec import ClusterSpec, ListenerSpec


def _settings(spec: ClusterSpec, *, node: int = 1, version: str = "4.2.0") -> dict[str, str]:
    count = len(spec.listeners)
    return server_properties(
        spec,
        version=version,
        node=node,
        data=Path("data"),
        ports=BrokerPorts(internal=100, listeners=tuple(range(200, 200 + count)), controller=300),
        advertised=tuple(f"localhost:{port}" for port in range(400, 400 + count)),
        keystore=Path("broker.pem"),
        ca_file=Path("ca.pem"),
    )


def test_clients_are_sent_to_the_relay_and_brokers_to_each_other() -> None:
    """A client's listener is bound behind its relay and advertised as the relay; the internal one goes without."""
    settings = _settings(ClusterSpec(), node=2)
    assert "SASL_SSL://127.0.0.1:200,INTERNAL://127.0.0.1:100" == settings["listeners"]
    assert "SASL_SSL://localhost:400,INTERNAL://127.0.0.1:100" == settings["advertised.listeners"]
    assert "INTERNAL" == settings["inter.broker.listener.name"]


def test_the_first_broker_is_the_controller_too() -> None:
    """Node 1 has both roles and the controller's listener, any other only knows where that is."""
    first, second = _settings(ClusterSpec()), _settings(ClusterSpec(), node=2)
    assert ("broker,controller", "broker") == (first["process.roles"], second["process.roles"])
    assert first["listeners"].endswith(",CONTROLLER://127.0.0.1:300")
    assert "1@127.0.0.1:300" == first["controller.quorum.voters"] == second["controller.quorum.voters"]


def test_the_default_refuses_what_no_acl_allows() -> None:
    """The platform's cluster has the authorizer, no automatic topics, and asks for a credential again every hour."""
    settings = _settings(ClusterSpec())
    assert "false" == settings["allow.everyone.if.no.acl.found"]
    assert settings["authorizer.class.name"].endswith(".StandardAuthorizer")
    assert "false" == settings["auto.create.topics.enable"]
    assert "3600000" == settings["connections.max.reauth.ms"]
    assert "SCRAM-SHA-512" == settings["listener.name.sasl_ssl.sasl.enabled.mechanisms"]
    assert "broker.pem" == settings["listener.name.sasl_ssl.ssl.keystore.location"]


def test_a_clusters_own_settings_win() -> None:
    """What a specification says of all brokers, or of a listener, overrides what the platform says."""
    listener = ListenerSpec(protocol="SSL", client_certificate=True, settings={"ssl.client.auth": "requested"})
    settings = _settings(
        ClusterSpec(listeners=(listener,), has_authorizer=False, settings={"connections.max.reauth.ms": "0"})
    )
    assert "0" == settings["connections.max.reauth.ms"]
    assert "requested" == settings["listener.name.ssl.ssl.client.auth"]
    assert "ca.pem" == settings["listener.name.ssl.ssl.truststore.location"]
    assert "authorizer.class.name" not in settings


def test_an_older_kafka_is_not_told_what_it_does_not_know() -> None:
    """Share groups came with 4.0: settings of theirs are left out before."""
    assert any(key.startswith("share.") for key in _settings(ClusterSpec()))
    assert not any(key.startswith("share.") for key in _settings(ClusterSpec(), version="3.9.1"))


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1))
def test_a_password_of_plain_survives_two_quotings(password: str) -> None:
    """What JAAS reads out of the properties file is the password: for each printable text."""
    line = properties_text({"key": login("PLAIN", {"u": password})})
    read = re.sub(r"\\(.)", r"\1", line.removeprefix("key=").removesuffix("\n"))  # as java.util.Properties does
    quoted = re.fullmatch(r'.* required user_u="((?:[^"\\]|\\.)*)";', read)
    assert quoted is not None
    assert password == re.sub(r"\\(.)", r"\1", quoted[1])  # as java.io.StreamTokenizer does


def test_a_setting_cannot_bring_a_second_line() -> None:
    """A value with a line break is refused, as it would add a setting."""
    with pytest.raises(ValueError, match="the setting a"):
        properties_text({"a": "b\nsuper.users=User:ingest"})
