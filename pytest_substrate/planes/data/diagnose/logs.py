"""DAT-080: every AWS denial in the logs of a job's runs has a name, and a later run that shows it mended. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pytest_substrate.model.aws.instant import Instant
from pytest_substrate.model.aws.job_log import JobLog, LoggedDenial, RunLog
from pytest_substrate.model.aws.role import role_of
from pytest_substrate.model.aws.rollout import Stop, Stops
from pytest_substrate.model.diagnosis import Diagnosis, inconclusive, passed, violated
from pytest_substrate.model.facts import FactValue, admitted, line, number_of
from pytest_substrate.model.observation import Missing, Unobserved
from pytest_substrate.model.unseen import unseen
from pytest_substrate.planes.data.diagnose.attribution import Attribution, Weighed, evaluate
from pytest_substrate.planes.data.diagnose.mend import Where, mend, missing_statement
from pytest_substrate.planes.data.diagnose.runs import JobAsked, last_run

_UNKNOWN: Final = "unknown"


def denials_in(lines: Sequence[str], times: Sequence[Instant]) -> tuple[LoggedDenial, ...]:
    """The denials in the lines of one stream, each with its line's time; the lines themselves go no further."""
    from pytest_substrate.planes.data.denied import find_denials  # its patterns are no affair of other planes' runs

    return tuple(
        LoggedDenial(
            at=times[found.line - 1],
            principal=found.principal,
            action=found.action,
            resource=found.resource,
            effect=found.effect.value,
            source=found.source.value,
            policy=found.policy,
        )
        for found in find_denials(lines)
    )


def diagnose_denials(
    log: JobLog | Missing | Unobserved,
    stops: Stops | Missing | Unobserved,
    weighed: Weighed,
    asked: JobAsked,
) -> Diagnosis:
    """None is open: each is answered by a later run that ended with 0 and was not refused the same again."""
    if isinstance(log, Unobserved):
        return unseen(log, f"the log of job/{asked.name}")
    if isinstance(log, Missing):
        return violated("logs-missing", f"job/{asked.name} has no log group {log.what}")
    if isinstance(stops, Unobserved):
        return unseen(stops, f"the runs of job/{asked.name}")
    facts: dict[str, FactValue] = {"log_group": admitted("log_group", log.group), "total": len(log.runs)}
    if not log.runs:
        told = f"the log group {log.group} holds no run of job/{asked.name}"
        return inconclusive("logs-missing", told).with_facts(facts)
    last = last_run(stops)
    clean = _mending(log, last, asked)
    for run in log.runs:
        for denial in run.denials:
            if clean is not None and clean.newest.at > denial.at.at and denial.what not in _refused(clean):
                continue
            return _open(denial, run, weighed, asked, certain=last is not None).with_facts(facts)
    count = sum(len(run.denials) for run in log.runs)
    runs = f"{number_of(len(log.runs), 'run')} of job/{asked.name}"
    said = f"{number_of(count, 'denial')} in {runs}, each mended by now" if count else f"no denial in {runs}"
    return passed(said, count=count).with_facts(facts)


def _mending(log: JobLog, last: Stop | None, asked: JobAsked) -> RunLog | None:
    """The log of the last run, where that ended with 0; None where nothing shows that anything was mended."""
    end = last.end_of(asked.container) if last else None
    if last is None or end is None or end.exit_code != 0:
        return None
    task_id = last.task_arn.rpartition("/")[2]
    return next((run for run in log.runs if run.task_id == task_id), None)


def _refused(run: RunLog) -> set[tuple[str | None, str | None]]:
    return {denial.what for denial in run.denials}


def _open(denial: LoggedDenial, run: RunLog, weighed: Weighed, asked: JobAsked, *, certain: bool) -> Diagnosis:
    facts: dict[str, FactValue] = {
        "log_stream": admitted("log_stream", run.stream),
        "at": denial.at.text(),
        "principal": admitted("principal", denial.principal),
        "action": admitted("action", denial.action),
        "resource": admitted("resource", denial.resource),
        "effect": denial.effect,
        "source": denial.source,
        "policy": denial.policy and line(denial.policy),
    }
    if denial.principal is None or denial.action is None or denial.resource is None:
        lacks = [name for name in ("principal", "action", "resource") if getattr(denial, name) is None]
        told = f"a run of job/{asked.name} was refused, and the line names no {' and no '.join(lacks)}"
        facts["attributed"] = False
        return violated("denial-unattributed", told).with_facts(facts)
    found = evaluate(_attribution(denial), weighed, denial.principal)
    whose = role_of(denial.principal)
    where = _where(found, asked, role=whose[1]) if whose is not None and whose[0] == asked.account else None
    said = f"a run of job/{asked.name} was refused {found.action} on {found.resource}: {found.reason}"
    facts |= {"attributed": True, "effect": found.effect, "source": found.source, "unseen": found.facts()["unseen"]}
    if where is not None:
        facts["missing_statement"] = admitted("missing_statement", missing_statement(found, where))
    if not certain:
        told = f"{said}; no run is remembered that would show it mended"
        return inconclusive("denial-open", line(told, 280), next=asked.rerun).with_facts(facts)
    return violated("denial-open", line(said, 280), next=None if where is None else mend(found, where)).with_facts(
        facts
    )


def _attribution(denial: LoggedDenial) -> Attribution:
    return Attribution(
        action=denial.action or _UNKNOWN,
        resource=denial.resource or _UNKNOWN,
        principal=denial.principal,
        effect=denial.effect,
        source=_UNKNOWN if denial.source == "kms" else denial.source,
        policy=denial.policy,
        by_service=True,
    )


def _where(found: Attribution, asked: JobAsked, *, role: str) -> Where:
    """What a mend is about, by the refused resource itself: the log names no prefix, the declaration does."""
    arn, _, key = found.resource.partition("/")
    bucket = arn.rpartition(":")[2]
    return Where(
        role=role,
        bucket=bucket,
        bucket_arn=arn,
        target=key.rstrip("/"),
        account=asked.account,
        region=asked.region,
        prefixes=asked.prefixes.get(bucket, ()),
    )
