"""What the data plane looks at, each once a run, under the key that its docstring names.

Every observer hands on a fact, `Missing` or `Unobserved`, and raises for our own bugs alone.
"""

from __future__ import annotations

import secrets as random
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from pytest_substrate.adapters.aws import iam as read_iam
from pytest_substrate.adapters.aws import job_logs as read_logs
from pytest_substrate.adapters.aws import rollout as read_rollout
from pytest_substrate.adapters.aws import s3 as read_s3
from pytest_substrate.adapters.aws import task_events as read_events
from pytest_substrate.model.aws import ecs, rollout, storage
from pytest_substrate.model.aws.job_log import JobLog
from pytest_substrate.model.ci import Role, RolePolicies
from pytest_substrate.model.data_transcript import DataTranscript
from pytest_substrate.model.job_run import JobRun
from pytest_substrate.model.observation import Missing, Unobserved
from pytest_substrate.model.outcome import TargetKind
from pytest_substrate.model.probe_run import ProbeRun
from pytest_substrate.planes.data.diagnose.in_force import Permissions
from pytest_substrate.planes.data.diagnose.logs import denials_in
from pytest_substrate.planes.data.request import data_request, grants_of
from pytest_substrate.planes.workloads import observe_task_definition, observe_workload_definition, seen
from pytest_substrate.planes.workloads import workload as declared_workload

if TYPE_CHECKING:
    from pytest_substrate.planes.plane import Context


def observe_role(context: Context, name: str) -> Role | Missing | Unobserved:
    """A role with its trust policy. Key `iam/role/NAME`."""
    return seen(
        context,
        f"iam/role/{name}",
        Role | Missing | Unobserved,
        lambda: read_iam.read_role(context.target.client("iam"), name),
    )


def observe_role_policies(context: Context, name: str) -> RolePolicies | Missing | Unobserved:
    """All that gives the role permissions, and its boundary. Key `iam/policies/NAME`."""
    role = observe_role(context, name)
    boundary = role.boundary_arn if isinstance(role, Role) else None
    return seen(
        context,
        f"iam/policies/{name}",
        RolePolicies | Missing | Unobserved,
        lambda: read_iam.read_role_policies(context.target.client("iam"), name, boundary),
    )


def observe_bucket(context: Context, grant: str) -> storage.BucketState | Missing | Unobserved:
    """The grant's bucket, the one behind it where an access point is declared. Key `s3/bucket/NAME`."""
    name = context.declaration.grant[grant].bucket
    if name.startswith("arn:"):
        point = observe_access_point(context, name)
        if not isinstance(point, storage.AccessPoint):
            return point
        behind = _observe_bucket(context, point.bucket)
        return replace(behind, point=point) if isinstance(behind, storage.BucketState) else behind
    return _observe_bucket(context, name)


def observe_access_point(context: Context, arn: str) -> storage.AccessPoint | Missing | Unobserved:
    """An access point. Key `s3/point/ARN`."""
    return seen(
        context,
        f"s3/point/{arn}",
        storage.AccessPoint | Missing | Unobserved,
        lambda: read_s3.read_access_point(context.target.client("s3control"), arn),
    )


def _observe_bucket(context: Context, name: str) -> storage.BucketState | Missing | Unobserved:
    return seen(
        context,
        f"s3/bucket/{name}",
        storage.BucketState | Missing | Unobserved,
        lambda: read_s3.read_bucket(context.target.client("s3"), name),
    )


def observe_key_policy(context: Context, key_id: str) -> storage.KeyPolicy | Missing | Unobserved:
    """A key's policy, by id, ARN or alias. Key `kms/policy/ID`."""
    return seen(
        context,
        f"kms/policy/{key_id}",
        storage.KeyPolicy | Missing | Unobserved,
        lambda: read_s3.read_key_policy(context.target.client("kms"), key_id),
    )


def observe_objects(context: Context, grant: str) -> storage.ObjectsSeen:
    """Which of the grant's required objects exist, by a list. Key `s3/objects/GRANT`."""
    declared = context.declaration.grant[grant]
    keys = [key for key in declared.read if not key.endswith("/")]
    return seen(
        context,
        f"s3/objects/{grant}",
        storage.ObjectsSeen,
        lambda: read_s3.read_objects(context.target.client("s3"), declared.bucket, keys),
    )


def observe_canaries(context: Context, grant: str) -> storage.ObjectsSeen:
    """Which of the grant's closed objects exist, and a first one below each closed prefix. Key `s3/canaries/GRANT`."""
    declared = context.declaration.grant[grant]

    def read() -> storage.ObjectsSeen:
        client = context.target.client("s3")
        prefixes = [key for key in declared.closed if key.endswith("/")]
        inside = read_s3.read_objects(client, declared.bucket, prefixes)
        objects = [key for key in declared.closed if not key.endswith("/")]
        single = read_s3.read_canaries(client, declared.bucket, objects)
        return storage.ObjectsSeen(
            found=single.found + inside.found,
            missing=single.missing + inside.missing,
            unseen=single.unseen or inside.unseen,
        )

    return seen(context, f"s3/canaries/{grant}", storage.ObjectsSeen, read)


def observe_data_probe(context: Context, subject: str) -> ProbeRun | Unobserved:
    """One probe of a workload, for all its grants. Key `data-probe/KIND/NAME`."""

    def read() -> ProbeRun | Unobserved:
        endpoints: dict[str, str | None] = {"s3_endpoint": None, "sts_endpoint": None}
        if context.target.kind is not TargetKind.AWS:
            for name in ("s3", "sts"):
                endpoints[f"{name}_endpoint"] = str(context.target.client(name).meta.endpoint_url)
        names = grants_of(context.declaration, subject)
        request = data_request(
            context.declaration,
            subject,
            nonce=random.token_hex(16),
            canaries={name: observe_canaries(context, name) for name in names},
            buckets={name: observe_bucket(context, name) for name in names},
            **endpoints,
        )
        return context.target.probe_data(subject, request)

    return seen(context, f"data-probe/{subject}", ProbeRun | Unobserved, read)


def observe_left_uploads(context: Context, grant: str) -> storage.LeftUploads | Missing | Unobserved:
    """What the probe's uploads and round trips left, which is aborted and deleted then. Key `s3/left/GRANT`."""
    declared = context.declaration.grant[grant]
    run = observe_data_probe(context, declared.workload)
    transcript = run.transcript if isinstance(run, ProbeRun) else None
    told = transcript.grants.get(grant) if isinstance(transcript, DataTranscript) else None
    calls = told.calls if told is not None else ()
    begun = {call.key for call in calls if call.operation == "CreateMultipartUpload" and call.done}
    gone = {call.key for call in calls if call.operation == "DeleteObject" and call.done}
    made = {call.key: call.version_id for call in calls if call.operation == "PutObject" and call.done}
    made = {key: None if version == "null" else version for key, version in made.items() if key not in gone}

    def read() -> storage.LeftUploads | Missing | Unobserved:
        stay = read_s3.delete_left_objects(context.target.client("s3"), declared.bucket, made) if made else ()
        if not begun or not isinstance(transcript, DataTranscript):
            return storage.LeftUploads(stay=stay)
        try:
            since = datetime.fromisoformat(transcript.started_at)
        except ValueError:
            return Unobserved(reason="malformed", detail="the transcript's time")
        client = context.target.client("s3")
        return read_s3.abort_left_uploads(client, declared.bucket, sorted(begun), since)

    return seen(context, f"s3/left/{grant}", storage.LeftUploads | Missing | Unobserved, read)


def observe_permissions(context: Context, workload: str) -> Permissions:
    """All that decides what a workload's role may do with the buckets of its grants."""
    grants = grants_of(context.declaration, workload)
    buckets = {context.declaration.grant[name].bucket: observe_bucket(context, name) for name in grants}
    states = [bucket for bucket in buckets.values() if isinstance(bucket, storage.BucketState)]
    keys = dict.fromkeys(bucket.key_id for bucket in states if bucket.key_id is not None)
    return Permissions(
        policies=observe_role_policies(context, declared_workload(context, workload).task_role),
        buckets=buckets,
        keys={key: observe_key_policy(context, key) for key in keys},
    )


def observe_rerun(context: Context, job: str) -> JobRun | Unobserved | None:
    """The job, run now; None where that isn't declared. Key `ecs/rerun/JOB`.

    Its permissions are observed before it is started: whatever they are then, this run has had them.
    """
    if context.declaration.job[job].rerun is None:
        return None

    def read() -> JobRun | Unobserved:
        observe_permissions(context, f"job/{job}")
        return context.target.run_job(job)

    return seen(context, f"ecs/rerun/{job}", JobRun | Unobserved, read)


def observe_runs(context: Context, job: str) -> rollout.Stops | Missing | Unobserved:
    """The stopped runs of a job that ECS remembers, the one that was started for it included. Key `ecs/runs/JOB`."""
    declared = context.declaration.job[job]
    rerun = observe_rerun(context, job)
    own = [rerun.task_arn] if isinstance(rerun, JobRun) and rerun.task_arn is not None else []
    return seen(
        context,
        f"ecs/runs/{job}",
        rollout.Stops | Missing | Unobserved,
        lambda: read_rollout.read_stops(
            context.target.client("ecs"), declared.ecs_cluster, family=declared.task_definition, also=own
        ),
    )


def observe_past_runs(context: Context, job: str) -> rollout.Stops | Missing | Unobserved:
    """The newest runs that the declared event log tells of; none where none is declared. Key `logs/runs/JOB`."""
    declared = context.declaration.job[job]
    if declared.event_log is None:
        return rollout.Stops(stops=())
    group = declared.event_log
    return seen(
        context,
        f"logs/runs/{job}",
        rollout.Stops | Missing | Unobserved,
        lambda: read_events.read_past_stops(
            context.target.client("logs"),
            group,
            cluster=declared.ecs_cluster,
            family=declared.task_definition,
            account=context.declaration.account,
            now=context.now,
        ),
    )


def observe_run_definition(context: Context, job: str, arn: str) -> ecs.TaskDefinition | Missing | Unobserved:
    """The task definition of one run. Key `ecs/task-definition/job/NAME/ARN`."""
    return observe_task_definition(context, f"job/{job}/{arn}", arn)


def observe_job_log(context: Context, job: str) -> JobLog | Missing | Unobserved:
    """The denials in the newest streams of a job. Key `logs/job/NAME`."""
    observe_rerun(context, job)  # what it logs counts too
    definition = observe_workload_definition(context, f"job/{job}")
    if not isinstance(definition, ecs.TaskDefinition):
        return definition
    name = declared_workload(context, f"job/{job}").container
    container = definition.container(name)
    if container is None or container.log_group is None or container.log_prefix is None:
        return Missing(what=f"for {name}: it doesn't log to CloudWatch, or without a stream prefix")
    group, prefix = container.log_group, f"{container.log_prefix}/{name}/"
    return seen(
        context,
        f"logs/job/{job}",
        JobLog | Missing | Unobserved,
        lambda: read_logs.read_job_log(context.target.client("logs"), group, prefix, denials_in),
    )
