"""One thing that is wrong in a declaration, and the error that holds all of them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass

from pytest_substrate.model.declaration.lines import Path
from pytest_substrate.model.errors import BadInput


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What is wrong at a path of the document: half a sentence, and what mends it. Neither repeats a value."""

    path: Path
    problem: str
    mend: str


@dataclass(frozen=True, slots=True, order=True, kw_only=True)
class Problem:
    """A finding in its place. `key` is the path as TOML would write it."""

    file: str
    line: int
    key: str
    problem: str
    mend: str

    def __str__(self) -> str:
        said = f"{self.key} {self.problem}" if self.key else self.problem
        return " ".join(f"{self.file}:{self.line}: {said}; {self.mend}".split())


class DeclarationErrors(BadInput):
    """A declaration that can't be used: every problem of it, in the order of its lines."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems))
        first = self.problems[0]
        more = f" (and {len(self.problems) - 1} more)" if len(self.problems) > 1 else ""
        super().__init__(f"{first.file}:{first.line}", f"{first.key} {first.problem}{more}", first.mend)

    def __str__(self) -> str:
        """A line for each problem."""
        return "\n".join(str(problem) for problem in self.problems)


def key_text(path: Path) -> str:
    """The path as TOML writes it: `service.ingest.messaging.topics."events.raw"[0]`."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            shown = part if re.fullmatch(r"[A-Za-z0-9_-]{1,80}", part) else json.dumps(part[:80])
            text += f".{shown}" if text else shown
    return text
