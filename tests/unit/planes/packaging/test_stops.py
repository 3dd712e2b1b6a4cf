"""PKG-050: which stops are crashes, and which are explained."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pytest_substrate.model.aws.ecs import Container, TaskDefinition
from pytest_substrate.model.aws.instant import Instant
from pytest_substrate.model.aws.rollout import ContainerEnd, ServiceDeployment, ServiceDeployments, Stop, Stops
from pytest_substrate.model.observation import Missing, Unobserved
from pytest_substrate.model.outcome import Outcome
from pytest_substrate.planes.packaging.diagnose.stops import diagnose_stops

THEN = datetime(2026, 3, 1, 12, 0, 0, 1000, tzinfo=UTC)
PREFIX = "arn:aws:ecs:eu-west-2:111122223333"
DEFINITION = TaskDefinition(
    arn=f"{PREFIX}:task-definition/ingest:7",
    containers=(Container(name="app", log_group="/ecs/ingest", log_prefix="ecs"),),
)
EXITED, NOT_STARTED, SCHEDULER = "EssentialContainerExited", "TaskFailedToStart", "ServiceSchedulerInitiated"
UNSEEN = Unobserved(reason="timeout")


def end(exit_code: int | None = None, reason: str | None = None, name: str = "app") -> ContainerEnd:
    """How a container ended."""
    return ContainerEnd(name=name, exit_code=exit_code, reason=reason, health=None)


def stop(code: str | None, reason: str | None, *ends: ContainerEnd, after_s: float = 60.0) -> Stop:
    """A stopped task that was created `after_s` seconds after the newest deployment began."""
    created = THEN + timedelta(seconds=after_s)
    return Stop(
        task_arn=f"{PREFIX}:task/main/0a1b",
        task_definition_arn=DEFINITION.arn,
        code=code,
        reason=reason,
        created=Instant.of(created),
        stopped=Instant.of(created + timedelta(seconds=5)),
        containers=ends,
    )


DEPLOYED = ServiceDeployments(
    deployments=(
        ServiceDeployment(
            arn=f"{PREFIX}:service-deployment/main/ingest/1",
            status="SUCCESSFUL",
            revision_arn=None,
            created=Instant.of(THEN),
            finished=None,
        ),
    )
)
CRASH = stop(EXITED, "Essential container in task exited", end(1))


def judged(*stops: Stop, deployments: Any = DEPLOYED, definition: TaskDefinition = DEFINITION) -> Any:
    """The diagnosis of these stops, the last one first."""
    return diagnose_stops(Stops(stops=stops), deployments, definition, container="app")


@pytest.mark.parametrize(
    ("what", "cause"),
    [
        (CRASH, "container-crashed"),
        (stop(EXITED, "Essential container in task exited", end(0)), "container-ended"),
        (stop(EXITED, "Essential container in task exited", end(0), end(3, name="side")), "container-crashed"),
        (stop(EXITED, "Essential container", end(137, "OutOfMemoryError: killed")), "killed-for-memory"),
        (stop(EXITED, "Essential container in task exited", end(137)), "container-crashed"),
        (stop(NOT_STARTED, "CannotPullContainerError: pull image manifest: not found", end()), "start-failed"),
        (stop(NOT_STARTED, "ResourceInitializationError: unable to pull secrets: AccessDenied"), "start-failed"),
        (stop(NOT_STARTED, "something that nobody knows"), "start-failed"),
        (stop(SCHEDULER, "Task failed container health checks", end(137)), "health-check-failed"),
        (stop(SCHEDULER, "Task failed ELB health checks in (target-group arn)", end(0)), "health-check-failed"),
    ],
)
def test_a_crash(what: Stop, cause: str) -> None:
    """A failed health check is one, though ECS says that its scheduler stopped the task."""
    found = judged(what)
    assert (Outcome.VIOLATION, cause) == (found.outcome, found.cause)


@pytest.mark.parametrize(
    "what",
    [
        stop(SCHEDULER, "Scaling activity initiated by (deployment ecs-svc/1)", end(143)),
        stop("UserInitiated", "Task stopped by user", end(137)),
        stop("SpotInterruption", "Your Spot Task was interrupted.", end(143)),
        stop("InfrastructureHealth", "Host EC2 terminated", end(None)),
        stop(NOT_STARTED, "RESOURCE:MEMORY"),
        stop(EXITED, "Essential container in task exited", end(1), after_s=-60.0),
    ],
)
def test_an_explained_stop(what: Stop) -> None:
    """A deployment, a person, the platform; and what ran before the newest deployment was replaced by it."""
    assert Outcome.PASS is judged(what).outcome


def test_a_job_may_end() -> None:
    """A job's task that ends with 0 has done its work; one that ends otherwise crashed."""
    done = stop(EXITED, "Essential container in task exited", end(0))
    assert Outcome.PASS is judged(done, deployments=None).outcome
    assert "container-crashed" == judged(CRASH, deployments=None).cause


def test_a_job_that_was_made_good() -> None:
    """A run that ended well after a crash ends the matter; one that crashed after it, or in its second, doesn't."""
    good = stop(EXITED, "Essential container in task exited", end(0), after_s=60.0)
    for code, reason, after_s, outcome in (
        (EXITED, "Essential container in task exited", 0.0, Outcome.PASS),
        (NOT_STARTED, "CannotPullContainerError: not found", 0.0, Outcome.PASS),
        (EXITED, "Essential container in task exited", 60.0, Outcome.VIOLATION),
        (EXITED, "Essential container in task exited", 120.0, Outcome.VIOLATION),
    ):
        assert outcome is judged(stop(code, reason, end(1), after_s=after_s), good, deployments=None).outcome


@pytest.mark.parametrize(
    "later",
    [
        stop("UserInitiated", "Task stopped by user", end(0), after_s=90.0),
        stop(EXITED, "Essential container in task exited", end(0), end(1, name="side"), after_s=90.0),
        stop(EXITED, "Essential container in task exited", end(None), after_s=90.0),
        stop(EXITED, "Essential container in task exited", end(0, name="side"), after_s=90.0),
    ],
)
def test_what_does_not_make_a_job_good(later: Stop) -> None:
    """A run that was stopped, or whose own container's end is not known to be 0."""
    assert Outcome.VIOLATION is judged(later, CRASH, deployments=None).outcome


def test_evidence() -> None:
    """Exit code, stop code, time and the log stream of the last one."""
    facts = judged(CRASH, CRASH).facts
    assert (1, EXITED, 2, "/ecs/ingest", "ecs/app/0a1b") == tuple(
        facts[name] for name in ("exit_code", "stop_code", "count", "log_group", "log_stream")
    )


def test_several_causes() -> None:
    """The last one names the cause, all are counted."""
    memory = stop(EXITED, "Essential container", end(137, "OutOfMemoryError"))
    found = judged(CRASH, memory, memory)
    assert "container-crashed" == found.cause
    assert "2 killed-for-memory, 1 container-crashed" in found.message


def test_restarts_in_place() -> None:
    """ECS doesn't tell how often it restarted a container inside its task, so nothing is known; a crash still is."""
    restarted = TaskDefinition(arn=DEFINITION.arn, containers=(Container(name="app", restarts=True),))
    assert (Outcome.INCONCLUSIVE, "restarts-unseen") == (
        judged(definition=restarted).outcome,
        judged(definition=restarted).cause,
    )
    assert "container-crashed" == judged(CRASH, definition=restarted).cause


@pytest.mark.parametrize(
    "seen", [(UNSEEN, DEPLOYED, DEFINITION), (Stops(stops=()), UNSEEN, DEFINITION), (Stops(stops=()), None, UNSEEN)]
)
def test_unseen(seen: tuple[Any, Any, Any]) -> None:
    """What could not be seen is never green."""
    assert Outcome.INCONCLUSIVE is diagnose_stops(*seen, container="app").outcome


def test_a_missing_service() -> None:
    """A service that ECS doesn't know is proven wrong."""
    found = diagnose_stops(Missing(what="main/ingest"), None, DEFINITION, container="app")
    assert (Outcome.VIOLATION, "service-missing") == (found.outcome, found.cause)


def test_stops_are_grouped_by_their_cause() -> None:
    """By what kept a task from starting, by exit code, by a failed health check: the most frequent first."""
    pull = stop(NOT_STARTED, "CannotPullContainerError: pull image manifest has been retried 1 time(s): not found")
    secret = stop(NOT_STARTED, "ResourceInitializationError: unable to pull secrets: AccessDeniedException")
    killed = stop(EXITED, "Essential container in task exited", end(137))
    sick = stop(SCHEDULER, "Task failed container health checks", end(143))
    found = judged(CRASH, pull, pull, secret, killed, sick)
    assert "6 tasks stopped unexplained; at last a container ended with an error (exit code 1)" in found.message
    groups = found.message.split("; ")[-1].split(", ")
    assert "2 image-not-pulled" == groups[0]
    assert {
        "1 container-crashed (exit code 1)",
        "1 container-crashed (exit code 137)",
        "1 secret-not-readable",
        "1 health-check-failed",
    } == set(groups[1:])
