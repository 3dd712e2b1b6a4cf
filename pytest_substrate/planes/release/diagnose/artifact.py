"""REL-090, REL-100: a released artifact can be named for ever. Pure."""

from __future__ import annotations

import fnmatch
from typing import TypeAlias

from pytest_substrate.model.aws.registry import (
    ARCHIVED,
    IMMUTABLE,
    IMMUTABLE_BUT,
    MUTABLE_BUT,
    RegistryImage,
)
from pytest_substrate.model.ci import Repository
from pytest_substrate.model.diagnosis import Diagnosis, inconclusive, passed, violated
from pytest_substrate.model.facts import FactValue, admitted, line
from pytest_substrate.model.observation import Missing, Unobserved
from pytest_substrate.model.release_record import InvalidRecord, ReleaseRecord
from pytest_substrate.model.unseen import unseen

Record: TypeAlias = ReleaseRecord | InvalidRecord | Missing | Unobserved
Image: TypeAlias = RegistryImage | Missing | Unobserved


def diagnose_immutable(repository: Repository | Missing | Unobserved, image: Image, *, name: str) -> Diagnosis:
    """REL-090: no tag of the released image can be moved, exclusion filters counted."""
    if isinstance(repository, Unobserved):
        return unseen(repository, f"the repository {name}")
    if isinstance(repository, Missing):
        return violated("repository-missing", f"there is no repository {name} in this account and region")
    facts: dict[str, FactValue] = {
        "arn": admitted("arn", repository.arn),
        "state": admitted("state", repository.mutability),
        "filters": admitted("filters", repository.exclusions) if repository.exclusions else None,
    }
    if repository.mutability == IMMUTABLE:
        return passed(f"no tag in {name} can be moved").with_facts(facts)
    if repository.mutability not in (IMMUTABLE_BUT, MUTABLE_BUT):
        told = f"tags in {name} can be moved ({line(repository.mutability, 40)})"
        return violated("tags-mutable", told).with_facts(facts)
    return _filtered(repository, image, name).with_facts(facts)


def _filtered(repository: Repository, image: Image, name: str) -> Diagnosis:
    if isinstance(image, Unobserved):
        return unseen(image, "the tags of the released image")
    tags = image.tags if isinstance(image, RegistryImage) else ()
    if not tags:
        told = f"{name} exempts tags by a filter, and the released image has none to hold against it"
        return inconclusive("no-tag", told)
    movable = [tag for tag in tags if _matched(tag, repository) == (repository.mutability == IMMUTABLE_BUT)]
    told_tags = admitted("tags", tags)
    if movable:
        cause = "tag-exempt" if repository.mutability == IMMUTABLE_BUT else "tags-mutable"
        return violated(cause, f"the released tag {line(movable[0], 100)} in {name} can be moved", tags=told_tags)
    return passed(f"the released tags in {name} can't be moved: {line(', '.join(tags), 120)}", tags=told_tags)


def _matched(tag: str, repository: Repository) -> bool:
    return any(fnmatch.fnmatchcase(tag, pattern) for pattern in repository.exclusions)


def diagnose_recorded(record: Record, image: Image, *, name: str, repository: str) -> Diagnosis:
    """REL-100: the release record names commit, build and digest, and the registry has that digest."""
    if isinstance(record, Unobserved):
        return unseen(record, "the release record")
    if isinstance(record, Missing):
        return violated("record-missing", f"there is no release record: {line(record.what, 160)}")
    if isinstance(record, InvalidRecord):
        return violated("record-malformed", f"the release record {line(record.name, 100)} {record.problem}")
    return _registered(record, image, name, repository).with_facts(
        {
            "image_digest": record.digest,
            "commit": record.commit,
            "build": line(record.build),
            "platforms": admitted("platforms", record.platforms),
            "at": record.time.strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
    )


def _registered(record: ReleaseRecord, image: Image, name: str, repository: str) -> Diagnosis:
    if record.repository != repository:
        told = f"the release record of {name} is for {record.repository}, and {repository} is declared"
        return violated("record-differs", told)
    if isinstance(image, Unobserved):
        return unseen(image, "the recorded digest")
    if isinstance(image, Missing):
        return violated("digest-missing", f"the registry has no {record.digest[:19]}… in {repository}")
    if image.state == ARCHIVED:
        return violated("digest-archived", f"the recorded {record.digest[:19]}… is archived")
    return passed(f"commit {record.commit[:12]} was released as {record.digest[:19]}…, which the registry has")
