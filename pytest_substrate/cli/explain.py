"""`substrate explain CHECK-ID`: what a check states, why, how it is proven, and what to do when it is red."""

from __future__ import annotations

import argparse
import difflib
import json
import textwrap
from collections.abc import Iterator
from typing import Any, Final

from pytest_substrate.model.check import Check
from pytest_substrate.model.command import shown
from pytest_substrate.model.errors import BadInput
from pytest_substrate.planes.catalogue import BUILT, catalogue
from pytest_substrate.planes.documentation import own_causes, shared_slugs, subjects_of

HELP: Final = "what a check states, why, how it is proven, and what to do when it is red"
SCHEMA: Final = "substrate.check/1"
_WIDTH: Final = 100


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.add_argument("check", metavar="CHECK-ID", help="such as MSG-160")
    parser.add_argument("--format", choices=("text", "json"), default="text")


def run(options: argparse.Namespace) -> int:
    """Print it; 0."""
    check = _check(options.check)
    if options.format == "json":
        print(json.dumps(_json(check), indent=2, ensure_ascii=False))
    else:
        print("\n".join(_text(check)))
    return 0


def _check(word: str) -> Check:
    known = catalogue()
    found = known.get(word.upper())
    if found is None:
        close = difflib.get_close_matches(word.upper(), list(known), n=3)
        mend = f"one of {', '.join(close)}" if close else "`substrate checks` and docs/checks list them"
        raise BadInput("CHECK-ID", f"{word!r} is not the id of a check", mend)
    return found


def _text(check: Check) -> Iterator[str]:
    state = "" if check.plane in BUILT else "   (not built yet: demanding the plane is an error)"
    yield f"{check.id} · {check.plane.value} · layer {check.layer.value}{state}"
    yield from _paragraph("", f"{check.statement[0].upper()}{check.statement[1:]}.")
    yield ""
    for name, words in (
        ("why", check.why),
        ("how", check.how),
        ("red when", check.red_when),
        ("subjects", subjects_of(check)),
        ("needs", ", ".join(check.needs) or "nothing"),
        ("seen from", "inside the runtime" if check.runtime else "outside, by the observer"),
        ("permissions", ", ".join(check.permissions) or "none"),
    ):
        yield from _paragraph(name, words)
    yield "causes"
    for cause in own_causes(check):
        yield from _paragraph(f"  {cause.slug}", cause.meaning, indent=30)
    if shared_slugs(check):
        yield from _paragraph("  or, as elsewhere", ", ".join(shared_slugs(check)), indent=30)
    yield f"next         {shown(check.next)}"
    for slug, command in check.nexts.items():
        yield f"  {slug}: {shown(command)}"
    yield f"docs         {check.docs}"


def _paragraph(name: str, words: str, *, indent: int = 13) -> Iterator[str]:
    lead = f"{name:<{indent - 1}} " if name else ""
    yield from textwrap.wrap(
        words,
        width=_WIDTH,
        initial_indent=lead,
        subsequent_indent=" " * indent if name else "",
        break_long_words=False,
        break_on_hyphens=False,
    )


def _json(check: Check) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "check": check.id,
        "plane": check.plane.value,
        "built": check.plane in BUILT,
        "statement": check.statement,
        "why": check.why,
        "how": check.how,
        "red_when": check.red_when,
        "layer": check.layer.value,
        "subjects": subjects_of(check),
        "needs": list(check.needs),
        "runtime": check.runtime,
        "permissions": list(check.permissions),
        "causes": [{"cause": cause.slug, "meaning": cause.meaning} for cause in check.causes],
        "next": shown(check.next),
        "docs": check.docs,
    }
