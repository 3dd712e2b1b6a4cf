"""A report as plain lines, for the instruments: green rungs in short, red ones whole, the verdict last.

Like the ladder of a run (`terminal`), without blocks, colour or a declaration. Pure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Final

from pytest_substrate.model.check import Check
from pytest_substrate.model.outcome import Outcome, Verdict
from pytest_substrate.model.record import Record, first_red
from pytest_substrate.report.glyphs import Glyphs
from pytest_substrate.report.ladder import ids_text
from pytest_substrate.report.terminal import page_safe
from pytest_substrate.report.why import why_text

_HERE: Final = Path()
_COUNTED: Final = {
    Outcome.PASS: "passed",
    Outcome.VIOLATION: "violated",
    Outcome.INCONCLUSIVE: "inconclusive",
    Outcome.NOT_REACHED: "not reached",
    Outcome.WAIVED: "waived",
}


def report_lines(
    title: str, records: Sequence[Record], checks: Mapping[str, Check], glyphs: Glyphs, root: Path = _HERE
) -> Iterator[str]:
    """Every line; `root` is where the project's pages may lie.

    Rungs stand in the records' order, those that were not reached in one line after them.
    """
    yield page_safe(title)
    ladder = [record.check for record in records]
    reached = [record for record in records if record.outcome is not Outcome.NOT_REACHED]
    for outcome, group in groupby(reached, key=lambda record: record.outcome):
        same = list(group)
        if outcome is Outcome.WAIVED:
            yield from (_waived(record, glyphs) for record in same)
        elif outcome.green:
            count = f"{len(same)} rung{'s' if len(same) > 1 else ''}"
            note = next((str(r.facts["tls_version"]) for r in same if "tls_version" in r.facts), "")
            ids = ids_text((record.check for record in same), ladder, dots=glyphs.dots)
            yield f" {glyphs.green} {ids}  {count}{'  ' + note if note else ''}"
        else:
            for record in same:
                yield from _red(record, checks[record.check], glyphs, root)
    behind = [record for record in records if record.outcome is Outcome.NOT_REACHED]
    if behind:
        ids = ids_text((record.check for record in behind), ladder, dots=glyphs.dots)
        yield f" {glyphs.dot} {ids}: {len(behind)} not reached (count as red)"
    yield _verdict(records)


def _waived(record: Record, glyphs: Glyphs) -> str:
    until = record.facts.get("expires_at", "a time that is not told")
    return page_safe(f" {glyphs.waived} {record.check} [{record.subject}] {record.cause}, allowed until {until}")


def _red(record: Record, check: Check, glyphs: Glyphs, root: Path) -> Iterator[str]:
    glyph = glyphs.red if record.outcome is Outcome.VIOLATION else glyphs.unknown
    of = f" [{record.subject}]" if "/" in record.subject else ""
    yield page_safe(f" {glyph} {record.check}{of} {check.statement}")
    yield page_safe(f"     {record.message}")
    command = f"next  {record.next}" if record.next else ""
    yield page_safe(f"     layer  {record.layer.value:<14}{command}".rstrip())
    yield f"     why    {why_text(check, root)}"


def _verdict(records: Sequence[Record]) -> str:
    red = first_red(records)
    counts = Counter(record.outcome for record in records)
    words = (Verdict.READY if records and red is None else Verdict.NOT_READY).value
    first = "" if red is None else f"   first red {red.check} ({red.layer.value})"
    told = {outcome: word for outcome, word in _COUNTED.items() if outcome is not Outcome.WAIVED or counts[outcome]}
    numbers = "  ".join(f"{word} {counts[outcome]}" for outcome, word in told.items())
    return f"{words}{first}   required {len(records)}  {numbers}"
