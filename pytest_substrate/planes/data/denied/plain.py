"""A line of a log as plain text: without colours, and without the escapes of what it was wrapped in."""

from __future__ import annotations

import html
import re
from typing import Final
from urllib.parse import unquote_plus

_COLOURS: Final = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b\][^\x07]*\x07")
_BACKSLASHED: Final = re.compile(r"\\+(?:u00([0-9a-fA-F]{2})|x([0-9a-fA-F]{2})|([\"'/nrt]))")
_CONTROL: Final = {"n": "\n", "r": "\n", "t": "\t"}
_ENTITY: Final = re.compile(r"&(?:[a-z]{2,6}|#\d{1,5}|#x[0-9a-fA-F]{1,4});")
_ENCODED: Final = re.compile(r"not(?:%20|\+)authorized|%3CCode%3E|AccessDenied%3C", re.IGNORECASE)
_BOX: Final = re.compile(r"^[\s]*[│|╷╵┃]\s?", re.MULTILINE)


def plain(line: str) -> str:
    """The line with escapes undone; what was `\\n` inside of it is a line break now."""
    text = line
    if "\x1b" in text:
        text = _COLOURS.sub("", text)
    if _ENCODED.search(text):
        text = unquote_plus(text)
    if "\\" in text:
        text = _BACKSLASHED.sub(_unescaped, text)
    if "&" in text and _ENTITY.search(text):
        text = html.unescape(text)
    if "│" in text or "┃" in text:
        text = _BOX.sub("", text)
    return text


def _unescaped(found: re.Match[str]) -> str:
    digits = found[1] or found[2]
    if digits is not None:
        return chr(int(digits, 16))
    return _CONTROL.get(found[3], found[3])
