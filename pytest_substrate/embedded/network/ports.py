"""Ports that two platforms side by side never both get, and that keep their number while nobody listens.

A held port is bound, but not listened on: nothing else is given it, a connection to it is refused, and who is handed
the number can still listen. On Linux that holds for as long as the holder lives, because two sockets with SO_REUSEADDR
may share an address until one listens, and the kernel's own choice of a free port leaves it out (`inet_csk_get_port`).
Elsewhere the hold ends when the port is handed over, and who listens must be ready to find it taken.
"""

from __future__ import annotations

import errno
import socket
import sys
from types import TracebackType
from typing import Self

_OUTLASTS_LISTENER = sys.platform == "linux"
_ATTEMPTS = 20
_BACKLOG = 128


class HeldPort:
    """One loopback port, the same on 127.0.0.1 and, where the machine has it, on ::1; held until `close`."""

    def __init__(self) -> None:
        self._holds, self._families = _hold(0)
        self.port: int = self._holds[0].getsockname()[1]

    def hand_over(self) -> int:
        """The number, for another process that will listen on it."""
        if not _OUTLASTS_LISTENER:
            self.close()
        return self.port

    def listen(self) -> list[socket.socket]:
        """Sockets of this process that listen on the port; OSError where someone else has taken it."""
        self.hand_over()
        listening = [_bind(family, self.port) for family in self._families]
        for sock in listening:
            sock.listen(_BACKLOG)
        return listening

    def hold_again(self) -> None:
        """Take the hold back after the sockets of `listen` were closed; OSError where someone else has taken it."""
        if not self._holds:
            self._holds, self._families = _hold(self.port)

    def close(self) -> None:
        """End the hold."""
        for sock in self._holds:
            sock.close()
        self._holds = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _hold(wanted: int) -> tuple[list[socket.socket], tuple[socket.AddressFamily, ...]]:
    for _ in range(_ATTEMPTS):
        four = _bind(socket.AF_INET, wanted)
        if not _has_ipv6():
            return [four], (socket.AF_INET,)
        try:
            return [four, _bind(socket.AF_INET6, four.getsockname()[1])], (socket.AF_INET, socket.AF_INET6)
        except OSError as error:
            four.close()
            if wanted or error.errno != errno.EADDRINUSE:
                raise
    raise OSError(errno.EADDRINUSE, "no port is free on both 127.0.0.1 and ::1")


def _bind(family: socket.AddressFamily, port: int) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            sock.bind(("::1", port))
        else:
            sock.bind(("127.0.0.1", port))
    except OSError:
        sock.close()
        raise
    return sock


def _has_ipv6() -> bool:
    """Whether this machine has the address ::1 (a container often lacks it, whatever Python was built with)."""
    if not socket.has_ipv6:
        return False
    try:
        _bind(socket.AF_INET6, 0).close()
    except OSError:
        return False
    return True
