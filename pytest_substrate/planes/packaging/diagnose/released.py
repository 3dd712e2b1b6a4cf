"""PKG-010, PKG-020, PKG-030: the released digest is what is defined, what the registry has, and what runs. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, TypeAlias

from pytest_substrate.model.aws.ecs import RUNNING, TaskDefinition, Tasks
from pytest_substrate.model.aws.registry import ARCHIVED, RegistryImage
from pytest_substrate.model.aws.rollout import ServiceRevision
from pytest_substrate.model.diagnosis import Diagnosis, passed, violated
from pytest_substrate.model.facts import FactValue, admitted, line, number_of
from pytest_substrate.model.observation import Missing, Unobserved
from pytest_substrate.model.release_record import InvalidRecord, ReleaseRecord
from pytest_substrate.model.unseen import unseen

Record: TypeAlias = ReleaseRecord | InvalidRecord | Missing | Unobserved
Definition: TypeAlias = TaskDefinition | Missing | Unobserved

_PINNED: Final = re.compile(r"(?P<name>.+)@(?P<digest>sha256:[0-9a-f]{64})")
_ARCHITECTURES: Final = {"X86_64": "amd64", "ARM64": "arm64"}
"""ECS's names of what OCI calls `amd64` and `arm64`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """What a task runs on, in OCI's words."""

    system: str
    architecture: str

    def __str__(self) -> str:
        return f"{self.system}/{self.architecture}"


def platform_of(definition: TaskDefinition) -> Platform:
    """The platform of a task definition; where it names none, ECS's default of Linux on X86_64."""
    system = "windows" if (definition.system or "").startswith("WINDOWS") else "linux"
    architecture = _ARCHITECTURES.get(definition.architecture or "X86_64", "unknown")
    return Platform(system=system, architecture=architecture)


def diagnose_pinned(definition: Definition, record: Record, *, container: str, repository: str) -> Diagnosis:
    """PKG-010: the named container's image is the declared repository's, by the digest of the release record.

    A tag is red though it may stand for that very digest today: it means another image tomorrow.
    """
    if not isinstance(definition, TaskDefinition):
        return _no_definition(definition)
    if not isinstance(record, ReleaseRecord):
        return _no_record(record)
    facts: dict[str, FactValue] = {
        "task_definition_arn": admitted("task_definition_arn", definition.arn),
        "container": container,
        "expected_digest": record.digest,
    }
    found = definition.container(container)
    if found is None:
        return violated("container-missing", f"{_short(definition)} has no container {container}").with_facts(facts)
    pinned = _PINNED.fullmatch(found.image or "")
    if pinned is None:
        told = f"{_short(definition)} names the image of {container} by a tag, not by its digest"
        return violated("not-pinned", told, image=line(found.image)).with_facts(facts)
    facts |= {"image_digest": pinned["digest"], "image": line(pinned["name"])}
    return _compared(definition, record, pinned["name"], pinned["digest"], repository).with_facts(facts)


def _compared(definition: TaskDefinition, record: ReleaseRecord, name: str, digest: str, repository: str) -> Diagnosis:
    if _repository(name) != repository:
        return violated("other-repository", f"{_short(definition)} takes its image from another repository")
    if record.repository != repository:
        told = f"the release record is for the repository {record.repository}, and {repository} is declared"
        return violated("record-differs", told)
    if digest != record.digest:
        released = f"released is {_cut(record.digest)} (commit {record.commit[:12]})"
        return violated("other-digest", f"{_short(definition)} pins {_cut(digest)}; {released}")
    told = f"{_short(definition)} pins the released {_cut(digest)}"
    return passed(told, commit=record.commit, build=record.build)


def diagnose_in_registry(
    image: RegistryImage | Missing | Unobserved, definition: Definition, record: Record
) -> Diagnosis:
    """PKG-020: the registry has the released digest, active, and for an index an image for the task's platform."""
    if not isinstance(definition, TaskDefinition):
        return _no_definition(definition)
    if not isinstance(record, ReleaseRecord):
        return _no_record(record)
    facts: dict[str, FactValue] = {"image_digest": record.digest, "repository": record.repository}
    wanted = platform_of(definition)
    return _in_registry(image, record, wanted).with_facts({**facts, "platform": str(wanted)})


def _in_registry(image: RegistryImage | Missing | Unobserved, record: ReleaseRecord, wanted: Platform) -> Diagnosis:
    if isinstance(image, Unobserved):
        return unseen(image, f"the image {_cut(record.digest)} in {record.repository}")
    if isinstance(image, Missing):
        told = f"the registry has no {_cut(record.digest)} in {record.repository}"
        return violated("digest-missing", told, error_code=admitted("error_code", image.code))
    if image.state == ARCHIVED:
        return violated("image-inactive", f"{_cut(record.digest)} is archived: no task can pull it", state=image.state)
    if not image.is_index:
        return passed(f"the registry has {_cut(record.digest)}, active")
    child = image.child(wanted.system, wanted.architecture)
    if child is None:
        there = sorted({f"{one.system}/{one.architecture}" for one in image.children if one.system != "unknown"})
        told = f"the index {_cut(record.digest)} has no image for {wanted}, only {', '.join(there) or 'none'}"
        return violated("other-platform", told, platforms=admitted("platforms", there))
    told = f"the registry has the index {_cut(record.digest)}, and for {wanted} its {_cut(child.digest)}"
    return passed(told, platform_digest=admitted("platform_digest", child.digest))


def diagnose_running(
    tasks: Tasks | Missing | Unobserved,
    revision: ServiceRevision | Missing | Unobserved | None,
    image: RegistryImage | Missing | Unobserved,
    record: Record,
    *,
    container: str,
) -> Diagnosis:
    """PKG-030: every running task has the released digest, or its child, as does the service revision.

    `revision` is None where the service has none. Whether enough tasks run is PKG-040's.
    """
    if not isinstance(record, ReleaseRecord):
        return _no_record(record)
    for seen, what in ((tasks, "the service's tasks"), (revision, "the service revision"), (image, "the image")):
        if isinstance(seen, Unobserved):
            return unseen(seen, what)
    admissible = {record.digest}
    if isinstance(image, RegistryImage):
        admissible |= {one.digest for one in image.children if one.system != "unknown"}
    known = tasks.tasks if isinstance(tasks, Tasks) else ()
    running = [task for task in known if task.last_status == RUNNING]
    silent = [task for task in running if task.digest_of(container) is None]
    other = [task for task in running if task.digest_of(container) not in {*admissible, None}]
    digests = sorted({digest for task in running if (digest := task.digest_of(container)) is not None})
    facts: dict[str, FactValue] = {
        "expected_digest": record.digest,
        "image_digests": admitted("image_digests", digests) if digests else None,
        "count": len(running),
    }
    if other:
        shown = ", ".join(_cut(digest) for digest in digests)
        told = f"{len(other)} of {number_of(len(running), 'running task')} runs another image than the released one: "
        return violated(
            "other-digest-running",
            f"{told}{shown} run, {_cut(record.digest)} is released",
            task_arns=admitted("task_arns", tuple(task.arn for task in other[:10])),
        ).with_facts(facts)
    if isinstance(revision, ServiceRevision):
        held = revision.digest_of(container)
        facts |= {"revision_arn": admitted("revision_arn", revision.arn)}
        if held is not None and held not in admissible:
            told = f"the service revision holds {_cut(held)}, and {_cut(record.digest)} is released"
            return violated("other-digest-revision", told, image_digest=admitted("image_digest", held)).with_facts(
                facts
            )
    if silent:
        missing = Unobserved(
            reason="malformed", operation="ecs:DescribeTasks", detail="a running container without an image digest"
        )
        return unseen(missing, f"the image of {number_of(len(silent), 'running task')}").with_facts(facts)
    told = f"{number_of(len(running), 'running task')} and the service revision: all {_cut(record.digest)}"
    return passed(told, task_arns=admitted("task_arns", tuple(task.arn for task in running[:10]))).with_facts(facts)


def _no_definition(definition: Missing | Unobserved) -> Diagnosis:
    if isinstance(definition, Unobserved):
        return unseen(definition, "the task definition")
    return violated("definition-missing", f"there is no task definition: {line(definition.what, 120)}")


def _no_record(record: InvalidRecord | Missing | Unobserved) -> Diagnosis:
    if isinstance(record, Unobserved):
        return unseen(record, "the release record")
    if isinstance(record, Missing):
        return violated("record-missing", f"there is no release record: {line(record.what, 120)}")
    return violated("record-malformed", f"the release record {line(record.name, 100)} {record.problem}")


def _repository(name: str) -> str:
    """The repository in `HOST/REPOSITORY`, without a tag that stands before the digest."""
    host, _, rest = name.partition("/")
    path = rest if rest and ("." in host or ":" in host or host == "localhost") else name
    return path.partition(":")[0]


def _short(definition: TaskDefinition) -> str:
    return definition.arn.rpartition("/")[2]


def _cut(digest: str) -> str:
    return f"{digest[:19]}…"
