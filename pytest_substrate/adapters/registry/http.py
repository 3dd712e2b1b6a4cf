"""One GET or POST with its deadlines, and what may be sent where: TLS but to loopback, no secret to a stranger.

A redirect to another scheme, host or port never gets the Authorization header, and none leads from TLS to plain HTTP.
Ten seconds without a byte end an exchange, and twenty seconds a document, however its bytes trickle.
"""

from __future__ import annotations

import http.client
import ipaddress
import socket
import ssl
import threading
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Final

from pytest_substrate.model.image import Unseen
from pytest_substrate.model.observation import Unobserved

SILENCE_S: Final = 10.0
DOCUMENT_S: Final = 20.0

_SLOWEST: Final = 32 * 1024
"""Bytes a second; a blob that takes a minute longer than that isn't waited for."""

_PIECE: Final = 256 * 1024
_MOST_REDIRECTS: Final = 8
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_STATUS: Final[Mapping[int, str]] = {401: "access-denied", 403: "access-denied", 408: "timeout", 429: "throttled"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Whom a request goes to; credentials are for one origin alone."""

    scheme: str
    host: str
    port: int

    @property
    def loopback(self) -> bool:
        """Whether it is this machine."""
        return is_loopback(self.host)


def is_loopback(host: str) -> bool:
    """Whether a host is this machine, by its name."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class Answer:
    """A response whose body is read in pieces. `length` is what it says of itself, None where it says nothing."""

    def __init__(self, response: http.client.HTTPResponse, origin: Origin, watch: _Watch) -> None:
        self._response, self._watch = response, watch
        self.origin = origin
        self.status = response.status
        self.headers = response.headers
        self.length = response.length
        self.chunked = bool(response.chunked)

    def take_time(self, watch: _Watch) -> None:
        """Another deadline from now on."""
        self._watch = watch

    def pieces(self) -> Iterator[bytes]:
        """The body; Unseen where it is cut or falls silent."""
        while True:
            with _unseen(self._watch):
                piece = self._response.read1(_PIECE)
            if not piece:
                break
            yield piece
        if self._watch.expired:
            raise self._watch.error()
        if self._response.length:
            raise cut()

    def document(self, most: int) -> bytes:
        """The whole body; of a longer one than `most`, one byte more."""
        data = bytearray()
        for piece in self.pieces():
            data += piece
            if len(data) > most:
                break
        return bytes(data[: most + 1])


class _Watch:
    """Ends an exchange at its deadline: the socket is shut down, so whoever waits for it wakes."""

    def __init__(self, seconds: float, connection: http.client.HTTPConnection) -> None:
        self.expired = False
        self._connection = connection
        self._timer = threading.Timer(seconds, self._end)
        self._timer.daemon = True
        self._timer.start()

    def _end(self) -> None:
        self.expired = True
        with suppress(AttributeError, OSError):  # not connected yet, or ended by itself
            self._connection.sock.shutdown(socket.SHUT_RDWR)

    def stop(self) -> None:
        """The deadline holds no more."""
        self._timer.cancel()

    @staticmethod
    def error() -> Unseen:
        """What an exchange that took too long is."""
        return Unseen(Unobserved(reason="timeout", detail="the registry's answer took too long"))


def cut() -> Unseen:
    """What an answer that ends early is."""
    return Unseen(Unobserved(reason="unreachable", detail="the registry's answer was cut"))


@contextmanager
def _unseen(watch: _Watch) -> Iterator[None]:
    try:
        yield
    except Unseen:
        raise
    except TimeoutError:
        raise Unseen(Unobserved(reason="timeout", detail="the registry fell silent")) from None
    except ssl.SSLError as error:
        if watch.expired:
            raise watch.error() from None
        reason = "untrusted" if isinstance(error, ssl.SSLCertVerificationError) else "unreachable"
        raise Unseen(Unobserved(reason=reason, detail=f"TLS failed: {error.reason or type(error).__name__}")) from None
    except OSError as error:
        if watch.expired:
            raise watch.error() from None
        raise Unseen(Unobserved(reason="unreachable", detail=error.strerror or type(error).__name__)) from None
    except http.client.HTTPException as error:
        if watch.expired:
            raise watch.error() from None
        reason = "unreachable" if isinstance(error, http.client.IncompleteRead) else "malformed"
        raise Unseen(Unobserved(reason=reason, detail=f"no whole HTTP answer: {type(error).__name__}")) from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is asked. `authorization` goes to the first origin alone; `size` is how long a blob
    may be; `head` asks for no body."""

    url: str
    headers: Mapping[str, str]
    authorization: str | None = None
    body: bytes | None = None
    size: int | None = None
    head: bool = False


@contextmanager
def exchange(request: Request) -> Iterator[Answer]:
    """The answer behind every redirect; Unseen where there is none."""
    url, first = request.url, origin_of(request.url)
    for _ in range(_MOST_REDIRECTS + 1):
        origin = origin_of(url)
        if origin.scheme == "http" and not (origin.loopback and first.loopback):
            raise Unseen(Unobserved(reason="refused", detail="plain HTTP is spoken with this machine alone"))
        connection = _connection(origin)
        watch = _Watch(DOCUMENT_S, connection)
        try:
            with _unseen(watch):
                answer = _ask(connection, origin, url, request, watch, trusted=origin == first)
            if answer.status in _REDIRECTS and answer.headers.get("Location"):
                url = urllib.parse.urljoin(url, answer.headers["Location"])
                continue
            if request.size is not None:
                watch.stop()
                watch = _Watch(60.0 + request.size / _SLOWEST, connection)
                answer.take_time(watch)
            yield answer
            return
        finally:
            watch.stop()
            connection.close()
    raise Unseen(Unobserved(reason="refused", detail="the registry redirects without an end"))


def _ask(
    connection: http.client.HTTPConnection, origin: Origin, url: str, request: Request, watch: _Watch, *, trusted: bool
) -> Answer:
    headers = {"User-Agent": "pytest-substrate", "Accept-Encoding": "identity", **request.headers}
    if trusted and request.authorization is not None:
        headers["Authorization"] = request.authorization
    parts = urllib.parse.urlsplit(url)
    target = urllib.parse.quote(parts.path or "/", safe="/%:@!$&'()*+,;=~") + (f"?{parts.query}" if parts.query else "")
    body = request.body if trusted else None
    method = "HEAD" if request.head else "GET" if body is None else "POST"
    connection.request(method, target, body=body, headers=headers)
    response = connection.getresponse()
    if watch.expired:
        raise watch.error()
    if response.headers.get("Content-Encoding", "identity") not in ("identity", ""):
        raise Unseen(Unobserved(reason="malformed", detail="the registry packs its answer, which nobody asked for"))
    return Answer(response, origin, watch)


def origin_of(url: str) -> Origin:
    """Scheme, host and port of a URL; Unseen for a URL that can't be asked."""
    try:
        parts = urllib.parse.urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        parts, port = urllib.parse.urlsplit(""), 0
    if parts.scheme not in ("http", "https") or not parts.hostname or any(not c.isprintable() for c in url):
        raise Unseen(Unobserved(reason="malformed", detail="the registry names a URL that can't be asked"))
    return Origin(scheme=parts.scheme, host=parts.hostname, port=port)


def _connection(origin: Origin) -> http.client.HTTPConnection:
    if origin.scheme == "http":
        return http.client.HTTPConnection(origin.host, origin.port, timeout=SILENCE_S)
    context = ssl.create_default_context()
    proxy = None if origin.loopback else _proxy(origin.host)
    if proxy is None:
        return http.client.HTTPSConnection(origin.host, origin.port, timeout=SILENCE_S, context=context)
    connection = http.client.HTTPSConnection(proxy.host, proxy.port, timeout=SILENCE_S, context=context)
    connection.set_tunnel(origin.host, origin.port)
    return connection


def _proxy(host: str) -> Origin | None:
    """The proxy that the environment names for TLS; a tunnel, which sees no header."""
    named = urllib.request.getproxies().get("https")
    if not named or urllib.request.proxy_bypass(host):
        return None
    return origin_of(named if "://" in named else f"http://{named}")


def unanswered(answer: Answer) -> Unseen:
    """What a status that is no answer is."""
    reason = _STATUS.get(answer.status, "service-error" if answer.status >= 500 else "refused")
    return Unseen(Unobserved(reason=reason, code=str(answer.status), detail=f"the registry answered {answer.status}"))
