"""What CloudTrail's event history says of a secret's versions: no trail has to be set up for it, it holds 90 days.

An event is found by its name and taken by its own words, as the reference doesn't say which resource names the calls of
Secrets Manager are filed under. Two calls a second are admitted for each account and region (botocore's model), so this
reader waits between them; whoever calls it does so only where nothing cheaper decides.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import Any, Final

from pytest_substrate.adapters.aws.answer import Answer, NoAnswer, answered, ask_pages
from pytest_substrate.model.aws.instant import Instant
from pytest_substrate.model.aws.secrets import CURRENT
from pytest_substrate.model.aws.trail import CREATING, MOVING, Promotion, SecretTrail
from pytest_substrate.model.observation import Unobserved

_LOOKUP: Final = "cloudtrail:LookupEvents"
_SOURCE: Final = "secretsmanager.amazonaws.com"
_BY_NAME: Final = "EventName"
_PAGE: Final = 50
_PAGES: Final = 10
"""Of each call's events: 500 of one account's and region's. A longer list is not observed."""
_PACE_S: Final = 0.6
_KEPT: Final = timedelta(days=89)
_SUFFIX: Final = len("-AbCdEf")
"""What Secrets Manager adds to a name in the ARN; it may be left out where a secret is named."""


@answered
def read_secret_trail(
    client: Any, *, name: str, arn: str, since: Instant, now: Instant, pause: Callable[[float], None] = time.sleep
) -> SecretTrail:
    """Every call since `since`, or the last 89 days, that made a version of the secret the current one."""
    begin = max(since.at, now.at - _KEPT).replace(microsecond=0)
    promotions = [
        promotion
        for call in (*CREATING, MOVING)
        for event in _events(client, call, begin, pause)
        if (promotion := _promotion(event, call, name=name, arn=arn)) is not None
    ]
    return SecretTrail(
        since=Instant(at=begin, whole_second=False),
        promotions=tuple(sorted(promotions, key=lambda promotion: promotion.at.at)),
    )


def _events(client: Any, call: str, begin: Any, pause: Callable[[float], None]) -> Iterator[Answer]:
    pages = ask_pages(
        client,
        _LOOKUP,
        what=call,
        LookupAttributes=[{"AttributeKey": _BY_NAME, "AttributeValue": call}],
        StartTime=begin,
        MaxResults=_PAGE,
    )
    for number, page in enumerate(pages):
        if number == _PAGES:
            raise NoAnswer(
                Unobserved(
                    reason="malformed",
                    operation=_LOOKUP,
                    detail=f"more than {_PAGE * _PAGES} events of {call}: not all are read",
                )
            )
        yield from page.parts("Events")
        pause(_PACE_S)


def _promotion(event: Answer, call: str, *, name: str, arn: str) -> Promotion | None:
    if event.text("EventSource") != _SOURCE:
        return None
    record = _record(event)
    if record.get("errorCode"):
        return None
    asked = record.get("requestParameters")
    at = event.time("EventTime")
    if not isinstance(asked, Mapping) or at is None:
        raise _unreadable(f"an event of {call} has no request or no time")
    if not _names(asked.get("name" if call == "CreateSecret" else "secretId"), name=name, arn=arn):
        return None
    if call == MOVING:
        stages, version_id = [asked.get("versionStage")], asked.get("moveToVersionId")
    else:
        stages, version_id = asked.get("versionStages") or [CURRENT], asked.get("clientRequestToken")
    if CURRENT not in stages or not isinstance(version_id, str):
        return None  # a stage that is only taken away, or a change that makes no version
    return Promotion(at=at, version_id=version_id, by=call)


def _record(event: Answer) -> Mapping[str, Any]:
    try:
        record = json.loads(event.text("CloudTrailEvent"))
    except (ValueError, RecursionError):
        record = None
    if not isinstance(record, Mapping):
        raise _unreadable("an event is no JSON object")
    return record


def _names(given: object, *, name: str, arn: str) -> bool:
    """Whether a call named this secret: by its name, its ARN, or the ARN without the suffix."""
    return given in {name, arn, arn[:-_SUFFIX]}


def _unreadable(detail: str) -> NoAnswer:
    return NoAnswer(Unobserved(reason="malformed", operation=_LOOKUP, detail=detail))
