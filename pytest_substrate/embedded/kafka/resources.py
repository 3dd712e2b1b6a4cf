"""What the administration speaks of: topics, ACLs, SCRAM users and brokers, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Operation = Literal[
    "all", "read", "write", "create", "delete", "alter", "describe",
    "cluster_action", "describe_configs", "alter_configs", "idempotent_write",
]  # fmt: skip
Resource = Literal["topic", "group", "cluster", "transactional_id"]


class AdminRefused(Exception):
    """Kafka answered with an error: its number as `code` (36: the topic exists, 3: it does not), and its name."""

    def __init__(self, code: int, name: str, message: str) -> None:
        super().__init__(f"{name} ({code}): {message}" if message else f"{name} ({code})")
        self.code = code


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicSpec:
    """A topic that shall be."""

    name: str
    partitions: int = 1
    replicas: int = 1
    settings: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Partition:
    """A partition: its leader (-1: none), and the nodes of its replicas, all and in sync."""

    number: int
    leader: int
    replicas: tuple[int, ...]
    in_sync: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """A topic that is."""

    name: str
    id: str
    is_internal: bool
    partitions: tuple[Partition, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Acl:
    """One rule of the authorizer."""

    principal: str
    """`User:NAME`."""
    resource: Resource
    name: str
    """The resource's name; `*` for all, `kafka-cluster` for the cluster."""
    operation: Operation
    allow: bool = True
    prefixed: bool = False
    """Whether it holds for all names that begin with `name`."""
    host: str = "*"


@dataclass(frozen=True, slots=True, kw_only=True)
class ScramUser:
    """A SCRAM credential that shall be."""

    name: str
    password: str = field(repr=False)
    mechanism: str = "SCRAM-SHA-512"
    iterations: int = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerAddress:
    """A broker as the cluster names it on the internal listener."""

    node: int
    host: str
    port: int
