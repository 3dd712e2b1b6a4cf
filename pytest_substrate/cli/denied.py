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
from typing import IO, TYPE_CHECKING, Final

from pytest_substrate.model.errors import BadInput

if TYPE_CHECKING:
    from pytest_substrate.planes.data.denied import Denial

HELP: Final = "the AWS denials in a log: who was refused what, on what, by which kind of policy"
SCHEMA: Final = "substrate.denied/1"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    add = parser.add_argument
    add("file", metavar="FILE|-", help="the log; - is standard input")
    add("--format", choices=("text", "json"), default="text")


def run(options: argparse.Namespace) -> int:
    """Find them and tell them."""
    from pytest_substrate.planes.data.denied import find_denials

    with _opened(options.file) as stream:
        found = tuple(find_denials(stream))
    if options.format == "json":
        said = {"schema": SCHEMA, "denials": [denial.to_json() for denial in found]}
        print(json.dumps(said, indent=2, ensure_ascii=False))
    else:
        for denial in found:
            print(_line(denial))
        print(f"{len(found)} denials, {sum(denial.attributed for denial in found)} attributed")
    return 0 if not found else 1 if all(denial.attributed for denial in found) else 10


def _line(denial: Denial) -> str:
    why = {"explicit": "an explicit deny", "implicit": "no policy that allows it"}.get(denial.effect, "no reason given")
    where = "" if denial.source == "unknown" else f" ({denial.source})"
    policy = f" {denial.policy}" if denial.policy else ""
    return (
        f"{denial.line}: {denial.principal or 'somebody'} may not {denial.action or 'do something'} on "
        f"{denial.resource or 'something'}: {why}{where}{policy}"
    )


@contextmanager
def _opened(name: str) -> Iterator[IO[str]]:
    """The log as text; bytes that aren't UTF-8 are read all the same."""
    if name == "-":
        yield io.TextIOWrapper(sys.stdin.buffer, encoding="utf-8", errors="replace", newline="\n")
        return
    mend = "name a log, or - for standard input"
    try:
        descriptor = os.open(Path(name), os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
        raise BadInput(name, f"can't be read: {reason}", mend) from None
    if stat.S_ISDIR(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise BadInput(name, "is a folder", mend)
    os.set_blocking(descriptor, True)
    with os.fdopen(descriptor, "r", encoding="utf-8", errors="replace", newline="\n") as stream:
        yield stream
