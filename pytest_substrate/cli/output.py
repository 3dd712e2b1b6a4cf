"""Standard output and error as every command has them: whatever they are, a command ends with its own exit code.

Text that an encoding can't write is written in ASCII, marks as marks and other characters as `\\uXXXX` (which JSON
reads too); an output that takes no more, or that is closed, is a BadInput. What standard error refuses is lost.
"""

from __future__ import annotations

import codecs
import contextlib
import os
import sys
from collections.abc import Iterator
from typing import IO, Any, Final, cast

from pytest_substrate.model.errors import BadInput

_WHERE: Final = "standard output"
_MARKS: Final = {"✓": "+", "✗": "x", "·": "-", "…": "...", "→": "->"}
_PLAIN: Final = "substrate-plain"
_ESCAPED: Final = "substrate-escaped"


class _Output:
    """A stream whose refusals are BadInput. A reader that went away (a closed pipe) stays BrokenPipeError."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """As the stream's."""
        with _refusals():
            return self._stream.write(text)

    def flush(self) -> None:
        """As the stream's."""
        with _refusals():
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class _Errors(_Output):
    """Standard error: where it takes nothing, nobody could be told."""

    def write(self, text: str) -> int:
        """As the stream's, or nothing."""
        try:
            return self._stream.write(text)
        except OSError:
            _abandon(self._stream)
        return len(text)

    def flush(self) -> None:
        """As the stream's, or nothing."""
        try:
            self._stream.flush()
        except OSError:
            _abandon(self._stream)


@contextlib.contextmanager
def outputs(words: list[str]) -> Iterator[None]:
    """Standard output and error for the command line `words`. BadInput where standard output can't be written."""
    is_json = "json" in words or "--format=json" in words
    with contextlib.ExitStack() as held:
        held.enter_context(contextlib.redirect_stderr(_errors()))
        out = cast("IO[str] | None", sys.stdout)
        if out is None:
            raise BadInput(_WHERE, "is closed", "open it, or redirect it to a file")
        _reconfigure(out, _ESCAPED if is_json else _PLAIN)
        held.enter_context(contextlib.redirect_stdout(cast("IO[str]", _Output(out))))
        try:
            try:
                yield
            finally:
                sys.stdout.flush()
        except (BadInput, BrokenPipeError):
            _abandon(out)
            raise


def complain(line: str) -> None:
    """A line for standard error, where it takes one."""
    print(line, file=_errors())


def _errors() -> IO[str]:
    stream = cast("IO[str] | None", sys.stderr)
    if stream is None:
        return cast("IO[str]", _Nowhere())
    _reconfigure(stream, _PLAIN)
    return cast("IO[str]", _Errors(stream))


class _Nowhere:
    def write(self, text: str) -> int:
        return len(text)

    def flush(self) -> None:
        pass


@contextlib.contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise BadInput(_WHERE, f"can't be written: {reason}", "free the space, or redirect it elsewhere") from None


def _reconfigure(stream: IO[str], errors: str) -> None:
    change = getattr(stream, "reconfigure", None)
    if change is not None:
        with contextlib.suppress(OSError):  # it flushes first, which a later write will find out too
            change(errors=errors)


def _abandon(stream: IO[str]) -> None:
    """Let what a stream still holds go nowhere, so that the interpreter's own flush at its end has no second error."""
    if stream not in (sys.__stdout__, sys.__stderr__):
        return
    try:
        stream.flush()
    except OSError:
        with contextlib.suppress(OSError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, stream.fileno())
            os.close(nowhere)


def _escapes(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))


def _handler(marks: dict[str, str]) -> Any:
    def handle(error: UnicodeError) -> tuple[str, int]:
        if not isinstance(error, UnicodeEncodeError):
            raise error
        refused = error.object[error.start : error.end]
        return "".join(marks.get(character) or _escapes(character) for character in refused), error.end

    return handle


codecs.register_error(_PLAIN, _handler(_MARKS))
codecs.register_error(_ESCAPED, _handler({}))
