"""One broker: a JVM that is started, stopped, killed, frozen, and started again on the same ports and data."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import struct
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pytest_substrate.embedded import keeper
from pytest_substrate.embedded.kafka.jars import Jars
from pytest_substrate.embedded.kafka.java import Java
from pytest_substrate.embedded.kafka.settings import LOG4J2, properties_text

Spawn = Callable[..., "subprocess.Popen[bytes]"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """What brokers run on. `flags` are further options of every JVM, `flags_of_first` of the first broker's alone."""

    java: Java
    jars: Jars
    flags: tuple[str, ...] = ()
    flags_of_first: tuple[str, ...] = ()
    spawn: Spawn = keeper.spawn_expendable


JVM_FLAGS = ("-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData", "-Xlog:disable")
"""For a short life on two cores: a small heap, no threads but the needed, code that is compiled once and quickly.

No file for other processes' eyes (`-UsePerfData`), and no notes of the JVM itself in the broker's log.
"""

_STOP_S = 10.0
_METADATA = struct.pack(">hhih9si?", 3, 4, 1, 9, b"substrate", 0, False)
"""A Metadata request, version 4, for no topics: every version from 0.11 on answers it."""


_TELLS = re.compile(r" (ERROR|FATAL) |^(Caused by: )?[\w.$]+(Exception|Error)\b|^Error")
"""The lines of a log that say why: of its logger, of an exception's head, and of the JVM itself."""


class BrokerDied(Exception):
    """A broker ended while it started; the text is the last of its log that says why."""


class Broker:
    """Broker `node` of a cluster, in `folder`; it does not run until `start`."""

    def __init__(
        self,
        *,
        node: int,
        cluster: str,
        cluster_id: str,
        folder: Path,
        platform: Path,
        runtime: Runtime,
        settings: Mapping[str, str],
        internal_port: int,
    ) -> None:
        self.node = node
        self.internal_port = internal_port
        self.process: subprocess.Popen[bytes] | None = None
        self._is_started = False
        self._name = f"kafka-{cluster}-{node}"
        self._folder = folder
        self._platform = platform
        self._spawn = runtime.spawn
        _lay(folder, node=node, cluster_id=cluster_id)
        self.configure(settings)
        self._argv = [
            str(runtime.java.executable),
            *JVM_FLAGS,
            *runtime.flags,
            *(runtime.flags_of_first if node == 1 else ()),
            f"-Djava.io.tmpdir={folder / 'tmp'}",
            f"-Dlog4j2.configurationFile={folder / 'log4j2.properties'}",
            "-cp",
            runtime.jars.classpath,
            "kafka.Kafka",
            str(folder / "server.properties"),
        ]

    @property
    def log(self) -> Path:
        """Its log file."""
        return self._platform / "logs" / f"{self._name}.log"

    @property
    def is_started(self) -> bool:
        """Whether it is meant to run: it was started, and neither stopped nor killed since."""
        return self._is_started

    @property
    def is_running(self) -> bool:
        """Whether its process lives."""
        return self.process is not None and self.process.poll() is None

    def configure(self, settings: Mapping[str, str]) -> None:
        """Write the settings that it reads when it starts the next time."""
        file = self._folder / "server.properties"
        file.touch(mode=0o600)
        file.write_text(properties_text(settings), encoding="ascii")

    def start(self) -> None:
        """Start the process; it is not ready when this returns."""
        self._is_started = True
        if not self.is_running:
            self.process = self._spawn(
                self._argv, folder=self._platform, name=self._name, env={"LC_ALL": "C.UTF-8"}, cwd=self._folder
            )

    def stop(self, *, patience_s: float = _STOP_S) -> None:
        """Let it hand over its partitions and end; killed after `patience_s` seconds."""
        self._is_started = False
        if self.process is None:
            return
        self.thaw()
        self.process.terminate()
        try:
            self.process.wait(patience_s)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """End it at once, as a power cut does."""
        self._is_started = False
        if self.process is not None:
            self.process.kill()
            self.process.wait(_STOP_S)

    def freeze(self) -> None:
        """Stop its threads, all of them: its sockets stay open and say nothing."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let its threads go on."""
        self._signal(signal.SIGCONT)

    def sees(self) -> int:
        """How many brokers its own metadata names, over its internal listener; 0 while it does not answer.

        Raises BrokerDied where its process has ended.
        """
        if not self.is_running:
            raise BrokerDied(f"broker {self.node}: {self._last_words()}")
        try:
            return _count_brokers(self.internal_port)
        except OSError:
            return 0

    def _signal(self, number: int) -> None:
        if self.process is not None and self.is_running:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.process.pid, number)

    def _last_words(self) -> str:
        code = None if self.process is None else self.process.returncode
        try:
            lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            lines = []
        told = [line.strip() for line in lines if _TELLS.search(line)]
        return f"its process ended with {code}: {' | '.join(told[-3:]) or 'and its log does not say why'}"


def _lay(folder: Path, *, node: int, cluster_id: str) -> None:
    """The files of a broker that has never run.

    A formatted data folder is its `meta.properties`: what else `kafka-storage format` writes, the first records of the
    metadata log, the controller makes itself where they are missing (`BootstrapDirectory`). It saves a JVM of 1.2 s.
    """
    data = folder / "data"
    for each in (folder, data, folder / "tmp"):
        each.mkdir(mode=0o700, parents=True)
    (data / "meta.properties").write_text(f"version=1\ncluster.id={cluster_id}\nnode.id={node}\n", encoding="ascii")
    (folder / "log4j2.properties").write_text(LOG4J2, encoding="ascii")


def _count_brokers(port: int) -> int:
    with socket.create_connection(("127.0.0.1", port), 0.5) as sock:
        sock.settimeout(2.0)
        sock.sendall(struct.pack(">i", len(_METADATA)) + _METADATA)
        answer = sock.makefile("rb")
        size = answer.read(4)
        body = answer.read(struct.unpack(">i", size)[0]) if len(size) == 4 else b""
    # the count stands after the correlation id and the throttle time
    return int(struct.unpack(">i", body[8:12])[0]) if len(body) >= 12 else 0
