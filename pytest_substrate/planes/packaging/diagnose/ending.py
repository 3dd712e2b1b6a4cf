"""What the end of a crashed container's log says: the last Python traceback, by its frames and its error's class. Pure.

A log line may hold a secret that nobody here knows, and so can't be scrubbed of it. So nothing of a line is kept but
what a traceback has by its form: files, line numbers, functions, the class of the error, and of an ImportError the
module that was missing. Source lines and messages are left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from pytest_substrate.model.diagnosis import Diagnosis
from pytest_substrate.model.observation import Missing, Unobserved
from pytest_substrate.planes.packaging.diagnose.telling import names

BEGINS: Final = "Traceback (most recent call last):"
FRAMES: Final = 5
"""How many of the innermost frames are told."""
FOLDERS: Final = 4
"""How many parts of a path are told."""
NEAR: Final = 10
"""How many lines may follow the error, of whoever says goodbye; what stands further up didn't end the container."""

_FRAME: Final = re.compile(r'\s+File "(?P<file>[^"\n]{1,200})", line (?P<line>\d{1,7}), in (?P<name>[\w.<>]{1,80})')
_ERROR: Final = re.compile(
    r"(?P<error>(?:[A-Za-z_]\w{0,60}\.){0,6}[A-Za-z_]\w{0,60}"
    r"(?:Error|Exception|Exit|Interrupt|Warning|Timeout|Group|NotFound|Denied))(?::\s(?P<said>.*))?"
)
_MODULE: Final = re.compile(r"No module named '(?P<module>[A-Za-z_][\w.]{0,120})'")
_IMPORTS: Final = ("ImportError", "ModuleNotFoundError")


@dataclass(frozen=True, slots=True, kw_only=True)
class LogEnding:
    """How a log stream ends. `error` is None where no traceback stands at its end."""

    lines: int
    error: str | None = None
    missing: str | None = None
    """The module that an ImportError names."""
    frames: tuple[str, ...] = ()
    """`FILE:LINE FUNCTION`, the innermost last."""


def ending_of(messages: Sequence[str]) -> LogEnding:
    """The ending of the last messages of a stream, in their order."""
    lines = [line for message in messages for line in _lines(message)]
    begun = next((at for at in reversed(range(len(lines))) if lines[at].strip() == BEGINS), None)
    whole = LogEnding(lines=len(lines))
    if begun is None:
        return whole
    frames: list[str] = []
    for at in range(begun + 1, len(lines)):
        frame = _FRAME.fullmatch(lines[at].rstrip())
        if frame is not None:
            frames.append(f"{_short(frame['file'])}:{frame['line']} {frame['name']}")
        elif lines[at][:1].strip():
            error = _ERROR.fullmatch(lines[at].rstrip())
            if error is None or len(lines) - at > NEAR:
                return whole
            missing = _MODULE.match(error["said"] or "") if error["error"].rpartition(".")[2] in _IMPORTS else None
            return replace(
                whole,
                error=error["error"],
                missing=missing["module"] if missing is not None else None,
                frames=tuple(frames[-FRAMES:]),
            )
    return whole


def with_ending(found: Diagnosis, ending: LogEnding | Missing | Unobserved) -> Diagnosis:
    """The same crash with what its log says; one whose log can't be read stays as it is."""
    if not isinstance(ending, LogEnding) or ending.error is None:
        return found
    lacks = f", as there is no module {ending.missing}" if ending.missing is not None else ""
    told = replace(found, message=f"{found.message}; its log ends with {ending.error}{lacks}")
    return told.with_facts(
        {
            "error": ending.error,
            "missing_modules": names("missing_modules", [ending.missing] if ending.missing is not None else []),
            "frames": names("frames", ending.frames),
        }
    )


def _short(file: str) -> str:
    """The end of a long path: where a module lies, not where a machine has put the image."""
    parts = file.split("/")
    return file if len(parts) <= FOLDERS + 1 else "/".join(parts[-FOLDERS:])


def _lines(message: str) -> Iterable[str]:
    """A message's own lines; of a JSON message those of its texts, in which line ends are escaped."""
    if message.lstrip().startswith("{"):
        message = message.replace("\\n", "\n").replace('\\"', '"')
        start = message.find(BEGINS)
        message = message[start:] if start >= 0 else message
        return [line.partition('"}')[0] if line[:1].strip() else line for line in message.splitlines()]
    return message.splitlines()
