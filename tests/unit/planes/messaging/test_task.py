"""MSG-055: whether a fresh task starts."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_substrate.model.observation import Unobserved
from pytest_substrate.model.outcome import Layer, Outcome, Vantage
from pytest_substrate.model.probe_run import ProbeRun, StartFailure
from pytest_substrate.planes.messaging.diagnose.task import diagnose_start
from pytest_substrate.planes.task_start import WAYS_TO_FAIL

TASK = "arn:aws:ecs:eu-west-2:111122223333:task/main/0123456789abcdef0123456789abcdef"


def run(**parts: Any) -> ProbeRun:
    """A probe that ran and whose words were lost on the way back."""
    fields: dict[str, Any] = {
        "vantage": Vantage.TASK,
        "transcript": Unobserved(reason="parts-missing"),
        "task_arn": TASK,
    }
    return ProbeRun(**{**fields, **parts})


def test_every_failure_is_known() -> None:
    """No way in which a start can fail is without words."""
    assert set(StartFailure) == set(WAYS_TO_FAIL)


@pytest.mark.parametrize("failure", StartFailure)
def test_failures(failure: StartFailure) -> None:
    """What proves the service at fault is a violation; a lack of capacity, quota, rights or answers is open."""
    found = diagnose_start(run(start_failure=failure, exit_code=1), service="ingest")
    assert failure.value == found.cause
    assert (Outcome.VIOLATION if failure.proven else Outcome.INCONCLUSIVE) is found.outcome
    assert 1 == found.facts["exit_code"]


@pytest.mark.parametrize(
    ("failure", "outcome", "layer"),
    [
        (StartFailure.SECRET_NOT_READABLE, Outcome.VIOLATION, Layer.AUTHORIZATION),
        (StartFailure.LOG_GROUP_MISSING, Outcome.VIOLATION, Layer.WIRING),
        (StartFailure.LOG_STREAM_NOT_AUTHORIZED, Outcome.VIOLATION, Layer.AUTHORIZATION),
        (StartFailure.TWIN_DIFFERS, Outcome.VIOLATION, Layer.RUNTIME),
        (StartFailure.IMAGE_NOT_PULLED, Outcome.VIOLATION, Layer.ARTIFACT),
        (StartFailure.CAPACITY, Outcome.INCONCLUSIVE, None),
        (StartFailure.QUOTA, Outcome.INCONCLUSIVE, None),
        (StartFailure.ACCESS_DENIED, Outcome.INCONCLUSIVE, None),
    ],
)
def test_layers(failure: StartFailure, outcome: Outcome, layer: Layer | None) -> None:
    """The layer is that of what is at fault; where nothing is proven, the check's own."""
    found = diagnose_start(run(start_failure=failure), service="ingest")
    assert (outcome, layer) == (found.outcome, found.layer)


def test_a_program_that_ran() -> None:
    """A probe that ran has started, whatever became of its words and however it ended."""
    found = diagnose_start(run(exit_code=137, image_digest="sha256:" + "a" * 64), service="ingest")
    assert Outcome.PASS is found.outcome
    assert {"task_arn": TASK, "image_digest": "sha256:" + "a" * 64} == dict(found.facts)


def test_vantages() -> None:
    """Neither here nor in a running task is a fresh one started, so none is proven."""
    for vantage in (Vantage.HERE, Vantage.EXEC):
        found = diagnose_start(run(vantage=vantage), service="ingest")
        assert (Outcome.INCONCLUSIVE, "not-a-fresh-task") == (found.outcome, found.cause)


def test_forbidden_differences_are_named() -> None:
    """A twin that differs names where; paths, never values."""
    found = diagnose_start(
        run(start_failure=StartFailure.TWIN_DIFFERS, differences=("cpu",), forbidden=("taskRoleArn",)), service="ingest"
    )
    assert ["taskRoleArn"] == found.facts["differences"]


def test_words_of_the_platform_fit() -> None:
    """Whatever ECS says of a stop, the facts take it or leave it."""
    found = diagnose_start(
        run(
            start_failure=StartFailure.TASK_FAILED,
            stop_reason="a\nb" * 400,
            stop_code="é\x00",
            code="<?>",
            log_stream="a b",
        ),
        service="ingest",
    )
    assert {"task_arn", "stop_reason"} == set(found.facts)
