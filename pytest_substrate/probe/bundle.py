"""The program that travels, as it was built from the probe's modules (`build`). This module doesn't travel itself.

Building takes most of a second, so the text is package data beside this module; a test holds it against the modules.
"""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Final

MODULES: Final = ("wire", "link", "sasl", "peer", "cluster", "identity", "client", "program")
"""In the order of their needs; `roundtrip` travels as a text within `client`."""

PROGRAM_FILE: Final = Path(__file__).with_name("program.json")
"""`{"sources": sources_digest(), "text": the program}`: written by `python -m pytest_substrate.probe.build`."""

SOURCE_LIMIT: Final = 24 * 1024
"""Bytes of the text: the design's bound."""


@cache
def probe_source() -> str:
    """The program: run it as `python3 -c TEXT REQUEST`, with Python 3.7 or later."""
    return str(json.loads(PROGRAM_FILE.read_text(encoding="utf-8"))["text"])


def sources_digest() -> str:
    """What the text is made of, the modules and their builder: another digest, and it must be built again."""
    digest = hashlib.sha256()
    for name in (*MODULES, "roundtrip", "build"):
        digest.update(Path(__file__).with_name(f"{name}.py").read_bytes() + b"\0")
    return f"sha256:{digest.hexdigest()}"
