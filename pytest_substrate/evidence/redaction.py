"""The net under the allow-list of facts: known secrets, in every form in which an output could carry them.

Whatever reads a secret registers it here before it uses it. Each value is looked for raw and as JSON, Python's repr,
XML/HTML, URL, hex and base64 write it (base64 at each of its three alignments, as it may lie inside something larger).
The scrubber knows values, not places: it can't find a secret that nobody registered.
"""

from __future__ import annotations

import base64
import html
import json
import logging
import re
import urllib.parse
from collections.abc import Callable, Iterator
from typing import Any, Final

MASK: Final = "***"
_SHORTEST_FORM: Final = 6
"""A derived form that is shorter than this would mask innocent text; the raw value is masked at any length."""
_DEPTH: Final = 3
"""How deep literals are looked for in each other."""
_SHORTEST_REST: Final = 3
_DOTS: Final = ("...", "…")
_CUT: Final = re.compile(r"(\.\.\.|…)")
_LONG_LINE: Final = 16
"""Lines of a secret of several lines (a key in PEM) are secrets themselves from this length on."""


class Scrubber:
    """Known secrets of one process, and the masking of text that holds them."""

    def __init__(self) -> None:
        self._values: set[str] = set()
        self._forms: set[str] = set()
        self._pattern: re.Pattern[str] | None = None
        self._on_first: list[Callable[[], None]] = []
        self._factory: Callable[..., logging.LogRecord] | None = None

    def __bool__(self) -> bool:
        return bool(self._values)

    def on_first(self, call: Callable[[], None]) -> None:
        """Call when the first secret becomes known (at once, where one is)."""
        if self._values:
            call()
        else:
            self._on_first.append(call)

    def add(self, value: str) -> None:
        """Make a secret known. An empty value is none: masking it would mask between all characters."""
        if not value or value in self._values:
            return
        first = not self._values
        for part in (value, *(line for line in value.splitlines() if len(line) >= _LONG_LINE)):
            self._values.add(part)
            self._forms.update(forms(part))
        longest_first = sorted(self._forms, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, longest_first)))
        if first:
            self._hold_logging()
            for call in self._on_first:
                call()

    def scrub(self, text: str) -> str:
        """The text with every known form masked."""
        if self._pattern is None:
            return text
        clean = self._pattern.sub(MASK, text)
        return self._scrub_cut(clean) if any(dots in clean for dots in _DOTS) else clean

    def scrub_bytes(self, data: bytes) -> bytes:
        """The same for bytes, which are left alone where nothing is found in them."""
        text = data.decode("utf-8", "surrogateescape")
        clean = self.scrub(text)
        return data if clean == text else clean.encode("utf-8", "surrogateescape")

    def holds(self, data: bytes) -> bool:
        """Whether a finished output holds a known secret."""
        return self._pattern is not None and bool(self._pattern.search(data.decode("utf-8", "replace")))

    def scrub_tree(self, value: Any) -> Any:
        """The same for text inside dicts, lists and tuples; other things are left as they are."""
        if isinstance(value, str):
            return self.scrub(value)
        if isinstance(value, bytes):
            return self.scrub_bytes(value)
        if isinstance(value, dict):
            return {self.scrub_tree(key): self.scrub_tree(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.scrub_tree(item) for item in value]
        if type(value) is tuple:
            return tuple(self.scrub_tree(item) for item in value)
        return value

    def release(self) -> None:
        """Give logging back its own records."""
        if self._factory is not None:
            logging.setLogRecordFactory(self._factory)
            self._factory = None

    def _scrub_cut(self, text: str) -> str:
        """What is left of a known form where something shortened it in the middle (`'hun...er2'`) is masked too."""
        parts = _CUT.split(text)
        for place in range(0, len(parts), 2):
            if place > 0:
                left = max((_common(parts[place], form, of_end=True) for form in self._forms), default=0)
                parts[place] = MASK + parts[place][left:] if left else parts[place]
            if place < len(parts) - 1:
                left = max((_common(parts[place], form, of_end=False) for form in self._forms), default=0)
                parts[place] = parts[place][:-left] + MASK if left else parts[place]
        return "".join(parts)

    def _hold_logging(self) -> None:
        before = self._factory = logging.getLogRecordFactory()

        def factory(*args: Any, **kwargs: Any) -> logging.LogRecord:
            record = before(*args, **kwargs)
            try:
                text = record.getMessage()
            except Exception:  # noqa: BLE001  a wrong call of logging is reported by logging itself
                return record
            clean = self.scrub(text)
            if clean != text:
                record.msg, record.args = clean, None
            if record.exc_info and record.exc_text is None:
                trace = logging.Formatter().formatException(record.exc_info)
                clean = self.scrub(trace)
                if clean != trace:
                    record.exc_text = clean
            return record

        logging.setLogRecordFactory(factory)


def _common(text: str, form: str, *, of_end: bool) -> int:
    """How much of a form's end begins the text, or of its beginning ends the text; 0 for less than a few characters."""
    for length in range(min(len(form) - 1, len(text)), _SHORTEST_REST - 1, -1):
        if text.startswith(form[-length:]) if of_end else text.endswith(form[:length]):
            return length
    return 0


def forms(value: str) -> set[str]:
    """Every text in which `value` may appear in an output."""
    data = value.encode("utf-8", "surrogatepass")
    derived = {
        *_escaped(value),
        repr(data)[2:-1],
        html.escape(value),
        html.escape(value, quote=False),
        data.hex(),
        data.hex().upper(),
        *_url_forms(value),
        *_base64_forms(data),
    }
    return {value} | {form for form in derived if len(form) >= _SHORTEST_FORM}


def _escaped(value: str) -> set[str]:
    """As string literals of JSON and Python write it, and these in each other (the repr of a JSON body)."""
    found = {value}
    for _ in range(_DEPTH):
        found |= {
            literal[1:-1]
            for text in found
            for literal in (json.dumps(text), json.dumps(text, ensure_ascii=False), repr(text))
        }
    return found


def _url_forms(value: str) -> Iterator[str]:
    for quoted in (
        urllib.parse.quote(value, errors="replace"),
        urllib.parse.quote(value, safe="", errors="replace"),
        urllib.parse.quote_plus(value, errors="replace"),
    ):
        yield quoted
        yield re.sub(r"%[0-9A-F]{2}", lambda match: match.group().lower(), quoted)


def _base64_forms(data: bytes) -> Iterator[str]:
    """The characters that depend on `data` alone, wherever it begins in what is encoded."""
    for offset in range(3):
        whole = base64.b64encode(b"\0" * offset + data).decode("ascii")
        begin = (0, 2, 3)[offset]
        spare = (offset + len(data)) % 3
        end = len(whole) - (0, 3, 2)[spare]
        core = whole[begin:end]
        yield core
        yield core.replace("+", "-").replace("/", "_")
