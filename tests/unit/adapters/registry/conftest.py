"""A registry of this machine that answers as a test tells it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.unit.planes.packaging.making import Store


@dataclass(kw_only=True)
class Asked:
    """One request as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    port: int


Answer = Callable[[BaseHTTPRequestHandler, Asked], bool]
"""Writes an answer and says so, or leaves it to the registry's own."""


@dataclass(kw_only=True)
class Served:
    """A registry of a store's blobs, under any repository; `answer` comes first. `asked` is what came."""

    store: Store = field(default_factory=Store)
    answer: Answer = lambda handler, asked: False
    asked: list[Asked] = field(default_factory=list)
    ports: list[int] = field(default_factory=list)

    @property
    def host(self) -> str:
        """Host and port of the first listener."""
        return f"127.0.0.1:{self.ports[0]}"

    @property
    def other(self) -> str:
        """Host and port of the second: another origin."""
        return f"127.0.0.1:{self.ports[1]}"


def reply(
    handler: BaseHTTPRequestHandler, status: int, body: bytes = b"", headers: dict[str, str] | None = None
) -> bool:
    """A whole answer."""
    handler.send_response(status)
    told = {"Content-Length": str(len(body)), **(headers or {})}
    for name, value in told.items():
        handler.send_header(name, value)
    handler.end_headers()
    if handler.command != "HEAD":
        handler.wfile.write(body)
    return True


@pytest.fixture
def served() -> Iterator[Served]:
    """Two listeners of one registry."""
    found = Served()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            asked = Asked(
                method=self.command,
                path=self.path,
                headers=dict(self.headers.items()),
                body=body,
                port=self.connection.getsockname()[1],
            )
            found.asked.append(asked)
            self.close_connection = True
            if found.answer(self, asked):
                return
            name = self.path.rpartition("/")[2]
            data = found.store.blobs.get(name)
            kind = found.store.types.get(name, "application/octet-stream")
            reply(self, 404 if data is None else 200, data or b"", {"Content-Type": kind})

        def do_HEAD(self) -> None:
            self.do_GET()

        def do_POST(self) -> None:
            self.do_GET()

        def log_message(self, format: str, *args: object) -> None:
            pass

    servers = [ThreadingHTTPServer(("127.0.0.1", 0), Handler) for _ in range(2)]
    threads = [threading.Thread(target=server.serve_forever, args=(0.01,)) for server in servers]
    found.ports = [server.socket.getsockname()[1] for server in servers]
    for thread in threads:
        thread.start()
    yield found
    for server in servers:
        server.shutdown()
        server.server_close()
    for thread in threads:
        thread.join()
