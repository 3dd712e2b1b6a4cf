"""Ports that are held."""

from __future__ import annotations

import socket
import subprocess
import sys

import pytest

from pytest_substrate.embedded.network.ports import HeldPort

_LISTEN = """
import socket, sys
sock = socket.socket()
sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
sock.bind(("127.0.0.1", int(sys.argv[1])))
sock.listen()
"""


def test_a_held_port_refuses_and_is_nobody_elses() -> None:
    """Nobody listens on it, and who asks for it by number does not get it."""
    with HeldPort() as held, socket.socket() as other:
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", held.port), 1)
        with pytest.raises(OSError, match="in use"):
            other.bind(("127.0.0.1", held.port))


def test_no_two_holds_share_a_port() -> None:
    """Each port is given once while it is held."""
    holds = [HeldPort() for _ in range(50)]
    try:
        assert 50 == len({held.port for held in holds})
    finally:
        for held in holds:
            held.close()


def test_another_process_can_listen_on_a_port_that_is_handed_over() -> None:
    """That is what the hold is for; and it can again after it has ended."""
    with HeldPort() as held:
        for _ in range(2):
            subprocess.run([sys.executable, "-I", "-c", _LISTEN, str(held.hand_over())], check=True, timeout=20)


def test_the_port_is_free_after_the_hold() -> None:
    """A hold that is closed keeps nothing."""
    with HeldPort() as held:
        port = held.port
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", port))
        assert port == sock.getsockname()[1]
