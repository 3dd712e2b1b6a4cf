"""Each incident is told on a kept platform as the command tells it: every chapter comes out as its story says."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_substrate.embedded.client import ATTACH_VARIABLE, applied_faults, read_attachment
from pytest_substrate.embedded.replay import find_story
from pytest_substrate.embedded.replay.outcome import Told
from pytest_substrate.embedded.replay.stage import Stage, stage
from pytest_substrate.embedded.replay.telling import tell
from pytest_substrate.evidence.history import Incident
from pytest_substrate.model.errors import BadInput
from pytest_substrate.model.record import first_red
from tests.embedded.faulting import assert_green

READY = ("READY",)


def retold(
    platform: Path, incident: str, folder: Path, variant: str | None = None
) -> tuple[list[Told], tuple[Incident, ...]]:
    """Every chapter with what came of it, and what the ledger says; all that was changed is undone."""
    with staged_on(platform) as held:
        told = list(tell(incident, variant, held))
        incidents = held.incidents()
    assert [] == [difference for one in told for difference in one.differences]
    assert_nothing_is_left(platform, incident, folder)
    return told, incidents


@contextlib.contextmanager
def staged_on(platform: Path) -> Iterator[Stage]:
    """A stage on the kept platform."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(ATTACH_VARIABLE, str(platform))
        with stage(progress=lambda _: None) as held:
            yield held


def assert_nothing_is_left(platform: Path, incident: str, folder: Path) -> None:
    """No change is open, and the plane is READY again."""
    assert () == tuple(applied_faults(read_attachment(platform)))
    assert_green(find_story(incident)[0].plane, platform, folder)


def reds(told: list[Told]) -> list[tuple[object, ...]]:
    """The first red rung of each chapter, with layer and cause."""
    found = [first_red(one.seen.records) for one in told]
    return [READY if red is None else (red.check, red.layer.value, red.cause) for red in found]


def test_incident_a_ends_with_an_artifact_by_its_digest(kept_platform: Path, tmp_path: Path) -> None:
    """Trust, then permission, then the artifact; the administrator's policy on the way is red at REL-060."""
    told, incidents = retold(kept_platform, "A", tmp_path, "administrator")
    assert [
        ("REL-030", "identity", "subject-refused"),
        ("REL-070", "authorization", "action-denied"),
        ("REL-060", "policy", "wildcard-action"),
        ("REL-090", "artifact", "tags-mutable"),
        READY,
    ] == reds(told)
    assert [] == [one.check for one in incidents if not one.closed]


def test_incident_b_is_narrowed_rung_by_rung(kept_platform: Path, tmp_path: Path) -> None:
    """The wrong secret, the wrong cluster, a stale credential: each is first red once the one before it is mended."""
    told, incidents = retold(kept_platform, "B", tmp_path)
    assert [
        ("MSG-030", "wiring", "other-secret"),
        ("MSG-040", "wiring", "foreign-endpoint"),
        ("MSG-050", "rotation", "credential-stale-in-task"),
        READY,
    ] == reds(told)
    assert [] == [one.check for one in incidents if not one.closed]


def test_incident_c_leaves_the_credential_untouched(kept_platform: Path, tmp_path: Path) -> None:
    """The log says what is missing, the image says which distribution, and the plan that would do harm is refused."""
    told, incidents = retold(kept_platform, "C", tmp_path)
    assert [
        ("PKG-050", "runtime", "container-crashed"),
        ("PKG-120", "wiring", "credential-overwritten"),
        READY,
    ] == reds(told)
    assert "ModuleNotFoundError: No module named 'kafka'" in told[0].lines[-1]
    assert ["kafka-python"] == told[0].red[1].facts["distributions"]
    versions = {value for one in told for value in one.kept.values()}
    assert 1 == len(versions)
    assert None not in versions
    assert [] == [one.check for one in incidents if not one.closed]


def test_incident_d_is_mended_by_one_statement_and_a_run(kept_platform: Path, tmp_path: Path) -> None:
    """A wildcard, the wrong role and the wrong principal stay red at their rungs; the right permission has to run."""
    told, incidents = retold(kept_platform, "D", tmp_path)
    refused = ("DAT-040", "policy", "read-denied")
    assert [
        refused,
        ("DAT-060", "policy", "read-allowed"),
        refused,
        refused,
        ("DAT-070", "runtime", "exit-code"),
        READY,
    ] == reds(told)
    first = told[0].red[0].facts
    assert ("s3:GetObject", "identity", True) == (first["action"], first["source"], first["attributed"])
    assert "assumed-role/oracle-task/" in str(first["principal"])
    assert str(first["resource"]).startswith("arn:aws:s3:::acme-spine/inputs/")
    assert [] == [one.check for one in incidents if not one.closed]


def test_an_interrupted_story_leaves_nothing(kept_platform: Path, tmp_path: Path) -> None:
    """Ctrl-C between two chapters, and where one was taken back: the last change is undone first."""

    def interrupted() -> None:
        with staged_on(kept_platform) as held:
            held.begin("D:1")
            held.begin("D:3")
            with pytest.raises(BadInput, match="it is not the last change that was made"):
                held.take_back("D:1")
            held.take_back("D:3")
            held.begin("D:5")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert_nothing_is_left(kept_platform, "D", tmp_path)


def test_a_chapter_that_is_not_there_can_not_be_made(kept_platform: Path) -> None:
    """The platform says so, and nothing was changed."""
    with staged_on(kept_platform) as held, pytest.raises(BadInput, match="there is no such chapter"):
        held.begin("A:9")
