"""What a broker's `server.properties` says: a pure function of what the cluster shall be and of where its parts are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pytest_substrate.embedded.kafka.spec import CONTROLLER, INTERNAL, ClusterSpec, ListenerSpec

_SCRAM_LOGIN = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
_PLAIN_LOGIN = "org.apache.kafka.common.security.plain.PlainLoginModule required"

_NOBODY: Mapping[str, str] = {}

_EVERY_BROKER = {
    "controller.listener.names": CONTROLLER,
    "inter.broker.listener.name": INTERNAL,
    "auto.create.topics.enable": "false",
    # the internal topics: one copy, one partition, at once
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "1",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "1",
    "group.initial.rebalance.delay.ms": "0",
    # a fresh credential is asked for every hour, as MSK does
    "connections.max.reauth.ms": "3600000",
    # a listener's certificate may be changed while it runs, to any other
    "ssl.allow.dn.changes": "true",
    "ssl.allow.san.changes": "true",
    # what a cluster of many clients needs, and a start on two cores pays for
    "num.network.threads": "1",
    "num.io.threads": "2",
    "background.threads": "2",
    "num.recovery.threads.per.data.dir": "1",
    "controller.quorum.append.linger.ms": "0",
    "metric.reporters": "",
    # the cleaner's map, which a broker holds from its start: 128 MiB otherwise
    "log.cleaner.dedupe.buffer.size": "2097152",
}
_SINCE_4 = {
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "share.coordinator.state.topic.num.partitions": "1",
    "group.coordinator.threads": "1",
    "share.coordinator.threads": "1",
}

LOG4J2 = """\
rootLogger.level=WARN
rootLogger.appenderRefs=out
rootLogger.appenderRef.out.ref=OUT
appender.out.type=Console
appender.out.name=OUT
appender.out.layout.type=PatternLayout
appender.out.layout.pattern=%d %p %c{1} %m%n
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerPorts:
    """The loopback ports of a broker's listeners, and of the controller, which is in the first broker."""

    internal: int
    listeners: tuple[int, ...]
    controller: int


def server_properties(
    spec: ClusterSpec,
    *,
    version: str,
    node: int,
    data: Path,
    ports: BrokerPorts,
    advertised: tuple[str, ...],
    keystore: Path | None,
    ca_file: Path | None,
) -> dict[str, str]:
    """The settings of broker `node` of Kafka `version`; `advertised` are the relays of its listeners, in order."""
    is_controller = node == 1
    bound = [(listener.name, port) for listener, port in zip(spec.listeners, ports.listeners, strict=True)]
    bound.append((INTERNAL, ports.internal))
    if is_controller:
        bound.append((CONTROLLER, ports.controller))
    names = [listener.name for listener in spec.listeners]
    protocols = {listener.name: listener.protocol for listener in spec.listeners}
    protocols |= {INTERNAL: "PLAINTEXT", CONTROLLER: "PLAINTEXT"}
    settings = {
        "process.roles": "broker,controller" if is_controller else "broker",
        "node.id": str(node),
        "controller.quorum.voters": f"1@127.0.0.1:{ports.controller}",
        "listeners": ",".join(f"{name}://127.0.0.1:{port}" for name, port in bound),
        "advertised.listeners": ",".join(
            [
                *(f"{name}://{address}" for name, address in zip(names, advertised, strict=True)),
                f"{INTERNAL}://127.0.0.1:{ports.internal}",
            ]
        ),
        "listener.security.protocol.map": ",".join(f"{name}:{protocol}" for name, protocol in protocols.items()),
        "log.dirs": str(data),
        **_EVERY_BROKER,
    }
    if int(version.partition(".")[0]) >= 4:
        settings |= _SINCE_4
    if spec.has_authorizer:
        settings |= {
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "super.users": "User:ANONYMOUS",  # whoever reaches the internal listeners, which have no authentication
            "allow.everyone.if.no.acl.found": "false",
        }
    mechanisms = {mechanism for listener in spec.listeners for mechanism in listener.mechanisms}
    if mechanisms:
        settings["sasl.enabled.mechanisms"] = ",".join(sorted(mechanisms))
    for listener in spec.listeners:
        settings |= _listener(listener, keystore, ca_file)
    return settings | dict(spec.settings)


def properties_text(settings: Mapping[str, str]) -> str:
    """The text of a Java properties file; keys and values of printable ASCII only."""
    lines = []
    for key, value in settings.items():
        if not (key + value).isascii() or not (key + value).isprintable():
            raise ValueError(f"the setting {key} holds what a properties file cannot")
        escaped = value.replace("\\", "\\\\")
        lines.append(f"{key}={escaped}\n")
    return "".join(lines)


def listener_key(name: str, key: str) -> str:
    """The name of a listener's own setting."""
    return f"listener.name.{name.lower()}.{key}"


def login(mechanism: str, plain_users: Mapping[str, str] = _NOBODY) -> str:
    """The JAAS entry of a mechanism; PLAIN holds its users and their passwords itself."""
    if mechanism.startswith("SCRAM-"):
        return _SCRAM_LOGIN
    quoted = {name: password.replace("\\", "\\\\").replace('"', '\\"') for name, password in plain_users.items()}
    return " ".join([_PLAIN_LOGIN, *(f'user_{name}="{password}"' for name, password in quoted.items())]) + ";"


def _listener(listener: ListenerSpec, keystore: Path | None, ca_file: Path | None) -> dict[str, str]:
    settings: dict[str, str] = {}
    if listener.mechanisms:
        settings["sasl.enabled.mechanisms"] = ",".join(listener.mechanisms)
    for mechanism in listener.mechanisms:
        settings[f"{mechanism.lower()}.sasl.jaas.config"] = login(mechanism, listener.plain_users)
    if listener.is_tls:
        settings |= {"ssl.keystore.type": "PEM", "ssl.keystore.location": str(keystore)}
    if listener.client_certificate:
        settings |= {
            "ssl.client.auth": "required",
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": str(ca_file),
        }
    settings |= listener.settings
    return {listener_key(listener.name, key): value for key, value in settings.items()}
