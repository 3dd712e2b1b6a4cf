"""The last lines of one log stream, handed to a reader that keeps facts and no line."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeVar

from pytest_substrate.adapters.aws.answer import answered, ask_pages

T = TypeVar("T")

MOST: Final = 200
"""How many messages are kept at most: the longest traceback and what stands around it."""
BEFORE: Final = timedelta(minutes=5)
_AFTER: Final = timedelta(minutes=1)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@answered
def read_last_lines(client: Any, group: str, stream: str, *, until: datetime, read: Callable[[Sequence[str]], T]) -> T:
    """What `read` makes of the messages of a stream's last minutes before `until` (aware), the last one last."""
    span = {"startTime": _milliseconds(until - BEFORE), "endTime": _milliseconds(until + _AFTER)}
    pages = ask_pages(client, "logs:FilterLogEvents", what=group, logGroupName=group, logStreamNames=[stream], **span)
    kept: deque[str] = deque(maxlen=MOST)
    for page in pages:
        kept.extend(event.text_or_none("message") or "" for event in page.parts("events"))
    return read(list(kept))


def _milliseconds(at: datetime) -> int:
    return int((at - _EPOCH) / timedelta(milliseconds=1))
