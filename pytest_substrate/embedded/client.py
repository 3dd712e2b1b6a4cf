"""How a process holds a platform: start one that ends with it, or attach to one that somebody keeps.

Shared by the `embedded` target, `substrate up`, and the tests.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from pytest_substrate.embedded.extra import require_local
from pytest_substrate.model.errors import BadInput

ATTACH_SCHEMA: Final = "substrate.embedded/1"
ATTACH_VARIABLE: Final = "SUBSTRATE_EMBEDDED"
START_DEADLINE_S: Final = 900.0
"""Long enough for the very first start on a slow line, which fetches Kafka; each step has a deadline of its own."""
_STOP_S: Final = 10.0
_FAULT_S: Final = 60.0

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """What an attach file holds. `repr` shows no credential."""

    path: Path
    content: Mapping[str, Any]

    def __repr__(self) -> str:
        return f"Attachment({self.path})"


def read_attachment(path: Path) -> Attachment:
    """Read an attach file; BadInput where it is none, or its platform has ended."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        schema = content["schema"]
    except FileNotFoundError:
        raise BadInput(
            f"{ATTACH_VARIABLE}={path}", "there is no such file", "its platform has ended: start `substrate up` again"
        ) from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadInput(
            f"{ATTACH_VARIABLE}={path}",
            f"it is no attach file ({type(error).__name__})",
            "name what `substrate up` printed",
        ) from None
    if schema != ATTACH_SCHEMA:
        raise BadInput(f"{ATTACH_VARIABLE}={path}", f"its schema is not {ATTACH_SCHEMA}", "start `substrate up` anew")
    return Attachment(path=path, content=content)


@contextlib.contextmanager
def start_server(*, progress: Progress) -> Iterator[Path]:
    """A platform of one's own for the length of the block: the path of its attach file.

    Raises BadInput with the server's own line where it can't start. Its end is bounded, and certain: the server
    watches the pipe that this process holds.
    """
    require_local()
    process = subprocess.Popen(
        # -P: whatever lies in the folder that the run was started in is no part of the platform
        [sys.executable, "-P", "-m", "pytest_substrate.embedded.serve"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # a Ctrl-C in the terminal is for its owner, who then stops it in order
        env=_environment(),
    )
    try:
        yield _await_ready(process, progress)
    finally:
        assert process.stdin is not None  # noqa: S101  it was made with a pipe
        with contextlib.suppress(OSError):
            process.stdin.close()
        try:
            process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()  # its keeper ends the rest
            process.wait()


def apply_fault(attachment: Attachment, name: str) -> None:
    """Break the platform; BadInput where there is no such fault, or it can't be applied."""
    _control(attachment, f"/faults/{quote(name, safe='')}/apply", where=f"fault {name!r}")


def undo_faults(attachment: Attachment) -> None:
    """Undo every fault that is applied, the last one first."""
    _control(attachment, "/faults/undo", where="undoing the faults")


def applied_faults(attachment: Attachment) -> Sequence[str]:
    """The faults that are applied now."""
    return tuple(_control(attachment, "/faults", where="the embedded platform")["applied"])


def _control(attachment: Attachment, path: str, *, where: str) -> Mapping[str, Any]:
    address = attachment.content["control"].removeprefix("http://")
    connection = http.client.HTTPConnection(address, timeout=_FAULT_S)
    try:
        connection.request("POST", path, headers={"Authorization": f"Bearer {attachment.content['control_token']}"})
        response = connection.getresponse()
        answer: dict[str, Any] = json.loads(response.read())
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise BadInput(
            where, f"the platform does not answer ({type(error).__name__})", "start `substrate up` again"
        ) from None
    finally:
        connection.close()
    if response.status != http.HTTPStatus.OK:
        raise BadInput(where, str(answer.get("error")), "see `substrate faults`")
    return answer


def _await_ready(process: subprocess.Popen[str], progress: Progress) -> Path:
    lines: queue.Queue[str | None] = queue.Queue()

    def read_ready() -> None:
        assert process.stdout is not None  # noqa: S101  it was made with a pipe
        lines.put(process.stdout.readline() or None)

    def read_progress() -> None:
        assert process.stderr is not None  # noqa: S101
        for line in process.stderr:
            progress(line.rstrip())

    for read in (read_ready, read_progress):
        threading.Thread(target=read, daemon=True).start()
    until = time.monotonic() + START_DEADLINE_S
    while True:
        try:
            line = lines.get(timeout=0.2)  # a short wait, so that Ctrl-C is heard
            break
        except queue.Empty:
            if time.monotonic() > until:
                raise BadInput("the embedded platform", "it was not ready in time", "see its progress lines") from None
    if line is None:
        raise BadInput("the embedded platform", "it ended before it was ready", "see its progress lines")
    answer = json.loads(line)
    if "error" in answer:
        raise _Said(answer["error"])
    return Path(answer["attach"])


class _Said(BadInput):
    """The server's own line, which already names where, what and the mend."""

    def __init__(self, line: str) -> None:
        super().__init__("the embedded platform", line, "")

    def __str__(self) -> str:
        return self.what


def _environment() -> dict[str, str]:
    """The environment without what would redirect or authenticate the platform's own AWS clients."""
    return {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
