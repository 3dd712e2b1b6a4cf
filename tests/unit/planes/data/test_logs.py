"""DAT-080: the denials in a job's logs, who they are about, and what shows them mended."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_substrate.model.aws.job_log import JobLog, LoggedDenial, RunLog
from pytest_substrate.model.aws.rollout import Stops
from pytest_substrate.model.diagnosis import Diagnosis
from pytest_substrate.model.observation import Missing, Unobserved
from pytest_substrate.model.outcome import Outcome
from pytest_substrate.planes.data.checks import CHECKS
from pytest_substrate.planes.data.diagnose.attribution import Weighed
from pytest_substrate.planes.data.diagnose.logs import denials_in, diagnose_denials
from pytest_substrate.policy.evaluate import Policies
from tests.unit.planes.data.making import CALLER, allow, at, policy, refused
from tests.unit.planes.data.test_runs import ASKED, stop

OBJECT = "arn:aws:s3:::acme-spine/private/canary"
CAUSES = next({cause.slug for cause in check.causes} for check in CHECKS if check.id == "DAT-080")


def denial(second: int = 30, **parts: Any) -> LoggedDenial:
    """One that says all."""
    fields: dict[str, Any] = {
        "at": at(second),
        "principal": CALLER,
        "action": "s3:GetObject",
        "resource": OBJECT,
        "effect": "implicit",
        "source": "identity",
        "policy": None,
    }
    return LoggedDenial(**{**fields, **parts})


def run(second: int, *denials: LoggedDenial) -> RunLog:
    """The stream of the run that began in that second."""
    return RunLog(stream=f"oracle/app/{second:032x}", newest=at(second + 1), denials=denials)


def judged(log: Any, *stops: Any, weighed: Weighed | None = None) -> Diagnosis:
    """DAT-080; `log` may be the runs alone."""
    log = JobLog(group="/ecs/oracle", runs=log) if isinstance(log, tuple) else log
    found = diagnose_denials(log, Stops(stops=stops or (stop(30),)), weighed or Weighed(), ASKED)
    assert found.cause is None or found.cause in CAUSES
    return found


def test_logs_without_a_denial() -> None:
    """Green, and counted."""
    found = judged((run(30), run(20)))
    assert (Outcome.PASS, 0, 2) == (found.outcome, found.facts["count"], found.facts["total"])


def test_a_denial_of_the_last_run_is_open() -> None:
    """Though it ended with 0; told in full, with the one statement that is missing."""
    found = judged((run(30, denial()),))
    assert (Outcome.VIOLATION, "denial-open") == (found.outcome, found.cause)
    assert (CALLER, "s3:GetObject", OBJECT, "identity", True) == tuple(
        found.facts[name] for name in ("principal", "action", "resource", "source", "attributed")
    )
    assert f'"Action":"s3:GetObject","Resource":"{OBJECT}"' in (found.next or "")


@pytest.mark.parametrize("lacks", ["principal", "action", "resource"])
def test_a_denial_without_a_name(lacks: str) -> None:
    """Nobody knows whom to mend it for, or what."""
    nameless: dict[str, Any] = {lacks: None}
    found = judged((run(30, denial(**nameless)),))
    assert (Outcome.VIOLATION, "denial-unattributed") == (found.outcome, found.cause)
    assert lacks in found.message


def test_a_later_run_mends() -> None:
    """One that ended with 0 and was not refused the same."""
    runs = (run(31), run(30, denial()))
    assert Outcome.PASS is judged(runs, stop(31), stop(30)).outcome
    assert "denial-open" == judged(runs, stop(31, exit_code=1), stop(30)).cause
    assert "denial-open" == judged((run(31, denial(31)), run(30, denial())), stop(31), stop(30)).cause
    assert "denial-open" == judged((run(30, denial()),), stop(31), stop(30)).cause, "its log was not seen"


def test_another_denial_of_the_later_run_is_open() -> None:
    """That the first is mended doesn't hide the second."""
    other = denial(31, action="kms:Decrypt", resource="arn:aws:kms:eu-west-2:111122223333:key/1")
    found = judged((run(31, other), run(30, denial())), stop(31), stop(30))
    assert ("denial-open", "kms:Decrypt") == (found.cause, found.facts["action"])


def test_a_source_that_the_line_does_not_tell() -> None:
    """The policies do; where they allow, what can't be seen is named."""
    bare = denial(effect="unknown", source="unknown")
    found = judged((run(30, bare),))
    assert ("implicit", "identity") == (found.facts["effect"], found.facts["source"])
    wide = Weighed(policies=Policies(identity=(policy(allow("s3:*", "*")),)))
    hidden = judged((run(30, bare),), weighed=wide)
    assert ("denial-open", "unknown") == (hidden.cause, hidden.facts["source"])
    assert "service control policies" in hidden.message


def test_the_mend_is_about_whom_the_line_names() -> None:
    """Another role of the account gets its own statement, somebody else's account none; a list has what is declared."""
    exporter = "arn:aws:sts::111122223333:assumed-role/exporter/1"
    assert "--role-name exporter" in (judged((run(30, denial(principal=exporter)),)).next or "")
    foreign = judged((run(30, denial(principal="arn:aws:sts::444455556666:assumed-role/x/1")),))
    assert (None, None) == (foreign.next, foreign.facts.get("missing_statement"))
    queue = "arn:aws:sqs:eu-west-2:111122223333:jobs"
    sent = judged((run(30, denial(action="sqs:SendMessage", resource=queue)),))
    assert f'{{"Effect":"Allow","Action":"sqs:SendMessage","Resource":"{queue}"}}' == sent.facts["missing_statement"]


@pytest.mark.parametrize(
    ("log", "stops", "outcome", "cause"),
    [
        (Unobserved(reason="access-denied"), Stops(stops=()), Outcome.INCONCLUSIVE, "access-denied"),
        (Missing(what="/ecs/oracle"), Stops(stops=()), Outcome.VIOLATION, "logs-missing"),
        (JobLog(group="/ecs/oracle", runs=()), Stops(stops=()), Outcome.INCONCLUSIVE, "logs-missing"),
        (JobLog(group="/ecs/oracle", runs=(run(30),)), Unobserved(reason="timeout"), Outcome.INCONCLUSIVE, "timeout"),
        (JobLog(group="/ecs/oracle", runs=(run(30, denial()),)), Stops(stops=()), Outcome.INCONCLUSIVE, "denial-open"),
    ],
)
def test_what_can_t_be_told(log: Any, stops: Any, outcome: Outcome, cause: str) -> None:
    """No log is no green; a denial whose runs nobody remembers is red all the same."""
    found = diagnose_denials(log, stops, Weighed(), ASKED)
    assert (outcome, cause) == (found.outcome, found.cause)


def test_what_is_kept_of_a_line() -> None:
    """Who, what, on what and when; nothing else of it."""
    said = refused("s3:GetObject", OBJECT)["message"]
    lines = [
        "starting with password=hunter2",
        f"An error occurred (AccessDenied) when calling the GetObject operation: {said}",
    ]
    [found] = denials_in(lines, (at(1), at(2)))
    assert (at(2), CALLER, "s3:GetObject", OBJECT, "implicit", "identity") == (
        found.at,
        found.principal,
        found.action,
        found.resource,
        found.effect,
        found.source,
    )
    assert "hunter2" not in repr(found)
