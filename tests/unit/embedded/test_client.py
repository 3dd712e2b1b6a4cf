"""Attach files: what is none, what lacks something and whose platform has ended are each told in one line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from pytest_substrate.embedded.client import Attachment, applied_faults, apply_fault, read_attachment, undo_faults
from pytest_substrate.embedded.control import Control
from pytest_substrate.embedded.platform.platform import Platform
from pytest_substrate.model.errors import BadInput

CONTENT: dict[str, Any] = {
    "schema": "substrate.embedded/1",
    "endpoint": "http://127.0.0.1:1",
    "cloud_token": "c",
    "control": "http://127.0.0.1:1",
    "control_token": "t",
    "environment": "dev",
    "account": "111122223333",
    "region": "eu-west-2",
    "credentials": {"access_key_id": "AKIAEXAMPLE", "secret_access_key": "hidden"},
    "administrator": {"access_key_id": "AKIAOTHER", "secret_access_key": "hidden"},
    "ca_file": "ca.pem",
    "kafka": {"spine": {"brokers": ["localhost:1"], "admin": "127.0.0.1:2"}},
    "folder": "folder",
    "pid": os.getpid(),
}


@pytest.fixture
def control() -> Iterator[Control]:
    """The control endpoint of a platform that no fault reaches."""
    made = Control(cast("Platform", object()))
    yield made
    made.stop()


def written(folder: Path, /, **changes: Any) -> Path:
    """An attach file with some values changed, those that are None left out."""
    content = {key: value for key, value in (CONTENT | changes).items() if value is not None}
    path = folder / "attach.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def refusal(path: Path) -> str:
    """The one line about a file."""
    with pytest.raises(BadInput) as raised:
        read_attachment(path)
    line = str(raised.value)
    assert "hidden" not in line
    assert line.startswith(f"SUBSTRATE_EMBEDDED={path}: ")
    return line


def live(control: Control, /, **changes: Any) -> dict[str, Any]:
    """The values of a platform that answers."""
    return {"control": control.url, "control_token": control.token} | changes


def test_an_attach_file_of_a_platform_that_lives_is_read(tmp_path: Path, control: Control) -> None:
    """Whole, and shown without its credentials."""
    attachment = read_attachment(written(tmp_path, **live(control)))
    assert CONTENT["administrator"] == attachment.content["administrator"]
    assert "hidden" not in repr(attachment)


@pytest.mark.parametrize("key", [key for key in CONTENT if key != "schema"])
def test_each_key_that_misses_is_named(tmp_path: Path, control: Control, key: str) -> None:
    """None of them is met later, as a KeyError."""
    assert f"it lacks a usable {key}; " in refusal(written(tmp_path, **live(control, **{key: None})))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("credentials", {}),
        ("credentials", {"access_key_id": "a", "secret_access_key": ""}),
        ("credentials", {"access_key_id": "a", "secret_access_key": "b", "token": "c"}),
        ("administrator", "hidden"),
        ("kafka", {}),
        ("kafka", {"spine": {"brokers": []}}),
        ("kafka", {"spine": {"brokers": ["a"]}, "other": {"brokers": ["a"]}}),
        ("kafka", {"spine": {"brokers": [1], "admin": "a"}}),
        ("pid", "1"),
        ("pid", True),
        ("pid", 0),
        ("control", "http://example.invalid:80"),
        ("control", "https://127.0.0.1:1"),
        ("endpoint", "http://127.0.0.1:1@example.invalid"),
        ("region", 2),
    ],
)
def test_each_key_that_is_something_else_is_named(tmp_path: Path, control: Control, key: str, value: object) -> None:
    """What is no local address is no place to send a token to."""
    assert f"it lacks a usable {key}; " in refusal(written(tmp_path, **live(control, **{key: value})))


def test_all_keys_that_miss_are_told_at_once(tmp_path: Path) -> None:
    """In one line."""
    path = tmp_path / "attach.json"
    path.write_text('{"schema": "substrate.embedded/1"}', encoding="utf-8")
    assert f"it lacks a usable {', '.join(key for key in CONTENT if key != 'schema')}; " in refusal(path)


@pytest.mark.parametrize("text", ["", "[]", "1", "null", "{}", "[" * 60_000, "\xff", '{"schema": 3}'])
def test_what_is_no_attach_file_is_told(tmp_path: Path, text: str) -> None:
    """Whatever it is."""
    path = tmp_path / "attach.json"
    path.write_text(text, encoding="latin-1")
    assert refusal(path)


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    """Nobody writes to it."""
    os.mkfifo(tmp_path / "pipe")
    assert "it is no regular file; " in refusal(tmp_path / "pipe")


def test_a_platform_that_has_ended_is_told(tmp_path: Path, control: Control) -> None:
    """By its process, though another listens at its port."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    said = refusal(written(tmp_path, **live(control, pid=process.pid)))
    assert said.endswith(": its platform has ended; start `substrate up` again")


def test_a_process_that_is_another_s_now_is_told(tmp_path: Path, control: Control) -> None:
    """By its answer: a process id comes back, a port and a token do not."""
    assert "the platform does not answer (ConnectionRefusedError); " in refusal(written(tmp_path))
    stranger = written(tmp_path, **live(control, control_token="other"))
    assert "the token of the attach file is asked for; " in refusal(stranger)


def test_a_refused_fault_is_named_once(control: Control, monkeypatch: pytest.MonkeyPatch) -> None:
    """The platform's own line, or what it met with the fault's name before it."""
    attachment = Attachment(path=Path("attach.json"), content=CONTENT | live(control))
    with pytest.raises(BadInput) as raised:
        apply_fault(attachment, "none such")
    assert "fault 'none such': there is no fault of that name; see `substrate faults`" == str(raised.value)

    def broken(name: str) -> None:
        raise RuntimeError("it fell")

    monkeypatch.setattr("pytest_substrate.embedded.control.find_fault", broken)
    with pytest.raises(BadInput) as raised:
        apply_fault(attachment, "one")
    assert "fault 'one': RuntimeError: it fell; start `substrate up` again" == str(raised.value)
    assert () == applied_faults(attachment)
    undo_faults(attachment)
