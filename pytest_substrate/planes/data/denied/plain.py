"""A line of a log as plain text: without colours, and without the escapes of what it was wrapped in."""

from __future__ import annotations

import html
import re
from typing import Final
from urllib.parse import unquote, unquote_plus

_COLOURS: Final = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[@-Z\\-_]")
_PRINTED: Final = re.compile(r"(?:\\x1b|\\u001b|\\033|\\e|\^\[|#033)\[[0-9;]*m", re.IGNORECASE)
"""A colour whose escape was itself escaped, as JSON, caret notation and syslog print it."""
_BACKSLASHED: Final = re.compile(
    r"(?<!\\)\\+(?:u([dD][89abAB][0-9a-fA-F]{2})\\+u([dD][c-fC-F][0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})"
    r"|([\"'/nrt]))"
)
_CONTROL: Final = {"n": "\n", "r": "\n", "t": "\t"}
_ENTITY: Final = re.compile(r"&(?:[a-zA-Z]{2,6}|#\d{1,5}|#x[0-9a-fA-F]{1,4});")
_ENCODED: Final = re.compile(r"not(?:%20|\+)authorized|%3CCode%3E|AccessDenied%3|%28AccessDenied", re.IGNORECASE)
_TWICE: Final = re.compile(r"not%2520authorized|%253CCode%253E", re.IGNORECASE)
_PLUS: Final = re.compile(r"not\+authorized|AccessDenied%29\+", re.IGNORECASE)
_BOX: Final = re.compile(r"^[\s]*[│|╷╵┃]\s?", re.MULTILINE)
_EDGE: Final = re.compile(r"\s+[│┃]\s*$", re.MULTILINE)


def plain(line: str) -> str:
    """The line with escapes undone; what was `\\n` inside of it is a line break now."""
    text = line
    if "\x1b" in text:
        text = _COLOURS.sub("", text)
    if "[" in text and ("\\" in text or "^[" in text or "#033" in text):
        text = _PRINTED.sub("", text)
    if "%" in text:
        if _TWICE.search(text):
            text = unquote(text)
        if _ENCODED.search(text):
            text = unquote_plus(text) if _PLUS.search(text) else unquote(text)
    if "\\" in text:
        text = _BACKSLASHED.sub(_unescaped, text)
    if "&" in text and _ENTITY.search(text):
        text = html.unescape(text)
        if _ENTITY.search(text):  # escaped twice
            text = html.unescape(text)
    if "│" in text or "┃" in text:
        text = _EDGE.sub("", _BOX.sub("", text))
    return text


def _unescaped(found: re.Match[str]) -> str:
    if found[1] is not None:
        return (bytes.fromhex(found[1] + found[2])).decode("utf-16-be", errors="replace")
    digits = found[3] or found[4]
    if digits is not None:
        character = chr(int(digits, 16))
        return "�" if "\ud800" <= character <= "\udfff" else character
    return _CONTROL.get(found[5], found[5])
