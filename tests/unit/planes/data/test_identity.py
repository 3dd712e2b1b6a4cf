"""DAT-010 and DAT-020: which role the job's tasks get, and whether a task of it is that role."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pytest_substrate.model.aws.ecs import Container, TaskDefinition
from pytest_substrate.model.ci import Role
from pytest_substrate.model.diagnosis import Diagnosis
from pytest_substrate.model.observation import Missing, Unobserved
from pytest_substrate.model.outcome import Layer, Outcome, Vantage
from pytest_substrate.model.probe_run import ProbeRun, StartFailure
from pytest_substrate.model.transcript import Failure, IdentitySeen
from pytest_substrate.planes.data.checks import CHECKS
from pytest_substrate.planes.data.diagnose.identity import TASKS, diagnose_definition, diagnose_session
from pytest_substrate.planes.task_start import WAYS_TO_FAIL
from tests.unit.planes.data.making import ACCOUNT, CALLER, REGION, ROLE, seen

OWN = f"arn:aws:iam::{ACCOUNT}:role/{ROLE}"
CAUSES = {check.id: {cause.slug for cause in check.causes} for check in CHECKS}


def definition(role: str | None = OWN) -> TaskDefinition:
    """A task definition with that task role."""
    arn = f"arn:aws:ecs:{REGION}:{ACCOUNT}:task-definition/oracle:1"
    return TaskDefinition(arn=arn, containers=(Container(name="app"),), task_role_arn=role)


def role(*statements: dict[str, Any]) -> Role:
    """The declared role with that trust policy."""
    document = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
    return Role(arn=OWN, name=ROLE, trust=document, boundary_arn=None)


def trust(service: Any = TASKS, effect: str = "Allow", action: str = "sts:AssumeRole", **more: Any) -> dict[str, Any]:
    """A statement of a trust policy."""
    return {"Effect": effect, "Principal": {"Service": service}, "Action": action, **more}


def defined(definition: Any, role: Any) -> Diagnosis:
    """DAT-010."""
    return diagnose_definition(definition, role, workload="job/oracle", task_role=ROLE, account=ACCOUNT, region=REGION)


@pytest.mark.parametrize("named", [OWN, ROLE, f"arn:aws:iam::{ACCOUNT}:role/team/{ROLE}"])
@pytest.mark.parametrize(
    "statement",
    [
        trust(),
        trust([TASKS, "lambda.amazonaws.com"]),
        trust(Condition={"StringEquals": {"aws:SourceAccount": ACCOUNT}}),
        trust(Condition={"ArnLike": {"aws:SourceArn": f"arn:aws:ecs:{REGION}:{ACCOUNT}:*"}}),
        trust(action="sts:*"),
    ],
)
def test_the_declared_role(named: str, statement: dict[str, Any]) -> None:
    """By its ARN or its name, under whatever path, with the conditions that AWS recommends."""
    assert Outcome.PASS is defined(definition(named), role(statement)).outcome


@pytest.mark.parametrize(
    ("named", "statement", "cause"),
    [
        (None, trust(), "no-role"),
        (f"arn:aws:iam::{ACCOUNT}:role/other", trust(), "other-role"),
        (f"arn:aws:iam::999999999999:role/{ROLE}", trust(), "other-role"),
        (OWN, trust("ecs.amazonaws.com"), "role-not-assumable"),
        (OWN, trust("ec2.amazonaws.com"), "role-not-assumable"),
        (OWN, trust(action="sts:TagSession"), "role-not-assumable"),
        (OWN, trust(Condition={"StringEquals": {"aws:SourceAccount": "999999999999"}}), "role-not-assumable"),
        (
            OWN,
            trust(Condition={"ArnLike": {"aws:SourceArn": f"arn:aws:ecs:us-east-1:{ACCOUNT}:*"}}),
            "role-not-assumable",
        ),
    ],
)
def test_another_role(named: str | None, statement: dict[str, Any], cause: str) -> None:
    """None, a foreign one, or one that ECS may not assume."""
    found = defined(definition(named), role(statement))
    assert (Outcome.VIOLATION, cause) == (found.outcome, found.cause)
    assert cause in CAUSES["DAT-010"]


def test_a_deny_wins() -> None:
    """Beside an Allow."""
    assert "role-not-assumable" == defined(definition(), role(trust(), trust(effect="Deny"))).cause


def test_what_hangs_on_an_unknown_condition() -> None:
    """Neither green nor a finding."""
    strange = trust(Condition={"StringEquals": {"acme:Weekday": "Monday"}})
    found = defined(definition(), role(strange))
    assert (Outcome.INCONCLUSIVE, "trust-undecided") == (found.outcome, found.cause)


@pytest.mark.parametrize(
    ("a_definition", "a_role", "outcome", "cause"),
    [
        (Unobserved(reason="access-denied"), role(trust()), Outcome.INCONCLUSIVE, "access-denied"),
        (Missing(what="ingest"), role(trust()), Outcome.VIOLATION, "definition-missing"),
        (definition(), Missing(what=ROLE), Outcome.VIOLATION, "role-missing"),
        (definition(), Unobserved(reason="throttled"), Outcome.INCONCLUSIVE, "throttled"),
        (
            definition(),
            Role(arn=OWN, name=ROLE, trust="{", boundary_arn=None),
            Outcome.INCONCLUSIVE,
            "policy-unreadable",
        ),
    ],
)
def test_what_can_t_be_seen(a_definition: Any, a_role: Any, outcome: Outcome, cause: str) -> None:
    """Missing is wrong, unseen is undecided."""
    found = defined(a_definition, a_role)
    assert (outcome, cause) == (found.outcome, found.cause)


def session(run: Any, *, aws: bool = True) -> Diagnosis:
    """DAT-020."""
    return diagnose_session(run, workload="job/oracle", task_role=ROLE, account=ACCOUNT, aws=aws)


def run(identity: IdentitySeen | None = None, **parts: Any) -> ProbeRun:
    """A probe whose task said who it is."""
    told = seen(**{**parts, **({"identity": identity} if identity else {})})
    return ProbeRun(vantage=Vantage.TASK, transcript=told, task_arn=f"arn:aws:ecs:{REGION}:{ACCOUNT}:task/main/1")


def test_the_role_itself() -> None:
    """As STS says; where it isn't reached, as the credential endpoint does."""
    assert Outcome.PASS is session(run()).outcome
    assert Outcome.PASS is session(run(IdentitySeen(role_arn=OWN, sts="unreachable"))).outcome


@pytest.mark.parametrize(
    ("identity", "outcome", "cause"),
    [
        (
            IdentitySeen(role_arn=OWN, caller_arn=CALLER, shadowed_by=("AWS_ACCESS_KEY_ID",)),
            Outcome.VIOLATION,
            "static-keys",
        ),
        (
            IdentitySeen(role_arn=OWN, sts="refused", error_code="ExpiredToken"),
            Outcome.VIOLATION,
            "credentials-refused",
        ),
        (IdentitySeen(caller_arn=CALLER.replace(ROLE, "other")), Outcome.VIOLATION, "other-role"),
        (IdentitySeen(caller_arn=CALLER.replace(ACCOUNT, "999999999999")), Outcome.VIOLATION, "other-role"),
        (IdentitySeen(sts="unreachable"), Outcome.INCONCLUSIVE, "role-unknown"),
        (
            IdentitySeen(failure=Failure(cause="no-container-credentials", stage="identity")),
            Outcome.VIOLATION,
            "no-container-credentials",
        ),
        (
            IdentitySeen(failure=Failure(cause="silent", stage="identity")),
            Outcome.INCONCLUSIVE,
            "no-container-credentials",
        ),
    ],
)
def test_somebody_else(identity: IdentitySeen, outcome: Outcome, cause: str) -> None:
    """Other keys first, other roles, or nobody."""
    found = session(run(identity))
    assert (outcome, cause) == (found.outcome, found.cause)
    assert cause in CAUSES["DAT-020"]


def test_an_endpoint_of_the_container() -> None:
    """On AWS, a variable leads its SDK astray; on a local target, every container has it."""
    led = run(overrides=("AWS_ENDPOINT_URL",))
    assert (Outcome.VIOLATION, "endpoint-override") == (session(led).outcome, session(led).cause)
    assert Outcome.PASS is session(led, aws=False).outcome


@pytest.mark.parametrize("failure", list(StartFailure))
def test_a_task_that_does_not_start(failure: StartFailure) -> None:
    """One cause, the layer of what failed, and the way to fail as a fact."""
    unseen = Unobserved(reason=failure.value)
    found = session(ProbeRun(vantage=Vantage.TASK, transcript=unseen, start_failure=failure))
    expected = Outcome.VIOLATION if failure.proven else Outcome.INCONCLUSIVE
    assert (expected, "task-not-started", WAYS_TO_FAIL[failure].layer) == (found.outcome, found.cause, found.layer)
    assert failure.value == found.facts["reason"]


def test_no_transcript() -> None:
    """A task that started and said nothing."""
    found = session(ProbeRun(vantage=Vantage.TASK, transcript=Unobserved(reason="no-transcript"), exit_code=137))
    assert (Outcome.INCONCLUSIVE, "no-transcript", 137) == (found.outcome, found.cause, found.facts["exit_code"])
    assert Layer.IDENTITY is next(check.layer for check in CHECKS if check.id == "DAT-020")
