"""A server that speaks HTTP over TLS: what a client of Kafka meets where a proxy took the broker's place."""

from __future__ import annotations

import contextlib
import socketserver
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

_ANSWER: Final = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
_PATIENCE_S: Final = 5.0


@contextlib.contextmanager
def speaking_https(certificate: Path) -> Iterator[tuple[str, int]]:
    """The address of such a server on loopback, which shows the certificate (key and chain in one PEM file)."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.settimeout(_PATIENCE_S)
            with contextlib.suppress(OSError), context.wrap_socket(self.request, server_side=True) as secured:
                secured.recv(65536)  # whatever it is, it is no HTTP
                secured.sendall(_ANSWER)

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

    with Server(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, name="substrate-https", daemon=True).start()
        address: Any = server.server_address
        try:
            yield str(address[0]), int(address[1])
        finally:
            server.shutdown()
