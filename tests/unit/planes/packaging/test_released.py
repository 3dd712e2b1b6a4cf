"""PKG-010, PKG-020, PKG-030: one released digest, defined, held and running."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from pytest_substrate.model.aws.ecs import Container, ContainerImage, TaskDefinition, Tasks, TaskState
from pytest_substrate.model.aws.registry import INDEX_TYPES, MANIFEST_TYPES, Child, RegistryImage
from pytest_substrate.model.aws.rollout import ServiceRevision
from pytest_substrate.model.observation import Missing, Unobserved
from pytest_substrate.model.outcome import Outcome
from pytest_substrate.model.release_record import InvalidRecord, ReleaseRecord
from pytest_substrate.planes.packaging.diagnose.released import (
    diagnose_in_registry,
    diagnose_pinned,
    diagnose_running,
)

HOST = "111122223333.dkr.ecr.eu-west-2.amazonaws.com"
DIGEST, CHILD, OTHER = (f"sha256:{letter * 64}" for letter in "abc")
ARN = "arn:aws:ecs:eu-west-2:111122223333:task-definition/ingest:7"
RECORD = ReleaseRecord(
    repository="acme/ingest",
    digest=DIGEST,
    platforms=("linux/amd64",),
    commit="c" * 40,
    build="https://ci.example/runs/17",
    time=datetime(2026, 3, 1, tzinfo=UTC),
)
UNSEEN = Unobserved(reason="access-denied", operation="ecs:DescribeTasks")
IMAGE = RegistryImage(digest=DIGEST, state="ACTIVE", media_type=MANIFEST_TYPES[0], pushed=None)
INDEX = replace(
    IMAGE,
    media_type=INDEX_TYPES[0],
    children=(
        Child(digest=CHILD, system="linux", architecture="amd64"),
        Child(digest=OTHER, system="unknown", architecture="unknown"),
    ),
)


def definition(image: str | None = f"{HOST}/acme/ingest@{DIGEST}", **parts: Any) -> TaskDefinition:
    """A task definition whose container `app` has this image."""
    return TaskDefinition(arn=ARN, containers=(Container(name="app", image=image),), **parts)


def tasks(*digests: str | None, status: str = "RUNNING") -> Tasks:
    """Tasks that run these digests."""
    return Tasks(
        tasks=tuple(
            TaskState(
                arn=f"arn:aws:ecs:eu-west-2:111122223333:task/main/{number}",
                task_definition_arn=ARN,
                last_status=status,
                created=None,
                started=None,
                images=() if digest is None else (ContainerImage(container="app", digest=digest),),
            )
            for number, digest in enumerate(digests)
        )
    )


def revision(digest: str | None) -> ServiceRevision:
    """A service revision that holds this digest."""
    images = () if digest is None else (ContainerImage(container="app", digest=digest),)
    arn = "arn:aws:ecs:eu-west-2:111122223333:service-revision/main/ingest/7"
    return ServiceRevision(arn=arn, task_definition_arn=ARN, images=images)


class TestPinned:
    """PKG-010."""

    @pytest.mark.parametrize("tag", ["", ":1.0.0"])
    def test_the_released_digest(self, tag: str) -> None:
        """The digest decides, also where a tag stands before it; commit and build are told."""
        found = diagnose_pinned(
            definition(f"{HOST}/acme/ingest{tag}@{DIGEST}"), RECORD, container="app", repository="acme/ingest"
        )
        assert Outcome.PASS is found.outcome
        assert ("c" * 40, DIGEST) == (found.facts["commit"], found.facts["image_digest"])

    @pytest.mark.parametrize(
        ("image", "cause"),
        [
            (f"{HOST}/acme/ingest:1.0.0", "not-pinned"),
            (f"{HOST}/acme/ingest", "not-pinned"),
            (f"{HOST}/acme/ingest@sha256:abc", "not-pinned"),
            (None, "not-pinned"),
            (f"{HOST}/acme/ingest@{OTHER}", "other-digest"),
            (f"{HOST}/acme/other@{DIGEST}", "other-repository"),
            (f"{HOST}/evil/acme/ingest@{DIGEST}", "other-repository"),
        ],
    )
    def test_what_is_not_it(self, image: str | None, cause: str) -> None:
        """A tag is red though it may stand for the digest today; so is another digest or repository."""
        found = diagnose_pinned(definition(image), RECORD, container="app", repository="acme/ingest")
        assert (Outcome.VIOLATION, cause) == (found.outcome, found.cause)

    @pytest.mark.parametrize(
        ("record", "outcome", "cause"),
        [
            (Missing(what="release/ingest.json"), Outcome.VIOLATION, "record-missing"),
            (InvalidRecord(name="r.json", problem="is not JSON"), Outcome.VIOLATION, "record-malformed"),
            (Unobserved(reason="unreadable"), Outcome.INCONCLUSIVE, "unreadable"),
            (replace(RECORD, repository="acme/other"), Outcome.VIOLATION, "record-differs"),
        ],
    )
    def test_no_record_to_compare_with(self, record: Any, outcome: Outcome, cause: str) -> None:
        """Without a record nothing is released."""
        found = diagnose_pinned(definition(), record, container="app", repository="acme/ingest")
        assert (outcome, cause) == (found.outcome, found.cause)

    @pytest.mark.parametrize(
        ("seen", "outcome", "cause"),
        [
            (Missing(what="the task definition"), Outcome.VIOLATION, "definition-missing"),
            (UNSEEN, Outcome.INCONCLUSIVE, "access-denied"),
        ],
    )
    def test_no_definition(self, seen: Any, outcome: Outcome, cause: str) -> None:
        """A service that starts from nothing is red, one that could not be seen is undecided."""
        found = diagnose_pinned(seen, RECORD, container="app", repository="acme/ingest")
        assert (outcome, cause) == (found.outcome, found.cause)

    def test_no_such_container(self) -> None:
        """The declared container must be there."""
        found = diagnose_pinned(definition(), RECORD, container="web", repository="acme/ingest")
        assert "container-missing" == found.cause


class TestInRegistry:
    """PKG-020."""

    def test_an_image(self) -> None:
        """Active and there."""
        assert Outcome.PASS is diagnose_in_registry(IMAGE, definition(), RECORD).outcome

    def test_an_index(self) -> None:
        """Its child for the task's platform is named; X86_64 is what ECS takes where nothing is said."""
        found = diagnose_in_registry(INDEX, definition(), RECORD)
        assert (Outcome.PASS, CHILD) == (found.outcome, found.facts["platform_digest"])

    @pytest.mark.parametrize(
        ("image", "defined", "cause"),
        [
            (Missing(what="acme/ingest", code="ImageNotFoundException"), definition(), "digest-missing"),
            (replace(IMAGE, state="ARCHIVED"), definition(), "image-inactive"),
            (INDEX, definition(architecture="ARM64"), "other-platform"),
            (INDEX, definition(system="WINDOWS_SERVER_2022_CORE"), "other-platform"),
        ],
    )
    def test_what_a_task_could_not_pull(self, image: Any, defined: TaskDefinition, cause: str) -> None:
        """Missing, archived, or for another platform."""
        found = diagnose_in_registry(image, defined, RECORD)
        assert (Outcome.VIOLATION, cause) == (found.outcome, found.cause)

    def test_unseen(self) -> None:
        """A registry that could not be asked proves nothing."""
        assert Outcome.INCONCLUSIVE is diagnose_in_registry(UNSEEN, definition(), RECORD).outcome


class TestRunning:
    """PKG-030."""

    @pytest.mark.parametrize(
        ("running", "held", "image"),
        [
            (tasks(DIGEST, DIGEST), revision(DIGEST), IMAGE),
            (tasks(CHILD), revision(DIGEST), INDEX),
            (tasks(CHILD), revision(CHILD), INDEX),
            (tasks(DIGEST), None, IMAGE),
            (tasks(), revision(DIGEST), IMAGE),
        ],
    )
    def test_all_the_same(self, running: Tasks, held: ServiceRevision | None, image: RegistryImage) -> None:
        """The index or its child; how many run is another rung's."""
        assert Outcome.PASS is diagnose_running(running, held, image, RECORD, container="app").outcome

    def test_half_a_deployment(self) -> None:
        """Both digests are named."""
        found = diagnose_running(tasks(DIGEST, OTHER), revision(DIGEST), IMAGE, RECORD, container="app")
        assert (Outcome.VIOLATION, "other-digest-running") == (found.outcome, found.cause)
        assert [DIGEST, OTHER] == found.facts["image_digests"]

    def test_an_attestation_is_no_child(self) -> None:
        """What an index holds for no platform is nothing to run."""
        found = diagnose_running(tasks(OTHER), None, INDEX, RECORD, container="app")
        assert "other-digest-running" == found.cause

    def test_the_revision(self) -> None:
        """A revision of another digest is what the next task would run."""
        found = diagnose_running(tasks(DIGEST), revision(OTHER), IMAGE, RECORD, container="app")
        assert (Outcome.VIOLATION, "other-digest-revision") == (found.outcome, found.cause)

    def test_a_task_without_a_digest(self) -> None:
        """A running container whose digest ECS doesn't tell is undecided; one that starts has none yet."""
        assert Outcome.INCONCLUSIVE is diagnose_running(tasks(None), None, IMAGE, RECORD, container="app").outcome
        starting = tasks(None, status="PENDING")
        assert Outcome.PASS is diagnose_running(starting, revision(DIGEST), IMAGE, RECORD, container="app").outcome

    @pytest.mark.parametrize(
        "seen", [(UNSEEN, None, IMAGE), (tasks(DIGEST), UNSEEN, IMAGE), (tasks(DIGEST), None, UNSEEN)]
    )
    def test_unseen(self, seen: tuple[Any, Any, Any]) -> None:
        """What could not be seen is never green."""
        assert Outcome.INCONCLUSIVE is diagnose_running(*seen, RECORD, container="app").outcome
