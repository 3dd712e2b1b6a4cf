"""A job's log streams as CloudWatch keeps them, handed to a reader that keeps facts and no line."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from pytest_substrate.adapters.aws.answer import answered, ask_pages
from pytest_substrate.model.aws.instant import Instant
from pytest_substrate.model.aws.job_log import JobLog, LoggedDenial, RunLog, StreamSpan

NEWEST: Final = 20
"""How many runs' streams are read; a call takes a hundred."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

Find = Callable[[Sequence[str], Sequence[Instant]], tuple[LoggedDenial, ...]]
"""What is found in the lines of one stream, given with their times."""


@answered
def read_job_log(client: Any, group: str, prefix: str, find: Find) -> JobLog:
    """The newest streams whose names begin so. The lines of a stream are in the order in which they were logged."""
    pages = ask_pages(client, "logs:DescribeLogStreams", what=group, logGroupName=group, logStreamNamePrefix=prefix)
    streams = [
        (
            max(one.number_or_none("lastEventTimestamp") or 0, one.number_or_none("creationTime") or 0),
            one.text("logStreamName"),
        )
        for page in pages
        for one in page.parts("logStreams")
    ]
    newest = sorted((one for one in streams if one[1].startswith(prefix)), reverse=True)[:NEWEST]
    lines: dict[str, list[str]] = {name: [] for _, name in newest}
    times: dict[str, list[Instant]] = {name: [] for _, name in newest}
    if newest:
        names = [name for _, name in newest]
        for page in ask_pages(client, "logs:FilterLogEvents", what=group, logGroupName=group, logStreamNames=names):
            for event in page.parts("events"):
                name = event.text("logStreamName")
                if name in lines:
                    lines[name].append(event.text_or_none("message") or "")
                    times[name].append(_instant(event.number("timestamp")))
    return JobLog(
        group=group,
        runs=tuple(
            RunLog(
                stream=name,
                newest=max([_instant(last), *times[name]], key=lambda one: one.at),  # the list lags, by up to an hour
                denials=find(lines[name], times[name]),
            )
            for last, name in newest
        ),
    )


@answered
def read_span(client: Any, group: str, stream: str) -> StreamSpan:
    """How much a stream holds, and from when to when."""
    asked = {"logGroupName": group, "logStreamNames": [stream]}
    pages = ask_pages(client, "logs:FilterLogEvents", what=group, **asked)
    times = [event.number("timestamp") for page in pages for event in page.parts("events")]
    if not times:
        return StreamSpan(lines=0)
    return StreamSpan(lines=len(times), first=_instant(min(times)), last=_instant(max(times)))


def _instant(milliseconds: int) -> Instant:
    return Instant.of(_EPOCH + timedelta(milliseconds=milliseconds))
