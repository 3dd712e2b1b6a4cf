"""From a check of the data plane and a subject to a diagnosis: what is observed for it, and who judges that."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from pytest_substrate.model.aws.ecs import TaskDefinition
from pytest_substrate.model.aws.rollout import Stops
from pytest_substrate.model.aws.storage import BucketState, LeftUploads
from pytest_substrate.model.data_transcript import DataTranscript
from pytest_substrate.model.diagnosis import Diagnosis, inconclusive
from pytest_substrate.model.observation import Missing, Unobserved
from pytest_substrate.model.outcome import TargetKind
from pytest_substrate.model.probe_run import ProbeRun
from pytest_substrate.model.subjects import name_of
from pytest_substrate.model.unseen import unseen
from pytest_substrate.planes import workloads
from pytest_substrate.planes.data import observe
from pytest_substrate.planes.data.diagnose.attribution import Weighed
from pytest_substrate.planes.data.diagnose.closed import diagnose_closed
from pytest_substrate.planes.data.diagnose.grant import diagnose_listing, diagnose_reading, diagnose_writing
from pytest_substrate.planes.data.diagnose.identity import diagnose_definition, diagnose_session
from pytest_substrate.planes.data.diagnose.in_force import in_force
from pytest_substrate.planes.data.diagnose.logs import diagnose_denials
from pytest_substrate.planes.data.diagnose.runs import JobAsked, RunSeen, diagnose_last_run, last_run
from pytest_substrate.planes.data.diagnose.seen import Asked, Seen, bucket_facts
from pytest_substrate.planes.data.diagnose.weigh import weigh
from pytest_substrate.planes.data.request import grants_of, keeps
from pytest_substrate.planes.task_start import run_facts

if TYPE_CHECKING:
    from pytest_substrate.model.declaration import Declaration
    from pytest_substrate.planes.plane import Context


def judge(check: str, subject: str, context: Context) -> Diagnosis:
    """Observe what the check needs of the subject, and judge it. KeyError for a check that isn't of this plane."""
    if check in _OF_GRANT:
        return _OF_GRANT[check](context, name_of(subject))
    return _OF_WORKLOAD[check](context, _workload(context, subject))


def _workload(context: Context, subject: str) -> str:
    kind, name = subject.split("/")[:2]
    return context.declaration.grant[name].workload if kind == "grant" else subject


def _judge_definition(context: Context, workload: str) -> Diagnosis:
    task_role = workloads.workload(context, workload).task_role
    return diagnose_definition(
        workloads.observe_workload_definition(context, workload),
        observe.observe_role(context, task_role),
        workload=workload,
        task_role=task_role,
        account=context.declaration.account,
        region=context.declaration.region,
    )


def _judge_session(context: Context, workload: str) -> Diagnosis:
    return diagnose_session(
        observe.observe_data_probe(context, workload),
        workload=workload,
        task_role=workloads.workload(context, workload).task_role,
        account=context.declaration.account,
        aws=context.target.kind is TargetKind.AWS,
    )


def _judge_last_run(context: Context, workload: str) -> Diagnosis:
    job, name = context.declaration.job[name_of(workload)], name_of(workload)
    rerun = observe.observe_rerun(context, name)
    stops = observe.observe_runs(context, name)
    run, event_log = last_run(stops), None
    if run is None and isinstance(stops, Stops) and job.event_log is not None:
        stops, event_log = observe.observe_past_runs(context, name), job.event_log
        run = last_run(stops)
    definition: TaskDefinition | Missing | Unobserved = Unobserved(reason="not-asked")
    if run is not None:
        definition = observe.observe_run_definition(context, name, run.task_definition_arn)
    permissions = in_force(observe.observe_permissions(context, workload))
    digest = getattr(permissions, "digest", None)
    return diagnose_last_run(
        RunSeen(
            stops=stops,
            definition=definition,
            record=workloads.observe_record(context, job.artifact),
            image=workloads.observe_released_image(context, job.artifact),
            in_force=permissions,
            rerun=rerun,
            event_log=event_log,
            recorded=None if digest is None else context.known_since(workload, "DAT-070 policy_digest", digest),
        ),
        _job_asked(context, name),
    )


def _judge_denials(context: Context, workload: str) -> Diagnosis:
    name = name_of(workload)
    return diagnose_denials(
        observe.observe_job_log(context, name),
        observe.observe_runs(context, name),
        _weighed(context, workload, None),
        _job_asked(context, name),
    )


def _job_asked(context: Context, name: str) -> JobAsked:
    job, declaration = context.declaration.job[name], context.declaration
    definition = workloads.observe_workload_definition(context, f"job/{name}")
    fargate = isinstance(definition, TaskDefinition) and "FARGATE" in definition.compatibilities
    subnets, groups = ",".join(job.network.subnets), ",".join(job.network.security_groups)
    return JobAsked(
        name=name,
        account=declaration.account,
        region=declaration.region,
        ecs_cluster=job.ecs_cluster,
        container=job.container,
        task_role=job.task_role,
        family=job.task_definition,
        network=f"awsvpcConfiguration={{subnets=[{subnets}],securityGroups=[{groups}]}}",
        fargate=fargate,
        prefixes=_prefixes(declaration, f"job/{name}"),
    )


def _prefixes(declaration: Declaration, workload: str) -> dict[str, tuple[str, ...]]:
    """By bucket, what the workload's grants have it list."""
    found: dict[str, tuple[str, ...]] = {}
    for name in grants_of(declaration, workload):
        grant = declaration.grant[name]
        found[grant.bucket] = (*found.get(grant.bucket, ()), *(key for key in grant.read if key.endswith("/")))
    return found


_OF_WORKLOAD: Final[Mapping[str, Callable[[Context, str], Diagnosis]]] = {
    "DAT-010": _judge_definition,
    "DAT-020": _judge_session,
    "DAT-070": _judge_last_run,
    "DAT-080": _judge_denials,
}
"""The rungs of a workload, which each of its grants stands on too."""


def _judge_listing(context: Context, grant: str) -> Diagnosis:
    return diagnose_listing(_seen(context, grant), _asked(context, grant))


def _judge_reading(context: Context, grant: str) -> Diagnosis:
    return diagnose_reading(_seen(context, grant), _asked(context, grant))


def _judge_writing(context: Context, grant: str) -> Diagnosis:
    declared = context.declaration.grant[grant]
    bucket = observe.observe_bucket(context, grant)
    asked = _asked(context, grant)
    lock = bucket.lock if isinstance(bucket, BucketState) else bucket
    if keeps(declared, bucket) and isinstance(lock, Unobserved):
        return unseen(lock, f"whether {declared.bucket} keeps every new object").with_facts(bucket_facts(asked))
    if keeps(declared, bucket):
        told = f"{declared.bucket} keeps every new object by a default retention, so no round trip is tried: use upload"
        return inconclusive("object-locked", told).with_facts(bucket_facts(asked))
    return diagnose_writing(_seen(context, grant), asked)


def _judge_closed(context: Context, grant: str) -> Diagnosis:
    return diagnose_closed(_seen(context, grant), _asked(context, grant))


_OF_GRANT: Final[Mapping[str, Callable[[Context, str], Diagnosis]]] = {
    "DAT-030": _judge_listing,
    "DAT-040": _judge_reading,
    "DAT-050": _judge_writing,
    "DAT-060": _judge_closed,
}
"""The rungs that the probe's transcript proves of a grant."""


def _seen(context: Context, grant: str) -> Seen:
    run = observe.observe_data_probe(context, context.declaration.grant[grant].workload)
    if isinstance(run, Unobserved):
        return run
    found = run.transcript
    return found if isinstance(found, (DataTranscript, Unobserved)) else Unobserved(reason="malformed")


def _asked(context: Context, grant: str) -> Asked:
    declared, declaration = context.declaration.grant[grant], context.declaration
    run = observe.observe_data_probe(context, declared.workload)
    left: LeftUploads | Missing | Unobserved = observe.observe_left_uploads(context, grant)
    return Asked(
        name=grant,
        bucket=declared.bucket,
        account=declaration.account,
        region=declaration.region,
        task_role=workloads.workload(context, declared.workload).task_role,
        read=declared.read,
        write=declared.write,
        closed=declared.closed,
        roundtrip=declared.write_proof == "roundtrip",
        state=observe.observe_bucket(context, grant),
        objects=observe.observe_objects(context, grant),
        canaries=observe.observe_canaries(context, grant),
        left=left,
        weighed=_weighed(context, declared.workload, grant),
        run_facts=run_facts(run) if isinstance(run, ProbeRun) else {},
    )


def _weighed(context: Context, workload: str, grant: str | None) -> Weighed:
    """The policies that a refusal of the workload's role is attributed by; `grant` names the bucket that was asked."""
    role = (context.declaration.account, workloads.workload(context, workload).task_role)
    bucket = None if grant is None else context.declaration.grant[grant].bucket
    return weigh(observe.observe_permissions(context, workload), role=role, bucket=bucket)
