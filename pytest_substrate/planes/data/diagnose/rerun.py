"""What is told of a job's run that DAT-070 started itself, and where that run proves nothing yet. Pure."""

from __future__ import annotations

from typing import Final

from pytest_substrate.model.aws.instant import text_of
from pytest_substrate.model.aws.job_log import StreamSpan
from pytest_substrate.model.diagnosis import Diagnosis, inconclusive, violated
from pytest_substrate.model.facts import FactValue, admitted
from pytest_substrate.model.job_run import JobRun
from pytest_substrate.model.observation import Unobserved
from pytest_substrate.model.outcome import Layer
from pytest_substrate.model.probe_run import StartFailure
from pytest_substrate.model.unseen import unseen
from pytest_substrate.planes.task_start import WAYS_TO_FAIL

_OWN_WORDS: Final = {
    StartFailure.OTHER_ROLE: "its task definition names another task role than the declared, so none was started",
    StartFailure.ACCESS_DENIED: "the observer may not do what running it needs",
    StartFailure.NOT_IMPLEMENTED: "the target lacks an operation that running it needs",
}
"""Where `WAYS_TO_FAIL` speaks of a probe."""


def diagnose_rerun(rerun: JobRun | Unobserved | None, name: str) -> Diagnosis | None:
    """Why the run that was started is no proof; None where it ended by itself, or none was to be started."""
    if rerun is None:
        return None
    if isinstance(rerun, Unobserved):
        return unseen(rerun, f"a run of job/{name}")
    found: Diagnosis | None = None
    if rerun.failure is not None:
        found = _not_started(rerun, rerun.failure, name)
    elif not rerun.ended:
        left = "could not be stopped" if rerun.stop_failed else "was stopped"
        told = f"job/{name} was run, had not ended after its {rerun.deadline_s} s, and {left}"
        found = violated("run-over-deadline", told)
    return None if found is None else found.with_facts(rerun_facts(rerun))


def _not_started(rerun: JobRun, failure: StartFailure, name: str) -> Diagnosis:
    way = WAYS_TO_FAIL[failure]
    told = f"job/{name} was to be run, and did not start: {_OWN_WORDS.get(failure, way.meaning)}"
    proven = failure.proven or failure is StartFailure.OTHER_ROLE
    build, layer = (violated, way.layer) if proven else (inconclusive, Layer.RUNTIME)
    return build(
        "run-not-started",
        told,
        layer=layer,
        reason=failure.value,
        operation=admitted("operation", rerun.operation),
        error_code=admitted("error_code", rerun.code),
        detail=rerun.detail,
    )


def rerun_facts(rerun: JobRun | Unobserved | None) -> dict[str, FactValue]:
    """The run, its deadline, and what it logged by number and time: no line of it."""
    if not isinstance(rerun, JobRun):
        return {}
    facts: dict[str, FactValue] = {
        "task_arn": None if rerun.task_arn is None else admitted("task_arn", rerun.task_arn),
        "deadline_s": rerun.deadline_s,
        "log_group": None if rerun.log_group is None else admitted("log_group", rerun.log_group),
        "log_stream": None if rerun.log_stream is None else admitted("log_stream", rerun.log_stream),
    }
    if isinstance(rerun.span, StreamSpan):
        facts |= {"count": rerun.span.lines, "at": text_of(rerun.span.last)}
    return facts
