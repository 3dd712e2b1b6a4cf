"""`python -m pytest_substrate.embedded.serve OWNER`: build the platform, say one line of JSON when it is ready, and
keep it until standard input closes, the process OWNER (its id) is its parent no more, or a signal comes.

Standard output carries the ready line alone (`{"attach": PATH}`, or `{"error": …}` and exit code 2); progress goes to
standard error, a line each. The attach file (mode 0600) holds endpoints and credentials; it is named
`substrate.embedded/1` and lies in the platform's private folder, which goes with the platform.

The start has a thread of its own, so that its end can be asked for at any moment of it: whatever it began is killed
then, and it is not waited for.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pytest_substrate.embedded import keeper
from pytest_substrate.embedded.client import ATTACH_SCHEMA
from pytest_substrate.model.errors import BadInput

_PARENT_S: Final = 0.25
"""How often the parent is looked for: a process that it forked may hold the pipe open after its death."""
_KILL_S: Final = 0.1
"""The grace of what an unfinished start began: none of it holds anything yet that anyone would miss."""


@dataclass(frozen=True, slots=True)
class _Started:
    said: dict[str, str]
    code: int


def main(owner: int | None = None) -> int:
    """Serve one platform; 0 when it was asked to stop, 2 when it could not start."""
    woken, stop = threading.Event(), threading.Event()

    def end(*_: object) -> None:
        stop.set()
        woken.set()

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, end)
    for watch in (_watch_pipe, _watch_parent):
        threading.Thread(target=watch, args=(owner, end), daemon=True).start()
    folder = keeper.make_folder()
    kept = keeper.keep(folder)
    results: list[_Started] = []

    def start() -> None:
        results.append(_start_or_say_why(folder))
        woken.set()

    try:
        threading.Thread(target=start, name="starting", daemon=True).start()
        woken.wait()
        if not results:  # it was asked to stop before it was ready
            _abandon(folder)
            return 0
        with contextlib.suppress(BrokenPipeError):  # its owner has died, as the watchers say
            print(json.dumps(results[0].said), flush=True)
        if results[0].code == 0:
            # only now, so that what others left behind delays nobody
            threading.Thread(target=keeper.sweep, name="sweep", daemon=True).start()
            stop.wait()
        return results[0].code
    finally:
        keeper.end_all(folder)
        keeper.remove(folder)
        assert kept.stdin is not None  # noqa: S101  it was made with a pipe
        kept.stdin.close()


def _abandon(folder: Path) -> None:
    """End what an unfinished start began, and let it begin nothing more."""
    keeper.shut(folder)
    keeper.end_all(folder, grace_s=_KILL_S)
    for making in tuple(keeper.unfinished):
        keeper.remove(making)


def _start_or_say_why(folder: Path) -> _Started:
    try:
        return _Started({"attach": str(_start(folder, _say))}, 0)
    except BadInput as error:
        return _Started({"error": str(error)}, 2)
    except Exception as error:  # noqa: BLE001  one line for the owner; the log files are for whoever mends it
        return _Started({"error": f"the embedded platform did not start: {type(error).__name__}: {error}"}, 2)


def _start(folder: Path, progress: Callable[[str], None]) -> Path:
    from pytest_substrate.embedded.platform import names
    from pytest_substrate.embedded.platform.observer import observer_policy
    from pytest_substrate.embedded.platform.start import start_platform

    started = time.monotonic()
    platform, operator = start_platform(folder, policy=observer_policy, progress=progress)
    from pytest_substrate.embedded.control import Control  # not before: the brokers' start waits for every import

    control = Control(platform)
    progress(f"the embedded platform is ready after {time.monotonic() - started:.1f} s")
    brokers = {"brokers": list(platform.kafka.bootstrap), "admin": platform.kafka.admin_address}
    return _write_attach(
        folder,
        {
            "schema": ATTACH_SCHEMA,
            "endpoint": platform.cloud.endpoint,
            "cloud_token": platform.cloud.control_token,
            "control": control.url,
            "control_token": control.token,
            "environment": names.ENVIRONMENT,
            "account": names.ACCOUNT,
            "region": names.REGION,
            "credentials": {
                "access_key_id": operator.access_key_id,
                "secret_access_key": operator.secret_access_key,
            },
            "administrator": {
                "access_key_id": platform.cloud.root_credentials.access_key_id,
                "secret_access_key": platform.cloud.root_credentials.secret_access_key,
            },
            "ca_file": str(platform.authority.ca_file),
            "kafka": {names.CLUSTER: brokers},
            "folder": str(folder),
            "pid": os.getpid(),
        },
    )


def _write_attach(folder: Path, content: dict[str, Any]) -> Path:
    path = folder / "attach.json"
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        json.dump(content, file, indent=1)
    return path


def _watch_pipe(_: int | None, end: Callable[[], None]) -> None:
    with contextlib.suppress(OSError):
        while os.read(sys.stdin.fileno(), 1024):
            pass
    end()


def _watch_parent(owner: int | None, end: Callable[[], None]) -> None:
    while owner is None or os.getppid() == owner:
        time.sleep(_PARENT_S)
    end()


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    code = main(int(sys.argv[1]) if sys.argv[1:] else None)
    with contextlib.suppress(OSError):
        sys.stderr.flush()
    os._exit(code)  # an unfinished start's threads are not waited for
