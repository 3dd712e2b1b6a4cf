"""The command that a red rung leads to is whole: a person types it as it stands."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest

from pytest_substrate.gate.ladder import Ladder
from pytest_substrate.gate.required import required_pairs
from pytest_substrate.model.command import blanks
from pytest_substrate.model.outcome import Outcome, Plane, Vantage
from pytest_substrate.model.probe_run import StartFailure
from pytest_substrate.model.record import Record
from pytest_substrate.model.transcript import (
    ClientSeen,
    CredentialSeen,
    Failure,
    FetchSeen,
    GroupSeen,
    IdentitySeen,
    MetadataSeen,
    ProduceSeen,
    ReauthenticationSeen,
    TopicSeen,
)
from pytest_substrate.planes.catalogue import catalogue, diagnose_with
from pytest_substrate.planes.messaging.checks import CHECKS
from pytest_substrate.planes.messaging.diagnose.causes import TRANSCRIPT_CAUSES
from pytest_substrate.planes.messaging.diagnose.rungs import RUNGS

BLANKS = {
    word.upper() for check in CHECKS for template in (check.next, *check.nexts.values()) for word in blanks(template)
}
STAGES = {
    "MSG-110": "dns",
    "MSG-120": "tcp",
    "MSG-130": "tls",
    "MSG-140": "api-versions",
    "MSG-150": "mechanism",
    "MSG-160": "authenticate",
}
APIS = {str(api): (4, 9) for api in range(15)}


def broken(check: str, cause: str, stage: Any) -> Mapping[str, Any]:
    """The parts of a transcript in which the rung failed for that cause."""
    broker = stage.broker_address
    failure = Failure(cause=cause, stage=STAGES.get(check, "later"), broker=broker)
    unplaced = replace(failure, broker=None)
    if check in STAGES:
        return {"bootstrap": (stage.broker(failure),), "metadata": None}
    parts: Mapping[str, Mapping[str, Any]] = {
        "MSG-060": {"identity": IdentitySeen(failure=unplaced)},
        "MSG-070": {"credential": CredentialSeen(variables=("KAFKA_CREDENTIAL",), failure=unplaced)},
        "MSG-170": {"metadata": MetadataSeen(failure=unplaced)},
        "MSG-180": {"topics": {"events.raw": TopicSeen(failure=unplaced)}},
        "MSG-190": {"topics": {"events.raw": TopicSeen(failure=unplaced)}},
        "MSG-195": {"group": GroupSeen(failure=unplaced)},
        "MSG-200": {"produce": ProduceSeen(topic="substrate.smoke", failure=unplaced)},
        "MSG-210": {"fetch": FetchSeen(failure=unplaced)},
        "MSG-220": {},
        "MSG-230": {"client": ClientSeen(name="kafka-python", ran=True, failure=unplaced)},
        "MSG-240": {"reauthentication": ReauthenticationSeen(way="fresh-connection", failure=unplaced)},
    }
    return parts[check]


def clients() -> Iterator[ClientSeen]:
    """Clients that MSG-220 is violated by."""
    yield ClientSeen(name="kafka-python")
    yield ClientSeen(name="kafka-python", version="1.4.7")
    yield ClientSeen(name="kafka-python", version="2.2.15", api_version="banana")
    yield ClientSeen(name="kafka-python", version="2.2.15", api_version="0.10.2")


def records(stage: Any, answers: Mapping[str, Any] | None = None, **run: Any) -> list[Record]:
    """All records of a run."""
    seen = stage.transcript(**run.pop("parts", {}))
    context, _ = stage.context(answers, run=stage.run(seen, task_definition_arn=stage.definition, **run))
    ladder = Ladder(context.declaration, diagnose_with(context), context.now, Vantage.TASK)
    return [ladder.record(pair) for pair in required_pairs(context.declaration, [Plane.MESSAGING])]


def unfilled(record: Record) -> set[str]:
    """The blanks in its command, which must be words of a shell."""
    assert record.next
    assert shlex.split(record.next)
    return BLANKS & set(re.findall(r"\b[A-Z][A-Z_]+\b", record.next))


@pytest.mark.parametrize("check", RUNGS)
def test_a_violated_rung_of_the_probe(stage: Any, check: str) -> None:
    """Whatever the cause, the run knows what the command names."""
    for cause in set(catalogue()[check].causes) - set(TRANSCRIPT_CAUSES):
        for record in records(stage, parts=broken(check, cause.slug, stage)):
            if record.outcome is Outcome.VIOLATION:
                assert set() == unfilled(record), (record.check, record.cause, record.next)


def test_violated_by_the_client(stage: Any) -> None:
    """MSG-220 has four ways to be violated."""
    way = replace(stage.broker(), apis=APIS)
    found = [
        record
        for client in clients()
        for record in records(stage, parts={"bootstrap": (way,), "client": client})
        if record.check == "MSG-220"
    ]
    assert ["client-not-found", "mechanism-unknown", "api-version-malformed", "no-common-version"] == [
        record.cause for record in found
    ]
    assert set() == set().union(*map(unfilled, found))


MISSING: Mapping[str, Any] = {"services": [], "failures": [{"arn": "x/ingest", "reason": "MISSING"}]}
WRONG: Mapping[str, Mapping[str, Any]] = {
    "no service": {"describe_services": MISSING},
    "no association": {"list_scram_secrets": {"SecretArnList": []}},
    "no brokers": {"get_bootstrap_brokers": {}},
    "another cluster's brokers": {
        "get_bootstrap_brokers": {"BootstrapBrokerStringSaslScram": "b-9.other.example:9096"}
    },
    "no containers": {
        "describe_task_definition": {"taskDefinition": {"taskDefinitionArn": "a", "containerDefinitions": []}}
    },
    "no tasks": {"list_tasks": {"taskArns": []}},
}


@pytest.mark.parametrize("name", WRONG)
def test_violated_by_what_aws_says(stage: Any, name: str) -> None:
    """The declaration and the answers know what the command names."""
    found = [record for record in records(stage, WRONG[name]) if record.outcome is Outcome.VIOLATION]
    assert set() == set().union(*map(unfilled, found))


@pytest.mark.parametrize("failure", [failure for failure in StartFailure if failure.proven])
def test_violated_by_a_start(stage: Any, failure: StartFailure) -> None:
    """A start that failed leads to the service."""
    found = [record for record in records(stage, start_failure=failure) if record.check == "MSG-055"]
    assert [set()] == [unfilled(record) for record in found]


def test_a_record_that_may_not_be_written_leads_to_the_rules(stage: Any) -> None:
    """Error 29 is no matter of the topic's settings."""
    parts = {
        "produce": ProduceSeen(topic="substrate.smoke", failure=Failure(cause="x", stage="produce", kafka_error=29))
    }
    [found] = [record for record in records(stage, parts=parts) if record.check == "MSG-200"]
    assert "write-forbidden" == found.cause
    expected = f"kafka-acls.sh --bootstrap-server {stage.broker_address} --command-config client.properties --list "
    assert f"{expected}--topic substrate.smoke" == found.next
