"""The file that a run leaves: an in-toto Statement in a DSSE envelope, with no signature yet.

A run never signs: the key belongs to another job. So `signatures` is an empty list, and the file is UNSIGNED until
`substrate seal` adds one. It is written whole or not at all.

Reading is strict where a lenient reader would let two readers see two things: UTF-8 without a mark, no key twice, no
NaN, no member that we don't write, base64 in its one canonical form.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import errno
import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

PAYLOAD_TYPE: Final = "application/vnd.in-toto+json"
STATEMENT_TYPE: Final = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE: Final = "urn:pytest-substrate:evidence:1"
_MODE: Final = 0o644
"""Evidence is made to be handed on: others may read it, only its owner may change it."""


class NotEvidence(ValueError):
    """Bytes that are no evidence: a slug of `not-json`, `duplicate-key`, `not-an-envelope`, `unknown-schema`,
    `malformed`, and one line that shows nothing of the content.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """One signature; `keyid` is a hint, and proves nothing by itself."""

    keyid: str
    sig: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """A DSSE envelope whose payload is of our type; nothing of it is verified yet."""

    payload: bytes
    signatures: tuple[Signature, ...] = ()

    @property
    def signed_bytes(self) -> bytes:
        """What a signature is over: DSSE's pre-authentication encoding (PAE) of type and payload."""
        return signed_bytes(PAYLOAD_TYPE, self.payload)

    def to_text(self) -> str:
        """The one form in which this project writes it."""
        signatures = [{"keyid": one.keyid, "sig": _base64(one.sig)} for one in self.signatures]
        envelope = {"payloadType": PAYLOAD_TYPE, "payload": _base64(self.payload), "signatures": signatures}
        return json.dumps(envelope, indent=1) + "\n"


def signed_bytes(kind: str, payload: bytes) -> bytes:
    """DSSE's pre-authentication encoding (PAE) of a payload and its type: what a signature in an envelope is over."""
    named = kind.encode()
    return b"DSSEv1 %d %s %d %s" % (len(named), named, len(payload), payload)


def pack(statement: Mapping[str, Any]) -> str:
    """The envelope of a statement, as the text of a file."""
    payload = json.dumps(statement, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode("utf-8")
    return Envelope(payload=payload).to_text()


def unpack(text: str) -> dict[str, Any]:
    """The statement in an envelope; NotEvidence (a ValueError) where it isn't one. The signatures are not looked at."""
    statement = strict_json(read_envelope(text.encode("utf-8", "surrogatepass")).payload)
    if not isinstance(statement, dict) or statement.get("_type") != STATEMENT_TYPE:
        raise NotEvidence("unknown-schema", f"the payload is not a {STATEMENT_TYPE}")
    return statement


def read_envelope(raw: bytes) -> Envelope:
    """The envelope in a file's bytes; NotEvidence for anything else."""
    data = strict_json(raw)
    if not isinstance(data, dict) or set(data) != {"payloadType", "payload", "signatures"}:
        raise NotEvidence("not-an-envelope", "the file is not a DSSE envelope")
    if data["payloadType"] != PAYLOAD_TYPE:
        raise NotEvidence("not-an-envelope", f"the envelope's payload is not of the type {PAYLOAD_TYPE}")
    signatures = data["signatures"]
    if not isinstance(signatures, list):
        raise NotEvidence("not-an-envelope", "the envelope's signatures are not a list")
    return Envelope(
        payload=_bytes(data["payload"], "payload"), signatures=tuple(_signature(entry) for entry in signatures)
    )


def strict_json(raw: bytes) -> Any:
    """The JSON in `raw`; NotEvidence for anything that two readers could read in two ways."""
    try:
        return json.loads(raw.decode("utf-8"), object_pairs_hook=_once, parse_constant=_no_constant)
    except NotEvidence:
        raise
    except (ValueError, RecursionError):
        raise NotEvidence("not-json", "it is not whole JSON in UTF-8: cut off, or not evidence at all") from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise NotEvidence("duplicate-key", "a key stands twice in one JSON object, so that readers could differ")
    return found


def _no_constant(name: str) -> Any:
    raise NotEvidence("not-json", f"{name} is not JSON")


def _signature(entry: object) -> Signature:
    if not isinstance(entry, dict) or set(entry) != {"keyid", "sig"} or not isinstance(entry["keyid"], str):
        raise NotEvidence("not-an-envelope", "a signature is not made of keyid and sig")
    return Signature(keyid=entry["keyid"], sig=_bytes(entry["sig"], "signature"))


def _bytes(text: object, name: str) -> bytes:
    try:
        data = base64.b64decode(text, validate=True) if isinstance(text, str) else b""
    except (binascii.Error, ValueError):
        data = b""
    if not data or _base64(data) != text:  # the last character of base64 has bits that a decoder ignores
        raise NotEvidence("not-an-envelope", f"the envelope's {name} is not base64 in its canonical form")
    return data


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def write_whole(path: Path, text: str) -> None:
    """Write `text` to `path` at once: whoever reads sees the old file, none, or all of the new one. OSError.

    What is no regular file isn't replaced: a device or a FIFO that was named is no place for a file.
    """
    if path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, "is no regular file")
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
