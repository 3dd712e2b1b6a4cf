"""DAT-070: the last run ended with 0, as what was released, under the declared role, after its permissions. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from pytest_substrate.model.aws.ecs import TaskDefinition
from pytest_substrate.model.aws.instant import Instant, text_of
from pytest_substrate.model.aws.registry import RegistryImage
from pytest_substrate.model.aws.role import is_role
from pytest_substrate.model.aws.rollout import Stop, Stops
from pytest_substrate.model.diagnosis import Diagnosis, inconclusive, passed, violated
from pytest_substrate.model.facts import FactValue, admitted, line
from pytest_substrate.model.job_run import JobRun
from pytest_substrate.model.observation import Missing, Unobserved
from pytest_substrate.model.outcome import Layer
from pytest_substrate.model.release_record import InvalidRecord, ReleaseRecord
from pytest_substrate.model.unseen import unseen
from pytest_substrate.planes.data.diagnose.in_force import InForce
from pytest_substrate.planes.data.diagnose.rerun import diagnose_rerun, rerun_facts

_FAILED_TO_START: Final = "TaskFailedToStart"


@dataclass(frozen=True, slots=True, kw_only=True)
class JobAsked:
    """What the declaration says of a job."""

    name: str
    account: str
    region: str
    ecs_cluster: str
    container: str
    task_role: str
    family: str
    network: str | None
    """RunTask's network configuration in aws-cli's short form; None where its task definition takes none."""
    fargate: bool = False
    prefixes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By bucket, the prefixes that its grants declare to be listed."""

    @property
    def rerun(self) -> str:
        """The command that runs it again."""
        launch = " --launch-type FARGATE" if self.fargate else ""
        network = f" --network-configuration {shlex.quote(self.network)}" if self.network else ""
        return (
            f"aws ecs run-task --cluster {shlex.quote(self.ecs_cluster)} --task-definition {shlex.quote(self.family)}"
            f"{launch}{network} --region {self.region}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSeen:
    """All that is known of the job's runs, and of what it should be."""

    stops: Stops | Missing | Unobserved
    definition: TaskDefinition | Missing | Unobserved
    """That of the last run."""
    record: ReleaseRecord | InvalidRecord | Missing | Unobserved
    image: RegistryImage | Missing | Unobserved
    """The released image, as the registry has it."""
    in_force: InForce | Missing | Unobserved
    rerun: JobRun | Unobserved | None = None
    """The run that the check started; None where none is declared. The permissions were observed before it."""
    event_log: str | None = None
    """The group that the stops are from, where ECS remembers none."""
    recorded: datetime | None = None
    """Since when the ledger has shown the present permissions' digest without a break; None where it has not."""


def last_run(stops: Stops | Missing | Unobserved) -> Stop | None:
    """The run that was started last, of those that have ended."""
    if not isinstance(stops, Stops):
        return None
    dated = [stop for stop in stops.stops if stop.created is not None]
    return max(dated, key=_created, default=None)


def _created(stop: Stop) -> datetime:
    assert stop.created is not None  # noqa: S101  the others were left out
    return stop.created.at


def diagnose_last_run(seen: RunSeen, asked: JobAsked) -> Diagnosis:
    """What the last run proves of the next one."""
    if isinstance(seen.stops, Unobserved):
        return unseen(seen.stops, f"the runs of job/{asked.name}")
    digest = seen.in_force.digest if isinstance(seen.in_force, InForce) else None
    unfinished = diagnose_rerun(seen.rerun, asked.name)
    if unfinished is not None:
        return unfinished.with_facts({"policy_digest": digest})
    if isinstance(seen.stops, Missing):
        group = f"the event log {seen.event_log} of job/{asked.name} doesn't exist"
        gone = group if seen.event_log else f"there is no ECS cluster {asked.ecs_cluster}"
        return inconclusive("no-run", gone, next=asked.rerun, policy_digest=digest)
    run = last_run(seen.stops)
    if run is None:
        told = f"ECS remembers no run of {asked.family} in {asked.ecs_cluster} (it keeps a task for about an hour)"
        also = f", and {seen.event_log} tells of none" if seen.event_log else ""
        return inconclusive("no-run", f"{told}{also}", next=asked.rerun, policy_digest=digest)
    facts: dict[str, FactValue] = {
        **rerun_facts(seen.rerun),
        "task_arn": run.task_arn,
        "task_definition_arn": run.task_definition_arn,
        "created_at": text_of(run.created),
        "stop_code": admitted("stop_code", run.code),
        "policy_digest": digest,
    }
    if seen.event_log is not None:
        facts["log_group"] = admitted("log_group", seen.event_log)
    found = _ended(run, seen, asked) or _image(run, seen, asked) or _role(run, seen, asked) or _after(run, seen, asked)
    return found.with_facts(facts)


def _ended(run: Stop, seen: RunSeen, asked: JobAsked) -> Diagnosis | None:
    end = run.end_of(asked.container)
    reason = line(run.reason or "") or None
    if run.code == _FAILED_TO_START:
        return violated("run-not-started", f"the last run of job/{asked.name} did not start", stop_reason=reason)
    if end is None or end.exit_code is None:
        told = f"the last run of job/{asked.name} left no exit code of {asked.container}"
        return violated("exit-code", told, stop_reason=reason)
    if end.exit_code != 0:
        told = f"the last run of job/{asked.name} ended with {end.exit_code}"
        return violated("exit-code", told, next=_log(run, seen, asked), exit_code=end.exit_code, stop_reason=reason)
    if asked.container in run.commanded:
        told = f"the last run of job/{asked.name} was given another command: whether it did the job can't be told"
        return inconclusive("command-overridden", told, next=asked.rerun)
    return None


def _log(run: Stop, seen: RunSeen, asked: JobAsked) -> str | None:
    """Where it says why; None where the run's task definition doesn't tell."""
    container = seen.definition.container(asked.container) if isinstance(seen.definition, TaskDefinition) else None
    if container is None or container.log_group is None or container.log_prefix is None:
        return None
    stream = f"{container.log_prefix}/{asked.container}/{run.task_arn.rpartition('/')[2]}"
    return (
        f"aws logs get-log-events --log-group-name {shlex.quote(container.log_group)}"
        f" --log-stream-name {shlex.quote(stream)} --region {asked.region}"
    )


def _image(run: Stop, seen: RunSeen, asked: JobAsked) -> Diagnosis | None:
    ran = run.digest_of(asked.container)
    if isinstance(seen.record, Unobserved):
        return unseen(seen.record, f"the release record of job/{asked.name}")
    if not isinstance(seen.record, ReleaseRecord):
        said = "is missing" if isinstance(seen.record, Missing) else f"{seen.record.name} {seen.record.problem}"
        return inconclusive("record-missing", f"the release record of job/{asked.name} {said}")
    if ran is None:
        return inconclusive("digest-unknown", f"ECS does not tell which digest the last run of job/{asked.name} had")
    children = {one.digest for one in seen.image.children} if isinstance(seen.image, RegistryImage) else set()
    if ran == seen.record.digest or ran in children:
        return None
    facts: dict[str, FactValue] = {"image_digest": ran, "expected_digest": seen.record.digest}
    told = f"the last run of job/{asked.name} had {ran[:19]}…, released is {seen.record.digest[:19]}…"
    return violated("other-digest", told, layer=Layer.ARTIFACT, next=asked.rerun).with_facts(facts)


def _role(run: Stop, seen: RunSeen, asked: JobAsked) -> Diagnosis | None:
    named = run.task_role_arn
    if named is None:
        if not isinstance(seen.definition, TaskDefinition):
            gone = isinstance(seen.definition, Missing)
            lost = Unobserved(reason="malformed") if gone else seen.definition
            return unseen(
                lost if isinstance(lost, Unobserved) else Unobserved(reason="malformed"), "the last run's role"
            )
        named = seen.definition.task_role_arn
    if named is not None and is_role(named, asked.account, asked.task_role):
        return None
    told = f"the last run of job/{asked.name} had the role {named}, declared is {asked.task_role}"
    role = None if named is None else admitted("task_role_arn", named)
    return violated("other-role", told, layer=Layer.IDENTITY, next=asked.rerun, task_role_arn=role)


def _after(run: Stop, seen: RunSeen, asked: JobAsked) -> Diagnosis:
    found = seen.in_force
    if isinstance(found, Missing):
        return inconclusive("permissions-unknown", f"{found.what} is gone, so the job's permissions are not known")
    if isinstance(found, Unobserved):
        return unseen(found, f"since when the permissions of {asked.task_role} are in force")
    assert run.created is not None  # noqa: S101  `last_run` leaves out one that has no time
    facts: dict[str, FactValue] = {"since": text_of(found.since)}
    if _has_had_them(run, seen):
        return _proven(run, asked).with_facts(facts)
    if found.since is not None and not run.created.not_before(found.since):
        return _not_after(run.created, found.since, asked).with_facts(facts)
    if found.undated and (seen.recorded is None or not run.created.not_before(Instant.of(seen.recorded))):
        known = "no ledger knows them" if seen.recorded is None else "the ledger knows them since after the run"
        told = f"AWS doesn't date {found.undated[0]}, and {known}: run the job again, then this check"
        return inconclusive("permissions-undated", told, next=asked.rerun).with_facts(facts)
    return _proven(run, asked).with_facts(facts)


def _has_had_them(run: Stop, seen: RunSeen) -> bool:
    """Whether it began after this very check had seen the permissions: with the run that it started, or later."""
    if not isinstance(seen.rerun, JobRun) or not isinstance(seen.stops, Stops):
        return False
    if run.task_arn == seen.rerun.task_arn:
        return True
    own = next((stop for stop in seen.stops.stops if stop.task_arn == seen.rerun.task_arn), None)
    return own is not None and own.created is not None and _created(run) >= own.created.at


def _proven(run: Stop, asked: JobAsked) -> Diagnosis:
    digest = run.digest_of(asked.container)
    told = f"the last run of job/{asked.name} ended with 0, as released, under {asked.task_role} and its present rights"
    return passed(told, exit_code=0, image_digest=digest and admitted("image_digest", digest))


def _not_after(created: Instant, since: Instant, asked: JobAsked) -> Diagnosis:
    what = f"the last run of job/{asked.name} began {created.text()}, its permissions are of {since.text()}"
    if created.order(since) is None:
        told = f"{what}, the same second: which came first can't be told"
        return inconclusive("same-second", told, next=asked.rerun)
    return violated("run-too-old", f"{what}: nothing has run with them", next=asked.rerun)
