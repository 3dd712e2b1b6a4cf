"""How a program tells what it saw: scrubbed of what it holds, in numbered lines, and of its own bugs a place alone."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import sys
from typing import Any, Callable, Mapping
from urllib.parse import quote, quote_plus

OURS = ("schema", "nonce", "cause", "stage", "passed", "phase", "way", "sts", "protocol", "mechanism", "name")
"""Values of our own vocabulary or of the request: they can't hold what a peer or the environment says."""

LINE = 7800
"""Characters of a part's data: a log driver may split a line at 16 KiB."""

HELD = ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_CONTAINER_AUTHORIZATION_TOKEN")


def scrub(value: Any, held: list[str | None]) -> Any:
    """The same, with every form of a held value masked: raw, JSON, URL, base64."""
    forms = set()
    for text in held:
        if text:
            data = text.encode("utf-8", "surrogateescape")
            forms |= {text, json.dumps(text)[1:-1], quote(data, ""), quote_plus(data)}
            forms |= {encode(data).decode().rstrip("=") for encode in (base64.b64encode, base64.urlsafe_b64encode)}

    def clean(item: Any) -> Any:
        if isinstance(item, dict):
            return {name: inner if name in OURS else clean(inner) for name, inner in item.items()}
        if isinstance(item, list):
            return [clean(inner) for inner in item]
        if isinstance(item, str):
            for form in sorted(forms, key=len, reverse=True):
                item = item.replace(form, "***")
        return item

    return clean(value)


def place(error: BaseException) -> dict[str, str]:
    """An error's class and place; its text and its values stay here."""
    trace = error.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    where = "%s:%d" % (trace.tb_frame.f_code.co_name, trace.tb_lineno) if trace else "?"
    return {"type": type(error).__name__, "at": where}


def lines_of(transcript: Mapping[str, Any]) -> list[str]:
    """The lines that carry a transcript."""
    text = json.dumps(transcript, separators=(",", ":")).replace(" ", "\\u0020")
    digest = hashlib.sha256(text.encode()).hexdigest()
    pieces = [text[at : at + LINE] for at in range(0, len(text), LINE)]
    head = "substrate-transcript %s %d/%d %s %s"
    return [head % (transcript["nonce"], at, len(pieces), digest, piece) for at, piece in enumerate(pieces, 1)]


def tell(run: Callable[..., Mapping[str, Any]], arguments: list[str]) -> int:
    """Print what `run` makes of the request in the first argument; 0 when a whole transcript was printed."""
    try:
        for line in lines_of(run(json.loads(arguments[1]), os.environ)):
            sys.stdout.write(line + "\n")
        sys.stdout.flush()
        return 0
    except BaseException as error:
        sys.stderr.write("substrate-probe: %(type)s at %(at)s\n" % place(error))
        return 3
