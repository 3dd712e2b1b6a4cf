"""Each incident is told on a kept platform as the command tells it: every chapter comes out as its story says."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_substrate.embedded.client import ATTACH_VARIABLE, applied_faults, read_attachment
from pytest_substrate.embedded.replay.outcome import Told
from pytest_substrate.embedded.replay.stage import stage
from pytest_substrate.embedded.replay.telling import tell
from pytest_substrate.evidence.history import Incident
from pytest_substrate.model.record import first_red

READY = ("READY",)


def retold(platform: Path, incident: str, variant: str | None = None) -> tuple[list[Told], tuple[Incident, ...]]:
    """Every chapter with what came of it, and what the ledger says; nothing that was changed is left."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(ATTACH_VARIABLE, str(platform))
        with stage(progress=lambda _: None) as held:
            told = list(tell(incident, variant, held))
            incidents = held.incidents()
    assert [] == [difference for one in told for difference in one.differences]
    assert () == tuple(applied_faults(read_attachment(platform)))
    return told, incidents


def reds(told: list[Told]) -> list[tuple[object, ...]]:
    """The first red rung of each chapter, with layer and cause."""
    found = [first_red(one.seen.records) for one in told]
    return [READY if red is None else (red.check, red.layer.value, red.cause) for red in found]


def test_incident_a_ends_with_an_artifact_by_its_digest(kept_platform: Path) -> None:
    """Trust, then permission, then the artifact; the administrator's policy on the way is red at REL-060."""
    told, incidents = retold(kept_platform, "A", "administrator")
    assert [
        ("REL-030", "identity", "subject-refused"),
        ("REL-070", "authorization", "action-denied"),
        ("REL-060", "policy", "wildcard-action"),
        ("REL-090", "artifact", "tags-mutable"),
        READY,
    ] == reds(told)
    assert "REL-090" in {one.check for one in incidents if one.closed}
