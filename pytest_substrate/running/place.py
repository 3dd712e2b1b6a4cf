"""The file that evidence is written to: what may stand there before, and that it can be written at all.

A run removes what an earlier one left, so that nobody takes it for its own. It removes nothing else: an option with a
slip in it must not cost a user a file.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import json
import stat
import tempfile
from pathlib import Path
from typing import Any, Final

from pytest_substrate.evidence.envelope import PAYLOAD_TYPE, PREDICATE_TYPE
from pytest_substrate.model.errors import BadInput

_MEND: Final = "name another place: --substrate-evidence"


def make_way(path: Path, declaration: Path) -> None:
    """Remove an earlier run's evidence, and see that new evidence can be written; BadInput where it can't be.

    Nothing is made: a folder that is missing is made with the evidence.
    """
    try:
        if path == declaration or (path.exists() and declaration.exists() and path.samefile(declaration)):
            raise BadInput(str(path), "this is the declaration, and evidence would replace it", _MEND)
        if path.name == "ledger.jsonl":
            raise BadInput(str(path), "the ledger is written here, beside the evidence", _MEND)
        kind = _kind(path)
        if kind == "evidence":
            path.unlink()
        elif kind is not None:
            raise BadInput(str(path), f"evidence can't be written here: {kind}", _MEND)
        folder = next(folder for folder in path.parents if folder.exists() or folder.is_symlink())
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise BadInput(str(path), f"evidence can't be written here ({error.strerror})", _MEND) from None


def remove_earlier(path: Path) -> bool:
    """Remove an earlier run's evidence where it is that for certain; whether it was."""
    with contextlib.suppress(OSError):
        if _kind(path) == "evidence":
            path.unlink()
            return True
    return False


def _kind(path: Path) -> str | None:
    """What stands there: None for nothing, `evidence`, or what it is instead. OSError."""
    try:
        mode = path.lstat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return None
    if not stat.S_ISREG(mode):
        return "it is a folder" if stat.S_ISDIR(mode) else "it is no regular file"
    return "evidence" if _is_ours(path.read_bytes()) else "the file there is no evidence, and would be lost"


def _is_ours(raw: bytes) -> bool:
    """Whether it is an envelope of our type, edited or cut off inside as may be, and not provably another's."""
    envelope = _object(raw)
    if envelope.get("payloadType") != PAYLOAD_TYPE:
        return False
    try:
        statement = _object(base64.b64decode(str(envelope.get("payload")), validate=True))
    except (binascii.Error, ValueError):
        return True
    return bool(statement.get("predicateType", PREDICATE_TYPE) == PREDICATE_TYPE)


def _object(raw: bytes) -> dict[str, Any]:
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
