"""Whether a chapter came out as it is told, and if not, in what it differs. Pure.

A chapter never says what came of it: that is read from the records of the climb, and compared with what is expected.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_substrate.model.check import Pair
from pytest_substrate.model.outcome import Outcome
from pytest_substrate.model.record import first_red

if TYPE_CHECKING:
    from pytest_substrate.embedded.replay.stage import Seen
    from pytest_substrate.embedded.replay.story import Chapter, Red, Same
    from pytest_substrate.model.facts import FactValue
    from pytest_substrate.model.record import Record

LogLines = Mapping[str, tuple[str, ...]]
"""The last lines of the log stream that the record of a check names, by the check's id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A chapter with what came of it."""

    number: int
    chapter: Chapter
    seen: Seen
    red: tuple[Record, ...]
    """The first red rung, and those behind it that the chapter expects."""
    differences: tuple[str, ...]
    """In what it came out otherwise, a line each; none where it came out as told."""
    lines: tuple[str, ...] = ()
    """The last log lines that the chapter goes by."""
    kept: Mapping[Same, FactValue]
    """What the story's facts that must stay are now."""
    seconds: float

    @property
    def as_told(self) -> bool:
        """Whether nothing differs."""
        return not self.differences


def reds_of(chapter: Chapter, records: Sequence[Record]) -> tuple[Record, ...]:
    """The first red rung, and the records of what else the chapter expects, each once."""
    found = [first_red(records), *(_record_of(red, records) for red in chapter.expects)]
    red = [record for record in found if record is not None and not record.outcome.green]
    return tuple({Pair(record.check, record.subject): record for record in red}.values())


def differences(
    chapter: Chapter, seen: Seen, logs: LogLines, *, before: Mapping[Same, FactValue], now: Mapping[Same, FactValue]
) -> tuple[str, ...]:
    """Every difference between what a chapter expects and what was seen.

    `before` are the facts that must stay, as the first chapter saw them, `now` as this one does.
    """
    return (*_first(chapter, seen), *_each(chapter, seen.records, logs), *_changed(before, now))


def _first(chapter: Chapter, seen: Seen) -> Iterator[str]:
    red = first_red(seen.records)
    if not chapter.expects:
        if red is not None:
            yield f"expected READY, and the first red is {name_of(red)}"
        elif not seen.judgement.ready:
            yield f"expected READY, and it is {seen.judgement.verdict.value}: {seen.judgement.problems[0].message}"
        return
    wanted = chapter.expects[0]
    if red is None:
        yield f"expected {_name_of(wanted)} to be the first red, and nothing is red"
    elif (red.check, red.layer, red.cause) != (wanted.check, wanted.layer, wanted.cause) or wanted.subject not in (
        None,
        red.subject,
    ):
        yield f"expected {_name_of(wanted)} to be the first red, and it is {name_of(red)}"


def _each(chapter: Chapter, records: Sequence[Record], logs: LogLines) -> Iterator[str]:
    for red in chapter.expects:
        record = _record_of(red, records)
        if record is None or record.outcome is not Outcome.VIOLATION:
            found = record.outcome.value if record else "not there"
            yield f"expected {_name_of(red)} to be violated, and it is {found}"
            continue
        for fact, value in red.facts.items():
            if record.facts.get(fact) != value:
                yield f"expected {fact} {value} of {red.check}, and it is {record.facts.get(fact)}"
        for words in red.says:
            if words not in f"{record.message}\n{record.next or ''}":
                yield f"expected {red.check} to say {words!r}, and it says: {record.message}"
        if red.logs is not None and not any(red.logs in line for line in logs.get(red.check, ())):
            yield f"expected {red.logs!r} in the log that {red.check} names, and it is not there"


def _changed(before: Mapping[Same, FactValue], now: Mapping[Same, FactValue]) -> Iterator[str]:
    for same, value in before.items():
        if value is None or now.get(same) != value:
            yield f"{same.what} had to stay {value}, and is {now.get(same)}"


def _record_of(red: Red, records: Sequence[Record]) -> Record | None:
    """Of several subjects, the one that is red as it is told, else the first."""
    same = [record for record in records if record.check == red.check and red.subject in (None, record.subject)]
    fitting = (one for one in same if (one.outcome, one.cause) == (Outcome.VIOLATION, red.cause))
    return next(fitting, same[0] if same else None)


def name_of(record: Record) -> str:
    """A record in short: `REL-030 (identity, subject-refused)`."""
    return f"{record.check} ({record.layer.value}, {record.cause})"


def _name_of(red: Red) -> str:
    return f"{red.check} ({red.layer.value}, {red.cause})"
