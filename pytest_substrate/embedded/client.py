"""How a process holds a platform: start one that ends with it, or attach to one that somebody keeps.

Shared by the `embedded` target, `substrate up`, and the tests.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import queue
import re
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
_ANSWER_S: Final = 10.0
_LONGEST: Final = 64 * 1024
_ENDED: Final = "its platform has ended: start `substrate up` again"

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """What an attach file holds. `repr` shows no credential."""

    path: Path
    content: Mapping[str, Any]

    def __repr__(self) -> str:
        return f"Attachment({self.path})"


def read_attachment(path: Path) -> Attachment:
    """Read an attach file; BadInput where it is none, lacks something, or its platform has ended."""
    where, mend = f"{ATTACH_VARIABLE}={path}", "name what `substrate up` printed"
    try:
        if path.exists() and not path.is_file():  # a pipe would be waited for
            raise BadInput(where, "it is no regular file", mend)
        with path.open("rb") as file:
            content = json.loads(file.read(_LONGEST))
        schema = content["schema"]
    except FileNotFoundError:
        raise BadInput(where, "there is no such file", _ENDED) from None
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise BadInput(where, f"it is no attach file ({type(error).__name__})", mend) from None
    if schema != ATTACH_SCHEMA:
        raise BadInput(where, f"its schema is not {ATTACH_SCHEMA}", "start `substrate up` anew")
    wrong = [key for key, fits in _KEYS.items() if not fits(content.get(key))]
    if wrong:
        raise BadInput(where, f"it lacks a usable {', '.join(wrong)}", "start `substrate up` anew")
    attachment = Attachment(path=path, content=content)
    try:
        os.kill(content["pid"], 0)
    except PermissionError:
        pass  # somebody else's platform: whether it lives, its answer tells
    except (ProcessLookupError, OverflowError):
        raise BadInput(where, "its platform has ended", "start `substrate up` again") from None
    _control(attachment, "/faults", where=where, timeout_s=_ANSWER_S)
    return attachment


def _is_text(value: object) -> bool:
    return isinstance(value, str) and value != ""


def _is_local(value: object) -> bool:
    """The way to a port of this machine: what an attach file holds is sent nowhere else."""
    return isinstance(value, str) and re.fullmatch(r"http://(?:127\.0\.0\.1|localhost):\d{1,5}", value) is not None


def _is_keys(value: object) -> bool:
    wanted = {"access_key_id", "secret_access_key"}
    return isinstance(value, dict) and value.keys() == wanted and all(map(_is_text, value.values()))


def _is_kafka(value: object) -> bool:
    """One cluster, its brokers and the address of their internal listener."""
    if not isinstance(value, dict) or len(value) != 1:
        return False
    (cluster,) = value.values()
    brokers = cluster.get("brokers") if isinstance(cluster, dict) else None
    return isinstance(brokers, list) and bool(brokers) and all(map(_is_text, [*brokers, cluster.get("admin")]))


_KEYS: Final[Mapping[str, Callable[[object], bool]]] = {
    "endpoint": _is_local,
    "cloud_token": _is_text,
    "control": _is_local,
    "control_token": _is_text,
    "environment": _is_text,
    "account": _is_text,
    "region": _is_text,
    "credentials": _is_keys,
    "administrator": _is_keys,
    "ca_file": _is_text,
    "kafka": _is_kafka,
    "folder": _is_text,
    "pid": lambda value: isinstance(value, int) and not isinstance(value, bool) and value > 0,
}
"""What an attach file must hold, and what a value must be."""


@contextlib.contextmanager
def start_server(*, progress: Progress) -> Iterator[Path]:
    """A platform of one's own for the length of the block: the path of its attach file.

    Raises BadInput with the server's own line where it can't start. Its end is bounded, and certain: the server
    watches the pipe that this process holds.
    """
    require_local()
    process = subprocess.Popen(
        # -P: whatever lies in the folder that the run was started in is no part of the platform
        [sys.executable, "-P", "-m", "pytest_substrate.embedded.serve", str(os.getpid())],
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


def begin_chapter(attachment: Attachment, name: str) -> None:
    """Make the change of a story's chapter; BadInput where there is none of that name, or it can't be made."""
    _control(attachment, f"/chapters/{quote(name, safe='')}/apply", where=f"chapter {name}")


def take_back(attachment: Attachment, name: str) -> None:
    """Undo the change of a chapter, which must be the last that was made."""
    _control(attachment, f"/chapters/{quote(name, safe='')}/undo", where=f"chapter {name}")


def undo_faults(attachment: Attachment) -> None:
    """Undo every fault and every chapter's change, the last one first."""
    _control(attachment, "/faults/undo", where="undoing the faults")


def applied_faults(attachment: Attachment) -> Sequence[str]:
    """The faults and the chapters whose changes are made now."""
    return tuple(_control(attachment, "/faults", where="the embedded platform")["applied"])


def _control(attachment: Attachment, path: str, *, where: str, timeout_s: float = _FAULT_S) -> Mapping[str, Any]:
    address = attachment.content["control"].removeprefix("http://")
    try:
        connection = http.client.HTTPConnection(address, timeout=timeout_s)
        with contextlib.closing(connection):
            token = attachment.content["control_token"]
            connection.request("POST", path, headers={"Authorization": f"Bearer {token}"})
            response = connection.getresponse()
            answer: dict[str, Any] = json.loads(response.read())
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise BadInput(where, f"the platform does not answer ({type(error).__name__})", _ENDED) from None
    if response.status == http.HTTPStatus.BAD_REQUEST:
        raise _Said(str(answer.get("error")))
    if response.status != http.HTTPStatus.OK:
        raise BadInput(where, str(answer.get("error")), "start `substrate up` again")
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
    """The platform's own line, which already names where, what and the mend."""

    def __init__(self, line: str) -> None:
        super().__init__("the embedded platform", line, "")

    def __str__(self) -> str:
        return self.what


def _environment() -> dict[str, str]:
    """The environment without what would redirect or authenticate the platform's own AWS clients."""
    return {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
