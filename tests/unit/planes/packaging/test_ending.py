"""How a crashed container's log ends: what is told of a traceback, and what never is."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_substrate.model.diagnosis import violated
from pytest_substrate.model.observation import Unobserved
from pytest_substrate.planes.packaging.diagnose.ending import LogEnding, ending_of, with_ending

SECRET = "hunter2"
TRACEBACK = f'''Traceback (most recent call last):
  File "<frozen runpy>", line 198, in _run_module_as_main
  File "/app/ingest/__main__.py", line 9, in <module>
    connect(password="{SECRET}")
    ^^^^^^^^^^^^^^^^^^^^
  File "/app/ingest/publishing.py", line 3, in main
    import kafka
'''
MISSING = f"{TRACEBACK}ModuleNotFoundError: No module named 'kafka'"
CRASH = violated("container-crashed", "1 task stopped unexplained", exit_code=1)


def test_the_missing_module_is_named() -> None:
    """With the frames that led to it, and no line of the source."""
    ending = ending_of([f"starting with {SECRET}", *MISSING.splitlines()])
    assert ("ModuleNotFoundError", "kafka", 3) == (ending.error, ending.missing, len(ending.frames))
    assert "/app/ingest/publishing.py:3 main" == ending.frames[-1]
    told = with_ending(CRASH, ending)
    assert told.message.endswith("its log ends with ModuleNotFoundError, as there is no module kafka")
    assert (["kafka"], "ModuleNotFoundError") == (told.facts["missing_modules"], told.facts["error"])
    assert SECRET not in f"{told}"


@pytest.mark.parametrize(
    ("messages", "error"),
    [
        ([MISSING], "ModuleNotFoundError"),
        ([json.dumps({"level": "error", "exc_info": MISSING})], "ModuleNotFoundError"),
        ([f"{TRACEBACK}kafka.errors.NoBrokersAvailable: {SECRET}"], None),
        ([f"{TRACEBACK}botocore.exceptions.NoCredentialsError: {SECRET}"], "botocore.exceptions.NoCredentialsError"),
        ([f"{TRACEBACK}{SECRET}"], None),
        ([f"{TRACEBACK}ValueError: {SECRET}", "bye"], "ValueError"),
        ([f"{TRACEBACK}ValueError: x", *["goes on"] * 20], None),
        ([TRACEBACK], None),
        ([f"ValueError: {SECRET}"], None),
        ([], None),
    ],
)
def test_only_a_traceback_at_the_end_counts(messages: list[str], error: str | None) -> None:
    """One that was logged and survived ended nothing; a word that is no error's class is not told."""
    ending = ending_of(messages)
    assert error == ending.error
    assert SECRET not in repr(ending)


def test_the_last_of_a_chain() -> None:
    """The error that ended it, not the one that it was raised from."""
    chained = f"{TRACEBACK}KeyError: 'x'\n\nDuring handling of the above exception, another exception occurred:\n\n"
    assert "RuntimeError" == ending_of([f"{chained}{TRACEBACK}RuntimeError: {SECRET}"]).error


def test_a_log_that_cannot_be_read_changes_nothing() -> None:
    """The crash is proven by ECS."""
    assert CRASH == with_ending(CRASH, Unobserved(reason="access-denied")) == with_ending(CRASH, LogEnding(lines=3))


@given(st.lists(st.text(max_size=60) | st.sampled_from(MISSING.splitlines()), max_size=30))
def test_any_text_has_an_ending(messages: list[str]) -> None:
    """And a fact for each of what is told."""
    ending = ending_of(messages)
    assert (ending.error is None) <= (ending.missing is None and not ending.frames)
    with_ending(CRASH, ending)
