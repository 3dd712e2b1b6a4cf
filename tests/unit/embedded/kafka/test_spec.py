"""What a cluster may be."""

from __future__ import annotations

import pytest

from pytest_substrate.embedded.kafka.spec import ClusterSpec, ListenerSpec


def test_the_default_is_the_platforms_cluster() -> None:
    """Without a word a cluster has two brokers, SASL_SSL with SCRAM-SHA-512, and an authorizer."""
    spec = ClusterSpec()
    assert (2, True) == (spec.brokers, spec.has_authorizer)
    assert [("SASL_SSL", ("SCRAM-SHA-512",))] == [(each.protocol, each.mechanisms) for each in spec.listeners]


@pytest.mark.parametrize(("protocol", "mechanisms"), [("SASL_SSL", ()), ("SSL", ("PLAIN",)), ("PLAINTEXT", ("PLAIN",))])
def test_a_listener_has_mechanisms_exactly_where_its_protocol_is_sasl(
    protocol: str, mechanisms: tuple[str, ...]
) -> None:
    """A SASL listener without mechanisms, or mechanisms without SASL, is a slip."""
    with pytest.raises(ValueError, match=protocol):
        ListenerSpec(protocol=protocol, mechanisms=mechanisms)  # type: ignore[arg-type] # a parameter is a str


def test_two_listeners_of_one_name_are_refused() -> None:
    """A listener's name is unique in its cluster, and the internal ones are taken."""
    for names in (("A", "A"), ("INTERNAL",), ("CONTROLLER",)):
        with pytest.raises(ValueError, match="listeners"):
            ClusterSpec(listeners=tuple(ListenerSpec(protocol="PLAINTEXT", name=name) for name in names))


def test_no_password_is_shown() -> None:
    """The users of PLAIN are in no representation of a listener."""
    spec = ListenerSpec(protocol="SASL_PLAINTEXT", mechanisms=("PLAIN",), plain_users={"ingest": "hunter2"})
    assert "hunter2" not in repr(ClusterSpec(listeners=(spec,)))
