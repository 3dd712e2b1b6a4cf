"""What commands share about files and places that hold secrets. No value that was read is ever shown."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from pytest_substrate.adapters.files import LONGEST, read_file
from pytest_substrate.evidence.secret import Secret
from pytest_substrate.model.errors import BadInput

__all__ = ["LONGEST", "LONGEST_DECLARATION", "LONGEST_SECRET", "read_file", "secret_from"]

LONGEST_DECLARATION: Final = 1024 * 1024
"""The most bytes of a declaration, or of another file that a person writes."""

LONGEST_SECRET: Final = 64 * 1024
"""The most bytes of a secret; Secrets Manager takes as many."""


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
