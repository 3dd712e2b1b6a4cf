"""The twin: whatever the live task definition is, its twin may differ where the plan says, and nowhere else."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import botocore.session
import pytest
from botocore.validate import ParamValidator
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_substrate.model.probe_run import StartFailure
from pytest_substrate.targets.twin.derive import derive_twin, image_at
from pytest_substrate.targets.twin.difference import Difference, differences
from pytest_substrate.targets.twin.plan import RESPONSE_ONLY, NoTwin, TwinPlan, expired, time_text

DIGEST = "sha256:" + "a" * 64
ARN = "arn:aws:secretsmanager:eu-west-2:111122223333:secret:AmazonMSK_ingest-AbCdEf"
EARLY, LATE = (datetime(year, 1, 1) for year in (2000, 9000))  # noqa: DTZ001  hypothesis adds the zone
EXPIRES = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)


def a_plan(**changes: Any) -> TwinPlan:
    """A plan for the container `app`."""
    fields: dict[str, Any] = {
        "service": "ingest",
        "container": "app",
        "image_digest": DIGEST,
        "source": "print(1)",
        "argument": '{"nonce":"0"}',
        "region": "eu-west-2",
        "run_id": "r1",
        "expires": EXPIRES,
        "expected_arn": ARN,
    }
    return TwinPlan(**(fields | changes))


def a_definition(**changes: Any) -> dict[str, Any]:
    """A usual task definition of a service with a sidecar."""
    log = {"logDriver": "awslogs", "options": {"awslogs-group": "/ecs/ingest", "awslogs-region": "eu-west-2"}}
    app = {
        "name": "app",
        "image": "111122223333.dkr.ecr.eu-west-2.amazonaws.com:443/acme/ingest:7",
        "entryPoint": ["python"],
        "command": ["-m", "ingest"],
        "environment": [{"name": "A", "value": "1"}],
        "secrets": [{"name": "KAFKA_CREDENTIAL", "valueFrom": ARN}],
        "portMappings": [{"containerPort": 80}],
        "healthCheck": {"command": ["true"]},
        "dependsOn": [{"containerName": "side", "condition": "START"}],
        "restartPolicy": {"enabled": True},
        "mountPoints": [{"sourceVolume": "data", "containerPath": "/data"}],
        "logConfiguration": log,
        "user": "1000",
        "cpu": 0,
    }
    side = {"name": "side", "image": "side:1", "essential": True}
    definition = {
        "taskDefinitionArn": "arn:aws:ecs:eu-west-2:111122223333:task-definition/ingest:7",
        "family": "ingest",
        "revision": 7,
        "status": "ACTIVE",
        "taskRoleArn": "arn:aws:iam::111122223333:role/ingest-task",
        "executionRoleArn": "arn:aws:iam::111122223333:role/ingest-execution",
        "networkMode": "awsvpc",
        "containerDefinitions": [app, side],
        "volumes": [{"name": "data", "host": {}}, {"name": "logs", "host": {}}],
        "requiresCompatibilities": ["FARGATE"],
        "cpu": "256",
        "memory": "512",
    }
    return definition | changes


def registered(twin: dict[str, Any]) -> dict[str, Any]:
    """What ECS tells of a definition that was registered so."""
    echo: dict[str, Any] = copy.deepcopy({key: value for key, value in twin.items() if key != "tags"})
    for container in echo["containerDefinitions"]:
        for key in ("environment", "mountPoints", "volumesFrom", "portMappings", "systemControls"):
            container.setdefault(key, [])
        container.setdefault("cpu", 0)
        container.get("logConfiguration", {}).setdefault("secretOptions", [])
        container.get("environment", []).reverse()
    return echo | {"taskDefinitionArn": "arn:aws:ecs:…:task-definition/substrate-probe-ingest:1", "revision": 1}


def made(live: dict[str, Any], plan: TwinPlan) -> dict[str, Any]:
    """The twin, which must be one."""
    twin = derive_twin(live, plan)
    assert not isinstance(twin, NoTwin), twin
    return twin


@cache
def ecs() -> Any:
    """The service model of ECS, as botocore ships it."""
    return botocore.session.get_session().get_service_model("ecs")


NAMES = st.sampled_from(["a", "b", "data", "KEY", "x.y"])


def of_shape(shape: Any) -> st.SearchStrategy[Any]:
    """Any value that botocore's model admits, of bounded size."""
    values: Any
    if shape.type_name == "structure":
        values = st.fixed_dictionaries({}, optional={name: of_shape(part) for name, part in shape.members.items()})
    elif shape.type_name == "list":
        values = st.lists(of_shape(shape.member), max_size=2)
    elif shape.type_name == "map":
        values = st.dictionaries(NAMES, of_shape(shape.value), max_size=2)
    else:
        simple = {"boolean": st.booleans(), "integer": st.integers(0, 3), "timestamp": st.just(EXPIRES)}
        enum = getattr(shape, "enum", None)
        values = simple.get(shape.type_name, st.sampled_from(enum) if enum else NAMES)
    return values  # type: ignore[no-any-return]  # strategies of unlike types


@cache
def named_shape(name: str) -> st.SearchStrategy[Any]:
    """Any value of a shape of ECS's model."""
    return of_shape(ecs().shape_for(name))


@st.composite
def definitions(draw: st.DrawFn) -> dict[str, Any]:
    """Any task definition that has the container `app` once."""
    live: dict[str, Any] = draw(named_shape("TaskDefinition"))
    others = [item for item in live.get("containerDefinitions", []) if item.get("name") != "app"]
    app = draw(named_shape("ContainerDefinition")) | {"name": "app", "image": "acme/ingest:1"}
    live["containerDefinitions"] = draw(st.permutations([app, *others]))
    live["family"] = "ingest"
    unique = {volume.get("name"): volume for volume in live.get("volumes", [])}
    live["volumes"] = list(unique.values())
    return live


PLANS = st.builds(
    a_plan,
    log_group=st.just("/substrate"),
    expected_arn=st.sampled_from([None, ARN]),
    interpreter_image=st.sampled_from([None, "python@" + DIGEST]),
)


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every part of a definition."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in items:
        yield (*path, key)
        yield from leaves(part, (*path, key))


def tampered(twin: dict[str, Any], path: tuple[Any, ...], how: str) -> dict[str, Any]:
    """The twin with one part of it changed, removed, or doubled."""
    twin = copy.deepcopy(twin)
    *way, last = path
    holder: Any = twin
    for key in way:
        holder = holder[key]
    if how == "remove":
        del holder[last]
    elif how == "double" and isinstance(holder, list):
        holder.insert(last, copy.deepcopy(holder[last]))
    else:
        part = holder[last]
        wrong: dict[type, Any] = {bool: not part, dict: {}, list: []}
        holder[last] = wrong.get(type(part), part + 1 if isinstance(part, int) else "tampered")
    return twin


def plain(value: Any) -> Any:
    """Without what is empty, and without order among structures: what ECS treats alike."""
    if isinstance(value, dict):
        parts = {key: plain(item) for key, item in value.items() if (key, item) != ("cpu", 0)}
        return {key: part for key, part in parts.items() if part not in ({}, [], "", None)}
    if isinstance(value, list):
        items = [plain(item) for item in value]
        return sorted(items, key=repr) if any(isinstance(item, dict) for item in items) else items
    return value


@settings(max_examples=100)
@given(live=definitions(), plan=PLANS)
def test_a_twin_never_differs_where_it_must_not(live: dict[str, Any], plan: TwinPlan) -> None:
    """Of any task definition, the twin's differences are all allowed, and ECS's own model accepts the twin's keys."""
    twin = made(live, plan)
    assert not [item for item in differences(live, registered(twin), plan) if not item.allowed]
    assert set(twin) <= set(ecs().operation_model("RegisterTaskDefinition").input_shape.members)


@settings(max_examples=100)
@given(live=definitions(), plan=PLANS, data=st.data())
def test_no_tampering_with_a_twin_goes_unseen(live: dict[str, Any], plan: TwinPlan, data: st.DataObject) -> None:
    """Whatever part of a registered twin is changed, removed or doubled, a forbidden difference names it."""
    twin = registered(made(live, plan))
    paths = [path for path in leaves(twin) if path[0] not in RESPONSE_ONLY]
    path = data.draw(st.sampled_from(paths))
    forged = tampered(twin, path, data.draw(st.sampled_from(["change", "remove", "double"])))
    of_second = path[:2] == ("containerDefinitions", 1) and path[2:3] in {("cpu",), ("memory",)}  # ECS fills these in
    harmless = of_second or plain(forged) == plain(twin)
    if not harmless:
        assert any(not item.allowed for item in differences(live, forged, plan))


@settings(max_examples=80)
@given(live=definitions(), key=st.sampled_from(["user", "healthCheck", "pidMode", "environment", "taskRoleArn"]))
def test_no_addition_to_a_twin_goes_unseen(live: dict[str, Any], key: str) -> None:
    """What the live definition does not hold, and the plan does not add, a twin can't bring in."""
    plan = a_plan(log_group="/substrate")
    twin = registered(made(live, plan))
    value = {"environment": [{"name": "EVIL", "value": "1"}], "healthCheck": {"command": ["x"]}}.get(key, "other")
    holder = twin if key in ("pidMode", "taskRoleArn") else twin["containerDefinitions"][0]
    holder[key] = value
    assert any(not item.allowed for item in differences(live, twin, plan))


def test_the_differences_are_the_ones_that_the_plan_makes() -> None:
    """A usual service's twin differs in exactly the fields that carry the probe and leave watchers out."""
    live, plan = a_definition(), a_plan()
    app = "containerDefinitions[app]"
    changed = [
        "command", "dependsOn", "entryPoint", "essential", "healthCheck", "image", "logConfiguration",
        "portMappings", "restartPolicy", "secrets[SUBSTRATE_EXPECTED]",
    ]  # fmt: skip
    expected = sorted(
        [*(f"{app}.{field}" for field in changed), "containerDefinitions[side]", "family", "volumes[logs]"]
    )
    found = differences(live, registered(made(live, plan)), plan)
    assert expected == sorted(item.path for item in found)


def test_a_twin_is_accepted_by_the_model_of_ecs() -> None:
    """RegisterTaskDefinition takes the twin, and its tags name run and expiry."""
    twin = made(a_definition(), a_plan(interpreter_image="python@" + DIGEST))
    report = ParamValidator().validate(twin, ecs().operation_model("RegisterTaskDefinition").input_shape)
    assert report.generate_report() == ""
    expected = [
        {"key": "substrate:run", "value": "r1"},
        {"key": "substrate:expires", "value": "2030-01-02T03:04:05Z"},
    ]
    assert expected == twin["tags"]


def test_what_ecs_tells_and_does_not_take_is_what_its_model_says() -> None:
    """The fields that are dropped are those of the answer that the request doesn't have."""
    told = set(ecs().shape_for("TaskDefinition").members)
    taken = set(ecs().operation_model("RegisterTaskDefinition").input_shape.members)
    assert told - taken == RESPONSE_ONLY


def test_an_environment_value_shows_in_no_difference() -> None:
    """A tampered variable is named; neither its old nor its new value is."""
    live, plan = a_definition(), a_plan()
    twin = registered(made(live, plan))
    twin["containerDefinitions"][0]["environment"][0]["value"] = "s3cr3t"
    bad = [item for item in differences(live, twin, plan) if not item.allowed]
    assert [Difference(path="containerDefinitions[app].environment[A]", allowed=False)] == bad


@pytest.mark.parametrize(
    ("changes", "failure"),
    [
        ({"containerDefinitions": [{"name": "other"}]}, StartFailure.CONTAINER_MISSING),
        ({"containerDefinitions": [{"name": "app", "image": "i"}]}, StartFailure.NO_LOG_GROUP),
        (
            {"containerDefinitions": [{"name": "app", "environment": [{"name": "SUBSTRATE_EXPECTED"}]}]},
            StartFailure.NAME_TAKEN,
        ),
    ],
)
def test_where_no_twin_can_be_made_the_reason_is_named(changes: dict[str, Any], failure: StartFailure) -> None:
    """A missing container, no group for the transcript, or a taken name: no twin, and its slug."""
    twin = derive_twin(a_definition(**changes), a_plan())
    assert isinstance(twin, NoTwin)
    assert failure == twin.failure


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ("acme/ingest", f"acme/ingest@{DIGEST}"),
        ("acme/ingest:7", f"acme/ingest@{DIGEST}"),
        ("host:5000/acme/ingest:7", f"host:5000/acme/ingest@{DIGEST}"),
        ("host:5000/acme/ingest", f"host:5000/acme/ingest@{DIGEST}"),
        (f"acme/ingest:7@sha256:{'b' * 64}", f"acme/ingest@{DIGEST}"),
    ],
)
def test_an_image_is_pinned_whatever_form_its_name_has(image: str, expected: str) -> None:
    """Tag, digest, both, and a registry's port are told apart."""
    assert expected == image_at(image, DIGEST)


@given(st.datetimes(timezones=st.just(UTC), min_value=EARLY, max_value=LATE), st.integers(-100, 100))
def test_a_twin_is_expired_only_after_its_time(until: datetime, offset: int) -> None:
    """The tag decides, at whole seconds."""
    tags = {"substrate:expires": time_text(until)}
    now = until.replace(microsecond=0) + timedelta(seconds=offset)
    assert (offset > 0) == expired(tags, now)


@pytest.mark.parametrize("tags", [{}, {"substrate:expires": "soon"}, {"substrate:expires": "2020-01-01T00:00:00"}])
def test_a_twin_without_a_readable_time_is_left_alone(tags: dict[str, str]) -> None:
    """No tag, no time, or one without a zone: never expired."""
    assert not expired(tags, EXPIRES)
