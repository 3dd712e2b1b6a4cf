"""MSG-050: whether every running task holds the credential that is current now. Pure.

ECS fetches a task's secrets after it has created the task (`createdAt`) and before the task runs (`startedAt`).
AWS keeps no time at which a version became current. So, for a task and the version that is current now:

1. started before the version was created: it can't hold it — stale.
2. created at or after the secret's last change: nothing changed since, so it got the current version — fresh.
3. between the two a decider may speak: CloudTrail's events tell when the version became current (`trail`); an earlier
   verified observation that saw this version current before the task was created makes it fresh; `exec` compares
   inside the task. A run has CloudTrail, else the ledger; no vantage hands it the third.
4. else it is undecided. Times that a service cut to whole seconds leave an equal second undecided (`Instant.order`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from pytest_substrate.model.aws.ecs import RUNNING, ServiceState, TaskDefinition, Tasks, TaskState
from pytest_substrate.model.aws.instant import Instant, text_of
from pytest_substrate.model.aws.secrets import SecretState, SecretVersion
from pytest_substrate.model.diagnosis import Diagnosis, inconclusive, passed, violated
from pytest_substrate.model.facts import admitted, number_of
from pytest_substrate.model.observation import Missing, Unobserved
from pytest_substrate.model.outcome import Layer
from pytest_substrate.model.unseen import unseen
from pytest_substrate.planes.messaging.diagnose.injection import injects_version, pins_version

ENDING = frozenset({"DEACTIVATING", "STOPPING", "DEPROVISIONING", "STOPPED", "DELETED"})
"""The states of a task that runs no more, though ECS may still list it (ECS developer guide, task lifecycle)."""


UNDECIDED: Final = "freshness-undecided"
"""The cause where neither the times nor anybody else decides."""


class Freshness(Enum):
    """What one task is known to hold."""

    FRESH = "the current version"
    STALE = "an earlier version"
    OTHER = "something else than the secret's current version"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True, kw_only=True)
class Deciders:
    """What speaks where the times do not; all of it optional.

    `seen_current` is when an earlier verified observation saw the version current that is current now; `made_current`
    when the last CloudTrail event made it so, `first_current` when the first one did, before which it never was;
    `holds` what a comparison inside a running task came to, by the task's ARN.
    """

    seen_current: Instant | None = None
    made_current: Instant | None = None
    first_current: Instant | None = None
    holds: Mapping[str, bool] = field(default_factory=dict)


NOTHING_DECIDES = Deciders()


def freshness(task: TaskState, *, version: SecretVersion, changed: Instant | None, deciders: Deciders) -> Freshness:
    """Rules 1 to 4 for one task that gets the secret at its start."""
    born, created, started = version.created, task.created, task.started
    if born is None or created is None:
        return Freshness.UNDECIDED
    if started is not None and started.before(born):  # (1)
        return Freshness.STALE
    after_birth = created.not_before(born)
    if changed is not None and after_birth and created.not_before(changed):  # (2)
        return Freshness.FRESH
    if task.arn in deciders.holds:  # (3)
        return Freshness.FRESH if deciders.holds[task.arn] else Freshness.STALE
    seen, made, first = deciders.seen_current, deciders.made_current, deciders.first_current
    if made is not None and changed is not None and changed.before(made):
        made = first = None  # what made it current changed the secret, so this event is of something else
    if after_birth and ((seen and seen.before(created)) or (made and created.not_before(made))):
        return Freshness.FRESH
    early = first is not None and started is not None and started.before(first)
    return Freshness.STALE if early else Freshness.UNDECIDED  # (4)


def diagnose_freshness(
    secret: SecretState | Missing | Unobserved,
    service: ServiceState | Missing | Unobserved,
    tasks: Tasks | Missing | Unobserved,
    definitions: Mapping[str, TaskDefinition | Missing | Unobserved],
    *,
    name: str,
    container: str,
    expected: Mapping[str, str | None],
    min_running: int,
    deciders: Deciders = NOTHING_DECIDES,
) -> Diagnosis:
    """What the tasks of a service hold together: one stale task is red, one undecided leaves it open.

    `definitions` are the task definitions that the tasks run from, by ARN: one of an older revision may inject another
    secret, or a pinned version. Where no task runs there is nothing to be stale; that is a pass only where the
    declaration says that none may run.
    """
    missing = _unseen_of(secret, service, tasks, name=name)
    if missing is not None:
        return missing
    if isinstance(service, Missing | Unobserved) or isinstance(tasks, Missing | Unobserved):
        return violated("service-missing", "ECS has no active service of the declared name")
    version = secret.current if isinstance(secret, SecretState) else None
    if not isinstance(secret, SecretState) or version is None:
        return _no_version(secret, name=name)
    live = [task for task in tasks.tasks if task.last_status not in ENDING]
    held = [
        _held(
            task,
            definitions.get(task.task_definition_arn),
            secret,
            version=version,
            container=container,
            expected=expected,
            deciders=deciders,
        )
        for task in live
    ]
    return _verdict(
        list(zip(live, held, strict=True)), secret=secret, version=version, service=service, min_running=min_running
    )


def _unseen_of(
    secret: SecretState | Missing | Unobserved,
    service: ServiceState | Missing | Unobserved,
    tasks: Tasks | Missing | Unobserved,
    *,
    name: str,
) -> Diagnosis | None:
    if isinstance(secret, Unobserved):
        return unseen(secret, f"the secret {name}")
    if isinstance(service, Unobserved):
        return unseen(service, "the service")
    return unseen(tasks, "the service's tasks") if isinstance(tasks, Unobserved) else None


def _no_version(secret: SecretState | Missing | Unobserved, *, name: str) -> Diagnosis:
    if not isinstance(secret, SecretState):
        return inconclusive("secret-missing", f"there is no secret {name} that a task could hold", secret_name=name)
    if secret.deleted is not None:
        return inconclusive("secret-scheduled-for-deletion", f"the secret {name} is scheduled for deletion")
    return inconclusive("no-current-version", f"no version of the secret {name} is current")


def _held(
    task: TaskState,
    definition: TaskDefinition | Missing | Unobserved | None,
    secret: SecretState,
    *,
    version: SecretVersion,
    container: str,
    expected: Mapping[str, str | None],
    deciders: Deciders,
) -> Freshness:
    if not isinstance(definition, TaskDefinition):
        return Freshness.UNDECIDED
    found = definition.container(container)
    if found is None or not injects_version(found, secret, version_id=version.version_id, expected=expected):
        return Freshness.OTHER
    if pins_version(found, version_id=version.version_id, expected=expected):
        return Freshness.FRESH
    return freshness(task, version=version, changed=secret.changed, deciders=deciders)


def _verdict(
    live: Sequence[tuple[TaskState, Freshness]],
    *,
    secret: SecretState,
    version: SecretVersion,
    service: ServiceState,
    min_running: int,
) -> Diagnosis:
    of = {state: [task for task, held in live if held is state] for state in Freshness}
    total = len(live)
    tasks = number_of(total, "task")
    meanwhile = "; a deployment is in progress" if service.deploying else ""
    born = f"the current version was created {text_of(version.created) or 'at an unknown time'}"
    if of[Freshness.STALE]:
        stale = of[Freshness.STALE]
        starts = [task.started for task in stale if task.started]
        found = violated(
            "credential-stale-in-task",
            f"{born}; {len(stale)} of {tasks} started before it{_became(stale, version)}{meanwhile}",
            task_arns=_named(stale),
            stale=len(stale),
            undecided=len(of[Freshness.UNDECIDED]),
            started_at=text_of(min(starts, key=lambda start: start.at, default=None)),
        )
    elif of[Freshness.OTHER]:
        other = of[Freshness.OTHER]
        newest = [task for task in other if task.task_definition_arn == service.task_definition_arn]
        found = violated(
            "credential-not-in-task",
            f"{len(other)} of {tasks} on a task definition without the current credential{meanwhile}",
            # a new deployment mends the tasks of an older revision alone
            layer=Layer.WIRING if newest else None,
            next=f"aws ecs describe-task-definition --task-definition {newest[0].task_definition_arn}"
            if newest
            else None,
            task_arns=_named(other),
            stale=len(other),
            task_definition_arn=(newest or other)[0].task_definition_arn,
        )
    elif of[Freshness.UNDECIDED]:
        undecided = of[Freshness.UNDECIDED]
        found = inconclusive(
            UNDECIDED,
            f"{born}; whether {len(undecided)} of {tasks} got it can't be told from their times{meanwhile}",
            task_arns=_named(undecided),
            undecided=len(undecided),
        )
    elif any(task.last_status == RUNNING for task, _ in live):
        found = passed(f"every task started with the current version of the secret {secret.name} ({tasks})")
    elif min_running == 0 and not live:
        found = passed("no task of the service runs, and none has to")
    else:
        found = inconclusive(
            "no-running-task",
            f"no task of the service {service.name} runs, so none can be judged{meanwhile}",
            layer=Layer.RUNTIME,
            next=f"aws ecs describe-services --cluster {service.arn.split('/')[-2]} --services {service.name}"
            f" --region {service.arn.split(':')[3]}",
        )
    return found.with_facts(
        {
            "secret_arn": secret.arn,
            "version_id": admitted("version_id", version.version_id),
            "created_at": text_of(version.created),
            "changed_at": text_of(secret.changed),
            "total": total,
            # of all tasks, whatever the outcome: a redeploy is what changes it, and so what closes an incident
            "running_task_arns": _named(sorted((task for task, _ in live), key=lambda task: task.arn)) or None,
        }
    )


def _became(stale: Sequence[TaskState], version: SecretVersion) -> str:
    """Where a stale task is younger than the version, what it came before is that the version became current."""
    born = version.created
    before_birth = born and all(task.started is not None and task.started.before(born) for task in stale)
    return "" if before_birth else " was made current"


def _named(tasks: Sequence[TaskState], *, at_most: int = 20) -> list[str]:
    return [task.arn for task in tasks[:at_most]]
