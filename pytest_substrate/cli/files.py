"""What commands share about files and places that hold secrets. No value that was read is ever shown."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final

from pytest_substrate.evidence.secret import Secret
from pytest_substrate.model.errors import BadInput

LONGEST: Final = 64 * 1024 * 1024
"""The most bytes that are read of one file: far more than any evidence, far less than a memory."""

LONGEST_DECLARATION: Final = 1024 * 1024
"""The most bytes of a declaration, or of another file that a person writes."""

LONGEST_SECRET: Final = 64 * 1024
"""The most bytes of a secret; Secrets Manager takes as many."""


def read_file(path: Path, *, mend: str, where: str | None = None, most: int = LONGEST) -> bytes:
    """A regular file's bytes; BadInput where it is none, can't be read, or has more than `most`.

    A pipe, a device or a terminal is refused before it is read: one has no end, another never begins. `where` is what
    the error names, by default the path.
    """
    told = where or str(path)
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # a FIFO without a writer would hang
        try:
            state = os.fstat(descriptor)
            if not stat.S_ISREG(state.st_mode):
                raise BadInput(told, "is a folder" if stat.S_ISDIR(state.st_mode) else "is no regular file", mend)
            with os.fdopen(descriptor, "rb", closefd=False) as file:
                data = file.read(most + 1)
        finally:
            os.close(descriptor)
    except ValueError:
        raise BadInput(told, "is no path", mend) from None
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise BadInput(told, f"can't be read: {reason}", mend) from None
    if len(data) > most:
        raise BadInput(told, f"is longer than {most} bytes", mend)
    return data


def secret_from(place: str, *, option: str) -> Secret:
    """The secret in `env:NAME` or `file:PATH`, one line end at its end left out; BadInput for any other place."""
    mend = "write env:NAME or file:PATH"
    kind, colon, name = place.partition(":")
    if not colon or kind not in ("env", "file") or not name:
        raise BadInput(option, "is not a place", mend)  # what was typed may be the secret itself
    if kind == "env":
        value = os.environ.get(name, "")
    else:
        try:
            value = read_file(Path(name), mend=mend, most=LONGEST_SECRET).decode()
            value = value.removesuffix("\n").removesuffix("\r")
        except UnicodeDecodeError:
            raise BadInput(option, "the file is not UTF-8", mend) from None
    if not value:
        raise BadInput(option, "nothing is there", f"{mend} of something that is not empty")
    return Secret(value)
