"""MSG-050: whether every running task holds the current credential."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pytest_substrate.model.aws.ecs import (
    Container,
    Deployment,
    Injection,
    ServiceState,
    TaskDefinition,
    Tasks,
    TaskState,
)
from pytest_substrate.model.aws.instant import Instant
from pytest_substrate.model.aws.secrets import SecretState, SecretVersion
from pytest_substrate.model.diagnosis import Diagnosis
from pytest_substrate.model.observation import Missing, Unobserved
from pytest_substrate.model.outcome import Layer, Outcome
from pytest_substrate.planes.messaging.diagnose.rotation import NOTHING_DECIDES, Deciders, diagnose_freshness

NAME = "AmazonMSK_ingest"
ARN = f"arn:aws:secretsmanager:eu-west-2:111122223333:secret:{NAME}-AbCdEf"
LIVE = "arn:aws:ecs:eu-west-2:111122223333:task-definition/ingest:7"
OLD = "arn:aws:ecs:eu-west-2:111122223333:task-definition/ingest:6"
CURRENT, PREVIOUS = "c" * 32, "b" * 32
NOON = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


def at(seconds: float) -> Instant:
    """So many seconds after noon; whole seconds count as cut."""
    return Instant.of(NOON + timedelta(seconds=seconds))


def secret(*, born: Instant | None, changed: Instant | None, **parts: Any) -> SecretState:
    """A rotated secret."""
    versions = (
        SecretVersion(version_id=PREVIOUS, stages=("AWSPREVIOUS",), created=at(-86400.5)),
        SecretVersion(version_id=CURRENT, stages=("AWSCURRENT",), created=born),
    )
    fields: dict[str, Any] = {"arn": ARN, "name": NAME, "key_id": "k", "deleted": None, "versions": versions}
    return SecretState(changed=changed, **{**fields, **parts})


def task(number: int, created: Instant | None, started: Instant | None, **parts: Any) -> TaskState:
    """A task of the service."""
    fields: dict[str, Any] = {"task_definition_arn": LIVE, "last_status": "RUNNING", **parts}
    arn = f"arn:aws:ecs:eu-west-2:111122223333:task/main/{number:032x}"
    return TaskState(arn=arn, created=created, started=started, **fields)


def definition(value_from: str = ARN, arn: str = LIVE) -> TaskDefinition:
    """A task definition that injects from there."""
    entry = Injection(variable="CREDENTIAL", value_from=value_from)
    return TaskDefinition(arn=arn, containers=(Container(name="app", injections=(entry,)),))


def service(*deployments: Deployment, **parts: Any) -> ServiceState:
    """The service with these deployments."""
    fields: dict[str, Any] = {"status": "ACTIVE", "task_definition_arn": LIVE, "desired": 2, "running": 2, "pending": 0}
    arn = "arn:aws:ecs:eu-west-2:111122223333:service/main/ingest"
    return ServiceState(arn=arn, name="ingest", deployments=deployments, **{**fields, **parts})


SETTLED = service()
HEALTHY: Mapping[str, TaskDefinition | Missing | Unobserved] = {LIVE: definition()}


def judged(
    state: SecretState | Missing | Unobserved,
    *found: TaskState,
    deciders: Deciders = NOTHING_DECIDES,
    definitions: Mapping[str, TaskDefinition | Missing | Unobserved] = HEALTHY,
    its_service: ServiceState | Missing | Unobserved = SETTLED,
    tasks: Tasks | Missing | Unobserved | None = None,
    min_running: int = 1,
) -> Diagnosis:
    """MSG-050 of these tasks."""
    return diagnose_freshness(
        state,
        its_service,
        Tasks(tasks=found) if tasks is None else tasks,
        definitions,
        name=NAME,
        container="app",
        expected={"CREDENTIAL": None},
        min_running=min_running,
        deciders=deciders,
    )


FRESH, STALE, OPEN = None, "credential-stale-in-task", "freshness-undecided"
SEEN = Deciders(seen_current=at(20.5))
MADE = Deciders(made_current=at(20), first_current=at(20))
AGAIN = Deciders(made_current=at(20), first_current=at(13))
LATELY = Deciders(made_current=at(20))
ONE = "arn:aws:ecs:eu-west-2:111122223333:task/main/" + f"{1:032x}"


@pytest.mark.parametrize(
    ("created", "started", "born", "changed", "deciders", "cause"),
    [
        # whole rule, precise times: born at 10.5, last change at 30.5
        (at(40.5), at(45.5), at(10.5), at(30.5), NOTHING_DECIDES, FRESH),
        (at(30.5), at(45.5), at(10.5), at(30.5), NOTHING_DECIDES, FRESH),
        (at(30.499), at(45.5), at(10.5), at(30.5), NOTHING_DECIDES, OPEN),
        (at(20.5), at(25.5), at(10.5), at(30.5), NOTHING_DECIDES, OPEN),
        (at(5.5), at(10.5), at(10.5), at(30.5), NOTHING_DECIDES, OPEN),
        (at(5.5), at(10.499), at(10.5), at(30.5), NOTHING_DECIDES, STALE),
        (at(1.5), at(2.5), at(10.5), at(30.5), NOTHING_DECIDES, STALE),
        # a secret that was never changed after its version was made
        (at(10.5), at(12.5), at(10.5), at(10.5), NOTHING_DECIDES, FRESH),
        (at(10.499), at(12.5), at(10.5), at(10.5), NOTHING_DECIDES, OPEN),
        # times that were cut to seconds: an equal second is undecided, another one isn't
        (at(30.5), at(45.5), at(10), at(30), NOTHING_DECIDES, OPEN),
        (at(31.001), at(45.5), at(10), at(30), NOTHING_DECIDES, FRESH),
        (at(30), at(45), at(10), at(30), NOTHING_DECIDES, OPEN),
        (at(31), at(45), at(10), at(30), NOTHING_DECIDES, FRESH),
        (at(5), at(10), at(10), at(30), NOTHING_DECIDES, OPEN),
        (at(5), at(9), at(10), at(30), NOTHING_DECIDES, STALE),
        (at(5.5), at(9.999), at(10), at(30), NOTHING_DECIDES, STALE),
        (at(5.5), at(10.001), at(10), at(30), NOTHING_DECIDES, OPEN),
        # a task that has not started yet can't be called stale
        (at(5.5), None, at(10.5), at(30.5), NOTHING_DECIDES, OPEN),
        (at(40.5), None, at(10.5), at(30.5), NOTHING_DECIDES, FRESH),
        # times that the service didn't give
        (None, at(45.5), at(10.5), at(30.5), NOTHING_DECIDES, OPEN),
        (at(40.5), at(45.5), None, at(30.5), NOTHING_DECIDES, OPEN),
        (at(40.5), at(45.5), at(10.5), None, NOTHING_DECIDES, OPEN),
        # an earlier verified observation saw this version current at 20.5
        (at(20.501), at(25.5), at(10.5), at(30.5), SEEN, FRESH),
        (at(20.5), at(25.5), at(10.5), at(30.5), SEEN, OPEN),
        (at(15.5), at(25.5), at(10.5), at(30.5), SEEN, OPEN),
        (at(5.5), at(25.5), at(10.5), at(30.5), SEEN, OPEN),
        (at(5.5), at(9.5), at(10.5), at(30.5), SEEN, STALE),
        # an event after the last change can't be the one that made the version current
        (at(15.5), at(25.5), at(10.5), at(30.5), Deciders(made_current=at(40)), OPEN),
        # CloudTrail, whose times are whole seconds, says that it became current at 20
        (at(21.5), at(25.5), at(10.5), at(30.5), MADE, FRESH),
        (at(20.5), at(25.5), at(10.5), at(30.5), MADE, OPEN),
        (at(15.5), at(19.5), at(10.5), at(30.5), MADE, STALE),
        (at(15.5), at(25.5), at(10.5), at(30.5), MADE, OPEN),
        # it was current from 13 on, another one was, and then it was again from 20 on
        (at(21.5), at(25.5), at(10.5), at(30.5), AGAIN, FRESH),
        (at(15.5), at(19.5), at(10.5), at(30.5), AGAIN, OPEN),
        (at(11.5), at(12.5), at(10.5), at(30.5), AGAIN, STALE),
        # the events don't reach back to its birth
        (at(21.5), at(25.5), at(10.5), at(30.5), LATELY, FRESH),
        (at(15.5), at(19.5), at(10.5), at(30.5), LATELY, OPEN),
        # a comparison inside the task decides between the two bounds, and only there
        (at(15.5), at(25.5), at(10.5), at(30.5), Deciders(holds={ONE: True}), FRESH),
        (at(15.5), at(25.5), at(10.5), at(30.5), Deciders(holds={ONE: False}), STALE),
        (at(15.5), at(25.5), at(10.5), at(30.5), Deciders(holds={"other": True}), OPEN),
        (at(1.5), at(2.5), at(10.5), at(30.5), Deciders(holds={ONE: True}), STALE),
        (at(40.5), at(45.5), at(10.5), at(30.5), Deciders(holds={ONE: False}), FRESH),
    ],
)
def test_one_task(  # noqa: PLR0917  one row of the table
    created: Instant | None,
    started: Instant | None,
    born: Instant | None,
    changed: Instant | None,
    deciders: Deciders,
    cause: str | None,
) -> None:
    """Fresh, stale or undecided, at each edge and at each precision."""
    found = judged(secret(born=born, changed=changed), task(1, created, started), deciders=deciders)
    assert cause == found.cause
    expected = {None: Outcome.PASS, STALE: Outcome.VIOLATION, OPEN: Outcome.INCONCLUSIVE}
    assert expected[cause] is found.outcome


ROTATED = secret(born=at(10.5), changed=at(10.5))
YOUNG, AGED, BETWEEN = (at(20.5), at(22.5)), (at(1.5), at(2.5)), (at(9.5), at(12.5))


def test_some_stale_tasks() -> None:
    """One stale task is red whatever the others are; the facts count and name them."""
    found = judged(ROTATED, task(1, *YOUNG), task(2, *AGED), task(3, *BETWEEN), task(4, at(0.5), at(1.5)))
    assert (Outcome.VIOLATION, "credential-stale-in-task") == (found.outcome, found.cause)
    assert "the current version was created 2026-03-01T12:00:10.500Z; 2 of 4 tasks started before it" == found.message
    assert (2, 1, 4) == (found.facts["stale"], found.facts["undecided"], found.facts["total"])
    assert "2026-03-01T12:00:01.500Z" == found.facts["started_at"]


def test_one_undecided_task() -> None:
    """No stale but one undecided task leaves it open."""
    found = judged(ROTATED, task(1, *YOUNG), task(2, *BETWEEN))
    assert (Outcome.INCONCLUSIVE, "freshness-undecided", 1) == (found.outcome, found.cause, found.facts["undecided"])


@pytest.mark.parametrize("deployments", [2, 1])
def test_while_a_deployment_goes_on(deployments: int) -> None:
    """A stale task that still runs is red; the message says that it is being replaced."""
    rolling = [
        Deployment(id=str(n), status="ACTIVE", task_definition_arn=LIVE, rollout="IN_PROGRESS") for n in range(2)
    ]
    found = judged(ROTATED, task(1, *AGED), its_service=service(*rolling[:deployments]))
    assert Outcome.VIOLATION is found.outcome
    assert found.message.endswith("a deployment is in progress")


@pytest.mark.parametrize("status", ["DEACTIVATING", "STOPPING", "DEPROVISIONING", "STOPPED"])
def test_tasks_that_end_are_left_out(status: str) -> None:
    """A task that runs no more holds nothing."""
    assert judged(ROTATED, task(1, *YOUNG), task(2, *AGED, last_status=status)).outcome.green


@pytest.mark.parametrize(
    ("found", "min_running", "outcome"),
    [
        ((), 1, Outcome.INCONCLUSIVE),
        ((), 0, Outcome.PASS),
        ((task(1, at(20.5), None, last_status="PENDING"),), 1, Outcome.INCONCLUSIVE),
        ((task(1, at(20.5), None, last_status="PENDING"),), 0, Outcome.INCONCLUSIVE),
        ((task(1, *YOUNG, last_status="STOPPED"),), 1, Outcome.INCONCLUSIVE),
    ],
)
def test_no_running_task(found: tuple[TaskState, ...], min_running: int, outcome: Outcome) -> None:
    """Nothing running proves nothing, but where the declaration says that nothing may run."""
    diagnosis = judged(ROTATED, *found, min_running=min_running)
    assert outcome is diagnosis.outcome
    if not outcome.green:
        assert ("no-running-task", Layer.RUNTIME) == (diagnosis.cause, diagnosis.layer)


@pytest.mark.parametrize(
    ("read", "times", "outcome", "cause"),
    [
        (definition(arn=OLD), YOUNG, Outcome.PASS, None),
        (definition(f"{ARN}:::{CURRENT}", arn=OLD), AGED, Outcome.PASS, None),
        (definition(f"{ARN}:::{PREVIOUS}", arn=OLD), YOUNG, Outcome.VIOLATION, "credential-not-in-task"),
        (definition(f"{ARN}::AWSPREVIOUS:", arn=OLD), YOUNG, Outcome.VIOLATION, "credential-not-in-task"),
        (definition(ARN.replace("ingest", "other"), arn=OLD), YOUNG, Outcome.VIOLATION, "credential-not-in-task"),
        (TaskDefinition(arn=OLD, containers=()), YOUNG, Outcome.VIOLATION, "credential-not-in-task"),
        (Unobserved(reason="throttled"), YOUNG, Outcome.INCONCLUSIVE, "freshness-undecided"),
        (Missing(what=OLD), YOUNG, Outcome.INCONCLUSIVE, "freshness-undecided"),
    ],
)
def test_a_task_of_another_revision(
    read: TaskDefinition | Missing | Unobserved, times: tuple[Instant, Instant], outcome: Outcome, cause: str | None
) -> None:
    """A task is judged by the definition that it runs from, not by the service's newest."""
    definitions = {LIVE: definition(), OLD: read}
    found = judged(ROTATED, task(1, *YOUNG), task(2, *times, task_definition_arn=OLD), definitions=definitions)
    assert (outcome, cause) == (found.outcome, found.cause)


@pytest.mark.parametrize(("arn", "layer"), [(LIVE, Layer.WIRING), (OLD, None)])
def test_what_mends_a_task_without_the_credential(arn: str, layer: Layer | None) -> None:
    """A redeploy mends a task of an older revision; where the newest one is wrong, the wiring is at fault."""
    wrong = definition(ARN.replace("ingest", "other"), arn=arn)
    found = judged(ROTATED, task(1, *YOUNG, task_definition_arn=arn), definitions={**HEALTHY, arn: wrong})
    assert ("credential-not-in-task", layer) == (found.cause, found.layer)
    assert (found.next is None) == (layer is None)


@pytest.mark.parametrize(
    ("state", "cause"),
    [
        (Missing(what=NAME), "secret-missing"),
        (secret(born=at(10.5), changed=at(10.5), deleted=at(50.5), versions=()), "secret-scheduled-for-deletion"),
        (secret(born=at(10.5), changed=at(10.5), versions=()), "no-current-version"),
    ],
)
def test_a_secret_without_a_current_version(state: SecretState | Missing, cause: str) -> None:
    """Without a current version there is nothing that a task could hold."""
    found = judged(state, task(1, *YOUNG))
    assert (Outcome.INCONCLUSIVE, cause) == (found.outcome, found.cause)


@pytest.mark.parametrize("missing", [{"its_service": Missing(what="ingest")}, {"tasks": Missing(what="ingest")}])
def test_no_service(missing: dict[str, Any]) -> None:
    """A service that isn't there runs no task with the credential."""
    assert "service-missing" == judged(ROTATED, **missing).cause


moments = st.one_of(
    st.integers(0, 40).map(at), st.integers(0, 40_000).map(lambda milliseconds: at(milliseconds / 1000))
)
states = st.builds(
    lambda born, later: secret(born=born, changed=max(born, later, key=lambda moment: moment.at)), moments, moments
)
AWS_SIDE = st.builds(
    Deciders,
    seen_current=st.none() | moments,
    made_current=st.none() | moments,
    first_current=st.none() | moments,
)


@st.composite
def a_task(draw: st.DrawFn) -> TaskState:
    """A task whose start isn't before its creation."""
    created, started = draw(moments), draw(st.none() | moments)
    if started is not None and started.at < created.at:
        created, started = started, created
    return task(draw(st.integers(0, 3)), created, started, last_status=draw(st.sampled_from(["RUNNING", "PENDING"])))


def floor(moment: Instant | None) -> datetime:
    """The start of its second."""
    assert moment is not None
    return moment.at.replace(microsecond=0)


@given(states, st.lists(a_task(), max_size=4), AWS_SIDE)
def test_never_green_with_a_task_from_before_the_version(
    state: SecretState, found: list[TaskState], deciders: Deciders
) -> None:
    """A task that was created before the current version was never lets it pass, whatever AWS's records say."""
    version = state.current
    assert version is not None
    assert version.created is not None
    assume(any(one.created is not None and one.created.at < version.created.at for one in found))
    assert not judged(state, *found, deciders=deciders).outcome.green


@given(
    states,
    st.lists(st.tuples(st.integers(1001, 9000), st.none() | st.integers(0, 9000)), min_size=1),
    AWS_SIDE,
    st.booleans(),
)
def test_never_a_violation_for_tasks_from_after_the_last_change(
    state: SecretState, times: list[tuple[int, int | None]], deciders: Deciders, holds: bool
) -> None:
    """Where every task was created in a later second than the last change, all are fresh, whatever anyone says."""
    assert state.changed is not None
    found = []
    for number, (later, lasting) in enumerate(times):
        created = Instant.of(state.changed.at + timedelta(milliseconds=later))
        started = None if lasting is None else Instant.of(created.at + timedelta(milliseconds=lasting))
        found.append(task(number, created, started))
    everything = Deciders(
        seen_current=deciders.seen_current,
        made_current=deciders.made_current,
        holds={one.arn: holds for one in found},
    )
    assert judged(state, *found, deciders=everything).outcome.green


@given(states, st.lists(a_task(), max_size=4))
def test_one_more_stale_task_never_helps(state: SecretState, found: list[TaskState]) -> None:
    """Adding a task that started before the version existed is red, whatever the others are."""
    stale = task(9, at(-20.5), at(-10.5))
    assert Outcome.VIOLATION is judged(state, *found, stale).outcome


def cut(moment: Instant | None) -> Instant | None:
    """The moment as a service gives it that keeps whole seconds."""
    return None if moment is None else Instant(at=floor(moment), whole_second=True)


@given(states, a_task())
def test_cutting_the_times_never_decides_otherwise(state: SecretState, found: TaskState) -> None:
    """A verdict from times that are cut to seconds is the verdict from the precise times, or undecided."""
    version = state.current
    assert version is not None
    fields: dict[str, Any] = {"arn": found.arn, "task_definition_arn": LIVE, "last_status": "RUNNING"}
    precise = TaskState(created=found.created, started=found.started, **fields)
    coarse = TaskState(created=cut(found.created), started=cut(found.started), **fields)
    verdict = judged(secret(born=cut(version.created), changed=cut(state.changed)), coarse)
    assert verdict.outcome in (judged(state, precise).outcome, Outcome.INCONCLUSIVE)
