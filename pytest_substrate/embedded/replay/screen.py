"""A story on a screen: each change in a line, the first red rung as every report shows it, and a closing line."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Final, TextIO

from pytest_substrate.embedded.replay.outcome import name_of
from pytest_substrate.model.check import Pair
from pytest_substrate.model.facts import number_of
from pytest_substrate.model.record import first_red
from pytest_substrate.planes.catalogue import catalogue
from pytest_substrate.report.glyphs import glyphs_for
from pytest_substrate.report.ladder import Rung
from pytest_substrate.report.terminal import NARROWEST, Line, Page, page_safe, rung_lines

if TYPE_CHECKING:
    from pytest_substrate.embedded.replay.outcome import Told
    from pytest_substrate.embedded.replay.story import Chapter, Story
    from pytest_substrate.evidence.history import Incident
    from pytest_substrate.model.record import Record

READY: Final = "READY"
_WIDEST: Final = 120
_INDENT: Final = 3
_LOG_LINES: Final = 2


class Screen:
    """Writes to a text stream, with colours where it is a terminal that has them. `scrub` masks secrets."""

    def __init__(self, stream: TextIO, *, scrub: Callable[[str], str]) -> None:
        from _pytest._io import TerminalWriter  # pytest's own, so that a replay looks like a run

        self._writer = TerminalWriter(stream)
        self._scrub = scrub
        width = max(NARROWEST, min(self._writer.fullwidth, _WIDEST))
        self._page = Page(width=width, glyphs=glyphs_for(getattr(stream, "encoding", None)))

    def title(self, story: Story, environment: str) -> None:
        """Which incident, and where."""
        self._write(f"incident {story.incident} {self._page.glyphs.dot} {story.title}", "bold")
        self._wrap(f"{story.plane.value}, target: embedded ({environment})")

    def chapter(self, number: int, chapter: Chapter) -> None:
        """What is changed, before it is."""
        self._write("")
        self._write(f"{number}  {chapter.title}", "bold")
        self._wrap(f"changed: {chapter.change}")

    def told(self, told: Told) -> None:
        """What came of it: the red rungs that the chapter is about, or that all is green."""
        red, glyphs = first_red(told.seen.records), self._page.glyphs
        if red is not None:
            for line in self._rung(red):
                self._line(line)
            self._log(told.lines)
        for record in told.red[1:]:
            self._behind(record)
        if red is None:
            green = f"all {number_of(len(told.seen.records), 'rung')} are green"
            self._line(((f" {glyphs.green} ", ("green", "bold")), (green, ())))
        words = "as told" if told.as_told else "NOT AS TOLD"
        text = f"{' ' * _INDENT}{words}: {READY if red is None else f'first red {name_of(red)}'}"
        seconds = f"{told.seconds:.1f} s"
        gap = " " * max(2, self._page.width - 1 - len(text) - len(seconds))
        self._line(((text, ("green",) if told.as_told else ("red", "bold")), (gap + seconds, ())))
        for difference in told.differences:
            self._wrap(difference, "red")

    def ending(self, story: Story, told: Sequence[Told], incidents: Sequence[Incident], seconds: float) -> None:
        """What stayed, what the ledger closed, and in a line the way from red to green, with the time it took."""
        self._write("")
        as_told = all(one.as_told for one in told)
        for same, value in told[-1].kept.items() if told and as_told else ():
            self._wrap(f"untouched from beginning to end: {same.what} {value}")
        if incidents:
            self._wrap(_ledger(incidents))
        for one in told:
            if not one.as_told:
                self._wrap(f"chapter {one.number} came out otherwise: {one.differences[0]}", "red")
        verdict = "AS TOLD" if as_told else "NOT AS TOLD"
        rest = f"   {story.incident}: {' → '.join(_first_of(one) for one in told)}   {seconds:.0f} s"
        if len(verdict) + len(rest) > self._page.width:
            self._wrap(rest.strip())
            rest = f"   {story.incident} in {number_of(len(told), 'chapter')}, {seconds:.0f} s"
        self._line(((verdict, ("bold", "green" if as_told else "red")), (rest, ())))

    def _rung(self, record: Record) -> Iterator[Line]:
        rung = Rung(pair=Pair(record.check, record.subject), check=catalogue()[record.check], record=record)
        return rung_lines(rung, self._page)

    def _behind(self, record: Record) -> None:
        """A rung that is red for the same reason: what it says of it."""
        self._line(((f" {self._page.glyphs.red} ", ("red", "bold")), (f"{record.check} [{record.subject}]", ())))
        self._wrap(f"  {record.message}")

    def _log(self, lines: Sequence[str]) -> None:
        for place, line in enumerate(lines[-_LOG_LINES:]):
            lead = "     log    " if place == 0 else " " * 12
            self._write(lead + page_safe(line).strip()[: self._page.width - len(lead) - 1])

    def _wrap(self, text: str, *markup: str) -> None:
        clean = page_safe(text)
        margin = " " * (_INDENT + len(clean) - len(clean.lstrip()))
        for line in textwrap.wrap(
            clean.lstrip(),
            width=self._page.width - 1,
            initial_indent=margin,
            subsequent_indent=margin,
            break_long_words=False,
            break_on_hyphens=False,
        ):
            self._write(line, *markup)

    def _write(self, text: str, *markup: str) -> None:
        self._line(((text, markup),))

    def _line(self, line: Line) -> None:
        for text, markup in line:
            self._writer.write(self._scrub(text), **dict.fromkeys(markup, True))
        self._writer.line()
        self._writer.flush()


def _first_of(told: Told) -> str:
    red = first_red(told.seen.records)
    return READY if red is None else red.check


def _ledger(incidents: Sequence[Incident]) -> str:
    """What a ledger of the story's runs came to; a red that only went away is not closed."""
    closed = [one for one in incidents if one.closed]
    told = f"ledger: {number_of(len(incidents), 'incident')} opened, {len(closed)} closed by a fact that changed"
    facts = dict.fromkeys(change.fact.partition(" ")[2] for one in closed for change in one.changes)
    return f"{told} ({', '.join(facts)})" if facts else told
