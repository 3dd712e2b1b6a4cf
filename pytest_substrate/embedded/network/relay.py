"""A TCP relay in front of each listener, so that a fault can break the network and nothing else.

It moves bytes and never decodes them. It listens on loopback only. A mode holds for every connection made under it;
setting another one ends the connections that are open, so that nothing of the former mode survives `Relay.set`.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Coroutine, Iterator
from types import TracebackType
from typing import Any, Self, TypeVar, cast

from pytest_substrate.embedded.network.mode import Cut, Delay, Forward, Mode, Refuse, Reset, Silent
from pytest_substrate.embedded.network.ports import HeldPort

_PIECE = 65536
_CALL_S = 10.0
_CONNECT_S = 5.0
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER, on, 0 s: close() sends RST

T = TypeVar("T")


class Network:
    """The one thread that runs the relays of a platform."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="substrate-relay", daemon=True)
        self._thread.start()
        self._relays: list[Relay] = []

    def relay(self, upstream: tuple[str, int]) -> Relay:
        """A relay to `upstream` on a port of its own, that listens and forwards when this returns."""
        relay = Relay(self, upstream)
        self._relays.append(relay)
        return relay

    def forget(self, relay: Relay) -> None:
        """A relay is closed: no more to be closed by `close`."""
        with contextlib.suppress(ValueError):
            self._relays.remove(relay)

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run in the relays' thread and wait for the result; TimeoutError after ten seconds."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(_CALL_S)

    def close(self) -> None:
        """End every connection and listener."""
        if self._loop.is_closed():
            return
        for relay in list(self._relays):
            relay.close()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_CALL_S)
        self._loop.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Relay:
    """One relayed address. Its port never changes, whatever the mode."""

    def __init__(self, network: Network, upstream: tuple[str, int]) -> None:
        self._network = network
        self._upstream = upstream
        self._held = HeldPort()
        self._mode: Mode = Refuse()
        self._servers: list[asyncio.Server] = []
        self._open: dict[asyncio.Task[None], list[asyncio.StreamWriter]] = {}
        self.port = self._held.port
        self.set(Forward())

    @property
    def address(self) -> str:
        """The address that a broker advertises, `localhost:PORT`."""
        return f"localhost:{self.port}"

    @property
    def upstream(self) -> tuple[str, int]:
        """Where a connection leads."""
        return self._upstream

    @property
    def mode(self) -> Mode:
        """The mode in force."""
        return self._mode

    @property
    def connections(self) -> int:
        """How many connections are open."""
        return len(self._open)

    def set(self, mode: Mode) -> Mode:
        """Put `mode` in force and end the open connections; the former mode, to undo it with."""
        return self._network.run(self._set(mode, self._upstream))

    def redirect(self, upstream: tuple[str, int]) -> tuple[str, int]:
        """Lead new connections to `upstream` and end the open ones; the former upstream, to undo it with."""
        former = self._upstream
        self._network.run(self._set(self._mode, upstream))
        return former

    @contextlib.contextmanager
    def behaving(self, mode: Mode) -> Iterator[None]:
        """`mode` for as long as the block runs."""
        former = self.set(mode)
        try:
            yield
        finally:
            self.set(former)

    def close(self) -> None:
        """End the connections, the listener and the hold on the port."""
        self._network.forget(self)
        self.set(Refuse())
        self._held.close()

    async def _set(self, mode: Mode, upstream: tuple[str, int]) -> Mode:
        former, self._mode, self._upstream = self._mode, mode, upstream
        if isinstance(mode, Refuse):
            for server in self._servers:
                server.close()
            self._servers.clear()
        await self._end_open()
        if isinstance(mode, Refuse):
            self._held.hold_again()
        elif not self._servers:
            self._servers = [await asyncio.start_server(self._serve, sock=sock) for sock in self._held.listen()]
        return former

    async def _end_open(self) -> None:
        tasks = list(self._open)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One client connection, from accept to close; never raises."""
        task = cast("asyncio.Task[None]", asyncio.current_task())  # a callback of start_server is always a task
        writers = self._open.setdefault(task, [writer])
        # asyncio does so only for sockets whose protocol is named, and an answer in two pieces would wait 40 ms
        writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            await self._treat(reader, writer, writers)
        except _CutOff:
            pass
        except (OSError, asyncio.CancelledError):
            for each in writers:
                _reset(each)
        finally:
            for each in writers:
                each.close()
            del self._open[task]

    async def _treat(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, writers: list[asyncio.StreamWriter]
    ) -> None:
        mode = self._mode
        if isinstance(mode, Refuse | Reset):  # Refuse: accepted at the moment the listener closed
            _reset(writer)
            return
        if isinstance(mode, Silent):
            while await reader.read(_PIECE):
                pass
            return
        answers, requests = await asyncio.wait_for(asyncio.open_connection(*self._upstream), _CONNECT_S)
        writers.append(requests)
        pumps = {
            asyncio.ensure_future(_pump(reader, requests)),
            asyncio.ensure_future(self._answer(mode, answers, writer)),
        }
        try:
            done, _ = await asyncio.wait(pumps, return_when=asyncio.FIRST_EXCEPTION)
            for pump in done:
                pump.result()
        finally:
            for pump in pumps:
                pump.cancel()

    @staticmethod
    async def _answer(mode: Mode, answers: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if isinstance(mode, Cut):
            await _pump_and_cut(answers, writer, mode.after_bytes)
        else:
            await _pump(answers, writer, delay_s=mode.ms / 1000 if isinstance(mode, Delay) else 0.0)


class _CutOff(Exception):
    """The bytes that a cut lets through are through."""


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, delay_s: float = 0.0) -> None:
    while piece := await source.read(_PIECE):
        if delay_s:
            await asyncio.sleep(delay_s)
        sink.write(piece)
        await sink.drain()
    if sink.can_write_eof():
        sink.write_eof()


async def _pump_and_cut(source: asyncio.StreamReader, sink: asyncio.StreamWriter, left: int) -> None:
    while left and (piece := await source.read(min(_PIECE, left))):
        sink.write(piece)
        await sink.drain()
        left -= len(piece)
    raise _CutOff


def _reset(writer: asyncio.StreamWriter) -> None:
    sock = writer.get_extra_info("socket")
    if sock is not None and sock.fileno() >= 0:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    writer.transport.abort()
