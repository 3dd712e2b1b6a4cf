"""`python -m pytest_substrate.embedded.serve`: build the platform, say one line of JSON when it is ready, and keep it
until standard input closes or a signal comes.

Standard output carries the ready line alone (`{"attach": PATH}`, or `{"error": …}` and exit code 2); progress goes to
standard error, a line each. The attach file (mode 0600) holds endpoints and credentials; it is named
`substrate.embedded/1` and lies in the platform's private folder, which goes with the platform.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pytest_substrate.embedded import keeper
from pytest_substrate.embedded.client import ATTACH_SCHEMA
from pytest_substrate.model.errors import BadInput


def main() -> int:
    """Serve one platform; 0 when it was asked to stop, 2 when it could not start."""
    stop = threading.Event()

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: stop.set())
    threading.Thread(target=_watch_owner, args=(stop,), daemon=True).start()
    folder = keeper.make_folder()
    kept = keeper.keep(folder)
    try:
        ready, code = _start_or_say_why(folder)
        print(json.dumps(ready), flush=True)
        if code == 0:
            # only now, so that what others left behind delays nobody
            threading.Thread(target=keeper.sweep, name="sweep", daemon=True).start()
            stop.wait()
        return code
    finally:
        keeper.end_all(folder)
        keeper.remove(folder)
        assert kept.stdin is not None  # noqa: S101  it was made with a pipe
        kept.stdin.close()


def _start_or_say_why(folder: Path) -> tuple[dict[str, str], int]:
    try:
        return {"attach": str(_start(folder, _say))}, 0
    except BadInput as error:
        return {"error": str(error)}, 2
    except Exception as error:  # noqa: BLE001  one line for the owner; the log files are for whoever mends it
        return {"error": f"the embedded platform did not start: {type(error).__name__}: {error}"}, 2


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


def _watch_owner(stop: threading.Event) -> None:
    sys.stdin.buffer.read()
    stop.set()


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
