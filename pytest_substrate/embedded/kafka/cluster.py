"""A cluster of real Kafka brokers in KRaft mode, the first of them the controller too, a relay before each listener."""

from __future__ import annotations

import contextlib
import dataclasses
import secrets
import shutil
import threading
import time
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Self

from pytest_substrate.embedded.kafka.broker import Broker, BrokerDied, Runtime
from pytest_substrate.embedded.kafka.settings import BrokerPorts, listener_key, server_properties
from pytest_substrate.embedded.kafka.spec import ClusterSpec
from pytest_substrate.embedded.network.mode import Forward, Refuse
from pytest_substrate.embedded.network.ports import HeldPort
from pytest_substrate.embedded.network.relay import Network, Relay
from pytest_substrate.model.errors import BadInput

if TYPE_CHECKING:
    from pytest_substrate.embedded.kafka.admin import KafkaAdmin
    from pytest_substrate.embedded.kafka.tls import Authority, Certificate

_START_S = 60.0
_SERVED_S = 15.0
_POLL_S = 0.02
_ATTEMPTS = 3
_PORT_TAKEN = "Address already in use"


class KafkaCluster:
    """A running cluster. What it has is in one folder, and ends with `stop`, or with the keeper of the platform."""

    def __init__(
        self,
        *,
        platform: Path,
        spec: ClusterSpec,
        runtime: Runtime,
        network: Network,
        authority: Authority | None,
        certificate: Certificate | None,
    ) -> None:
        self.spec = spec
        self.brokers: tuple[Broker, ...] = ()
        self.relays: tuple[tuple[Relay, ...], ...] = ()
        """By broker, then by listener, both in the order of the specification."""
        self._runtime = runtime
        self._authority = authority
        self._certificate = certificate
        self._ports: tuple[BrokerPorts, ...] = ()
        self._served = {listener.name: certificate for listener in spec.listeners if listener.is_tls}
        self._folder = platform / f"kafka-{spec.name}"
        self._held: list[HeldPort] = []
        self._admin: KafkaAdmin | None = None
        self._lock = threading.Lock()
        try:
            self._lay(platform, network)
        except BaseException:
            self.stop()
            raise

    @classmethod
    def start(
        cls,
        platform: Path,
        *,
        spec: ClusterSpec,
        runtime: Runtime,
        network: Network,
        authority: Authority | None = None,
        certificate: Certificate | None = None,
        deadline_s: float = _START_S,
    ) -> Self:
        """Start a cluster in the platform's folder and wait until every broker knows every other.

        `runtime.jars` must be those of the version that `spec` names. Where a listener speaks TLS, `authority` and
        `certificate` are needed; all begin with that one. Raises BadInput where a broker ends or is not ready within
        `deadline_s` seconds; nothing of the cluster is left then.
        """
        for left in reversed(range(_ATTEMPTS)):
            cluster = cls(
                platform=platform,
                spec=spec,
                runtime=runtime,
                network=network,
                authority=authority,
                certificate=certificate,
            )
            try:
                for broker in cluster.brokers:
                    broker.start()
                # the administration's import takes 0.3 s, and until the brokers are up there is nothing else to do
                import pytest_substrate.embedded.kafka.admin  # noqa: F401

                cluster.wait_until_ready(deadline_s=deadline_s)
            except BrokerDied as died:
                cluster.stop()
                if not left or _PORT_TAKEN not in str(died):
                    raise BadInput(
                        f"Kafka cluster {spec.name}",
                        str(died),
                        "mend what it names, or try another Java (SUBSTRATE_JAVA)",
                    ) from died
            except BaseException:
                cluster.stop()
                raise
            else:
                return cluster
        raise AssertionError("the last attempt returns or raises")

    @property
    def version(self) -> str:
        """The Kafka version that runs: of a distribution that the user named, its own."""
        return self._runtime.jars.version

    @property
    def bootstrap(self) -> tuple[str, ...]:
        """The addresses of the first listener, `localhost:PORT`, a broker each."""
        return self.addresses()

    def addresses(self, listener: str | None = None) -> tuple[str, ...]:
        """The addresses of a listener by its name, a broker each; without a name, of the first."""
        index = self._index(listener)
        return tuple(relays[index].address for relays in self.relays)

    def relay(self, node: int, listener: str | None = None) -> Relay:
        """The relay before a listener of a broker."""
        return self.relays[node - 1][self._index(listener)]

    @property
    def admin_addresses(self) -> tuple[str, ...]:
        """The internal listeners, `127.0.0.1:PORT`: plaintext, and who reaches them is a super user."""
        return tuple(f"127.0.0.1:{broker.internal_port}" for broker in self.brokers)

    @property
    def admin_address(self) -> str:
        """The internal listener of the first broker."""
        return self.admin_addresses[0]

    @property
    def admin(self) -> KafkaAdmin:
        """The administration, connected at first use."""
        from pytest_substrate.embedded.kafka.admin import KafkaAdmin

        with self._lock:
            if self._admin is None:
                self._admin = KafkaAdmin(self.admin_addresses)
            return self._admin

    @property
    def authority(self) -> Authority:
        """The authority that signed what the TLS listeners show."""
        if self._authority is None:
            raise LookupError(f"the cluster {self.spec.name} has no TLS")
        return self._authority

    @property
    def ca_file(self) -> Path:
        """The authority's certificate, for clients."""
        return self.authority.ca_file

    def wait_until_ready(self, *, deadline_s: float = _START_S) -> None:
        """Wait until each running broker's own metadata names all that run; BrokerDied, or BadInput at the deadline."""
        until = time.monotonic() + deadline_s
        started = [broker for broker in self.brokers if broker.is_started]
        while not all(broker.sees() >= len(started) for broker in reversed(started)):
            if time.monotonic() > until:
                raise BadInput(
                    f"Kafka cluster {self.spec.name}",
                    f"its {len(started)} brokers were not ready within {deadline_s:.0f} s",
                    "end what else keeps this machine busy, then start again",
                )
            time.sleep(_POLL_S)

    def kill_broker(self, node: int) -> None:
        """A broker dies at once, and its listeners refuse. With the first, the only controller dies."""
        self._refuse(node)
        self.brokers[node - 1].kill()

    def stop_broker(self, node: int) -> None:
        """A broker hands over its partitions and ends, and its listeners refuse."""
        self.brokers[node - 1].stop()
        self._refuse(node)

    def start_broker(self, node: int, *, deadline_s: float = _START_S) -> None:
        """A broker that was stopped or killed starts again, on its ports and data; returns when it is ready."""
        self.brokers[node - 1].start()
        self.wait_until_ready(deadline_s=deadline_s)
        for relay in self.relays[node - 1]:
            relay.set(Forward())

    @contextlib.contextmanager
    def frozen(self, node: int) -> Iterator[None]:
        """A broker whose sockets stay open and say nothing, for as long as the block runs."""
        self.brokers[node - 1].freeze()
        try:
            yield
        finally:
            self.brokers[node - 1].thaw()

    def certificate(self, listener: str | None = None) -> Certificate:
        """What a listener shows now; LookupError where it began without a certificate."""
        name = self.spec.listeners[self._index(listener)].name
        shown = self._served[name]
        if shown is None:
            raise LookupError(f"the listener {name} began without a certificate")
        return shown

    def serve(self, certificate: Certificate, *, listener: str | None = None) -> Certificate:
        """Let a listener of every broker show another certificate, and wait until it does; the former, to undo it with.

        Raises TimeoutError where it is not seen within 15 s.
        """
        from pytest_substrate.embedded.kafka.tls import wait_until_served

        former = self.certificate(listener)
        index = self._index(listener)
        name = self.spec.listeners[index].name
        key = listener_key(name, "ssl.keystore.location")
        with self.admin.together():
            for broker in self.brokers:
                self.admin.set_broker_settings(broker.node, {key: str(certificate.file)})
        self._served[name] = certificate
        for relays in self.relays:
            wait_until_served(certificate, relays[index].upstream, deadline_s=_SERVED_S)
        return former

    def offer(self, *mechanisms: str, listener: str | None = None) -> tuple[str, ...]:
        """Let a listener of every broker offer other mechanisms; the former ones, to undo it with.

        The brokers are started again for it: a listener that stands keeps its mechanisms, whatever the administration
        is told, and answers with success (seen on 4.2.0).
        """
        index = self._index(listener)
        listeners = list(self.spec.listeners)
        former = listeners[index].mechanisms
        listeners[index] = dataclasses.replace(listeners[index], mechanisms=mechanisms)
        self.spec = dataclasses.replace(self.spec, listeners=tuple(listeners))
        for broker in reversed(self.brokers):  # the controller last: it lets the others go in order
            broker.stop()
            broker.configure(self._settings(broker.node))
        for broker in self.brokers:
            broker.start()
        self.wait_until_ready()
        return former

    def stop(self) -> None:
        """End the brokers at once, and the relays; remove the folder: nothing of the cluster is to be kept."""
        if self._admin is not None:
            self._admin.close()
            self._admin = None
        for broker in self.brokers:
            broker.kill()
        for relays in self.relays:
            for relay in relays:
                relay.close()
        for held in self._held:
            held.close()
        self.brokers, self.relays, self._held = (), (), []
        shutil.rmtree(self._folder, ignore_errors=True)

    def _lay(self, platform: Path, network: Network) -> None:
        """Choose ports, put up the relays, write what each broker reads."""
        self._folder.mkdir(mode=0o700)
        controller = self._hold()
        cluster_id = urlsafe_b64encode(secrets.token_bytes(16)).decode().rstrip("=")
        for node in range(1, self.spec.brokers + 1):
            ports = BrokerPorts(
                internal=self._hold(),
                listeners=tuple(self._hold() for _ in self.spec.listeners),
                controller=controller,
            )
            self._ports = (*self._ports, ports)
            self.relays = (*self.relays, tuple(network.relay(("127.0.0.1", port)) for port in ports.listeners))
            broker = Broker(
                node=node,
                cluster=self.spec.name,
                cluster_id=cluster_id,
                folder=self._folder / str(node),
                platform=platform,
                runtime=self._runtime,
                settings=self._settings(node),
                internal_port=ports.internal,
            )
            self.brokers = (*self.brokers, broker)

    def _settings(self, node: int) -> dict[str, str]:
        return server_properties(
            self.spec,
            version=self._runtime.jars.version,
            node=node,
            data=self._folder / str(node) / "data",
            ports=self._ports[node - 1],
            advertised=tuple(relay.address for relay in self.relays[node - 1]),
            keystore=self._certificate.file if self._certificate else None,
            ca_file=self._authority.ca_file if self._authority else None,
        )

    def _hold(self) -> int:
        held = HeldPort()
        self._held.append(held)
        return held.port

    def _index(self, listener: str | None) -> int:
        return 0 if listener is None else [each.name for each in self.spec.listeners].index(listener)

    def _refuse(self, node: int) -> None:
        for relay in self.relays[node - 1]:
            relay.set(Refuse())
