"""The file that a run leaves: an in-toto Statement in a DSSE envelope, with no signature yet.

A run never signs: the key belongs to another job. So `signatures` is an empty list, and the file is UNSIGNED until
`substrate seal` adds one. It is written whole or not at all.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

PAYLOAD_TYPE: Final = "application/vnd.in-toto+json"
STATEMENT_TYPE: Final = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE: Final = "urn:pytest-substrate:evidence:1"
_MODE: Final = 0o644
"""Evidence is made to be handed on: others may read it, only its owner may change it."""


def pack(statement: Mapping[str, Any]) -> str:
    """The envelope of a statement, as the text of a file."""
    payload = json.dumps(statement, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode("utf-8")
    envelope = {
        "payloadType": PAYLOAD_TYPE,
        "payload": base64.b64encode(payload).decode("ascii"),
        "signatures": [],
    }
    return json.dumps(envelope, indent=1) + "\n"


def unpack(text: str) -> dict[str, Any]:
    """The statement in an envelope; ValueError where it isn't one. The signatures are not looked at."""
    envelope = json.loads(text)
    if not isinstance(envelope, dict) or envelope.get("payloadType") != PAYLOAD_TYPE:
        raise ValueError(f"not a DSSE envelope with a payload of type {PAYLOAD_TYPE}")
    statement = json.loads(base64.b64decode(envelope["payload"], validate=True))
    if not isinstance(statement, dict) or statement.get("_type") != STATEMENT_TYPE:
        raise ValueError(f"not a {STATEMENT_TYPE}")
    return statement


def write_whole(path: Path, text: str) -> None:
    """Write `text` to `path` at once: whoever reads sees the old file, none, or all of the new one. OSError."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".draft", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            os.fchmod(file.fileno(), _MODE)
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
