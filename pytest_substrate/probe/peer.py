"""One broker, and the steps on the way to it. A step that ends short leaves a failure and a closed connection."""

from __future__ import annotations

import socket
import ssl
from functools import partial
from typing import Any, Callable, Mapping

from .link import Connection, as_broken, connect, in_thread, resolve, secure, tls_context
from .sasl import msk_iam, scram
from .wire import CLIENT, Broken, Reader, left, packed, split_address

APIS = (0, 1, 2, 3, 8, 9, 10, 11, 12, 13, 14, 15, 17, 18, 22, 36)
"""The APIs of which a transcript keeps the advertised range."""


class Setup:
    """How every broker is reached: protocol, mechanism, secret values, and the files of TLS."""

    def __init__(
        self,
        protocol: str,
        mechanism: str | None,
        secret: Mapping[str, str],
        region: str = "",
        files: tuple[str | None, str | None, str | None] = (None, None, None),
    ) -> None:
        self.mechanism = mechanism
        self.secret = secret
        self.region = region
        self.files = files
        self.tls = None  # type: Any
        self.salted = {}  # type: dict[Any, bytes]
        self.stages = ["dns", "tcp"] + ["tls"] * protocol.endswith("SSL") + ["api-versions"]
        if protocol.startswith("SASL"):
            self.stages += ["mechanism", "authenticate"]


class Peer:
    """A broker by its address. `seen` is its part of the transcript."""

    def __init__(self, setup: Setup, address: str) -> None:
        self.setup = setup
        self.seen = {"address": address, "passed": []}  # type: dict[str, Any]
        self.name = ""
        self.found = []  # type: list[Any]
        self.line = None  # type: Any

    def walk(self, stages: list[str], until: float) -> bool:
        """These steps within one deadline, as far as they are not done; whether they were completed."""
        for stage in stages:
            if stage not in self.seen["passed"]:
                try:
                    STEPS[stage](self, until)
                except Exception as error:
                    self.fail(as_broken(error), stage)
                    return False
                self.seen["passed"].append(stage)
        return True

    def fail(self, broken: Broken, stage: str) -> None:
        """Note the first failure. A client certificate shows only when TLS 1.3 is read from: it is TLS's fault."""
        if broken.cause.startswith("client-cert"):
            stage = "tls"
            self.seen["passed"] = ["dns", "tcp"]
        self.seen.setdefault("failure", failure(broken, stage, self.seen["address"]))
        self.shut()

    def shut(self) -> None:
        """Close the connection."""
        if self.line:
            self.line.sock.close()

    def ask(self, api: int, version: int, body: bytes, until: float) -> Reader:
        """A request in a version that the broker must know."""
        low, high = self.seen.get("apis", {}).get(str(api), (0, 3 if api == 18 else -1))
        if not low <= version <= high:
            raise Broken("version-unsupported", "api %d" % api)
        return self.line.answer(api, version, body, until)  # type: ignore[no-any-return]  # `line` comes with tcp

    def dns(self, until: float) -> None:
        """The name's addresses."""
        self.name, port = split_address(self.seen["address"])
        self.found = resolve(self.name, port, until)
        self.seen["addresses"] = sorted({str(item[4][0]) for item in self.found})

    def tcp(self, until: float) -> None:
        """A connection to one of them."""
        self.line = Connection(connect(self.found, until))

    def secured(self, until: float) -> None:
        """TLS over it."""
        setup = self.setup
        setup.tls = setup.tls or tls_context(setup.files)
        try:
            sock = secure(self.line.sock, setup.tls, self.name, until)
        except Exception as error:
            broken = as_broken(error)
            if broken.cause == "alert" and "CERT" in str(broken.detail):
                broken = Broken("client-certificate", broken.detail)
            if broken.cause in ("closed", "garbled") and self.again(until, speaks_plainly):
                broken = Broken("not-tls")
            raise broken from None
        self.line = Connection(sock)
        self.seen["tls_version"] = sock.version()
        self.seen["not_after"] = (sock.getpeercert() or {}).get("notAfter")

    def again(self, until: float, look: Callable[[Peer, socket.socket, float], bool]) -> bool:
        """Look once more at the same address over a connection of its own: which kind of port is it?"""
        try:
            with connect(self.found, until) as sock:
                return look(self, sock, until)
        except ssl.SSLError as error:
            return "ALERT" in str(error.reason)
        except Exception as error:
            as_broken(error)
            return False

    def versions(self, until: float) -> None:
        """ApiVersions, and why it failed where the kind of port explains it."""
        try:
            self.ranges(until)
        except Exception as error:
            broken = as_broken(error)
            if "tls" in self.setup.stages:
                if broken.cause == "alert" or (broken.cause == "closed" and self.again(until, demands_certificate)):
                    broken = Broken("client-certificate", broken.detail)
            elif broken.cause == "closed" and self.again(until, speaks_tls):
                broken = Broken("tls-expected")
            raise broken from None

    def ranges(self, until: float) -> None:
        """The version range of each API; from version 3 down, as long as the answer is 35."""
        version, code = 4, 35
        while code == 35 and version:
            version -= 1
            name = CLIENT.encode()
            body = bytes([len(name) + 1]) + name + b"\x021\0" if version == 3 else b""
            reader = self.ask(18, version, body, until)
            code = reader.one("h")
        if code:
            raise Broken("kafka-error", errno=code)
        apis = {}
        for _ in range(reader.uvar() - 1 if version == 3 else reader.one("i")):
            api, low, high = reader.shaped("hhh")
            for _ in range(reader.uvar() if version == 3 else 0):
                reader.uvar()
                reader.take(reader.uvar())
            if api in APIS:
                apis[str(api)] = [low, high]
        if not apis:
            raise Broken("garbled", "no APIs")
        self.seen["apis"] = apis

    def choose(self, until: float) -> None:
        """SaslHandshake."""
        code, names = self.ask(17, 1, packed("s", self.setup.mechanism), until).shaped("h", ["s"])
        self.seen["mechanisms"] = [name for (name,) in names if name]
        if code:
            raise Broken("kafka-error", errno=code)

    def authenticate(self, until: float) -> None:
        """SaslAuthenticate, as often as the mechanism needs; the last answer's session lifetime."""
        setup, seen = self.setup, self.seen
        version = min(1, seen["apis"].get("36", (0, 0))[1])

        def exchange(token: bytes) -> bytes:
            reader = self.ask(36, version, packed("y", token), until)
            code, words, reply = reader.shaped("hsy")
            if code:
                raise Broken("kafka-error", None, code, words)
            seen["session_lifetime_ms"] = reader.one("q") if version else 0
            return reply or b""

        secret = setup.secret
        if not secret:
            raise Broken("no-credential")
        if setup.mechanism == "AWS_MSK_IAM":
            msk_iam(exchange, self.name, setup.region, secret)
        elif setup.mechanism == "PLAIN":
            exchange("\0".join(["", secret["username"], secret["password"]]).encode())
        else:
            scram(exchange, str(setup.mechanism), secret["username"], secret["password"], setup.salted)

    def offered(self, until: float) -> list[str]:
        """The mechanisms that a listener offers, on a connection of its own; empty where it knows no SASL."""
        setup = Setup("SASL_SSL" if "tls" in self.setup.stages else "SASL_", "-", {}, "", self.setup.files)
        other = Peer(setup, self.seen["address"])
        other.walk(setup.stages[:-1], until)
        other.shut()
        return list(other.seen.get("mechanisms", []))


STEPS = {
    "dns": Peer.dns,
    "tcp": Peer.tcp,
    "tls": Peer.secured,
    "api-versions": Peer.versions,
    "mechanism": Peer.choose,
    "authenticate": Peer.authenticate,
}


def speaks_plainly(_: Peer, sock: socket.socket, until: float) -> bool:
    """Whether Kafka answers without TLS."""
    return Connection(sock).answer(18, 0, b"", until).one("h") in (0, 35)


def speaks_tls(peer: Peer, sock: socket.socket, until: float) -> bool:
    """Whether a handshake, with any certificate, completes; an alert says so as well."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    secure(sock, context, peer.name, until).close()
    return True


def demands_certificate(peer: Peer, sock: socket.socket, until: float) -> bool:
    """Whether an alert follows the handshake: read before anything is written, so that no reset can overtake it."""
    wrapped = secure(sock, peer.setup.tls, peer.name, until)
    wrapped.settimeout(min(left(until), 1))
    wrapped.recv(1)
    return False


def failure(broken: Broken, stage: str, broker: str | None = None) -> dict[str, Any]:
    """A failure's part of the transcript."""
    seen = {
        "cause": broken.cause,
        "stage": stage,
        "broker": broker,
        "kafka_error": broken.errno,
        "peer_message": broken.words,
        "detail": broken.detail,
    }
    return {name: value for name, value in seen.items() if value is not None}


def together(peers: list[Peer], stages: list[str], until: float) -> None:
    """Take the same steps with each broker, side by side. Steps bound themselves."""
    if len(peers) == 1:
        peers[0].walk(stages, until)
    else:
        for peer, wait in [(peer, in_thread(partial(peer.walk, stages, until))) for peer in peers]:
            try:
                wait(until + 1)
            except Broken as broken:
                peer.fail(broken, stages[0])
