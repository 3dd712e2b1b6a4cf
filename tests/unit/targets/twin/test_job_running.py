"""A job that a check starts: followed to its end or its deadline, and stopped in every other outcome."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from pytest_substrate.model.aws.instant import Instant
from pytest_substrate.model.aws.job_log import StreamSpan
from pytest_substrate.model.declaration.workloads import Job, Network
from pytest_substrate.model.job_run import JobRun
from pytest_substrate.model.probe_run import StartFailure
from pytest_substrate.targets.job_running import Rerun
from pytest_substrate.targets.twin.pace import Pace
from tests.unit.targets.twin.conftest import LIVE, START, Plane

JOB = Job.model_construct(
    task_definition=LIVE,
    ecs_cluster="main",
    container="app",
    task_role="ingest-task",
    network=Network(subnets=("subnet-0a1b2c3d",), security_groups=("sg-0a1b2c3d",)),
)
ENDED = {"lastStatus": "STOPPED", "stopCode": "EssentialContainerExited", "startedAt": START}


def rerun(plane: Plane, *, deadline_s: int = 60) -> Rerun:
    """The job of the script's definition, which logs with a prefix."""
    log = plane.definitions[LIVE]["definition"]["containerDefinitions"][0]["logConfiguration"]
    log["options"]["awslogs-stream-prefix"] = "oracle"
    return Rerun(
        calls=plane.twin_calls,
        client=plane.client,
        name="oracle",
        job=JOB,
        account="111122223333",
        run_id="run-1",
        deadline_s=deadline_s,
        pace=Pace(poll_s=1.0, start_s=10.0, log_s=5.0),
        progress=lambda _: None,
        clock=plane.clock,
    )


def test_a_run_to_its_end(play: Callable[..., Plane]) -> None:
    """Started as its definition is now, in the declared network, bearing the run's name; nothing is stopped."""
    plane = play(states=[{"lastStatus": "PENDING"}, {"lastStatus": "RUNNING"}, ENDED], lines=["one", "two"])
    found = rerun(plane).go()
    stream = f"oracle/app/{1:032x}"
    assert (True, None, "/ecs/ingest", stream) == (found.ended, found.failure, found.log_group, found.log_stream)
    first, last = Instant.of(START), Instant.of(START + timedelta(seconds=1))
    assert StreamSpan(lines=2, first=first, last=last) == found.span
    (asked,) = plane.named("RunTask")
    assert (LIVE, "substrate/run-1/oracle") == (asked["taskDefinition"], asked["startedBy"])
    assert [{"key": "substrate:run", "value": "run-1"}] == asked["tags"]
    assert ["subnet-0a1b2c3d"] == asked["networkConfiguration"]["awsvpcConfiguration"]["subnets"]
    assert [] == plane.named("StopTask")


def test_late_lines_are_waited_for(play: Callable[..., Plane]) -> None:
    """A denial that it logged last must be among those that DAT-080 then reads."""
    found = rerun(play(states=[ENDED], lines=["one"], lines_after_s=3)).go()
    assert isinstance(found.span, StreamSpan)
    assert 1 == found.span.lines


@pytest.mark.parametrize(
    ("states", "failure"),
    [([{"lastStatus": "RUNNING"}], None), ([{"lastStatus": "PROVISIONING"}], StartFailure.TIMEOUT)],
)
def test_a_deadline_stops_it(
    states: list[dict[str, Any]], failure: StartFailure | None, play: Callable[..., Plane]
) -> None:
    """Whether it ran or never came so far: no run is left that nobody waits for."""
    plane = play(states=states)
    found = rerun(plane, deadline_s=10).go()
    assert (False, failure, False) == (found.ended, found.failure, found.stop_failed)
    assert [] == plane.left()


@pytest.mark.parametrize(
    ("script", "failure"),
    [
        ({"failures": [{"reason": "RESOURCE:MEMORY"}]}, StartFailure.CAPACITY),
        (
            {"states": [{"lastStatus": "STOPPED", "stopCode": "TaskFailedToStart", "stoppedReason": "unknown"}]},
            StartFailure.TASK_FAILED,
        ),
    ],
)
def test_what_did_not_start(script: dict[str, Any], failure: StartFailure, play: Callable[..., Plane]) -> None:
    """Refused in RunTask's answer, or stopped before it ran."""
    plane = play(**script)
    assert failure is rerun(plane).go().failure
    assert [] == plane.left()


def test_none_is_started_under_another_role(play: Callable[..., Plane], live: dict[str, Any]) -> None:
    """DAT-010 tells of it; a run of another role would do the job's work with somebody else's rights."""
    live["taskRoleArn"] = "arn:aws:iam::111122223333:role/admin"
    plane = play()
    assert StartFailure.OTHER_ROLE is rerun(plane).go().failure
    assert [] == plane.named("RunTask")


def test_a_refusal_and_an_interrupt(play: Callable[..., Plane], refused: Callable[..., Any]) -> None:
    """A refusal is told with its code; an interrupt stops what RunTask may have started, its answer lost or not."""
    found = rerun(play(raises={"RunTask": refused("RunTask", "AccessDeniedException")})).go()
    assert (StartFailure.ACCESS_DENIED, "AccessDeniedException") == (found.failure, found.code)
    for script in ({"after": {"RunTask": KeyboardInterrupt()}}, {"raises": {"DescribeTasks": KeyboardInterrupt()}}):
        plane = play(**script)
        with pytest.raises(KeyboardInterrupt):
            rerun(plane).go()
        assert 1 == len(plane.tasks)
        assert [] == plane.left()


def test_what_can_t_be_stopped_is_said(play: Callable[..., Plane], refused: Callable[..., Any]) -> None:
    """It may still run."""
    denied = refused("StopTask", "AccessDeniedException")
    found: JobRun = rerun(play(states=[{"lastStatus": "RUNNING"}], raises={"StopTask": denied}), deadline_s=10).go()
    assert (False, True) == (found.ended, found.stop_failed)
