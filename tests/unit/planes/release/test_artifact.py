"""REL-090, REL-100: a released artifact can be named for ever."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from pytest_substrate.model.aws.registry import ARCHIVED, MANIFEST_TYPES, RegistryImage
from pytest_substrate.model.ci import Repository
from pytest_substrate.model.observation import Missing, Unobserved
from pytest_substrate.model.release_record import InvalidRecord, ReleaseRecord
from pytest_substrate.planes.release.diagnose.artifact import diagnose_immutable, diagnose_recorded

DIGEST = f"sha256:{'a' * 64}"
RECORD = ReleaseRecord(
    repository="acme/ingest",
    digest=DIGEST,
    platforms=("linux/amd64",),
    commit="c" * 40,
    build="https://ci.example/runs/17",
    time=datetime(2026, 3, 1, tzinfo=UTC),
)


def image(*tags: str, state: str = "ACTIVE") -> RegistryImage:
    """The released image."""
    return RegistryImage(digest=DIGEST, state=state, media_type=MANIFEST_TYPES[0], pushed=None, tags=tags)


def repository(mutability: str, *filters: str) -> Repository:
    """Its repository."""
    arn = "arn:aws:ecr:eu-west-2:111122223333:repository/acme/ingest"
    return Repository(arn=arn, name="acme/ingest", mutability=mutability, exclusions=filters)


@pytest.mark.parametrize(
    ("place", "held", "cause"),
    [
        (repository("IMMUTABLE"), image("1.0.0"), None),
        (repository("IMMUTABLE"), Missing(what="it"), None),
        (repository("MUTABLE"), image("1.0.0"), "tags-mutable"),
        (repository("IMMUTABLE_WITH_EXCLUSION", "dev-*"), image("1.0.0"), None),
        (repository("IMMUTABLE_WITH_EXCLUSION", "dev-*", "1.*"), image("1.0.0"), "tag-exempt"),
        (repository("IMMUTABLE_WITH_EXCLUSION", "latest"), image("1.0.0", "latest"), "tag-exempt"),
        (repository("IMMUTABLE_WITH_EXCLUSION", "dev-*"), image(), "no-tag"),
        (repository("IMMUTABLE_WITH_EXCLUSION", "dev-*"), Unobserved(reason="throttled"), "throttled"),
        (repository("MUTABLE_WITH_EXCLUSION", "1.*"), image("1.0.0"), None),
        (repository("MUTABLE_WITH_EXCLUSION", "2.*"), image("1.0.0"), "tags-mutable"),
        (repository("SOMETHING_NEW"), image("1.0.0"), "tags-mutable"),
        (Missing(what="acme/ingest"), image("1.0.0"), "repository-missing"),
        (Unobserved(reason="access-denied"), image("1.0.0"), "access-denied"),
    ],
)
def test_immutable(place: Any, held: Any, cause: str | None) -> None:
    """No tag of the release can move, whatever a filter exempts."""
    assert cause == diagnose_immutable(place, held, name="acme/ingest").cause


@pytest.mark.parametrize(
    ("record", "held", "cause"),
    [
        (RECORD, image(), None),
        (Missing(what="release/ingest.json"), image(), "record-missing"),
        (InvalidRecord(name="release/ingest.json", problem="lacks commit"), image(), "record-malformed"),
        (Unobserved(reason="unreadable"), image(), "unreadable"),
        (RECORD, Missing(what=DIGEST), "digest-missing"),
        (RECORD, image(state=ARCHIVED), "digest-archived"),
        (RECORD, Unobserved(reason="access-denied"), "access-denied"),
    ],
)
def test_recorded(record: Any, held: Any, cause: str | None) -> None:
    """Commit, build and digest are named, and the registry has the digest."""
    found = diagnose_recorded(record, held, name="ingest", repository="acme/ingest")
    assert cause == found.cause
    if isinstance(record, ReleaseRecord):
        assert (RECORD.commit, RECORD.build) == (found.facts["commit"], found.facts["build"])


def test_a_record_of_another_repository() -> None:
    """It says nothing about this one."""
    found = diagnose_recorded(RECORD, image(), name="ingest", repository="acme/other")
    assert "record-differs" == found.cause
