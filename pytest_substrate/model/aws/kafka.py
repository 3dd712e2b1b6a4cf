"""Facts of MSK: a cluster, its broker addresses, its SCRAM secrets, its topics as the control plane knows them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

ACTIVE: Final = "ACTIVE"
"""The one state of a cluster, and of a topic, in which it serves."""
PUBLIC: Final = "SERVICE_PROVIDED_EIPS"
"""`PublicAccess.Type` of a cluster that can be reached from outside its VPC (a plain string in the API's model)."""

SCRAM: Final = "scram"
IAM: Final = "iam"
MTLS: Final = "mtls"
PLAINTEXT: Final = "plaintext"

VPC: Final = "vpc"
PUBLIC_ACCESS: Final = "public"
MULTI_VPC: Final = "multi-vpc"

DELETES: Final = "delete"
"""The one `cleanup.policy` under which records go by their age."""

STANDARD_PORTS: Final = frozenset({9092, 9094, 9096, 9098, 9194, 9196, 9198, 14001, 14002, 14003})
"""The ports that MSK's documentation gives to its listeners (multi-VPC ones count up from 14001 a broker)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """A cluster's state and what it offers; `authentications` inside its VPC, `multi_vpc` across VPCs.

    Over public access the authentications are those of the VPC.
    """

    arn: str
    name: str
    state: str
    authentications: tuple[str, ...]
    multi_vpc: tuple[str, ...] = ()
    public: bool = False
    kafka_version: str | None = None

    def offers(self, authentication: str, connectivity: str) -> bool:
        """Whether a client may authenticate so over that connectivity."""
        if connectivity == MULTI_VPC:
            return authentication in self.multi_vpc
        if connectivity == PUBLIC_ACCESS and not self.public:
            return False
        return authentication in self.authentications


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """One bootstrap string: the addresses (`host:port`) for one authentication over one connectivity.

    The TLS strings serve clients with and without a certificate; they go by `mtls`.
    """

    authentication: str
    connectivity: str
    endpoints: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bootstrap:
    """GetBootstrapBrokers: not every broker need be listed, and the order changes."""

    listeners: tuple[Listener, ...]

    def endpoints(self, authentication: str, connectivity: str) -> frozenset[str]:
        """The addresses for one authentication over one connectivity."""
        return frozenset(
            endpoint
            for listener in self.listeners
            if (listener.authentication, listener.connectivity) == (authentication, connectivity)
            for endpoint in listener.endpoints
        )

    def every_endpoint(self) -> frozenset[str]:
        """The addresses of all listeners."""
        return frozenset(endpoint for listener in self.listeners for endpoint in listener.endpoints)


@dataclass(frozen=True, slots=True, kw_only=True)
class Nodes:
    """ListNodes: the names of every broker inside its VPC, without ports."""

    hosts: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScramAssociations:
    """The ARNs of the secrets that a cluster takes its SCRAM users from."""

    secret_arns: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicState:
    """A topic as MSK's own API describes it, whatever the runtime's principal may see."""

    name: str
    state: str
    partitions: int
    replication: int
    retention_ms: int | None = None
    """`retention.ms` where the topic's configuration names it."""
    cleanup: tuple[str, ...] = (DELETES,)
    """`cleanup.policy`; where the topic's configuration names none, Kafka's own default."""
