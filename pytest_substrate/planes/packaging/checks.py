"""The packaging plane (C): what was released is what runs, it is whole, and it keeps running."""

from __future__ import annotations

from typing import Final

from pytest_substrate.model import subjects
from pytest_substrate.model.check import Cause, Check
from pytest_substrate.model.outcome import Layer, Plane
from pytest_substrate.model.unseen import UNSEEN_CAUSES

_IMAGE: Final = ("ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")
_UNDECIDED: Final = Cause(slug="undecided", meaning="a marker or a version can't be told from the image alone")
_IMAGE_COMMAND: Final = "substrate image {repository}@{image_digest} --contract CONTRACT.toml"

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

CHECKS: Final[tuple[Check, ...]] = (
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
        permissions=("ecr:DescribeImages", *_IMAGE),
        causes=(
            Cause(slug="digest-missing", meaning="the registry doesn't have the digest"),
            Cause(slug="image-inactive", meaning="the image is archived, or expires"),
            Cause(slug="other-platform", meaning="no image of the digest is for the task's platform"),
            Cause(slug="image-corrupt", meaning="a digest, a size or a type in the image isn't what it says"),
            Cause(slug="label-differs", meaning="a declared label is missing or has another value"),
            *_RECORD,
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
        "the counts.",
        red_when="the newest deployment hasn't succeeded, was rolled back or targets another revision, or fewer "
        "tasks run than declared (zero is red unless declared).",
        permissions=("ecs:DescribeServices", "ecs:ListServiceDeployments", "ecs:DescribeServiceRevisions"),
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
        "deployment: exit code, stop code, reason and log stream are the evidence.",
        red_when="a task stopped without a deployment, a scaling, a person or a lost host that explains it; a failed "
        "health check explains none.",
        permissions=(
            "ecs:ListTasks",
            "ecs:DescribeTasks",
            "ecs:DescribeServices",
            "ecs:DescribeTaskDefinition",
            "ecs:ListServiceDeployments",
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
    Check(
        id="PKG-060",
        plane=Plane.PACKAGING,
        statement="the image satisfies its contract: every required distribution, at an admitted version, its files "
        "present",
        layer=Layer.PACKAGING,
        subjects=subjects.workloads,
        why="An image that lacks a dependency is deployed without complaint, and crashes at its first import.",
        how="The layers are streamed by digest, whiteouts applied; METADATA, WHEEL and RECORD of each distribution "
        "are read.",
        red_when="a required distribution is missing, at another version, twice, for another Python, or lacks files.",
        needs=("PKG-020",),
        permissions=_IMAGE,
        causes=(
            Cause(slug="distribution-missing", meaning="a required distribution isn't in the image"),
            Cause(slug="other-version", meaning="a distribution is there at a version that isn't admitted"),
            Cause(slug="file-missing", meaning="a file that a distribution's RECORD names isn't in the image"),
            Cause(slug="duplicate-metadata", meaning="a distribution has its metadata twice"),
            Cause(slug="wheel-tag", meaning="a wheel was built for another Python or platform"),
            Cause(slug="other-python", meaning="the image's Python isn't the declared one"),
            Cause(slug="files-unknown", meaning="nothing in the image says which files a distribution has"),
            _UNDECIDED,
            *UNSEEN_CAUSES,
        ),
        next=_IMAGE_COMMAND,
    ),
    Check(
        id="PKG-070",
        plane=Plane.PACKAGING,
        statement="the closure holds: every installed distribution's own requirements are met",
        layer=Layer.PACKAGING,
        subjects=subjects.workloads,
        why="The dependency that is missing is seldom the one that somebody listed.",
        how="Requires-Dist and Requires-Python of every distribution, with markers for the image's own environment.",
        red_when="a requirement, an extra's too, isn't met by what is in the image.",
        needs=("PKG-020",),
        permissions=_IMAGE,
        causes=(
            Cause(
                slug="requirement-unmet", meaning="a distribution requires one that is missing or at another version"
            ),
            Cause(slug="python-unmet", meaning="a distribution requires another Python"),
            _UNDECIDED,
            *UNSEEN_CAUSES,
        ),
        next=_IMAGE_COMMAND,
    ),
    Check(
        id="PKG-080",
        plane=Plane.PACKAGING,
        statement="the declared imports resolve to files in the image",
        layer=Layer.PACKAGING,
        subjects=subjects.workloads,
        why="A distribution can be installed and its module still not be where the interpreter looks.",
        how="Each declared module is looked for on the image's own module path, without running it.",
        red_when="a module resolves to nothing, or to something outside the image.",
        needs=("PKG-020",),
        permissions=_IMAGE,
        causes=(
            Cause(slug="import-missing", meaning="a declared module is nowhere on the image's module path"),
            Cause(slug="import-shadowed", meaning="another file stands before the module on the path"),
            Cause(slug="path-unknown", meaning="a shell, or code that runs at start, may add to the module path"),
            *UNSEEN_CAUSES,
        ),
        next=_IMAGE_COMMAND,
    ),
    Check(
        id="PKG-090",
        plane=Plane.PACKAGING,
        statement="native libraries are found, and binaries match the platform",
        layer=Layer.PACKAGING,
        subjects=subjects.workloads,
        why="A shared library that is missing shows itself when the client is first used, in production.",
        how="The ELF headers of extension modules and binaries: machine, and the needed libraries along their search "
        "path.",
        red_when="a needed library is missing, or a binary is for another machine.",
        needs=("PKG-020",),
        permissions=_IMAGE,
        causes=(
            Cause(slug="library-missing", meaning="a shared library that a module needs isn't in the image"),
            Cause(slug="other-machine", meaning="a binary is for another machine than the image"),
            Cause(slug="binary-damaged", meaning="a binary is cut, or no loader could read it"),
            Cause(slug="unread", meaning="a binary's tables lie where a stream can't read them"),
            *UNSEEN_CAUSES,
        ),
        next=_IMAGE_COMMAND,
    ),
    Check(
        id="PKG-100",
        plane=Plane.PACKAGING,
        statement="the entrypoint resolves",
        layer=Layer.PACKAGING,
        subjects=subjects.workloads,
        why="A task whose entrypoint isn't there stops before it writes a line.",
        how="Entry point and command, as the task definition overrides them, are looked for in the image: file, "
        "mode, and the interpreter that its first line names.",
        red_when="the program, its interpreter or the module that it runs isn't in the image, or it can't be executed.",
        needs=("PKG-020",),
        permissions=("ecs:DescribeTaskDefinition", *_IMAGE),
        causes=(
            Cause(slug="entrypoint-missing", meaning="the program isn't in the image"),
            Cause(slug="not-executable", meaning="the program can't be executed"),
            Cause(slug="interpreter-missing", meaning="the interpreter that the program names isn't in the image"),
            Cause(slug="no-entrypoint", meaning="neither image nor task definition says what to run"),
            *UNSEEN_CAUSES,
        ),
        next=_IMAGE_COMMAND,
    ),
    Check(
        id="PKG-120",
        plane=Plane.PACKAGING,
        statement="the declared infrastructure plan leaves runtime credentials alone",
        layer=Layer.WIRING,
        subjects=subjects.workloads,
        why="An apply that recreates a secret or a task definition undoes a repair that was made by hand.",
        how="The plan's JSON is read: which pending changes would overwrite, rotate, delete or re-point credentials, "
        "secrets of task definitions, or images in service. A value unknown until apply counts as changed.",
        red_when="a pending change touches what this workload runs with, or a plan is required and none is given.",
        causes=(
            Cause(slug="credential-overwritten", meaning="the plan writes, rotates or deletes a runtime credential"),
            Cause(slug="secret-repointed", meaning="the plan changes which secret a task definition injects"),
            Cause(
                slug="image-repointed",
                meaning="the plan changes the image in service, or which task definition a service runs",
            ),
            Cause(
                slug="readers-changed",
                meaning="the plan changes who can read or decrypt a credential: a key, a resource policy, a role of a "
                "task definition or a policy of that role",
            ),
            Cause(slug="service-removed", meaning="the plan deletes a service, or a repository with images"),
            Cause(slug="plan-errored", meaning="the plan ended with an error, and doesn't hold all that would change"),
            Cause(slug="change-deferred", meaning="the plan defers a change of a credential to a later plan"),
            Cause(slug="change-unknown", meaning="the plan holds an action that isn't known here"),
            Cause(slug="plan-missing", meaning="no plan was given"),
            Cause(slug="plan-malformed", meaning="the file isn't the JSON of a plan"),
        ),
        next="substrate plan PLAN.json",
    ),
)
"""The packaging plane's ladder, for each service and each job; what only a service has isn't asked of a job."""
