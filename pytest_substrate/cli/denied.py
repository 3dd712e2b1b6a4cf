"""`substrate denied`: every AWS denial in a log, tied to principal, action and resource where the log says them.

Exit codes: 0 none, 1 all are attributed, 10 some are not, 2 where the file can't be read.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

from pytest_substrate.model.errors import BadInput

if TYPE_CHECKING:
    from pytest_substrate.planes.data.denied import Denial


HELP: Final = "the AWS denials in a log: who was refused what, on what, by which kind of policy"
SCHEMA: Final = "substrate.denied/1"
_MEND: Final = "name a log, or - for standard input"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    add = parser.add_argument
    add("file", metavar="FILE|-", help="the log; - is standard input")
    add("--format", choices=("text", "json"), default="text")


def run(options: argparse.Namespace) -> int:
    """Find them and tell them, each as it is found."""
    from pytest_substrate.planes.data.denied import find_denials

    count = attributed = 0
    with _opened(options.file) as lines:
        if options.format == "json":
            print(f'{{\n  "schema": "{SCHEMA}",\n  "denials": [', end="")
        for denial in find_denials(lines):
            if options.format == "json":
                print("," if count else "", json.dumps(denial.to_json(), ensure_ascii=False), sep="\n    ", end="")
            else:
                print(_line(denial))
            count += 1
            attributed += denial.attributed
    if options.format == "json":
        print("\n  ]\n}" if count else "]\n}")
    else:
        print(f"{count} denials, {attributed} attributed")
    return 0 if not count else 1 if attributed == count else 10


def _line(denial: Denial) -> str:
    why = {"explicit": "an explicit deny", "implicit": "no policy that allows it"}.get(denial.effect, "no reason given")
    where = "" if denial.source == "unknown" else f" ({denial.source})"
    policy = f" {denial.policy}" if denial.policy else ""
    told = (
        f"{denial.line}: {denial.principal or 'somebody'} may not {denial.action or 'do something'} on "
        f"{denial.resource or 'something'}: {why}{where}{policy}"
    )
    return "".join(character if character.isprintable() else "?" for character in told)  # a terminal obeys some


@contextmanager
def _opened(name: str) -> Iterator[Iterator[str]]:
    """The lines of the log; bytes that aren't UTF-8 are read all the same. BadInput where it can't be read."""
    if name == "-":
        if sys.stdin is None:
            raise BadInput("standard input", "is closed", _MEND)
        yield _lines("standard input", sys.stdin.buffer)
        return
    try:
        waits = (
            0 if stat.S_ISFIFO(Path(name).stat().st_mode) else os.O_NONBLOCK
        )  # a pipe without a writer is no empty log
        descriptor = os.open(Path(name), os.O_RDONLY | waits | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
        raise BadInput(name, f"can't be read: {reason}", _MEND) from None
    if stat.S_ISDIR(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise BadInput(name, "is a folder", _MEND)
    os.set_blocking(descriptor, True)
    with os.fdopen(descriptor, "rb") as file:
        yield _lines(name, file)


def _lines(name: str, file: BinaryIO) -> Iterator[str]:
    try:
        yield from io.TextIOWrapper(file, encoding="utf-8", errors="replace", newline="\n")
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise BadInput(name, f"can't be read: {reason}", _MEND) from None
