"""Reading a file that a person named: bounded, and never waited for."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO, Final

from pytest_substrate.model.errors import BadInput

LONGEST: Final = 64 * 1024 * 1024
"""The most bytes that are read of one file: far more than any evidence, far less than a memory."""


class NotRegular(OSError):
    """A folder, a pipe, a device or a terminal: `strerror` says which."""


def open_regular(path: Path, *, buffering: int = -1) -> BinaryIO:
    """A regular file, open for reading; NotRegular for anything else, else OSError as `open`.

    Nothing is waited for: an open of a FIFO without a writer would never end.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode):
        os.close(descriptor)
        raise NotRegular(errno.EINVAL, "is a folder" if stat.S_ISDIR(mode) else "is no regular file")
    return os.fdopen(descriptor, "rb", buffering=buffering)


def read_file(path: Path, *, mend: str, where: str | None = None, most: int = LONGEST) -> bytes:
    """A regular file's bytes; BadInput where it is none, can't be read, or has more than `most`.

    A pipe, a device or a terminal is refused before it is read: one has no end, another never begins. `where` is what
    the error names, by default the path.
    """
    told = where or str(path)
    try:
        with open_regular(path) as file:
            data = file.read(most + 1)
    except ValueError:
        raise BadInput(told, "is no path", mend) from None
    except NotRegular as error:
        raise BadInput(told, str(error.strerror), mend) from None
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise BadInput(told, f"can't be read: {reason}", mend) from None
    if len(data) > most:
        raise BadInput(told, f"is longer than {most} bytes", mend)
    return data
