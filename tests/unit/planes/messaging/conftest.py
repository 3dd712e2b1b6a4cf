"""A run of the messaging plane on a target whose answers are given by hand."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from pytest_substrate.model.declaration import parse_declaration
from pytest_substrate.model.observation import Unobserved
from pytest_substrate.model.outcome import TargetKind, Vantage
from pytest_substrate.model.probe_run import ProbeRun
from pytest_substrate.model.transcript import (
    TRANSCRIPT_SCHEMA,
    BrokerSeen,
    Failure,
    MetadataSeen,
    ProbeRequest,
    ProduceSeen,
    TopicSeen,
    Transcript,
)
from pytest_substrate.planes.plane import Context
from pytest_substrate.targets.observations import ObservationStore

TEXT = (Path(__file__).parents[4] / "fixtures" / "dev_min" / "substrate.toml").read_text(encoding="utf-8")
SECRET_ARN = "arn:aws:secretsmanager:eu-west-2:111122223333:secret:AmazonMSK_ingest-AbCdEf"
DEFINITION = "arn:aws:ecs:eu-west-2:111122223333:task-definition/ingest:7"
NOON = datetime(2026, 3, 1, 12, 0, 0, 500_000, tzinfo=UTC)
V = "c" * 32
BROKER = "b-1.spine.example:9096"

HEALTHY: Mapping[str, Any] = {
    "describe_cluster_v2": {
        "ClusterInfo": {
            "ClusterArn": "arn:aws:kafka:eu-west-2:111122223333:cluster/spine/x",
            "ClusterName": "spine",
            "State": "ACTIVE",
            "Provisioned": {"ClientAuthentication": {"Sasl": {"Scram": {"Enabled": True}}}},
        }
    },
    "get_bootstrap_brokers": {"BootstrapBrokerStringSaslScram": BROKER},
    "list_nodes": {"NodeInfoList": [{"BrokerNodeInfo": {"Endpoints": ["b-1.spine.example"]}}]},
    "list_scram_secrets": {"SecretArnList": [SECRET_ARN]},
    "describe_topic": {
        "TopicName": "substrate.smoke",
        "Status": "ACTIVE",
        "PartitionCount": 1,
        "ReplicationFactor": 2,
        "Configs": base64.b64encode(b"retention.ms=600000").decode(),
    },
    "describe_secret": {
        "ARN": SECRET_ARN,
        "Name": "AmazonMSK_ingest",
        "KmsKeyId": "alias/msk",
        "LastChangedDate": NOON,
        "VersionIdsToStages": {V: ["AWSCURRENT"]},
    },
    "list_secret_version_ids": {
        "Versions": [{"VersionId": V, "VersionStages": ["AWSCURRENT"], "CreatedDate": NOON}],
    },
    "describe_key": {
        "KeyMetadata": {
            "Arn": "arn:aws:kms:eu-west-2:111122223333:key/1",
            "KeyManager": "CUSTOMER",
            "KeyState": "Enabled",
            "KeySpec": "SYMMETRIC_DEFAULT",
            "KeyUsage": "ENCRYPT_DECRYPT",
        }
    },
    "describe_clusters": {"clusters": [{"clusterName": "main", "status": "ACTIVE"}]},
    "list_services": {"serviceArns": ["arn:aws:ecs:eu-west-2:111122223333:service/main/ingest"]},
    "describe_services": {
        "services": [
            {
                "serviceArn": "arn:aws:ecs:eu-west-2:111122223333:service/main/ingest",
                "serviceName": "ingest",
                "status": "ACTIVE",
                "taskDefinition": DEFINITION,
                "desiredCount": 2,
                "runningCount": 2,
                "pendingCount": 0,
            }
        ]
    },
    "describe_task_definition": {
        "taskDefinition": {
            "taskDefinitionArn": DEFINITION,
            "containerDefinitions": [
                {
                    "name": "app",
                    "environment": [{"name": "KAFKA_BOOTSTRAP_SERVERS", "value": BROKER}],
                    "secrets": [{"name": "KAFKA_CREDENTIAL", "valueFrom": SECRET_ARN}],
                }
            ],
        }
    },
    "list_tasks": {"taskArns": ["t1"]},
    "describe_tasks": {
        "tasks": [
            {
                "taskArn": "arn:aws:ecs:eu-west-2:111122223333:task/main/1",
                "taskDefinitionArn": DEFINITION,
                "lastStatus": "RUNNING",
                "createdAt": NOON + timedelta(seconds=5),
                "startedAt": NOON + timedelta(seconds=9),
            }
        ]
    },
}


def transcript(**parts: Any) -> Transcript:
    """A probe that got through to the broker's metadata and to a record."""
    fields: dict[str, Any] = {
        "schema": TRANSCRIPT_SCHEMA,
        "nonce": "0" * 32,
        "python": "3.11.7",
        "started_at": "2026-03-01T12:00:00Z",
        "mechanism": "SCRAM-SHA-512",
        "bootstrap": (broker(),),
        "metadata": MetadataSeen(brokers=(broker(),)),
        "topics": {"events.raw": TopicSeen(partitions=3, authorized=0b1_0001_1000)},
        "produce": ProduceSeen(topic="substrate.smoke", partition=0, offset=7),
    }
    return Transcript(**{**fields, **parts})


def broker(failure: Failure | None = None) -> BrokerSeen:
    """The way to the one broker."""
    stages = ("dns", "tcp", "tls", "api-versions", "mechanism", "authenticate", "metadata")
    passed = stages if failure is None else stages[: stages.index(failure.stage)]
    return BrokerSeen(
        address=BROKER,
        addresses=("10.0.0.1",),
        mechanisms=("SCRAM-SHA-512",),
        passed=passed,
        failure=failure,
    )


class HandMadeTarget:
    """A target whose every answer is given; it counts what it is asked."""

    kind = TargetKind.EMBEDDED

    def __init__(self, answers: Mapping[str, Any], run: ProbeRun, group: Sequence[str]) -> None:
        self.answers = answers
        self.run = run
        self.group = tuple(group)
        self.calls: Counter[str] = Counter()
        self.requests: list[ProbeRequest] = []

    def client(self, service: str) -> Any:
        """A client of anything."""
        return _Client(self)

    def probe_group(self, service: str) -> tuple[str, ...]:
        """The services that share a probe."""
        return self.group

    def probe(self, service: str, request: ProbeRequest) -> ProbeRun:
        """The run that was given."""
        self.calls[f"probe {service}"] += 1
        self.requests.append(request)
        return self.run


class _Client:
    def __init__(self, target: HandMadeTarget) -> None:
        self._target = target
        self.meta = SimpleNamespace(endpoint_url="http://127.0.0.1:4566")

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(**_: object) -> Any:
            self._target.calls[name] += 1
            answer = self._target.answers[name]
            if isinstance(answer, Exception):
                raise answer
            return answer

        return call


def a_run(seen: Transcript | Unobserved | None = None, **parts: Any) -> ProbeRun:
    """A probe that ran as a task."""
    return ProbeRun(vantage=Vantage.TASK, transcript=transcript() if seen is None else seen, **parts)


def a_context(
    answers: Mapping[str, Any] | None = None,
    *,
    run: ProbeRun | None = None,
    text: str = TEXT,
    group: Sequence[str] = ("ingest",),
) -> tuple[Context, HandMadeTarget]:
    """A run on healthy answers, but for those that are given."""
    target = HandMadeTarget({**HEALTHY, **(answers or {})}, run or a_run(), group)
    declaration = parse_declaration(text, name="substrate.toml")
    context = Context(
        declaration=declaration,
        target=cast("Any", target),
        observations=ObservationStore(),
        vantage=target.run.vantage,
        now=NOON,
        run_id="run",
    )
    return context, target


class Stage:
    """What the tests set up a run with."""

    text = TEXT
    healthy = HEALTHY
    definition = DEFINITION
    noon = NOON
    broker_address = BROKER
    transcript = staticmethod(transcript)
    broker = staticmethod(broker)
    run = staticmethod(a_run)
    context = staticmethod(a_context)


@pytest.fixture
def stage() -> Stage:
    """The healthy world, to be broken."""
    return Stage()
