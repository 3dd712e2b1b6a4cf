"""The ladder on a screen: what is green in short, what is red with its layer and its next command, the verdict last.

Renders into lines of marked-up text and writes nothing itself, so colour, width and encoding are the caller's. A
command is broken only where a shell lets it (a backslash at the line's end), so that it can be copied from any width.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from pytest_substrate.model.check import Check
from pytest_substrate.model.outcome import Outcome
from pytest_substrate.model.record import Record
from pytest_substrate.report.glyphs import Glyphs
from pytest_substrate.report.ladder import Block, Rung, blocks, ids_text
from pytest_substrate.report.why import why_text

if TYPE_CHECKING:
    from pytest_substrate.gate.judge import Judgement, Problem
    from pytest_substrate.model.declaration import Declaration
    from pytest_substrate.running.plan import Plan

Segment: TypeAlias = tuple[str, tuple[str, ...]]
"""A piece of a line, and the markup that a terminal writer knows it by."""
Line: TypeAlias = tuple[Segment, ...]

NARROWEST: Final = 40
_LAYER_WIDTH: Final = 14
_PROBLEMS_SHOWN: Final = 5
_SHELL_WORD: Final = re.compile(r"(?:'[^']*'|\"[^\"]*\"|\S)+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What the lines are made for. `verbosity` is pytest's: -1 leaves out what is green, -2 all but the verdict."""

    width: int
    glyphs: Glyphs
    verbosity: int = 0
    root: Path = Path()
    """Where the project's pages may lie."""


def render(
    *,
    judgement: Judgement,
    plan: Plan,
    target: Mapping[str, Any],
    notes: Sequence[str],
    page: Page,
    verdict: bool = True,
    but: str | None = None,
) -> Iterator[Line]:
    """Every line of the report; the verdict is the last. `notes` stand just above it.

    `but` says why a run that is READY is red all the same.
    """
    page = Page(width=max(page.width, NARROWEST), glyphs=page.glyphs, verbosity=page.verbosity)
    declaration = plan.source.declaration
    if page.verbosity > -2:
        for block in blocks(plan.pairs, judgement.records, plan.checks, declaration):
            yield from _header(block, declaration, target, page)
            yield from _rungs(block, page)
        yield from _problems(judgement.problems, [pair.check for pair in plan.pairs], page)
        for note in notes:
            yield from _wrapped(note, page, indent=0)
    yield from _verdict(judgement, declaration, page, verdict=verdict, but=but)


def failure_text(record: Record, check: Check, root: Path) -> str:
    """A red rung where pytest and its reporters would show a traceback: what, which layer, and what to do."""
    lines = [
        f"{record.check} {record.subject}: {check.statement}",
        f"  {record.outcome.value}: {record.message}",
        f"  layer {record.layer.value}, cause {record.cause}",
    ]
    if record.next:
        lines.append(f"  next: {record.next}")
    return "\n".join([*lines, f"  why: {why_text(check, root)}"])


def _header(block: Block, declaration: Declaration, target: Mapping[str, Any], page: Page) -> Iterator[Line]:
    kind, _, name = block.subject.partition("/")
    workload = declaration.service.get(name) if kind == "service" else declaration.job.get(name)
    parts = [block.plane.value, block.subject]
    seen = next((rung.record for rung in block.rungs if rung.check.runtime and rung.record is not None), None)
    if seen is not None and workload is not None and kind in ("service", "job"):
        parts.append(f"{seen.vantage.value} as role/{workload.task_role}")
    digest = block.fact("image_digest")
    if digest is not None:
        parts.append(f"image {digest[:11]}{page.glyphs.dots}")
    where = _target_text(target, declaration, page)
    left = f" {page.glyphs.dot} ".join(parts)
    if len(left) + 2 + len(where) < page.width:
        gap = " " * (page.width - 1 - len(left) - len(where))
        yield ((left, ("bold",)), (gap + where, ()))
        return
    for line in _wrap(left, page.width, indent=0, hang=2):
        yield ((line, ("bold",)),)
    yield from _wrapped(where, page, indent=2)


def _target_text(target: Mapping[str, Any], declaration: Declaration, page: Page) -> str:
    account = str(target.get("account", declaration.account))
    region = target.get("region", declaration.region)
    kind = target.get("kind", "not reached")
    return f"target: {kind} {account[:4]}{page.glyphs.dots}/{region} ({declaration.environment})"


def _rungs(block: Block, page: Page) -> Iterator[Line]:
    ladder = [rung.check.id for rung in block.rungs]
    for outcome, group in groupby(block.rungs, key=lambda rung: rung.record.outcome if rung.record else None):
        rungs = tuple(group)
        if outcome is Outcome.PASS:
            yield from _green(rungs, ladder, page)
        elif outcome not in (None, Outcome.NOT_REACHED):
            for rung in rungs:
                yield from rung_lines(rung, page, within=block.subject)
    behind = [rung for rung in block.rungs if rung.record and rung.record.outcome is Outcome.NOT_REACHED]
    without = [rung for rung in block.rungs if rung.record is None]
    for rungs_left, glyph, what, markup in (
        (behind, page.glyphs.dot, "not reached", ()),
        (without, page.glyphs.missing, "without a record", ("red",)),
    ):
        if rungs_left:
            names = ids_text((rung.check.id for rung in rungs_left), ladder, dots=page.glyphs.dots)
            text = f"{names}: {len(rungs_left)} {what} (count as red)"
            yield from _wrapped(text, page, indent=1, glyph=glyph, markup=markup)


def _green(rungs: Sequence[Rung], ladder: Sequence[str], page: Page) -> Iterator[Line]:
    if page.verbosity < 0:
        return
    if page.verbosity > 0:
        for rung in rungs:
            assert rung.record is not None  # noqa: S101  grouped by the outcome of a record
            text = f"{rung.check.id} {rung.pair.subject}: {rung.record.message}"
            if rung.record.duration_ms >= 1:  # a rung that only reads what others observed takes no time
                text += f" ({rung.record.duration_ms:.0f} ms)"
            yield from _wrapped(text, page, indent=1, glyph=page.glyphs.green, markup=("green",))
        return
    count = f"{len(rungs)} rung" + ("s" if len(rungs) > 1 else "")
    text = f"{ids_text((rung.check.id for rung in rungs), ladder, dots=page.glyphs.dots)}  {count}"
    note = _note(rungs, page)
    gap = page.width - 1 - 3 - len(text) - len(note)
    if note and gap >= 2:
        yield ((f" {page.glyphs.green} ", ("green",)), (f"{text}{' ' * gap}{note}", ()))
    else:
        yield from _wrapped(text, page, indent=1, glyph=page.glyphs.green, markup=("green",))


def _note(rungs: Sequence[Rung], page: Page) -> str:
    """The first broker and its TLS version, of the rung in a group of green ones that saw it."""
    seen = (rung.record.facts for rung in rungs if rung.record is not None)
    facts: Mapping[str, Any] = next((facts for facts in seen if facts.get("tls_version")), {})
    version = facts.get("tls_version")
    if not version:
        return ""
    place = facts.get("broker") or next(iter(facts.get("brokers") or ()), "")
    host, _, port = str(place).rpartition(":")
    first, dot, _ = host.partition(".")
    shown = str(version).replace("TLSv", "TLS ")
    return f"{first}{page.glyphs.dots if dot else ''}:{port}  {shown}" if host else shown


def rung_lines(rung: Rung, page: Page, *, within: str = "") -> Iterator[Line]:
    """A rung that isn't green: what it states, what is wrong, its layer, its next command.

    `within` is the subject that goes without saying.
    """
    record = rung.record
    assert record is not None  # noqa: S101  grouped by the outcome of a record
    glyph, markup = {
        Outcome.VIOLATION: (page.glyphs.red, ("red", "bold")),
        Outcome.INCONCLUSIVE: (page.glyphs.unknown, ("yellow", "bold")),
        Outcome.WAIVED: (page.glyphs.waived, ("blue",)),
    }[record.outcome]
    of = "" if record.subject == within else f" [{record.subject.removeprefix(within + '/')}]"
    yield from _wrapped(f"{record.check}{of} {rung.check.statement}", page, indent=1, glyph=glyph, markup=markup)
    yield from _wrapped(record.message, page, indent=5)
    if record.outcome is Outcome.WAIVED:
        return
    layer, command = record.layer.value, record.next or ""
    beside = f"layer  {layer:<{_LAYER_WIDTH}}next  {command}"
    if command and 5 + len(beside) < page.width:
        yield (("     layer  ", ()), (f"{layer:<{_LAYER_WIDTH}}", markup), (f"next  {command}", ()))
    else:
        yield (("     layer  ", ()), (layer, markup))
        for number, line in enumerate(_command(command, page.width - 12)):
            yield ((("     next   " if number == 0 else " " * 12) + line, ()),)
    yield ((f"     why    {why_text(rung.check, page.root)}", ()),)


def _problems(problems: Sequence[Problem], ladder: Sequence[str], page: Page) -> Iterator[Line]:
    beside = [problem for problem in problems if problem.reason != "missing"]  # the blocks tell what is missing
    for reason, group in groupby(sorted(beside, key=lambda problem: problem.reason), key=lambda it: it.reason):
        same = list(group)
        ids = [problem.pair.check for problem in same if problem.pair is not None]
        if len(same) > _PROBLEMS_SHOWN and len(ids) == len(same):
            text = f"{reason}: {ids_text(ids, ladder, dots=page.glyphs.dots)} ({len(same)})"
            yield from _wrapped(text, page, indent=1, glyph=page.glyphs.missing, markup=("red",))
            continue
        for problem in same[:_PROBLEMS_SHOWN]:
            text = f"{reason}: {problem.message}"
            yield from _wrapped(text, page, indent=1, glyph=page.glyphs.missing, markup=("red",))
        if len(same) > _PROBLEMS_SHOWN:
            yield from _wrapped(f"{reason}: and {len(same) - _PROBLEMS_SHOWN} more", page, indent=3)


def _verdict(
    judgement: Judgement, declaration: Declaration, page: Page, *, verdict: bool, but: str | None
) -> Iterator[Line]:
    counts = [
        f"required {judgement.required}",
        f"passed {judgement.counts.get(Outcome.PASS, 0)}",
        f"violated {judgement.counts.get(Outcome.VIOLATION, 0)}",
        f"inconclusive {judgement.counts.get(Outcome.INCONCLUSIVE, 0)}",
        f"not reached {judgement.counts.get(Outcome.NOT_REACHED, 0)}",
        f"waived {judgement.counts.get(Outcome.WAIVED, 0)}",
    ]
    if judgement.missing:
        counts.append(f"missing {judgement.missing}")
    if declaration.not_applicable:
        counts.append(f"not applicable {len(declaration.not_applicable)}")
    words = judgement.verdict.value if verdict else "AD HOC, NO VERDICT"
    markup = ("bold", "yellow" if not verdict else "green" if judgement.ready and not but else "red")
    red = judgement.first_red
    first = f"   first red {red.check} ({red.layer.value})" if red is not None else ""
    rest = f"{first}   {'  '.join(counts)}"
    why = f"  but the run is red: {but}" if but and judgement.ready else ""
    if not why and len(words) + len(rest) <= page.width:
        yield ((words, markup), (rest, ()))
        return
    line = ""
    for count in counts:
        if len(line) + 2 + len(count) > page.width:
            yield ((line, ()),)
            line = ""
        line += f"  {count}"
    yield ((line, ()),)
    first = first.replace("   ", "  ", 1)
    if len(words) + len(first) > page.width:
        yield ((first, ()),)
        first = ""
    if len(words) + len(why) > page.width:
        yield from _wrapped(why.strip(), page, indent=2)
        why = "  but the run is red"
    yield ((words, markup), (first + why, ()))


def _command(command: str, width: int) -> Iterator[str]:
    line = ""
    for word in _SHELL_WORD.findall(command):
        if line and len(line) + len(word) + 3 > width:
            yield f"{line} \\"
            line = word
        else:
            line = f"{line} {word}" if line else word
    if line:
        yield line


def _wrapped(
    text: str, page: Page, *, indent: int, hang: int | None = None, glyph: str = "", markup: tuple[str, ...] = ()
) -> Iterator[Line]:
    """The text in as many lines as it takes; a glyph stands before the first, and is what the markup is for."""
    begin = indent + (len(glyph) + 1 if glyph else 0)
    for number, line in enumerate(_wrap(text, page.width, indent=begin, hang=begin if hang is None else hang)):
        if glyph and number == 0:
            yield ((" " * indent + glyph + " ", markup), (line.lstrip(" "), ()))
        else:
            yield ((line, ()),)


def _wrap(text: str, width: int, *, indent: int, hang: int) -> list[str]:
    return textwrap.wrap(
        page_safe(text),
        width=width - 1,
        initial_indent=" " * indent,
        subsequent_indent=" " * hang,
        break_long_words=False,
        break_on_hyphens=False,
    ) or [""]


def page_safe(text: str) -> str:
    """The text without control characters, which could move a terminal's cursor or colour it."""
    return "".join(char if char.isprintable() else " " for char in text)
