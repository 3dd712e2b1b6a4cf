"""From a check and a subject to a diagnosis, on a target whose answers are given by hand."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from pytest_substrate.gate.ladder import Ladder
from pytest_substrate.gate.required import required_pairs
from pytest_substrate.model.observation import Unobserved
from pytest_substrate.model.outcome import Layer, Outcome, Plane, Vantage
from pytest_substrate.model.probe_run import ProbeRun, StartFailure
from pytest_substrate.model.record import exit_code, first_red
from pytest_substrate.model.transcript import Failure, ProbeRequest, TopicSeen
from pytest_substrate.planes.catalogue import catalogue, diagnose_with
from pytest_substrate.planes.messaging.checks import CHECKS
from pytest_substrate.planes.messaging.judge import judge
from pytest_substrate.planes.substrate.judge import judge as judge_substrate

AWS_RUNGS = ["MSG-010", "MSG-020", "MSG-030", "MSG-040", "MSG-050", "MSG-055"]


def test_healthy_aws(stage: Any) -> None:
    """Everything that AWS says is green, and each thing is asked for once."""
    context, target = stage.context()
    assert judge("MSG-005", "cluster/spine", context).outcome.green
    for _ in range(2):
        for check in AWS_RUNGS:
            found = judge(check, "service/ingest", context)
            assert found.outcome.green, (check, found)
    assert {1} == set(target.calls.values())


def test_every_check_has_a_judge(stage: Any) -> None:
    """Every check of the plane comes to a diagnosis for each of its subjects, its cause among those that are listed."""
    context, _ = stage.context()
    for check in CHECKS:
        for subject in check.subjects(context.declaration):
            found = judge(check.id, subject, context)
            assert found.cause is None or found.cause in {cause.slug for cause in check.causes}, check.id


def test_unknown_check(stage: Any) -> None:
    """A check of another plane is our own bug."""
    context, _ = stage.context()
    for check in ("PKG-010", "SUB-010"):
        with pytest.raises(KeyError):
            judge(check, "service/ingest", context)
    with pytest.raises(KeyError):
        judge_substrate("MSG-005", "cluster/spine", context)


def test_nothing_observed_is_nothing_green(stage: Any) -> None:
    """Where every call is refused, no check is green."""
    denied = ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "Anything")
    failed = ProbeRun(
        vantage=Vantage.TASK,
        transcript=Unobserved(reason="access-denied"),
        start_failure=StartFailure.ACCESS_DENIED,
    )
    context, _ = stage.context(dict.fromkeys(stage.healthy, denied), run=failed)
    for check in catalogue().values():
        if check.id.startswith(("MSG", "SUB")):
            way = judge if check.id.startswith("MSG") else judge_substrate
            for subject in check.subjects(context.declaration):
                found = way(check.id, subject, context)
                assert Outcome.INCONCLUSIVE is found.outcome, check.id


def rotated_and_tagged(stage: Any, **events: Any) -> dict[str, Any]:
    """A secret that was changed after the tasks had started, which themselves started after its version was made."""
    versions = stage.healthy["list_secret_version_ids"]["Versions"]
    born = versions[0]["CreatedDate"] - timedelta(days=1)
    return {
        "describe_secret": {
            **stage.healthy["describe_secret"],
            "LastChangedDate": versions[0]["CreatedDate"] + timedelta(hours=1),
        },
        "list_secret_version_ids": {"Versions": [{**versions[0], "CreatedDate": born}]},
        "lookup_events": {"Events": []},
        **events,
    }


def test_cloudtrail_is_asked_where_the_times_decide_nothing(stage: Any) -> None:
    """Only then, once for each call that it may know; what it knows decides, and what it doesn't leaves it open."""
    version = stage.healthy["list_secret_version_ids"]["Versions"][0]
    asked = {"secretId": "AmazonMSK_ingest", "versionStage": "AWSCURRENT", "moveToVersionId": version["VersionId"]}
    moved = {
        "EventSource": "secretsmanager.amazonaws.com",
        "EventTime": version["CreatedDate"] - timedelta(hours=1),
        "CloudTrailEvent": json.dumps({"requestParameters": asked}),
    }
    for events, outcome, source in (([], Outcome.INCONCLUSIVE, None), ([moved], Outcome.PASS, "cloudtrail")):
        context, target = stage.context(rotated_and_tagged(stage, lookup_events={"Events": events}))
        for _ in range(2):
            found = judge("MSG-050", "service/ingest", replace(context, now=context.now + timedelta(hours=2)))
            assert (outcome, source) == (found.outcome, found.facts.get("source"))
        assert 4 == target.calls["lookup_events"]


@pytest.mark.parametrize(
    ("seen_s", "outcome"), [(-60, Outcome.PASS), (60, Outcome.INCONCLUSIVE), (None, Outcome.INCONCLUSIVE)]
)
def test_cloudtrail_may_not_be_asked(stage: Any, seen_s: int | None, outcome: Outcome) -> None:
    """The ledger decides, where a run saw the version current before the task was made; else it says why it's open."""
    denied = ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "LookupEvents")
    context, _ = stage.context(rotated_and_tagged(stage, lookup_events=denied))
    asked = []

    def known_since(*what: str) -> datetime | None:
        asked.append(what)
        return None if seen_s is None else context.now + timedelta(seconds=seen_s)

    found = judge("MSG-050", "service/ingest", replace(context, known_since=known_since))
    version = stage.healthy["list_secret_version_ids"]["Versions"][0]["VersionId"]
    assert [("service/ingest", "MSG-050 version_id", version)] == asked
    assert outcome is found.outcome
    if outcome.green:
        assert "ledger" == found.facts["source"]
    else:
        assert "freshness-undecided" == found.cause
        assert found.message.endswith("can't be told from their times; CloudTrail could not be asked (access-denied)")


def test_undeclared_services(stage: Any) -> None:
    """SUB-010 compares the ECS cluster's services with those that are declared or ignored in it."""
    arns = [f"arn:aws:ecs:eu-west-2:111122223333:service/main/{name}" for name in ("ingest", "rogue")]
    services = [
        {**stage.healthy["describe_services"]["services"][0], "serviceName": name} for name in ("ingest", "rogue")
    ]
    answers = {"list_services": {"serviceArns": arns}, "describe_services": {"services": services}}
    context, _ = stage.context(answers)
    assert "undeclared-service" == judge_substrate("SUB-010", "ecs-cluster/main", context).cause
    ignored = stage.text + '\n[[ignored]]\necs = "main/rogue"\nreason = "not ours"\n'
    context, _ = stage.context(answers, text=ignored)
    assert judge_substrate("SUB-010", "ecs-cluster/main", context).outcome.green


def test_the_request(stage: Any) -> None:
    """What the probe is asked is what the service is declared with, under a fresh nonce."""
    context, target = stage.context()
    judge("MSG-055", "service/ingest", context)
    [request] = target.requests
    expected = ProbeRequest(
        nonce=request.nonce,
        bootstrap_env="KAFKA_BOOTSTRAP_SERVERS",
        credential_env="KAFKA_CREDENTIAL",
        expected_env="SUBSTRATE_EXPECTED",
        principal="ingest",
        ca_file_env="KAFKA_CA_FILE",
        topics=("events.raw",),
        group="ingest",
        smoke_topic="substrate.smoke",
        client="kafka-python",
        api_version_env="KAFKA_API_VERSION",
        client_round_trip=True,
        identity=True,
        region="eu-west-2",
        sts_endpoint="http://127.0.0.1:4566",
        reauthenticate=True,
    )
    assert expected == request
    assert 32 == len(request.nonce)
    int(request.nonce, 16)


def with_second(text: str, name: str, *, topic: str, group: str) -> str:
    """The declaration with another service of the same messaging but for topic and group."""
    table = text[text.index("[service.ingest]") :]
    for old, new in (("service.ingest", f"service.{name}"), ("main/ingest", f"main/{name}"), ("events.raw", topic)):
        table = table.replace(old, new)
    return text + "\n" + table.replace('group = "ingest"', f'group = "{group}"')


def test_services_that_share_a_probe(stage: Any) -> None:
    """Services of one image, role, secret, network and group are asked about together, topics and all."""
    context, target = stage.context(
        text=with_second(stage.text, "egress", topic="events.clean", group="ingest"), group=("ingest", "egress")
    )
    for service in ("egress", "ingest"):
        judge("MSG-055", f"service/{service}", context)
    assert 1 == target.calls["probe ingest"]
    assert 0 == target.calls["probe egress"]
    assert ("events.raw", "events.clean") == target.requests[0].topics


def test_another_group_is_another_probe(stage: Any) -> None:
    """A probe asks about one consumer group."""
    context, target = stage.context(
        text=with_second(stage.text, "egress", topic="events.raw", group="egress"), group=("ingest", "egress")
    )
    for service in ("egress", "ingest"):
        judge("MSG-055", f"service/{service}", context)
    assert ["egress", "ingest"] == [request.group for request in target.requests]


def test_hidden_wiring_is_judged_by_the_probe(stage: Any) -> None:
    """A bootstrap variable that a parameter sets is judged by what the runtime had."""
    hidden = {
        "taskDefinition": {
            "taskDefinitionArn": stage.definition,
            "containerDefinitions": [
                {"name": "app", "secrets": [{"name": "KAFKA_BOOTSTRAP_SERVERS", "valueFrom": "/spine/brokers"}]}
            ],
        }
    }
    context, target = stage.context({"describe_task_definition": hidden})
    assert judge("MSG-040", "service/ingest", context).outcome.green
    assert 1 == target.calls["probe ingest"]


def test_plain_wiring_needs_no_probe(stage: Any) -> None:
    """A plain bootstrap variable is judged without sending a probe."""
    context, target = stage.context()
    judge("MSG-040", "service/ingest", context)
    assert 0 == target.calls["probe ingest"]


def test_a_topic_that_the_broker_hides_is_looked_up(stage: Any) -> None:
    """Error 29 sends MSG-180, and no other rung, to MSK's topic API; the smoke topic is looked up before a probe."""
    seen = stage.transcript(topics={"events.raw": TopicSeen(kafka_error=29)})
    context, target = stage.context(run=stage.run(seen))
    assert judge("MSG-180", "service/ingest/topic/events.raw", context).outcome.green
    assert 2 == target.calls["describe_topic"]
    found = judge("MSG-190", "service/ingest/topic/events.raw", context)
    assert Outcome.VIOLATION is found.outcome
    missing = ClientError({"Error": {"Code": "NotFoundException", "Message": "no"}}, "DescribeTopic")
    context, _ = stage.context({"describe_topic": missing}, run=stage.run(seen))
    assert "topic-missing" == judge("MSG-180", "service/ingest/topic/events.raw", context).cause


def test_a_visible_topic_is_not_looked_up(stage: Any) -> None:
    """MSK's topic API is asked only where the broker leaves it open; the one call is for the smoke topic."""
    context, target = stage.context()
    assert judge("MSG-180", "service/ingest/topic/events.raw", context).outcome.green
    assert 1 == target.calls["describe_topic"]


@pytest.mark.parametrize(
    ("configs", "cause"),
    [("retention.ms=600000", None), ("retention.ms=604800000", "retention-too-long"), ("x=y", "retention-too-long")],
)
def test_the_smoke_topics_retention(stage: Any, configs: str, cause: str | None) -> None:
    """MSG-200 demands that MSK says that the smoke topic keeps records for an hour at most."""
    described = {**stage.healthy["describe_topic"], "Configs": base64.b64encode(configs.encode()).decode()}
    context, _ = stage.context({"describe_topic": described})
    assert cause == judge("MSG-200", "service/ingest", context).cause


@pytest.mark.parametrize(
    ("vantage", "started", "layer"),
    [
        (Vantage.TASK, -3600, None),
        (Vantage.EXEC, -3600, Layer.ROTATION),
        (Vantage.EXEC, 9, None),
    ],
)
def test_whose_fault_a_rejected_credential_is(stage: Any, vantage: Vantage, started: int, layer: Layer | None) -> None:
    """Inside a stale task the rotation is at fault; a twin always holds the current credential, so there never."""
    refused = Failure(cause="kafka-error", stage="authenticate", broker=stage.broker_address, kafka_error=58)
    rejected = stage.transcript(metadata=None, bootstrap=(stage.broker(refused),))
    start = stage.noon + timedelta(seconds=started)
    task = {
        **stage.healthy["describe_tasks"]["tasks"][0],
        "createdAt": start - timedelta(seconds=4),
        "startedAt": start,
    }
    run = ProbeRun(vantage=vantage, transcript=rejected)
    context, _ = stage.context({"describe_tasks": {"tasks": [task]}}, run=run)
    found = judge("MSG-160", "service/ingest", context)
    assert (Outcome.VIOLATION, "rejected", layer) == (found.outcome, found.cause, found.layer)


def test_facts_of_a_lost_transcript(stage: Any) -> None:
    """Where the transcript can't be read, the task's end is told."""
    run = ProbeRun(
        vantage=Vantage.TASK,
        transcript=Unobserved(reason="parts-missing"),
        stop_code="EssentialContainerExited",
        exit_code=137,
    )
    context, _ = stage.context(run=run)
    found = judge("MSG-110", "service/ingest", context)
    assert (Outcome.INCONCLUSIVE, "parts-missing") == (found.outcome, found.cause)
    assert ("EssentialContainerExited", 137) == (found.facts["stop_code"], found.facts["exit_code"])


@pytest.mark.parametrize(
    "key_id", [None, "alias/aws/secretsmanager", "arn:aws:kms:eu-west-2:111122223333:alias/aws/secretsmanager"]
)
def test_a_key_that_the_secret_itself_calls_aws_own(stage: Any, key_id: str | None) -> None:
    """MSG-010 is violated by the secret's own word; KMS, which might refuse to tell, isn't asked."""
    secret = {key: value for key, value in stage.healthy["describe_secret"].items() if key != "KmsKeyId"}
    denied = ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "DescribeKey")
    context, target = stage.context(
        {"describe_secret": secret | ({"KmsKeyId": key_id} if key_id else {}), "describe_key": denied}
    )
    found = judge("MSG-010", "service/ingest", context)
    assert (Outcome.VIOLATION, "aws-managed-key") == (found.outcome, found.cause)
    assert 0 == target.calls["describe_key"]


@pytest.mark.parametrize(
    ("settings", "outcome", "cause"),
    [
        (b"retention.ms=600000", None, None),
        (b"retention.ms=600000\ncleanup.policy=compact,delete", None, None),
        (b"retention.ms=604800000", Outcome.VIOLATION, "retention-too-long"),
        (b"", Outcome.VIOLATION, "retention-too-long"),
        (b"retention.ms=600000\ncleanup.policy=compact", Outcome.VIOLATION, "compacted"),
        (None, Outcome.INCONCLUSIVE, "retention-unknown"),
    ],
)
def test_a_topic_that_keeps_records_is_never_written_to(
    stage: Any, settings: bytes | None, outcome: Outcome | None, cause: str | None
) -> None:
    """What MSK says comes first: the probe isn't even told of a topic that may keep its record."""
    topic: Any = ClientError({"Error": {"Code": "ForbiddenException", "Message": "no"}}, "DescribeTopic")
    if settings is not None:
        topic = {**stage.healthy["describe_topic"], "Configs": base64.b64encode(settings).decode()}
    run = stage.run(stage.transcript(produce=None)) if cause else stage.run()
    context, target = stage.context({"describe_topic": topic}, run=run)
    found = judge("MSG-200", "service/ingest", context)
    [request] = target.requests
    assert (None if cause else "substrate.smoke", cause is None) == (request.smoke_topic, request.client_round_trip)
    assert (outcome or Outcome.PASS, cause) == (found.outcome, found.cause)


def with_role(stage: Any, role: str | None) -> Any:
    """The live task definition under another task role."""
    definition = {**stage.healthy["describe_task_definition"]["taskDefinition"]}
    return {"taskDefinition": definition | ({"taskRoleArn": role} if role else {})}


def test_a_swapped_task_role_is_the_identitys_fault(stage: Any) -> None:
    """MSG-060 is violated by the task definition itself, and red first: no task is sent, which proves no start."""
    other = "arn:aws:iam::111122223333:role/reporting-task"
    run = ProbeRun(
        vantage=Vantage.TASK,
        transcript=Unobserved(reason="other-role"),
        start_failure=StartFailure.OTHER_ROLE,
        task_role_arn=other,
    )
    context, _ = stage.context({"describe_task_definition": with_role(stage, other)}, run=run)
    start = judge("MSG-055", "service/ingest", context)
    assert (Outcome.INCONCLUSIVE, "other-role") == (start.outcome, start.cause)
    found = judge("MSG-060", "service/ingest", context)
    assert (Outcome.VIOLATION, "other-role", other) == (found.outcome, found.cause, found.facts["role_arn"])
    ladder = Ladder(context.declaration, diagnose_with(context), context.now, Vantage.TASK)
    records = [ladder.record(pair) for pair in required_pairs(context.declaration, [Plane.MESSAGING])]
    red = first_red(records)
    assert red is not None
    assert ("MSG-060", Layer.IDENTITY, "other-role") == (red.check, red.layer, red.cause)
    assert 1 == exit_code(records)
    assert {"MSG-055"} == {record.check for record in records[: records.index(red)] if not record.outcome.green}


@pytest.mark.parametrize(
    ("run", "cause"),
    [
        (
            ProbeRun(vantage=Vantage.TASK, transcript=Unobserved(reason="x"), start_failure=StartFailure.QUOTA),
            "no-task",
        ),
        (ProbeRun(vantage=Vantage.HERE, transcript=Unobserved(reason="not-the-runtime")), "no-task"),
        (ProbeRun(vantage=Vantage.TASK, transcript=Unobserved(reason="parts-cut")), "parts-cut"),
    ],
)
def test_without_a_task_nobody_tells_the_role(stage: Any, run: ProbeRun, cause: str) -> None:
    """MSG-060 stands on no other rung, so it says itself that it could not be seen."""
    role = "arn:aws:iam::111122223333:role/ingest-task"
    context, _ = stage.context({"describe_task_definition": with_role(stage, role)}, run=run)
    found = judge("MSG-060", "service/ingest", context)
    assert (Outcome.INCONCLUSIVE, cause) == (found.outcome, found.cause)
    assert cause in {known.slug for known in catalogue()["MSG-060"].causes}
