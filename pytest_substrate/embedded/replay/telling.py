"""A story told chapter by chapter: the change is made, the ladder climbed, what came of it compared."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from pytest_substrate.embedded.replay import chapter_name, find_story
from pytest_substrate.embedded.replay.outcome import Told, differences, reds_of
from pytest_substrate.model.check import Pair

if TYPE_CHECKING:
    from pytest_substrate.embedded.replay.stage import Seen, Stage
    from pytest_substrate.embedded.replay.story import Chapter, Same, Story
    from pytest_substrate.model.facts import FactValue
    from pytest_substrate.model.record import Record

Begun = Callable[[int, "Chapter"], None]
"""Hears of each chapter before its change is made."""


def tell(
    incident: str,
    variant: str | None,
    stage: Stage,
    *,
    begun: Begun = lambda _number, _chapter: None,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[Told]:
    """Each chapter with what came of it. BadInput where a change can't be made.

    A chapter that came out otherwise doesn't end the story: what comes after it may tell why.
    """
    story, chapters = find_story(incident, variant)
    kept: Mapping[Same, FactValue] = {}
    for number, chapter in enumerate(chapters, start=1):
        begun(number, chapter)
        began = clock()
        name = chapter_name(story, variant, number)
        stage.begin(name)
        seen = _look(story, chapter, stage)
        now = _kept(story, seen) if chapter.plan is None else kept
        kept = kept or now
        red = reds_of(chapter, seen.records)
        lines = {record.check: _lines_of(record, stage) for record in red if _goes_by(record, chapter)}
        told = differences(chapter, seen, lines, before=kept, now=now)
        if chapter.taken_back:
            stage.take_back(name)
        yield Told(
            number=number,
            chapter=chapter,
            seen=seen,
            red=red,
            differences=told,
            lines=tuple(line for some in lines.values() for line in some),
            kept=now,
            seconds=clock() - began,
        )


def _look(story: Story, chapter: Chapter, stage: Stage) -> Seen:
    if chapter.plan is not None:
        return stage.judge_plan(chapter.plan)
    return stage.climb(story.plane, [Pair(same.check, same.subject) for same in story.same])


def _kept(story: Story, seen: Seen) -> Mapping[Same, FactValue]:
    return {same: record.facts.get(same.fact) for same, record in zip(story.same, seen.beside, strict=True)}


def _goes_by(record: Record, chapter: Chapter) -> bool:
    return any(red.check == record.check and red.logs is not None for red in chapter.expects)


def _lines_of(record: Record, stage: Stage) -> tuple[str, ...]:
    group, stream = record.facts.get("log_group"), record.facts.get("log_stream")
    return stage.last_lines(str(group), str(stream)) if group and stream else ()
