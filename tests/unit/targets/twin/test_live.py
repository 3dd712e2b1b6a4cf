"""Which services one probe serves, and how what would be started is started."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from pytest_substrate.model.declaration import parse_declaration
from pytest_substrate.model.outcome import Vantage
from pytest_substrate.targets.probing import group_of
from pytest_substrate.targets.twin.live import Live, read_live, run_request, same_runtime
from pytest_substrate.targets.twin.plan import TwinPlan

DIGEST = "sha256:" + "a" * 64
USUAL = "KAFKA_BOOTSTRAP_SERVERS"
VARIABLES = (USUAL,)


@pytest.fixture
def one(live: dict[str, Any]) -> Live:
    """A service on Fargate."""
    network = {"awsvpcConfiguration": {"subnets": ["subnet-1"], "securityGroups": ["sg-1"]}}
    launch = {"launchType": "FARGATE", "networkConfiguration": network}
    return Live(cluster="main", definition=live, launch=launch, volumes=(), image_digest=DIGEST)


def changed(one: Live, change: Callable[[Any, dict[str, Any]], None], **fields: Any) -> Live:
    """The service with a change in its task definition or its container."""
    definition: dict[str, Any] = copy.deepcopy(dict(one.definition))
    change(definition, definition["containerDefinitions"][0])
    parts = {"cluster": one.cluster, "launch": one.launch, "volumes": one.volumes, "image_digest": one.image_digest}
    return Live(definition=definition, **(parts | fields))


def nothing(_: Any, __: dict[str, Any]) -> None:
    """No change."""


SAME = {
    "family and revision": lambda task, _: task.update(family="other", taskDefinitionArn="x"),
    "a variable that no probe reads": lambda _, app: app["environment"].append({"name": "OTHER", "value": "1"}),
    "memory and health check": lambda task, app: (
        task.update(memory="1024"),
        app.update(healthCheck={"command": ["x"]}),
    ),
    "another sidecar": lambda task, _: task["containerDefinitions"].append({"name": "side", "image": "side:1"}),
}
OTHER = {
    "task role": lambda task, _: task.update(taskRoleArn="arn:aws:iam::111122223333:role/other"),
    "execution role": lambda task, _: task.update(executionRoleArn="arn:aws:iam::111122223333:role/other"),
    "secret": lambda _, app: app["secrets"][0].update(valueFrom="other"),
    "one secret more": lambda _, app: app["secrets"].append({"name": "MORE", "valueFrom": "more"}),
    "bootstrap": lambda _, app: app["environment"][0].update(value="b-2:9096"),
    "name resolution": lambda _, app: app.update(extraHosts=[{"hostname": "b-1", "ipAddress": "10.0.0.1"}]),
    "platform": lambda task, _: task.update(runtimePlatform={"cpuArchitecture": "ARM64"}),
    "user": lambda _, app: app.update(user="1000"),
}


@pytest.mark.parametrize("name", SAME)
def test_services_that_feel_alike_share_a_probe(one: Live, name: str) -> None:
    """What neither credential, network nor image can feel separates nobody."""
    assert same_runtime(one, changed(one, SAME[name]), ("app", "app"), VARIABLES)


@pytest.mark.parametrize("name", OTHER)
def test_services_that_differ_where_a_probe_could_feel_it_share_none(one: Live, name: str) -> None:
    """Roles, secrets, wiring, names, platform, user."""
    assert not same_runtime(one, changed(one, OTHER[name]), ("app", "app"), VARIABLES)


def test_another_image_or_network_is_another_runtime(one: Live) -> None:
    """By digest, and by how a task is started."""
    assert not same_runtime(one, changed(one, nothing, image_digest="sha256:" + "b" * 64), ("app", "app"), VARIABLES)
    assert not same_runtime(one, changed(one, nothing, launch={"launchType": "EC2"}), ("app", "app"), VARIABLES)


def test_a_live_service_shows_nothing_of_itself(one: Live) -> None:
    """It holds environment values."""
    assert "b-1:9096" not in repr(one)


def a_plan(one: Live) -> TwinPlan:
    """Any plan."""
    from datetime import UTC, datetime

    return TwinPlan(
        service="ingest",
        container="app",
        image_digest=one.image_digest,
        source="",
        argument="",
        region="eu-west-2",
        run_id="r1",
        expires=datetime(2030, 1, 1, tzinfo=UTC),
    )


def test_volumes_that_are_made_at_launch_are_made_for_a_twin_that_mounts_them(one: Live) -> None:
    """And the others are not."""
    volumes = tuple({"name": name, "managedEBSVolume": {"sizeInGiB": 1, "roleArn": "r"}} for name in ("data", "other"))
    twin = {"taskDefinitionArn": "arn", "volumes": [{"name": "data", "configuredAtLaunch": True}]}
    request = run_request(changed(one, nothing, volumes=volumes), a_plan(one), twin, "token")
    assert ["data"] == [volume["name"] for volume in request["volumeConfigurations"]]
    assert "volumeConfigurations" not in run_request(one, a_plan(one), twin, "token")


def test_capacity_providers_and_task_sets_say_how_a_task_is_started(play: Any) -> None:
    """With providers no launch type is given; with task sets the primary one decides."""
    plane = play()
    strategy = [{"capacityProvider": "FARGATE_SPOT", "weight": 1}]
    plane.service["capacityProviderStrategy"] = strategy
    live = read_live(plane.twin_calls, "main", "ingest", "app")
    assert isinstance(live, Live)
    assert (strategy, False) == (live.launch["capacityProviderStrategy"], "launchType" in live.launch)
    primary = {"status": "PRIMARY", "taskDefinition": plane.service.pop("taskDefinition"), "launchType": "EC2"}
    plane.service["taskSets"] = [{"status": "ACTIVE", "taskDefinition": "old"}, primary]
    live = read_live(plane.twin_calls, "main", "ingest", "app")
    assert isinstance(live, Live)
    assert {"launchType": "EC2"} == live.launch


DECLARED = """
schema = 1
environment = "dev"
account = "111122223333"
region = "eu-west-2"
[cluster.spine]
arn = "arn:aws:kafka:eu-west-2:111122223333:cluster/spine/4a1f8e52-6c0d-4b7e-9a35-2d9f6f0c7b11-2"
auth = "scram"
[artifact.ingest]
repository = "acme/ingest"
record = "release/ingest.json"
contract = { distributions = ["kafka-python"], imports = ["kafka"] }
"""
SERVICE = """
[service.NAME]
ecs = "main/ECS"
container = "app"
artifact = "ingest"
task_role = "ingest-task"
[service.NAME.messaging]
cluster = "spine"
bootstrap_env = "BOOTSTRAP"
credential = { secret = "AmazonMSK_ingest", env = "KAFKA_CREDENTIAL", principal = "ingest" }
client = { name = "kafka-python" }
topics = { "TOPIC" = ["write"] }
"""


class FakeTarget:
    """As much of a target as grouping asks."""

    def __init__(self, plane: Any, text: str, vantage: Vantage = Vantage.TASK) -> None:
        self.declaration = parse_declaration(text, name="substrate.toml")
        self.client = plane.client
        self.vantage = vantage


def services(**names: tuple[str, str, str]) -> str:
    """A declaration of services: their ECS name, their topic, their bootstrap variable."""
    text = DECLARED
    for name, (ecs, topic, bootstrap) in names.items():
        part = SERVICE.replace("NAME", name).replace("ECS", ecs).replace("TOPIC", topic)
        text += part.replace("BOOTSTRAP", bootstrap)
    return text


def test_declared_services_that_share_all_but_topics_are_one_group(play: Any) -> None:
    """One probe asks for both; a service with another wiring, or one that is not there, stands alone."""
    plane = play()
    plane.names |= {"second", "third"}
    text = services(
        a=("ingest", "x", USUAL), b=("second", "y", USUAL), c=("third", "x", "OTHER"), d=("gone", "x", USUAL)
    )
    target: Any = FakeTarget(plane, text)
    assert ("a", "b") == group_of(target, "a") == group_of(target, "b")
    assert ("c",) == group_of(target, "c")
    assert ("d",) == group_of(target, "d")


def test_a_service_that_nobody_is_like_costs_no_call(play: Any) -> None:
    """And at other vantages, each service has a probe of its own."""
    plane = play()
    alone: Any = FakeTarget(plane, services(a=("ingest", "x", USUAL)))
    inside: Any = FakeTarget(plane, services(a=("ingest", "x", USUAL), b=("second", "y", USUAL)), Vantage.EXEC)
    assert ("a",) == group_of(alone, "a") == group_of(inside, "a")
    assert [] == plane.calls
