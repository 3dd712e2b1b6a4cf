"""The programs that travel, as they were built from the probe's modules (`build`). This module doesn't travel itself.

Building takes most of a second, so the texts are package data beside this module; tests hold them against the modules.
"""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Final

MODULES: Final = ("wire", "link", "sasl", "peer", "cluster", "identity", "client", "report", "program")
"""Of the probe of Kafka, in the order of their needs; `roundtrip` travels as a text within `client`."""

DATA_MODULES: Final = ("wire", "link", "sasl", "peer", "identity", "report", "data/place", "data/store", "data/program")
"""Of the probe of S3; what it doesn't use of the modules that it shares stays behind."""

IMPORT_MODULES: Final = ("report", "imports/program")
"""Of the probe of imports."""

PROGRAM_FILE: Final = Path(__file__).with_name("program.json")
"""`{"sources": sources_digest(), "text": the program}`: written by `python -m pytest_substrate.probe.build`."""

DATA_PROGRAM_FILE: Final = Path(__file__).with_name("data") / "program.json"
"""The same of the probe of S3."""

IMPORT_PROGRAM_FILE: Final = Path(__file__).with_name("imports") / "program.json"
"""The same of the probe of imports."""

SOURCE_LIMIT: Final = 24 * 1024
"""Bytes of each text: the design's bound."""


@cache
def probe_source() -> str:
    """The probe of Kafka: run it as `python3 -c TEXT REQUEST`, with Python 3.7 or later."""
    return _text(PROGRAM_FILE)


@cache
def data_source() -> str:
    """The probe of S3, run in the same way."""
    return _text(DATA_PROGRAM_FILE)


@cache
def import_source() -> str:
    """The probe of imports, run in the same way."""
    return _text(IMPORT_PROGRAM_FILE)


def sources_digest(modules: tuple[str, ...] = (*MODULES, "roundtrip")) -> str:
    """What a text is made of, its modules and their builder: another digest, and it must be built again."""
    digest = hashlib.sha256()
    for name in (*modules, "build"):
        digest.update((Path(__file__).parent / f"{name}.py").read_bytes() + b"\0")
    return f"sha256:{digest.hexdigest()}"


def _text(file: Path) -> str:
    return str(json.loads(file.read_text(encoding="utf-8"))["text"])
