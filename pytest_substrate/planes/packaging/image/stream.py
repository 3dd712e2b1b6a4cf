"""A blob's bytes on their way: counted, hashed and inflated, with bounds, and nothing kept.

Hashing runs beside inflating: zlib, zstd and hashlib all let go of the interpreter's lock. A hash that isn't told is no
hash: what was read proves something only when the last byte was.
"""

from __future__ import annotations

import hashlib
import queue
import sys
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, Protocol, Self

from pytest_substrate.model.image import Descriptor, Refuted

LARGEST_LAYERS: Final = 64 * 1024**3
"""The most bytes of all layers of an image, unpacked."""

LARGEST_WINDOW: Final = 27
"""Of zstd, as a power of two: 128 MiB."""

PIECE: Final = 1024 * 1024
"""Of what is unpacked. The larger, the less often inflating asks for the interpreter's lock: it does at 32, 96 and 352
KiB and at the end of each."""

SWITCH_S: Final = 0.0002
"""How long a thread is let run where another wants the interpreter's lock. By default it is 5 ms, which is twice what
it takes to inflate a mebibyte."""

_AHEAD: Final = 2

GZIP, ZSTD, PLAIN = "gzip", "zstd", "plain"


@contextmanager
def turns() -> Iterator[None]:
    """Let threads take turns often, so that inflating, hashing and reading of names run side by side."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(min(before, SWITCH_S))
    try:
        yield
    finally:
        sys.setswitchinterval(before)


class _Hash(Protocol):
    def update(self, data: bytes, /) -> None: ...

    def hexdigest(self) -> str: ...


class Hasher:
    """A thread that hashes what it is given, a few pieces behind; `finish` waits for it."""

    def __init__(self) -> None:
        self._pieces: queue.Queue[tuple[_Hash, bytes] | None] = queue.Queue(_AHEAD)
        self._thread = threading.Thread(target=self._run, name="substrate-image-hash", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while (work := self._pieces.get()) is not None:
            hashed, data = work
            hashed.update(data)

    def give(self, hashed: _Hash, data: bytes) -> None:
        """Hash `data`, soon."""
        self._pieces.put((hashed, data))

    def finish(self) -> None:
        """Wait until everything was hashed, and end the thread."""
        self._pieces.put(None)
        self._thread.join()


class Ahead:
    """Pieces that another thread makes, a few ahead; what it raises is raised where they are taken."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._made: queue.Queue[bytes | BaseException | None] = queue.Queue(_AHEAD)
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="substrate-image-read", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _run(self) -> None:
        try:
            for piece in self._pieces:
                self._made.put(piece)
                if self._stopped:
                    return
        except BaseException as error:  # noqa: BLE001  it is raised by whoever takes the pieces
            self._made.put(error)
        self._made.put(None)

    def __iter__(self) -> Iterator[bytes]:
        while (found := self._made.get()) is not None:
            if isinstance(found, BaseException):
                raise found
            yield found

    def stop(self) -> None:
        """No more pieces are wanted; afterwards the thread has ended."""
        self._stopped = True
        while self._thread.is_alive():
            try:
                self._made.get(timeout=0.05)
            except queue.Empty:
                continue


class Verified:
    """A blob's pieces while they are read: their size and digest against the descriptor's."""

    def __init__(self, pieces: Iterator[bytes], wanted: Descriptor, hasher: Hasher) -> None:
        self._pieces, self._wanted, self._hasher = pieces, wanted, hasher
        self._hash = hashlib.new(wanted.digest.partition(":")[0])
        self._size = 0

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._pieces:
            self._size += len(piece)
            if self._wanted.size is not None and self._size > self._wanted.size:
                raise Refuted("image-corrupt", f"{self._wanted.digest} has more bytes than its {self._wanted.size}")
            self._hasher.give(self._hash, piece)
            yield piece

    def drain(self) -> None:
        """Read to the end what nobody needs, as the digest does."""
        for _ in self:
            pass

    def judge(self) -> None:
        """Refuted where size or digest differ; after the end, and after the hasher has finished."""
        if self._wanted.size is not None and self._size != self._wanted.size:
            raise Refuted("image-corrupt", f"{self._wanted.digest} has {self._size} bytes, not {self._wanted.size}")
        if self._hash.hexdigest() != self._wanted.digest.partition(":")[2]:
            raise Refuted("image-corrupt", f"{self._wanted.digest} has another digest than its name says")


def inflated(pieces: Iterator[bytes], compression: str) -> Iterator[bytes]:
    """The archive in pieces of at most a mebibyte or so; Refuted where it isn't of that compression, or damaged."""
    return _UNPACK[compression](pieces)


def _plain(pieces: Iterator[bytes]) -> Iterator[bytes]:
    yield from pieces


def _gunzipped(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Every member of a gzip file, as Go reads them: nothing else may follow one."""
    inflate: Any = zlib.decompressobj(wbits=31)
    begun = False
    for piece in pieces:
        data = piece
        while data:
            if inflate.eof:
                inflate = zlib.decompressobj(wbits=31)
            try:
                out = inflate.decompress(data, PIECE)
            except zlib.error:
                raise Refuted("image-corrupt", "a layer isn't the gzip that its type says, or is damaged") from None
            begun = True
            if out:
                yield out
            data = inflate.unused_data if inflate.eof else inflate.unconsumed_tail
            if not inflate.eof and not data and len(out) == PIECE:
                data = b""
                while (more := inflate.decompress(b"", PIECE)) != b"":
                    yield more
    if not begun or not inflate.eof:
        raise Refuted("image-corrupt", "a layer's gzip ends before its end")


def _unzstd(pieces: Iterator[bytes]) -> Iterator[bytes]:
    zstd = zstd_module()
    options = {zstd.DecompressionParameter.window_log_max: LARGEST_WINDOW}
    inflate = zstd.ZstdDecompressor(options=options)
    begun = False
    for piece in pieces:
        data = piece
        while data or not inflate.needs_input:
            if inflate.eof:
                inflate = zstd.ZstdDecompressor(options=options)
            try:
                out = inflate.decompress(data, PIECE)
            except zstd.ZstdError:
                raise Refuted("image-corrupt", "a layer isn't the zstd that its type says, or is damaged") from None
            begun = True
            if out:
                yield out
            data = inflate.unused_data if inflate.eof else b""
            if inflate.eof and not data:
                break
    if not begun or not inflate.eof:
        raise Refuted("image-corrupt", "a layer's zstd ends before its end")


def zstd_module() -> Any:
    """The standard library's, which is there since Python 3.14, else the backport of it."""
    try:
        from compression import zstd  # type: ignore[import-not-found, unused-ignore]  # Python 3.14 has it
    except ImportError:
        from backports import zstd
    return zstd


_UNPACK: Final[dict[str, Callable[[Iterator[bytes]], Iterator[bytes]]]] = {
    PLAIN: _plain,
    GZIP: _gunzipped,
    ZSTD: _unzstd,
}
