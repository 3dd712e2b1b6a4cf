"""The packaging plane's checks of a release: what is pinned, what the registry has, what runs and goes on running."""

from __future__ import annotations

from typing import Final

from pytest_substrate.model import subjects
from pytest_substrate.model.check import Cause, Check
from pytest_substrate.model.outcome import Layer, Plane
from pytest_substrate.model.unseen import UNSEEN_CAUSES

IMAGE: Final = ("ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")
UNREAD: Final = Cause(
    slug="not-asked", meaning="the image was not read, as another rung is red without which it can't be"
)
_RECORD: Final = (
    Cause(slug="record-missing", meaning="there is no release record to compare with"),
    Cause(slug="record-malformed", meaning="the file isn't a release record (docs/how-to/release-record.md)"),
    Cause(slug="record-differs", meaning="the release record is for another repository than the declared one"),
    Cause(slug="definition-missing", meaning="there is no task definition: the service or the family is missing"),
)
_RECORD_COMMANDS: Final = dict.fromkeys(
    ("record-missing", "record-malformed", "record-differs"), "substrate record --help"
)
_LAST_LINES: Final = (
    "aws logs get-log-events --log-group-name {log_group} --log-stream-name {log_stream} --limit 30 --region {region} "
    "--query 'events[].message'"
)

ROLLOUT: Final[tuple[Check, ...]] = (
    Check(
        id="PKG-010",
        plane=Plane.PACKAGING,
        statement="the task definition pins the image by digest, and it is the released digest",
        layer=Layer.ARTIFACT,
        subjects=subjects.workloads,
        why="A tag in a task definition means another image tomorrow.",
        how="The live task definition's image of the named container, against the digest in the release record.",
        red_when="the image has no digest, or another one than the record.",
        permissions=("ecs:DescribeServices", "ecs:DescribeTaskDefinition"),
        causes=(
            Cause(slug="not-pinned", meaning="the task definition names the image by tag"),
            Cause(slug="other-digest", meaning="the pinned digest isn't the released one"),
            Cause(slug="other-repository", meaning="the image is of another repository than the declared one"),
            Cause(slug="container-missing", meaning="the task definition has no container of the declared name"),
            *_RECORD,
            *UNSEEN_CAUSES,
        ),
        next="aws ecs describe-task-definition --task-definition {task_definition_arn} --region {region} "
        "--query 'taskDefinition.containerDefinitions[].image'",
        nexts=_RECORD_COMMANDS,
    ),
    Check(
        id="PKG-020",
        plane=Plane.PACKAGING,
        statement="the digest is in the registry, active, for the task's platform",
        layer=Layer.ARTIFACT,
        subjects=subjects.workloads,
        why="A lifecycle rule that removes a running image stops the next task, not this one.",
        how="DescribeImages and the manifest by digest; each digest, size and type on the way is checked, and the "
        "platform of the configuration against that of the task definition.",
        red_when="the digest is missing, archived, corrupt or for another platform, or a declared label differs.",
        needs=("PKG-010",),
        permissions=("ecr:DescribeImages", *IMAGE),
        causes=(
            Cause(slug="digest-missing", meaning="the registry doesn't have the digest"),
            Cause(slug="image-inactive", meaning="the image is archived, or expires"),
            Cause(slug="other-platform", meaning="no image of the digest is for the task's platform"),
            Cause(slug="image-corrupt", meaning="a digest, a size or a type in the image isn't what it says"),
            Cause(slug="label-differs", meaning="a declared label is missing or has another value"),
            *_RECORD,
            UNREAD,
            *UNSEEN_CAUSES,
        ),
        next="aws ecr describe-images --repository-name {repository} --region {region}",
        nexts=_RECORD_COMMANDS,
    ),
    Check(
        id="PKG-030",
        plane=Plane.PACKAGING,
        statement="every running task runs that digest, as does the service revision",
        layer=Layer.ARTIFACT,
        subjects=subjects.services,
        why="A rollout that succeeded says what should run. Only the tasks say what runs.",
        how="DescribeTasks gives each container's image digest: the released index, or its child for the platform.",
        red_when="a task or the service revision has another digest.",
        needs=("PKG-010",),
        permissions=(
            "ecs:ListTasks",
            "ecs:DescribeTasks",
            "ecs:ListServiceDeployments",
            "ecs:DescribeServiceRevisions",
            "ecr:DescribeImages",
            "ecr:BatchGetImage",
        ),
        causes=(
            Cause(slug="other-digest-running", meaning="a running task has another image than the released one"),
            Cause(slug="other-digest-revision", meaning="the service revision holds another image"),
            *_RECORD,
            *UNSEEN_CAUSES,
        ),
        next="aws ecs describe-tasks --cluster {ecs_cluster} --tasks {task_arns} --region {region} "
        "--query 'tasks[].containers[].imageDigest'",
        nexts={
            "other-digest-revision": "aws ecs describe-service-revisions --service-revision-arns {revision_arn} "
            "--region {region}",
            **_RECORD_COMMANDS,
        },
    ),
    Check(
        id="PKG-040",
        plane=Plane.PACKAGING,
        statement="the deployment has settled: the newest one succeeded, targets the declared revision, and enough "
        "tasks run",
        layer=Layer.RUNTIME,
        subjects=subjects.services,
        why="During a deployment both versions run, and each check may see either.",
        how="ListServiceDeployments for the newest, DescribeServiceRevisions for what it brought, DescribeServices for "
        "the counts. With `steady_minutes`, DescribeTasks for how long each has run: a task that crashed meanwhile is "
        "told by the younger one in its place, also when ECS has forgotten it.",
        red_when="the newest deployment hasn't succeeded, was rolled back or targets another revision, or fewer "
        "tasks run than declared (zero is red unless declared).",
        permissions=(
            "ecs:DescribeServices",
            "ecs:ListServiceDeployments",
            "ecs:DescribeServiceRevisions",
            "ecs:ListTasks",
            "ecs:DescribeTasks",
        ),
        causes=(
            Cause(slug="deployment-in-progress", meaning="the newest deployment hasn't ended"),
            Cause(slug="deployment-failed", meaning="the newest deployment failed or was stopped"),
            Cause(slug="rolled-back", meaning="the newest deployment went back to an earlier revision"),
            Cause(slug="too-few-running", meaning="fewer tasks run than declared"),
            Cause(
                slug="other-revision",
                meaning="the newest deployment brought another task definition than the service has",
            ),
            Cause(slug="no-deployment", meaning="ECS knows no deployment, and doesn't say how the rollout went"),
            Cause(slug="not-steady", meaning="the deployment, or a running task, is younger than the declared window"),
            Cause(slug="service-missing", meaning="the service doesn't exist, or isn't active"),
            *UNSEEN_CAUSES,
        ),
        next="aws ecs list-service-deployments --cluster {ecs_cluster} --service {ecs_service} --region {region}",
    ),
    Check(
        id="PKG-050",
        plane=Plane.PACKAGING,
        statement="no crash loop: no unexplained stops or in-place restarts in the window that can be observed",
        layer=Layer.RUNTIME,
        subjects=subjects.workloads,
        why="A service that crashes and comes back has the desired count most of the time.",
        how="Stopped tasks of the last hour or so, as long as ECS remembers them, of a service those of its newest "
        "deployment, of a job those since its last run that ended well: exit code, stop code, reason and log stream "
        "are the evidence, and of the last one's log the traceback that it ends with: files, lines, functions, the "
        "error's class and a module that is missing, never a line itself.",
        red_when="a task stopped without a deployment, a scaling, a person or a lost host that explains it; a failed "
        "health check explains none.",
        permissions=(
            "ecs:ListTasks",
            "ecs:DescribeTasks",
            "ecs:DescribeServices",
            "ecs:DescribeTaskDefinition",
            "ecs:ListServiceDeployments",
            "logs:FilterLogEvents",
        ),
        causes=(
            Cause(slug="container-crashed", meaning="a container ended with an error, and its task stopped"),
            Cause(slug="container-ended", meaning="a container of a service ended by itself, with 0"),
            Cause(slug="restarts-unseen", meaning="the container is restarted in its task, and ECS doesn't count that"),
            Cause(slug="service-missing", meaning="the service, or its cluster, doesn't exist"),
            Cause(slug="killed-for-memory", meaning="a container was killed for using too much memory"),
            Cause(slug="start-failed", meaning="a task stopped before its containers ran"),
            Cause(slug="health-check-failed", meaning="a task was stopped as unhealthy"),
            *UNSEEN_CAUSES,
        ),
        next="aws ecs describe-tasks --cluster {ecs_cluster} --tasks {task_arn} --region {region}",
        nexts=dict.fromkeys(("container-crashed", "container-ended"), _LAST_LINES),
    ),
)
