"""The incidents that this project was made for, told on the embedded platform: one file each, a chapter a small thing.

`story` says what a story is made of, `stage` how a chapter is climbed, `outcome` whether it came out as told, `telling`
how it looks on a screen. `substrate replay` is the command.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from pytest_substrate.model.errors import BadInput

if TYPE_CHECKING:
    from pytest_substrate.embedded.replay.story import Chapter, Story

_PREFIX: Final = "incident_"


def stories() -> Mapping[str, Story]:
    """Every story by its incident's letter."""
    found: dict[str, Story] = {}
    for module in pkgutil.iter_modules(__path__):
        if module.name.startswith(_PREFIX):
            story: Story = importlib.import_module(f"{__name__}.{module.name}").STORY
            found[story.incident] = story
    return dict(sorted(found.items()))


def find_story(incident: str, variant: str | None = None) -> tuple[Story, tuple[Chapter, ...]]:
    """A story and its chapters, in the order in which they are told; BadInput where there is none of that name."""
    known = stories()
    story = known.get(incident.upper())
    if story is None:
        raise BadInput(f"incident {incident!r}", "there is no such story", f"one of {', '.join(known)}")
    if variant is None:
        return story, story.chapters
    if variant not in story.variants:
        told = f"one of {', '.join(story.variants)}" if story.variants else "leave --variant out"
        raise BadInput(f"--variant {variant!r}", f"incident {story.incident} has no such variant", told)
    return story, story.variants[variant]


def chapter_name(story: Story, variant: str | None, number: int) -> str:
    """How the platform is told of a chapter: `A:1`, `A-administrator:3`."""
    return f"{story.incident}{f'-{variant}' if variant else ''}:{number}"


def find_chapter(name: str) -> Chapter:
    """The chapter of such a name; BadInput where there is none."""
    telling, _, number = name.partition(":")
    incident, _, variant = telling.partition("-")
    _, chapters = find_story(incident, variant or None)
    if not number.isdecimal() or not 0 < int(number) <= len(chapters):
        raise BadInput(f"chapter {name!r}", "there is no such chapter", f"1 to {len(chapters)}")
    return chapters[int(number) - 1]
