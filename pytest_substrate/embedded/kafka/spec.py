"""What a cluster shall be: plain values, no I/O.

The default is the platform's cluster: two brokers of the pinned Kafka, SASL_SSL with SCRAM-SHA-512, an authorizer that
refuses what no ACL allows. Everything else exists so that the ladder can be held against other versions and listeners.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

Protocol = Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]

KAFKA_VERSION = "4.2.0"
"""The version that the platform runs; its jars are pinned in `jars-4.2.0.sha256`."""

INTERNAL = "INTERNAL"
CONTROLLER = "CONTROLLER"


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenerSpec:
    """One listener for clients, on every broker, each behind its relay.

    `plain_users` are the names and passwords of the mechanism PLAIN; SCRAM's users are made through the administration.
    """

    protocol: Protocol = "SASL_SSL"
    mechanisms: tuple[str, ...] = ()
    name: str = ""
    """The listener's name, unique in its cluster; empty: the protocol's."""
    plain_users: Mapping[str, str] = field(default_factory=dict, repr=False)
    client_certificate: bool = False
    """Whether the broker demands a certificate that the cluster's authority signed."""
    settings: Mapping[str, str] = field(default_factory=dict)
    """Further settings of this listener, without the prefix `listener.name.NAME.`."""

    def __post_init__(self) -> None:
        if bool(self.mechanisms) != self.protocol.startswith("SASL_"):
            raise ValueError(f"a listener {self.protocol} with the mechanisms {self.mechanisms}")
        object.__setattr__(self, "name", self.name or self.protocol)
        object.__setattr__(self, "plain_users", MappingProxyType(dict(self.plain_users)))
        object.__setattr__(self, "settings", MappingProxyType(dict(self.settings)))

    @property
    def is_tls(self) -> bool:
        """Whether clients speak TLS to it."""
        return self.protocol.endswith("SSL")


SCRAM_OVER_TLS = ListenerSpec(protocol="SASL_SSL", mechanisms=("SCRAM-SHA-512",))


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterSpec:
    """A cluster: its name, Kafka's version, how many brokers, and the listeners that each of them has."""

    name: str = "spine"
    version: str = KAFKA_VERSION
    """The version whose jars to ask `prepare` for."""
    brokers: int = 2
    listeners: tuple[ListenerSpec, ...] = (SCRAM_OVER_TLS,)
    has_authorizer: bool = True
    """With it, what no ACL allows is refused, and only the platform's own administration is a super user."""
    settings: Mapping[str, str] = field(default_factory=dict)
    """Further settings of every broker; they win over the platform's."""

    def __post_init__(self) -> None:
        names = [INTERNAL, CONTROLLER, *(listener.name for listener in self.listeners)]
        if self.brokers < 1 or not self.listeners or len(set(names)) != len(names):
            raise ValueError(f"a cluster of {self.brokers} brokers with the listeners {names}")
        object.__setattr__(self, "settings", MappingProxyType(dict(self.settings)))

    @property
    def is_tls(self) -> bool:
        """Whether any listener needs a certificate."""
        return any(listener.is_tls for listener in self.listeners)
