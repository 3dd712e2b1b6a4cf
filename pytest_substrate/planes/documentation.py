"""The pages of docs/checks, made from the catalogue so that they can't say anything else than the checks do.

`python -m pytest_substrate.planes.documentation docs/checks` writes them; a test holds them against the catalogue.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from pytest_substrate.model.check import Cause, Check
from pytest_substrate.model.outcome import Plane
from pytest_substrate.model.unseen import UNSEEN_CAUSES
from pytest_substrate.planes.catalogue import BUILT, ROOMS, catalogue, checks_of

QUESTIONS: Final[dict[Plane, str]] = {
    Plane.SUBSTRATE: "Is everything that runs there declared? These rungs go with every demanded plane.",
    Plane.RELEASE: "Can CI become the role that publishes, and nobody else; and is what it published what it says?",
    Plane.MESSAGING: "Does every service reach its cluster, as itself, with the client and the settings that it ships?",
    Plane.PACKAGING: "Is what was released what runs; is it whole; and does it keep running?",
    Plane.DATA: "Does every workload reach the objects that it needs under its own role, and no others?",
    Plane.DRIFT: "Has anything changed since the last READY evidence that nobody answers for?",
}
"""What a plane answers, in a sentence."""

_GENERATED: Final = "<!-- made by `python -m pytest_substrate.planes.documentation docs/checks`; don't edit -->"

_INTRODUCTION: Final = (
    "Each has a permanent id. `substrate explain ID` says the same on screen, `substrate checks` which of them a "
    "declaration demands."
)
_NOT_REACHED: Final = (
    "A check whose needs are red is NOT_REACHED, with cause `not-reached`; its facts name the check that is red of "
    "itself. It can't be waived: the red one can."
)


def pages() -> dict[str, str]:
    """Every page by its file name."""
    return {"README.md": _index(), **{f"{plane.value}.md": _page(plane) for plane in ROOMS}}


def subjects_of(check: Check) -> str:
    """What a check is about, in the words of the function that finds it."""
    return (inspect.getdoc(check.subjects) or "").partition("\n")[0]


def own_causes(check: Check) -> tuple[Cause, ...]:
    """The causes of a check without those of everything that could not be seen."""
    shared = {cause.slug for cause in UNSEEN_CAUSES} if shares_unseen(check) else set()
    return tuple(cause for cause in check.causes if cause.slug not in shared)


def shares_unseen(check: Check) -> bool:
    """Whether the check has all the causes of what could not be seen."""
    return {cause.slug for cause in UNSEEN_CAUSES} <= {cause.slug for cause in check.causes}


def _index() -> str:
    lines = [
        "# The checks",
        _GENERATED,
        "",
        _INTRODUCTION,
        "",
    ]
    for plane in ROOMS:
        state = "" if plane in BUILT else " (not built yet: demanding it is an error)"
        lines += [f"## [{plane.value}]({plane.value}.md){state}", "", QUESTIONS[plane], ""]
        lines += _table(
            ("id", "statement", "layer"),
            ((f"[{c.id}]({plane.value}.md#{c.id.lower()})", c.statement, c.layer.value) for c in checks_of(plane)),
        )
        lines.append("")
    lines += [
        "## Not seen",
        "",
        "What could not be observed makes a check INCONCLUSIVE, which is red, with one of these causes:",
        "",
        *_table(("cause", "meaning"), ((f"`{cause.slug}`", cause.meaning) for cause in UNSEEN_CAUSES)),
        "",
        "## Not reached",
        "",
        _NOT_REACHED,
    ]
    return "\n".join(lines) + "\n"


def _page(plane: Plane) -> str:
    lines = [f"# {plane.value}", _GENERATED, "", QUESTIONS[plane], ""]
    if plane not in BUILT:
        lines += ["**Not built yet.** The ids are permanent and can be waived; demanding the plane is an error.", ""]
    for check in checks_of(plane):
        lines += _section(check)
    return "\n".join(lines).rstrip("\n") + "\n"


def _section(check: Check) -> list[str]:
    needs = ", ".join(f"[{need}]({catalogue()[need].plane.value}.md#{need.lower()})" for need in check.needs)
    facts = [
        ("Layer", check.layer.value),
        ("Subjects", subjects_of(check)),
        ("Needs", needs or "nothing"),
        ("Seen from", "inside the runtime" if check.runtime else "outside, by the observer"),
        ("The observer's permissions", ", ".join(f"`{action}`" for action in check.permissions) or "none"),
    ]
    lines = [f"## {check.id}", "", f"**{check.statement[0].upper()}{check.statement[1:]}.**", ""]
    lines += [f"- {name}: {value}" for name, value in facts]
    lines += ["", f"*Why.* {check.why}", "", f"*How it is proven.* {check.how}", ""]
    lines += [f"*Red when* {check.red_when}", ""]
    lines += _table(("cause", "meaning"), ((f"`{cause.slug}`", cause.meaning) for cause in own_causes(check)))
    if shares_unseen(check):
        lines += ["", "Else a cause of [what could not be seen](README.md#not-seen)."]
    return [*lines, "", "Next:", "", "```", check.next, "```", ""]


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    body = [" | ".join(cell.replace("|", "\\|") for cell in row) for row in rows]
    return ["| " + " | ".join(head) + " |", "|" + "---|" * len(head), *(f"| {row} |" for row in body)]


def write(folder: Path) -> list[Path]:
    """Write every page into a folder that exists; what was written."""
    written = []
    for name, text in pages().items():
        path = folder / name
        path.write_text(text, encoding="utf-8")
        written.append(path)
    return written


if __name__ == "__main__":
    for page in write(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/checks")):
        print(page)
