"""The way to a broker, step by step: name, TCP, TLS, frames. Each step is bounded and ends in a value or `Broken`."""

from __future__ import annotations

import errno
import os
import socket
import ssl
import threading
import time
from typing import Any, Callable

from .wire import CLIENT, Broken, Reader, left, packed

FRAME_LIMIT = 1 << 22
"""Bytes of an answer; ours are small, so a longer one is no Kafka."""

VERIFY = {9: "not-yet-valid", 10: "expired", 62: "wrong-name", 64: "wrong-name"}
"""OpenSSL's X509_V_ERR_…, with `certificate-` before it; every other one is `untrusted`."""

CAUSES = (
    (ssl.SSLEOFError, "closed"),
    (ssl.SSLZeroReturnError, "closed"),
    (socket.timeout, "silent"),
    (ConnectionRefusedError, "connection-refused"),
    (ConnectionError, "closed"),
)


def in_thread(work: Callable[[], Any]) -> Callable[[float], Any]:
    """Start `work` beside us; the function returned waits for it until a deadline, and gives or raises its outcome.

    For what can't be bounded otherwise (getaddrinfo), and for what may run at the same time.
    """
    done = []  # type: list[Any]

    def target() -> None:
        try:
            done.append((work(), None))
        except Exception as error:
            done.append((None, error))

    thread = threading.Thread(target=target, daemon=True)
    thread.start()

    def outcome(until: float) -> Any:
        thread.join(max(until - time.monotonic(), 0))
        if not done:
            raise Broken("silent")
        value, error = done[0]
        if error:
            raise error
        return value

    return outcome


def as_broken(error: Exception) -> Broken:
    """What an error of the operating system or of OpenSSL comes to; our own bugs are raised again."""
    if isinstance(error, Broken):
        return error
    if isinstance(error, ssl.SSLCertVerificationError):
        return Broken("certificate-" + VERIFY.get(error.verify_code, "untrusted"), error.verify_message)
    for kind, cause in CAUSES:
        if isinstance(error, kind):
            return Broken(cause)
    if isinstance(error, ssl.SSLError):
        reason = error.reason or ""
        return Broken("alert" if "ALERT" in reason else "garbled", reason)
    if isinstance(error, OSError):
        gone = error.errno == errno.ENOTCONN
        return Broken("closed" if gone else "no-route", errno.errorcode.get(error.errno or 0))
    raise error


def resolve(host: str, port: int, until: float) -> list[Any]:
    """What getaddrinfo gives, in its order."""
    try:
        return list(in_thread(lambda: socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM))(until))
    except (socket.gaierror, UnicodeError) as error:
        raise Broken("unresolved", "getaddrinfo %s" % getattr(error, "errno", "")) from None


def connect(found: list[Any], until: float) -> socket.socket:
    """A connection to the first address that accepts; each gets its share of the time. It may be reset already."""
    causes = []
    for index, (family, _, _, _, address) in enumerate(found):
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.settimeout(left(until) / (len(found) - index))
            sock.connect(address)
            return sock
        except ConnectionResetError:  # after the handshake of TCP: it was accepted, and the next step meets the end
            return sock
        except Exception as error:
            sock.close()
            causes.append(as_broken(error))
    order = ("silent", "connection-refused", "closed", "no-route")
    raise min(causes, key=lambda broken: order.index(broken.cause))


def tls_context(files: tuple[str | None, str | None, str | None]) -> ssl.SSLContext:
    """As Kafka clients make it: the given CA file alone, else the interpreter's default store; names are checked."""
    ca_file, cert_file, key_file = files
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    fault = "ca-unreadable"
    try:
        if ca_file:
            context.load_verify_locations(ca_file)
        else:
            context.load_default_certs()
            folder = ssl.get_default_verify_paths().capath
            if not context.cert_store_stats()["x509_ca"] and not (folder and os.listdir(folder)):
                raise Broken("no-trust-store")
        fault = "client-certificate-unreadable"
        if cert_file:
            context.load_cert_chain(cert_file, key_file)
    except OSError as error:
        raise Broken(fault, type(error).__name__) from None
    return context


def secure(sock: socket.socket, context: ssl.SSLContext, host: str, until: float) -> ssl.SSLSocket:
    """The TLS handshake, bounded as a whole."""
    sock.settimeout(left(until))
    wrapped = context.wrap_socket(sock, server_hostname=host, do_handshake_on_connect=False)
    wrapped.do_handshake()
    return wrapped


class Connection:
    """Frames over a socket: one request, one answer."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.sent = 0

    def answer(self, api: int, version: int, body: bytes, until: float) -> Reader:
        """Send a request and give a reader of its answer's body."""
        self.sent += 1
        head = packed("hhis", api, version, self.sent, CLIENT)
        if (api, version) == (18, 3):  # the one request with tagged fields in its header
            head += b"\0"
        lost = None
        try:
            self.sock.settimeout(left(until))
            self.sock.sendall(packed("y", head + body))
        except ConnectionError as error:  # what the peer said before it closed is still to be read
            lost = error
        start = self.exactly(4, until)
        size = Reader(start).one("i")
        if start[:2] == b"\x15\3":
            raise Broken("tls-expected")
        if not 4 <= size <= FRAME_LIMIT:
            raise Broken("garbled", "frame length")
        reader = Reader(self.exactly(size, until))
        if lost or reader.one("i") != self.sent:
            raise Broken("garbled", "correlation id")
        return reader

    def exactly(self, size: int, until: float) -> bytes:
        """That many bytes, however they are cut."""
        parts = []
        while size:
            self.sock.settimeout(left(until))
            part = self.sock.recv(min(size, 65536))
            if not part:
                raise Broken("closed")
            parts.append(part)
            size -= len(part)
        return b"".join(parts)
