"""`substrate replay {A,B,C,D}`: an incident told end to end on the embedded platform: red, narrowed, fixed, green.

Exit codes: 0 where every chapter came out as it is told, 1 where one differed, 2 where the platform can't be had.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import signal
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from pytest_substrate.embedded.extra import require_local

if TYPE_CHECKING:
    from pytest_substrate.embedded.replay.outcome import Told
    from pytest_substrate.embedded.replay.story import Chapter
    from pytest_substrate.evidence.history import Incident

HELP: Final = "an incident told end to end on the embedded platform: red, narrowed, fixed, green"
SCHEMA: Final = "substrate.replay/1"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    add = parser.add_argument
    add("incident", metavar="{A,B,C,D}", help="A release, B messaging, C packaging, D data")
    add("--variant", metavar="NAME", help="the same incident with another turn (A has `administrator`)")
    add("--format", choices=("text", "json"), default="text")


def run(options: argparse.Namespace) -> int:
    """Tell it on a platform of its own, or on the kept one that SUBSTRATE_EMBEDDED names."""
    require_local()
    from pytest_substrate.embedded.replay import find_story
    from pytest_substrate.embedded.replay.screen import Screen
    from pytest_substrate.embedded.replay.stage import stage
    from pytest_substrate.embedded.replay.telling import tell

    story, chapters = find_story(options.incident, options.variant)  # a misspelt one is told before anything is started
    began = time.monotonic()
    told: list[Told] = []
    with _ended_in_order(), stage(_progress) as platform:
        screen = Screen(sys.stdout, scrub=platform.secrets.scrub) if options.format == "text" else None
        if screen is not None:
            screen.title(story, platform.declaration.environment)
        for one in tell(
            story.incident, options.variant, platform, begun=_unheard if screen is None else screen.chapter
        ):
            told.append(one)
            if screen is not None:
                screen.told(one)
        incidents, seconds = platform.incidents(), time.monotonic() - began
        if screen is not None:
            screen.ending(story, told, incidents, seconds)
        else:
            whole = _json(options, platform.target.describe(), told, incidents, seconds)
            print(json.dumps(platform.secrets.scrub_tree(whole), indent=2, ensure_ascii=False))
    return 0 if len(told) == len(chapters) and all(one.as_told for one in told) else 1


def _unheard(_number: int, _chapter: Chapter) -> None:
    """JSON comes whole, at the end."""


@contextlib.contextmanager
def _ended_in_order() -> Iterator[None]:
    """Let the signals that end a process end the story first, as Ctrl-C does: whatever was changed is undone."""
    former = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    for number in former:
        signal.signal(number, signal.default_int_handler)
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


def _progress(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _json(
    options: argparse.Namespace,
    target: Mapping[str, Any],
    told: Sequence[Told],
    incidents: Sequence[Incident],
    seconds: float,
) -> dict[str, Any]:
    from pytest_substrate.model.record import report_json

    return {
        "schema": SCHEMA,
        "incident": options.incident.upper(),
        "variant": options.variant,
        "as_told": all(one.as_told for one in told),
        "seconds": round(seconds, 1),
        "target": dict(target),
        "chapters": [
            {
                "chapter": one.number,
                "title": one.chapter.title,
                "change": one.chapter.change,
                "expected": [
                    {"check": red.check, "layer": red.layer.value, "cause": red.cause} for red in one.chapter.expects
                ],
                "as_told": one.as_told,
                "differences": list(one.differences),
                "log_lines": list(one.lines),
                "kept": {same.what: value for same, value in one.kept.items()},
                "seconds": round(one.seconds, 1),
                "report": report_json(target, one.seen.records),
            }
            for one in told
        ],
        "incidents": [
            {
                "check": one.check,
                "subject": one.subject,
                "closed": one.closed,
                "changes": [
                    {"subject": each.subject, "fact": each.fact, "before": each.before, "after": each.after}
                    for each in one.changes
                ],
            }
            for one in incidents
        ],
    }
