"""PKG-040: the newest deployment has settled."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_substrate.model.aws.ecs import Deployment, ServiceState, Tasks, TaskState
from pytest_substrate.model.aws.instant import Instant
from pytest_substrate.model.aws.rollout import (
    FAILED,
    UNDER_WAY,
    ServiceDeployment,
    ServiceDeployments,
    ServiceRevision,
)
from pytest_substrate.model.observation import Missing, Unobserved
from pytest_substrate.model.outcome import Outcome
from pytest_substrate.planes.packaging.diagnose.rollout import Steady, diagnose_rollout, diagnose_steady

ARN = "arn:aws:ecs:eu-west-2:111122223333:task-definition/ingest:7"
SERVICE = ServiceState(
    arn="arn:aws:ecs:eu-west-2:111122223333:service/main/ingest",
    name="ingest",
    status="ACTIVE",
    task_definition_arn=ARN,
    desired=2,
    running=2,
    pending=0,
)
REVISION = ServiceRevision(arn="r/7", task_definition_arn=ARN, images=())
UNSEEN = Unobserved(reason="throttled")


def deployments(*statuses: str) -> ServiceDeployments:
    """Deployments with these statuses, the newest first."""
    arn = "arn:aws:ecs:eu-west-2:111122223333:service-deployment/main/ingest/1"
    return ServiceDeployments(
        deployments=tuple(
            ServiceDeployment(arn=arn, status=status, revision_arn="r/7", created=None, finished=None)
            for status in statuses
        )
    )


def own(*rollouts: str | None) -> ServiceState:
    """A service with these rollout states in its own list."""
    listed = (Deployment(id="d", status="PRIMARY", task_definition_arn=ARN, rollout=one) for one in rollouts)
    return replace(SERVICE, deployments=tuple(listed))


def test_settled() -> None:
    """The newest deployment counts, whatever became of those before."""
    found = diagnose_rollout(SERVICE, deployments("SUCCESSFUL", "ROLLBACK_FAILED"), REVISION, min_running=2)
    assert (Outcome.PASS, 2) == (found.outcome, found.facts["running"])


@pytest.mark.parametrize("status", [*UNDER_WAY, *FAILED, "SOMETHING_NEW"])
def test_not_settled(status: str) -> None:
    """Under way, failed, rolled back, or of a status that nobody knows."""
    found = diagnose_rollout(SERVICE, deployments(status, "SUCCESSFUL"), REVISION, min_running=2)
    special = {"ROLLBACK_SUCCESSFUL": "rolled-back", **dict.fromkeys(UNDER_WAY, "deployment-in-progress")}
    assert (Outcome.VIOLATION, special.get(status, "deployment-failed")) == (found.outcome, found.cause)


@pytest.mark.parametrize("revision", [None, Missing(what="r/7"), replace(REVISION, task_definition_arn="other:8")])
def test_another_revision(revision: Any) -> None:
    """A deployment that brought another task definition than the service has now settled nothing."""
    found = diagnose_rollout(SERVICE, deployments("SUCCESSFUL"), revision, min_running=2)
    assert (Outcome.VIOLATION, "other-revision") == (found.outcome, found.cause)


@pytest.mark.parametrize(
    ("running", "desired", "min_running", "outcome"),
    [
        (1, 2, 1, Outcome.VIOLATION),
        (2, 2, 3, Outcome.VIOLATION),
        (0, 0, 1, Outcome.VIOLATION),
        (0, 0, 0, Outcome.PASS),
        (3, 2, 2, Outcome.PASS),
    ],
)
def test_how_many_run(running: int, desired: int, min_running: int, outcome: Outcome) -> None:
    """As many as are desired and as many as are declared; none only where that is declared."""
    service = replace(SERVICE, running=running, desired=desired)
    found = diagnose_rollout(service, deployments("SUCCESSFUL"), REVISION, min_running=min_running)
    assert outcome is found.outcome
    assert outcome is Outcome.PASS or "too-few-running" == found.cause


@pytest.mark.parametrize(
    ("service", "outcome", "cause"),
    [
        (own("COMPLETED"), Outcome.PASS, None),
        (own("IN_PROGRESS"), Outcome.VIOLATION, "deployment-in-progress"),
        (own("COMPLETED", "COMPLETED"), Outcome.VIOLATION, "deployment-in-progress"),
        (own("FAILED"), Outcome.VIOLATION, "deployment-failed"),
        (own(None), Outcome.INCONCLUSIVE, "no-deployment"),
        (SERVICE, Outcome.INCONCLUSIVE, "no-deployment"),
    ],
)
def test_no_service_deployment(service: ServiceState, outcome: Outcome, cause: str | None) -> None:
    """Where ECS remembers none, the service's own list speaks; where that says nothing, nothing is known."""
    found = diagnose_rollout(service, deployments(), None, min_running=2)
    assert (outcome, cause) == (found.outcome, found.cause)


@pytest.mark.parametrize(
    "seen",
    [
        (UNSEEN, deployments("SUCCESSFUL"), REVISION),
        (SERVICE, UNSEEN, REVISION),
        (SERVICE, deployments("SUCCESSFUL"), UNSEEN),
    ],
)
def test_unseen(seen: tuple[Any, Any, Any]) -> None:
    """What could not be seen is never green."""
    assert (Outcome.INCONCLUSIVE, "throttled") == (
        (found := diagnose_rollout(*seen, min_running=2)).outcome,
        found.cause,
    )


def test_a_missing_service() -> None:
    """A service that isn't there is proven wrong."""
    found = diagnose_rollout(Missing(what="ingest"), deployments(), None, min_running=2)
    assert (Outcome.VIOLATION, "service-missing") == (found.outcome, found.cause)


@given(running=st.integers(0, 5), desired=st.integers(0, 5), minimum=st.integers(0, 5), status=st.text(max_size=12))
def test_never_green_below_what_is_declared(running: int, desired: int, minimum: int, status: str) -> None:
    """Green needs SUCCESSFUL, and no fewer tasks than desired and declared."""
    service = replace(SERVICE, running=running, desired=desired)
    for known in (status, "SUCCESSFUL"):
        found = diagnose_rollout(service, deployments(known), REVISION, min_running=minimum)
        assert (known == "SUCCESSFUL" and running >= max(desired, minimum)) == (found.outcome is Outcome.PASS)


NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
SETTLED = diagnose_rollout(SERVICE, deployments("SUCCESSFUL"), REVISION, min_running=2)


def deployed(minutes_ago: float | None) -> ServiceDeployments:
    """A newest deployment that ended so long ago; None for one that ECS gives no end of."""
    [one] = deployments("SUCCESSFUL").deployments
    finished = None if minutes_ago is None else Instant.of(NOW - timedelta(minutes=minutes_ago))
    return ServiceDeployments(deployments=(replace(one, finished=finished),))


def running(*minutes_ago: float | None) -> Tasks:
    """Tasks that run since so many minutes; None for one that hasn't begun."""
    return Tasks(
        tasks=tuple(
            TaskState(
                arn=f"arn:aws:ecs:eu-west-2:111122223333:task/main/{number}",
                task_definition_arn=ARN,
                last_status="RUNNING",
                created=None,
                started=None if ago is None else Instant.of(NOW - timedelta(minutes=ago)),
            )
            for number, ago in enumerate(minutes_ago)
        )
    )


@pytest.mark.parametrize(
    ("ended", "tasks", "outcome"),
    [
        (30, running(31, 16), Outcome.PASS),
        (30, running(), Outcome.PASS),
        (30, running(31, 14), Outcome.INCONCLUSIVE),
        (30, running(31, None), Outcome.INCONCLUSIVE),
        (14, running(31, 31), Outcome.INCONCLUSIVE),
        (None, running(31), Outcome.INCONCLUSIVE),
        (30, UNSEEN, Outcome.INCONCLUSIVE),
        (30, Missing(what="main"), Outcome.VIOLATION),
    ],
)
def test_steady_for_the_declared_window(ended: float | None, tasks: Any, outcome: Outcome) -> None:
    """A younger task in the place of one that crashed tells of it, whatever ECS remembers."""
    found = diagnose_steady(SETTLED, deployed(ended), Steady(minutes=15, tasks=tasks, now=NOW))
    assert outcome is found.outcome, found.message


def test_no_window_and_no_rollout() -> None:
    """Without a declared window nothing is asked; what has not settled isn't steady either."""
    tasks = running(1)
    assert SETTLED == diagnose_steady(SETTLED, deployed(1), Steady(minutes=0, tasks=tasks, now=NOW))
    red = diagnose_rollout(SERVICE, deployments("PENDING"), REVISION, min_running=2)
    assert red == diagnose_steady(red, deployed(30), Steady(minutes=15, tasks=tasks, now=NOW))
