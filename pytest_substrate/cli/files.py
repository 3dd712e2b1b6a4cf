"""What commands share about files and places that hold secrets. No value that was read is ever shown."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from pytest_substrate.evidence.secret import Secret
from pytest_substrate.model.errors import BadInput

LONGEST: Final = 64 * 1024 * 1024
"""The most bytes that are read of one file: far more than any evidence, far less than a memory."""


def read_file(path: Path, *, mend: str) -> bytes:
    """A file's bytes; BadInput where it can't be read or is too long for anything of ours."""
    try:
        with path.open("rb") as file:
            data = file.read(LONGEST + 1)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise BadInput(str(path), f"can't be read: {reason}", mend) from None
    if len(data) > LONGEST:
        raise BadInput(str(path), f"is longer than {LONGEST} bytes", mend)
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
            value = read_file(Path(name), mend=mend).decode().removesuffix("\n").removesuffix("\r")
        except UnicodeDecodeError:
            raise BadInput(option, "the file is not UTF-8", mend) from None
    if not value:
        raise BadInput(option, "nothing is there", f"{mend} of something that is not empty")
    return Secret(value)
