"""Every text in which a secret may appear in an output, and which parts of a document are secrets of their own."""

from __future__ import annotations

import base64
import html
import json
import re
import urllib.parse
from collections.abc import Iterator, Sequence
from typing import Any, Final

SHORTEST: Final = 6
"""A derived form that is shorter than this would mask innocent text; the raw value is masked at any length."""
_DEPTH: Final = 3
"""How deep literals are looked for in each other."""
_NO_SECRETS: Final = frozenset({"username", "user", "engine", "host", "port", "dbname", "dbInstanceIdentifier"})
"""Members of the documents that AWS's services keep in Secrets Manager which name things."""
_LONG_LINE: Final = 16
"""Lines of a secret of several lines (a key in PEM) are secrets themselves from this length on."""
_RUN: Final = re.compile(rf"[0-9A-Za-z]{{{SHORTEST},16}}")


def forms(value: str) -> set[str]:
    """Raw, and as JSON, Python's repr, XML/HTML, URL, hex and base64 write it."""
    data = value.encode("utf-8", "surrogatepass")
    derived = {
        *_escaped(value),
        repr(data)[2:-1],
        *_xml_forms(value),
        data.hex(),
        data.hex().upper(),
        *_url_forms(value),
        *_base64_forms(data),
    }
    return {value} | {form for form in derived if len(form) >= SHORTEST}


def values_of(value: str) -> Iterator[str]:
    """What is to be masked where `value` is: itself, and each of its long lines."""
    yield value
    yield from (line for line in value.splitlines() if len(line) >= _LONG_LINE and line != value)


def needles(wanted: Sequence[str]) -> tuple[str, ...]:
    """A few short texts, of which each wanted one holds at least one: where none of them is, nothing wanted is.

    The runs of letters and digits are the same in most forms of a value, so a few serve many.
    """
    holders: dict[str, set[int]] = {}
    chosen: list[str] = []
    left = set(range(len(wanted)))
    for place, text in enumerate(wanted):
        for run in _RUN.findall(text):
            holders.setdefault(run, set()).add(place)
    for run, places in sorted(holders.items(), key=lambda held: len(held[1]), reverse=True):
        if places & left:
            chosen.append(run)
            left -= places
    return (*chosen, *(wanted[place] for place in sorted(left)))


def secrets_of(text: str) -> Iterator[str]:
    """The secrets in the text of a secret: the whole, and where it is a JSON object, its texts but the naming ones.

    A text that is too short to be told from plain words (`true`, `5432`) is left out, unless it is the password.
    """
    yield text
    try:
        document = json.loads(text)
    except ValueError:
        return
    if isinstance(document, dict):
        yield from _texts(document, "")


def _texts(value: Any, name: str) -> Iterator[str]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _texts(item, key)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item, name)
    elif isinstance(value, str) and name not in _NO_SECRETS and (len(value) >= SHORTEST or name == "password"):
        yield value


def _escaped(value: str) -> set[str]:
    """As string literals of JSON and Python write it, and these in each other (the repr of a JSON body)."""
    found = {value}
    for _ in range(_DEPTH):
        found |= {
            literal[1:-1]
            for text in found
            for literal in (json.dumps(text), json.dumps(text, ensure_ascii=False), repr(text), ascii(text))
        }
    # what a terminal or a shortened repr makes of letters that it can't or won't show, with nothing else escaped
    return found | {value.encode("ascii", "backslashreplace").decode(), value.encode("unicode_escape").decode()}


def _xml_forms(value: str) -> Iterator[str]:
    for quote in (True, False):
        escaped = html.escape(value, quote=quote)
        yield escaped
        yield escaped.encode("ascii", "xmlcharrefreplace").decode()


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
