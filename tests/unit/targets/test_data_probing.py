"""What the data probe is sent as: a twin of the job's next run, in the declared network."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_substrate.model.declaration.workloads import Job, Network
from pytest_substrate.model.probe_run import StartFailure
from pytest_substrate.targets.data_probing import launch_of, read_job
from pytest_substrate.targets.twin.live import Live
from pytest_substrate.targets.twin.plan import NoTwin

DIGEST = "sha256:" + "a" * 64
NETWORK = Network(subnets=("subnet-0a1b2c3d",), security_groups=("sg-0a1b2c3d",))
JOB = Job(
    task_definition="oracle",
    ecs_cluster="main",
    container="app",
    artifact="ingest",
    task_role="oracle-task",
    network=NETWORK,
)


class Calls:
    """A control plane with one task definition."""

    def __init__(self, **parts: Any) -> None:
        self.asked: list[str] = []
        self.found = {
            "taskDefinitionArn": "arn:aws:ecs:eu-west-2:111122223333:task-definition/oracle:7",
            "networkMode": "awsvpc",
            "requiresCompatibilities": ["FARGATE"],
            "containerDefinitions": [{"name": "app", "image": f"registry/acme/ingest@{DIGEST}"}],
            **parts,
        }

    def definition(self, name: str) -> tuple[dict[str, Any], dict[str, str]]:
        """By ARN or family."""
        self.asked.append(name)
        return self.found, {}


def test_the_next_run() -> None:
    """The newest revision of its family, by the digest that it pins, where its runs are started."""
    calls: Any = Calls()
    live = read_job(calls, JOB)
    assert isinstance(live, Live)
    assert ["oracle"] == calls.asked
    assert ("main", DIGEST, ()) == (live.cluster, live.image_digest, live.volumes)
    assert {
        "launchType": "FARGATE",
        "networkConfiguration": {
            "awsvpcConfiguration": {"subnets": ["subnet-0a1b2c3d"], "securityGroups": ["sg-0a1b2c3d"]}
        },
    } == live.launch


def test_no_launch_type_is_guessed() -> None:
    """On instances the cluster's own default decides, and a bridge takes no network."""
    assert {} == launch_of({"networkMode": "bridge", "requiresCompatibilities": ["EC2"]}, NETWORK)
    assert ["networkConfiguration"] == list(launch_of({"networkMode": "awsvpc"}, NETWORK))


@pytest.mark.parametrize(
    ("containers", "failure"),
    [
        ([], StartFailure.CONTAINER_MISSING),
        ([{"name": "other", "image": f"x@{DIGEST}"}], StartFailure.CONTAINER_MISSING),
        ([{"name": "app", "image": "registry/acme/ingest:1.0"}], StartFailure.IMAGE_UNRESOLVED),
    ],
)
def test_what_has_no_twin(containers: list[dict[str, Any]], failure: StartFailure) -> None:
    """A container that isn't there, or an image that a tag may move."""
    calls: Any = Calls(containerDefinitions=containers)
    found = read_job(calls, JOB)
    assert isinstance(found, NoTwin)
    assert failure is found.failure
