"""The pages of docs/checks, made from the catalogue so that they can't say anything else than the checks do.

`python -m pytest_substrate.planes.documentation docs/checks` writes them; a test holds them against the catalogue.
"""

from __future__ import annotations

import inspect
import sys
from collections import Counter
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Final

from pytest_substrate.model.check import Cause, Check
from pytest_substrate.model.command import shown
from pytest_substrate.model.outcome import Plane
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

_MANY: Final = 8
"""How many checks have a cause that is told once for all."""

_GENERATED: Final = "<!-- made by `python -m pytest_substrate.planes.documentation docs/checks`; don't edit -->"

_INTRODUCTION: Final = (
    "Each has a permanent id. `substrate explain ID` says the same on screen, `substrate checks` which of them a "
    "declaration demands. Words in capitals in a next command are what a run fills in."
)
_SHARED: Final = (
    "Many checks can end with these, most of them where something could not be observed: that is INCONCLUSIVE, and red."
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


@cache
def shared_causes() -> tuple[Cause, ...]:
    """The causes that many checks have, word for word, in the order of the catalogue: told once, not with each."""
    counted = Counter(cause for check in catalogue().values() for cause in check.causes)
    return tuple(cause for cause, number in counted.items() if number >= _MANY)


def own_causes(check: Check) -> tuple[Cause, ...]:
    """The causes of a check without the shared ones."""
    return tuple(cause for cause in check.causes if cause not in shared_causes())


def shared_slugs(check: Check) -> tuple[str, ...]:
    """The shared causes that a check has."""
    return tuple(cause.slug for cause in check.causes if cause in shared_causes())


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
        "## Shared causes",
        "",
        _SHARED,
        "",
        *_table(("cause", "meaning"), ((f"`{cause.slug}`", cause.meaning) for cause in shared_causes())),
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
    if own_causes(check):
        lines += _table(("cause", "meaning"), ((f"`{cause.slug}`", cause.meaning) for cause in own_causes(check)))
    shared = ", ".join(f"`{slug}`" for slug in shared_slugs(check))
    if shared:
        lines += ["", f"Or one of the [shared causes](README.md#shared-causes): {shared}."]
    lines += ["", "Next:", "", "```", shown(check.next), "```", ""]
    for command in dict.fromkeys(check.nexts.values()):
        causes = ", ".join(f"`{cause}`" for cause, own in check.nexts.items() if own == command)
        lines += [f"Next, for {causes}:", "", "```", shown(command), "```", ""]
    return lines


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
