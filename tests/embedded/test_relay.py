"""The relay, with plain sockets on both its sides."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from pytest_substrate.embedded.network.mode import Cut, Delay, Forward, Mode, Refuse, Reset, Silent
from pytest_substrate.embedded.network.relay import Network, Relay


@pytest.fixture
def echo() -> Iterator[tuple[str, int]]:
    """A server that sends back what it gets, and closes when its client has."""
    server = socket.create_server(("127.0.0.1", 0))

    def answer(sock: socket.socket) -> None:
        with sock, contextlib.suppress(ConnectionError):
            while piece := sock.recv(65536):
                sock.sendall(piece)

    def serve() -> None:
        while True:
            try:
                sock, _ = server.accept()
            except OSError:
                return
            threading.Thread(target=answer, args=(sock,), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    yield server.getsockname()
    server.shutdown(socket.SHUT_RDWR)
    server.close()


@pytest.fixture
def relay(echo: tuple[str, int]) -> Iterator[Relay]:
    """A relay before the echo."""
    with Network() as network:
        yield network.relay(echo)


def _ask(relay: Relay, message: bytes, *, timeout_s: float = 5.0) -> bytes:
    with socket.create_connection(("127.0.0.1", relay.port), timeout_s) as sock:
        sock.sendall(message)
        answer = b""
        while len(answer) < len(message) and (piece := sock.recv(65536)):
            answer += piece
        return answer


def test_it_forwards_every_byte_both_ways(relay: Relay) -> None:
    """A megabyte goes there and comes back as it was."""
    message = bytes(range(256)) * 4096
    with socket.create_connection(("127.0.0.1", relay.port), 5) as sock:
        threading.Thread(target=sock.sendall, args=(message,), daemon=True).start()
        with sock.makefile("rb") as answer:
            assert message == answer.read(len(message))


def test_it_passes_on_the_end_of_each_direction(relay: Relay) -> None:
    """A client that has sent all still gets the whole answer, then the end."""
    with socket.create_connection(("127.0.0.1", relay.port), 5) as sock, sock.makefile("rb") as answer:
        sock.sendall(b"all there is")
        sock.shutdown(socket.SHUT_WR)
        assert b"all there is" == answer.read()


def test_it_refuses(relay: Relay) -> None:
    """Nothing listens, and the port is still its own: forwarding goes on there."""
    with relay.behaving(Refuse()), pytest.raises(ConnectionRefusedError):
        _ask(relay, b"hello")
    assert b"hello" == _ask(relay, b"hello")


def test_it_stays_silent(relay: Relay) -> None:
    """It accepts and takes what comes, and no byte and no end comes back."""
    with relay.behaving(Silent()), pytest.raises(TimeoutError):
        _ask(relay, b"hello", timeout_s=0.3)


def test_it_resets(relay: Relay) -> None:
    """It accepts, then resets."""
    with relay.behaving(Reset()), pytest.raises((ConnectionResetError, BrokenPipeError)):
        _ask(relay, b"hello")


def test_it_delays_each_answer(relay: Relay) -> None:
    """An answer comes whole, and not before its time."""
    with relay.behaving(Delay(ms=200)):
        began = time.monotonic()
        assert b"hello" == _ask(relay, b"hello")
        assert time.monotonic() - began >= 0.2


@pytest.mark.parametrize("count", [0, 3])
def test_it_cuts_after_so_many_bytes(relay: Relay, count: int) -> None:
    """Exactly so many bytes of the answer come, then the end."""
    with relay.behaving(Cut(after_bytes=count)):
        assert b"hello"[:count] == _ask(relay, b"hello")


@pytest.mark.parametrize("mode", [Refuse(), Silent(), Reset(), Delay(ms=1), Cut(after_bytes=9), Forward()])
def test_another_mode_ends_what_is_open(relay: Relay, mode: Mode) -> None:
    """No connection of the former mode outlives it, and the mode can be undone with what `set` returned."""
    with socket.create_connection(("127.0.0.1", relay.port), 5) as sock:
        sock.sendall(b"hello")
        assert b"hello" == sock.recv(5)
        former = relay.set(mode)
        with pytest.raises(ConnectionResetError):
            sock.recv(1)
    assert 0 == relay.connections
    relay.set(former)
    assert (Forward(), b"hello") == (relay.mode, _ask(relay, b"hello"))


def test_a_dead_upstream_resets(relay: Relay) -> None:
    """Where nobody listens behind it, a client is not left waiting."""
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        former = relay.redirect(nobody.getsockname())
        with pytest.raises((ConnectionResetError, BrokenPipeError)):
            _ask(relay, b"hello")
    relay.redirect(former)
    assert b"hello" == _ask(relay, b"hello")


def test_two_relays_do_not_share_a_mode(echo: tuple[str, int]) -> None:
    """A fault at one listener leaves the other alone."""
    with Network() as network:
        one, other = network.relay(echo), network.relay(echo)
        with one.behaving(Refuse()):
            assert b"hello" == _ask(other, b"hello")


def test_closing_frees_the_port(echo: tuple[str, int]) -> None:
    """After the network's end nothing listens, and the port can be bound."""
    with Network() as network:
        port = network.relay(echo).port
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(("127.0.0.1", port))
        assert port == sock.getsockname()[1]
