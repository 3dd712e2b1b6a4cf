"""CloudTrail's event history, from answers given by hand: moto doesn't have it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.stub import Stubber

from pytest_substrate.adapters.aws.cloudtrail import read_secret_trail
from pytest_substrate.model.aws.instant import Instant
from pytest_substrate.model.aws.trail import Promotion, SecretTrail
from pytest_substrate.model.observation import Missing, Unobserved

NAME = "AmazonMSK_ingest"
ARN = f"arn:aws:secretsmanager:eu-west-2:111122223333:secret:{NAME}-AbCdEf"
BORN = datetime(2026, 3, 1, 12, 0, 0, 123_000, tzinfo=UTC)
NOW = BORN + timedelta(hours=2)
CALLS = ("CreateSecret", "PutSecretValue", "UpdateSecret", "UpdateSecretVersionStage")
V = "c" * 32
Stubs = Callable[[str], tuple[Any, Stubber]]


def happened(asked: Mapping[str, Any] | None, *, source: str = "secretsmanager.amazonaws.com", **record: Any) -> Any:
    """An event, a minute after the birth."""
    text = json.dumps({"requestParameters": asked, "secretString": "never kept", **record})
    return {"EventSource": source, "EventTime": BORN + timedelta(minutes=1), "CloudTrailEvent": text}


def moved(**changes: Any) -> dict[str, Any]:
    """The request that makes V current."""
    return {"secretId": ARN, "versionStage": "AWSCURRENT", "moveToVersionId": V, **changes}


def asked(call: str, *, since: datetime = BORN) -> dict[str, Any]:
    """The lookup of a call's events."""
    attributes = [{"AttributeKey": "EventName", "AttributeValue": call}]
    begin = since.replace(microsecond=0)
    return {"LookupAttributes": attributes, "StartTime": begin, "MaxResults": 50}


def read(stub: Stubs, events: Mapping[str, list[Any]]) -> SecretTrail | Missing | Unobserved:
    """What is read where CloudTrail has these events, by their call."""
    client, stubber = stub("cloudtrail")
    for call in CALLS:
        stubber.add_response("lookup_events", {"Events": events.get(call, [])})
    return _read(client)


def _read(client: Any, since: datetime = BORN) -> SecretTrail | Missing | Unobserved:
    moment, now = Instant.of(since), Instant.of(NOW)
    return read_secret_trail(client, name=NAME, arn=ARN, since=moment, now=now, pause=lambda _: None)


@pytest.mark.parametrize(
    ("call", "request_", "found"),
    [
        ("UpdateSecretVersionStage", moved(), True),
        ("UpdateSecretVersionStage", moved(secretId=NAME), True),
        ("UpdateSecretVersionStage", moved(secretId=ARN[:-7]), True),
        ("UpdateSecretVersionStage", moved(secretId=f"{NAME}_2"), False),
        ("UpdateSecretVersionStage", moved(secretId=f"{ARN[:-7]}_2-AbCdEf"), False),
        ("UpdateSecretVersionStage", moved(versionStage="AWSPENDING"), False),
        ("UpdateSecretVersionStage", moved(moveToVersionId=None, removeFromVersionId=V), False),
        ("PutSecretValue", {"secretId": NAME, "clientRequestToken": V}, True),
        ("PutSecretValue", {"secretId": NAME, "clientRequestToken": V, "versionStages": ["AWSPENDING"]}, False),
        ("PutSecretValue", {"secretId": NAME, "clientRequestToken": V, "versionStages": ["x", "AWSCURRENT"]}, True),
        ("UpdateSecret", {"secretId": ARN, "clientRequestToken": V}, True),
        ("UpdateSecret", {"secretId": ARN, "description": "x"}, False),
        ("CreateSecret", {"name": NAME, "clientRequestToken": V}, True),
        ("CreateSecret", {"name": "other", "clientRequestToken": V}, False),
    ],
)
def test_what_makes_a_version_current(stub: Stubs, call: str, request_: dict[str, Any], found: bool) -> None:
    """Calls that give AWSCURRENT to a version of this secret, however they name it, and no others."""
    moment = Instant(at=(BORN + timedelta(minutes=1)), whole_second=False)
    expected = (Promotion(at=moment, version_id=V, by=call),) if found else ()
    trail = read(stub, {call: [happened(request_)]})
    assert isinstance(trail, SecretTrail)
    assert expected == trail.promotions
    assert "never kept" not in repr(trail)


def test_what_did_not_happen_there(stub: Stubs) -> None:
    """A call that failed, or of another service, is passed over, whatever else it says."""
    failed = happened(None, errorCode="AccessDenied")
    elsewhere = happened(None, source="example.amazonaws.com")
    trail = read(stub, {"UpdateSecretVersionStage": [failed, elsewhere]})
    assert isinstance(trail, SecretTrail)
    assert () == trail.promotions


def test_how_it_is_asked(stub: Stubs) -> None:
    """By the call's name, from the second of the birth on, page by page, with a pause after each."""
    client, stubber = stub("cloudtrail")
    pauses: list[float] = []
    for call in CALLS:
        token = {"NextToken": "2"} if call == "PutSecretValue" else {}
        stubber.add_response("lookup_events", {"Events": [], **token}, asked(call))
        if token:
            stubber.add_response("lookup_events", {"Events": []}, asked(call) | token)
    moment, now = Instant.of(BORN), Instant.of(NOW)
    trail = read_secret_trail(client, name=NAME, arn=ARN, since=moment, now=now, pause=pauses.append)
    assert isinstance(trail, SecretTrail)
    assert (5, True) == (len(pauses), all(0.5 < pause < 1 for pause in pauses))
    assert BORN.replace(microsecond=0) == trail.since.at


def test_an_old_version(stub: Stubs) -> None:
    """What is older than the history is asked for as far as that goes back, and the answer says so."""
    client, stubber = stub("cloudtrail")
    begin = NOW - timedelta(days=89)
    for call in CALLS:
        stubber.add_response("lookup_events", {"Events": []}, asked(call, since=begin))
    trail = _read(client, NOW - timedelta(days=400))
    assert isinstance(trail, SecretTrail)
    assert begin.replace(microsecond=0) == trail.since.at


@pytest.mark.parametrize(
    "event",
    [
        {"EventSource": "secretsmanager.amazonaws.com", "EventTime": BORN, "CloudTrailEvent": "no JSON"},
        {"EventSource": "secretsmanager.amazonaws.com", "EventTime": BORN, "CloudTrailEvent": "[]"},
        {"EventSource": "secretsmanager.amazonaws.com", "CloudTrailEvent": '{"requestParameters": {}}'},
        {"EventTime": BORN, "CloudTrailEvent": "{}"},
        happened(None),
    ],
)
def test_an_event_that_cannot_be_read(stub: Stubs, event: dict[str, Any]) -> None:
    """One event that isn't understood, and the history is not observed: it may be the one that counts."""
    client, stubber = stub("cloudtrail")
    stubber.add_response("lookup_events", {"Events": [event]})
    found = _read(client)
    assert isinstance(found, Unobserved)
    assert ("malformed", "cloudtrail:LookupEvents") == (found.reason, found.operation)


def test_too_many_events(stub: Stubs) -> None:
    """A history that is longer than what is read is not observed."""
    client, stubber = stub("cloudtrail")
    for page in range(11):
        stubber.add_response("lookup_events", {"Events": [], "NextToken": str(page)})
    found = _read(client)
    assert isinstance(found, Unobserved)
    assert "malformed" == found.reason


@pytest.mark.parametrize(
    ("code", "reason"), [("AccessDeniedException", "access-denied"), ("ThrottlingException", "throttled")]
)
def test_who_may_not_ask(stub: Stubs, code: str, reason: str) -> None:
    """A refusal is not observed, and no empty history."""
    client, stubber = stub("cloudtrail")
    stubber.add_client_error("lookup_events", code)
    found = _read(client)
    assert isinstance(found, Unobserved)
    assert reason == found.reason
