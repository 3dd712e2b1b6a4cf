"""Every text in which a secret may appear in an output, and which parts of a document are secrets of their own."""

from __future__ import annotations

import base64
import html
import json
import re
import shlex
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
    """Raw, and as literals, markup, URLs, numbers and base64 write it; also of it as JSON writes it (an encoded body),
    and encoded twice.
    """
    derived = {*_escaped(value), *_quoted(value), *_xml_forms(value)}
    derived |= {twice for once in _xml_forms(value) for twice in _xml_forms(once)}
    for text in {value, json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1]}:
        data = text.encode("utf-8", "surrogatepass")
        derived |= {*_number_forms(data), *_url_forms(text), *_base_forms(data)}
        derived |= {*_base64_forms(base64.b64encode(data)), *_url_forms(urllib.parse.quote(text, errors="replace"))}
    return {value} | {form for form in derived if len(form) >= SHORTEST}


def wide_forms(value: str) -> Iterator[bytes]:
    """In UTF-16 and UTF-32, as a file that a Windows tool wrote may hold it."""
    return (value.encode(kind, "surrogatepass") for kind in ("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"))


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


def _quoted(value: str) -> Iterator[str]:
    """As shells, YAML, SQL and CSV, quoted-printable and the JSON of web pages write it."""
    data = value.encode("utf-8", "surrogatepass")
    yield repr(data)[2:-1]
    yield repr(data)[2:-1].replace("'", "\\'")  # a bytearray's
    yield shlex.quote(value)[1:-1]
    yield value.replace("'", "''")
    yield value.replace('"', '""')
    printable = "".join(chr(byte) if 32 <= byte < 127 and byte != 0x3D else f"={byte:02X}" for byte in data)
    yield printable
    yield printable.replace(" ", "_")
    for literal in (json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1]):
        yield literal.replace("/", "\\/")
        for hidden in ("<>&", "<>&'"):
            yield "".join(f"\\u{ord(char):04x}" if char in hidden else char for char in literal)


def _number_forms(data: bytes) -> Iterator[str]:
    """Its bytes as numbers: hex with and without separators, and the lists that JSON and reprs make of bytes."""
    for separator in ("", " ", ":"):
        digits = data.hex(separator) if separator else data.hex()
        yield digits
        yield digits.upper()
    yield ", ".join(map(str, data))
    yield ",".join(map(str, data))


def _xml_forms(value: str) -> Iterator[str]:
    for quote in (True, False):
        escaped = html.escape(value, quote=quote)
        yield escaped
        yield escaped.encode("ascii", "xmlcharrefreplace").decode()


def _url_forms(value: str) -> Iterator[str]:
    for quoted in (
        urllib.parse.quote(value, errors="replace"),
        urllib.parse.quote(value, safe="", errors="replace"),
        urllib.parse.quote(value, safe="!'()*", errors="replace"),  # a browser's encodeURIComponent
        urllib.parse.quote(value, encoding="latin-1", errors="replace"),
        urllib.parse.quote_plus(value, errors="replace"),
    ):
        yield quoted
        yield re.sub(r"%[0-9A-F]{2}", lambda match: match.group().lower(), quoted)


def _base_forms(data: bytes) -> Iterator[str]:
    """Base64 wherever it lies in what is encoded; the rarer base32 and base85 of it alone, but for their ends."""
    yield from _base64_forms(data)
    yield base64.b32encode(data).decode("ascii").rstrip("=")[: len(data) * 8 // 5]
    yield base64.b85encode(data).decode("ascii")
    yield base64.a85encode(data).decode("ascii")


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
