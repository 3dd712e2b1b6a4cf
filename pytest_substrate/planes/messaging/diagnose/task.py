"""MSG-055: whether a fresh task of the service starts, as the twin that carried the probe did or did not. Pure."""

from __future__ import annotations

from typing import Final

from pytest_substrate.model.check import Cause
from pytest_substrate.model.diagnosis import Diagnosis, inconclusive, passed, violated
from pytest_substrate.model.facts import FactValue, admitted, line
from pytest_substrate.model.observation import Unobserved
from pytest_substrate.model.outcome import Vantage
from pytest_substrate.model.probe_run import ProbeRun
from pytest_substrate.model.unseen import unseen
from pytest_substrate.planes.task_start import WAYS_TO_FAIL, run_facts

NOT_A_FRESH_TASK: Final = Cause(
    slug="not-a-fresh-task",
    meaning="the probe ran where no fresh task is started (vantage exec or here), so none is proven",
)
BY_TASK: Final = "pytest -m messaging_plane --substrate-vantage task"
"""What proves that which only a fresh task can prove."""


def diagnose_start(run: ProbeRun | Unobserved, *, service: str) -> Diagnosis:
    """Whether the twin's container ran. What its program then said is for the rungs after this one.

    Only what proves the service at fault is a VIOLATION; a lack of capacity, quota, rights or answers is none.
    """
    if isinstance(run, Unobserved):
        return unseen(run, f"a fresh task of {service}")
    failure = run.start_failure
    if failure is None and run.vantage is Vantage.HERE:
        found = inconclusive(NOT_A_FRESH_TASK.slug, f"no task of {service} was started: the probe ran here")
    elif failure is None and run.vantage is Vantage.EXEC:
        found = inconclusive(
            NOT_A_FRESH_TASK.slug, f"no task of {service} was started: the probe ran in one that was running already"
        )
    elif failure is None:
        found = passed(f"a fresh task of {service} started: image pulled, secrets injected, network attached")
    else:
        way = WAYS_TO_FAIL[failure]
        message = f"a fresh task of {service} did not start: {way.meaning}"
        if failure.proven:
            found = violated(failure.value, message, layer=way.layer)
        else:
            found = inconclusive(failure.value, message)
    facts = {**run_facts(run), **_start_facts(run)}
    if failure is None:
        facts["exit_code"] = None  # how the program ended is no matter of its start
    return found.with_facts(facts)


def _start_facts(run: ProbeRun) -> dict[str, FactValue]:
    texts = {
        "twin_arn": run.twin_arn,
        "task_definition_arn": run.task_definition_arn,
        "image_digest": run.image_digest,
        "task_role_arn": run.task_role_arn,
        "execution_role_arn": run.execution_role_arn,
        "error_code": run.code,
        "operation": run.operation,
    }
    facts: dict[str, FactValue] = {name: admitted(name, text) for name, text in texts.items()}
    facts["detail"] = run.detail and line(run.detail)
    facts["differences"] = admitted("differences", run.forbidden or run.differences or None)
    return facts
