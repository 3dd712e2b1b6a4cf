"""The cloud as its starter sees it: one subprocess, an endpoint, the root credentials and a control channel.

The control channel (`/_substrate/…`, guarded by a token) stands outside the AWS API: it carries what on AWS happens
behind it (where a cluster's brokers really are) and what a person does with a console (run a command in a container).
"""

from __future__ import annotations

import base64
import http.client
import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from pytest_substrate.embedded import keeper
from pytest_substrate.embedded.cloud.config import CONTROL_HEADER, CloudConfig
from pytest_substrate.model.errors import BadInput

START_DEADLINE_S = 20.0
_LOADER = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
"""What an interpreter may need to start at all."""


class Spawn(Protocol):
    """`keeper.spawn`, or what does the same."""

    def __call__(
        self, argv: Sequence[str], *, folder: Path, name: str, env: Mapping[str, str], cwd: Path | None = None
    ) -> subprocess.Popen[bytes]:
        """Start a process that belongs to the platform in `folder`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """Long-lived credentials; `repr` keeps the secret to itself."""

    access_key_id: str
    secret_access_key: str

    def __repr__(self) -> str:
        return f"Credentials(access_key_id={self.access_key_id!r}, secret_access_key=***)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Executed:
    """What a command in a container came to; exit code 126 or 127 where it could not be run at all."""

    exit_code: int
    stdout: bytes
    stderr: bytes


class ControlError(Exception):
    """The control channel refused: its HTTP status and its message."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status
        self.message = message


class Cloud:
    """A running cloud. Made by `Cloud.start`; `stop` ends it and every task in it."""

    def __init__(self, *, process: subprocess.Popen[bytes], config: CloudConfig, port: int) -> None:
        self.process = process
        self.account = config.account
        self.region = config.region
        self.port = port
        self.endpoint = f"http://127.0.0.1:{port}"
        self.registry = f"127.0.0.1:{port}"
        self.root_credentials = Credentials(access_key_id=config.root_key, secret_access_key=config.root_secret)
        self.control_token = config.control_token

    @classmethod
    def start(
        cls,
        folder: Path,
        *,
        account: str,
        region: str,
        spawn: Spawn = keeper.spawn,
        progress: Callable[[str], None] = lambda _: None,
        log_level: str = "WARNING",
        steady_delay_s: float = 1.0,
    ) -> Cloud:
        """Start the cloud of the platform in `folder` (see `keeper.make_folder`) and wait until it answers.

        A task counts as started, for its service's deployment, once it ran `steady_delay_s` seconds. Raises BadInput,
        with the end of its log, where the process ends or does not answer within START_DEADLINE_S seconds.
        """
        own = folder / "cloud"
        own.mkdir(mode=0o700, exist_ok=True)
        config = CloudConfig(
            platform=str(folder),
            folder=str(own),
            account=account,
            region=region,
            root_key="AKIA" + secrets.token_hex(8).upper(),
            root_secret=secrets.token_urlsafe(30),
            control_token=secrets.token_urlsafe(24),
            log_level=log_level,
            steady_delay_s=steady_delay_s,
        )
        config.ready_file.unlink(missing_ok=True)
        progress("starting the cloud")
        kept = {name: os.environ[name] for name in _LOADER if name in os.environ}
        process = spawn(
            [sys.executable, "-I", "-m", "pytest_substrate.embedded.cloud.server", str(config.write())],
            folder=folder,
            name="cloud",
            env={"PATH": "/usr/bin:/bin", "HOME": str(own), "TMPDIR": str(own), "LC_ALL": "C.UTF-8", **kept},
            cwd=own,
        )
        return cls(process=process, config=config, port=_await_port(process, config, folder / "logs" / "cloud.log"))

    def stop(self, *, grace_s: float = 3.0) -> None:
        """End the tasks and then the cloud; bounded by `grace_s` seconds and one more."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(timeout=grace_s)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(timeout=1.0)

    def register_cluster(self, name: str, coordinates: Mapping[str, Any]) -> None:
        """Tell MSK where cluster `name` really is; may be called before or after it is created, and again.

        Keys, all optional, the others stay: `brokers` (`[{"id": 1, "scram": "localhost:9096", "tls": …, "iam": …}]`),
        `admin` (`"127.0.0.1:PORT"`, the unauthenticated administration listener), `state` (MSK's word; None lets it
        follow from the brokers), `spread_delay_s`.
        """
        self.control("PUT", f"/_substrate/msk/{name}", coordinates)

    def execute(
        self, task: str, container: str, command: Sequence[str], *, deadline_s: float = 30.0, stdin: bytes = b""
    ) -> Executed:
        """Run `command` inside a running container (`task` is an ARN or an id), in its own environment."""
        asked = {
            "task": task,
            "container": container,
            "command": list(command),
            "deadline_s": deadline_s,
            "stdin_b64": base64.b64encode(stdin).decode("ascii"),
        }
        answer = self.control("POST", "/_substrate/exec", asked, timeout_s=deadline_s + 5.0)
        return Executed(
            exit_code=answer["exit_code"],
            stdout=base64.b64decode(answer["stdout_b64"]),
            stderr=base64.b64decode(answer["stderr_b64"]),
        )

    def control(self, method: str, path: str, body: Mapping[str, Any] | None = None, *, timeout_s: float = 10.0) -> Any:
        """One request on the control channel; its JSON answer. Raises ControlError."""
        return control(self.endpoint, self.control_token, method, path, body, timeout_s=timeout_s)


def control(
    endpoint: str,
    token: str,
    method: str,
    path: str,
    body: Mapping[str, Any] | None = None,
    *,
    timeout_s: float = 10.0,
) -> Any:
    """`Cloud.control` for a process that only holds the attach file's endpoint and token."""
    connection = http.client.HTTPConnection(endpoint.removeprefix("http://"), timeout=timeout_s)
    try:
        payload = None if body is None else json.dumps(dict(body))
        connection.request(method, path, payload, {CONTROL_HEADER: token, "content-type": "application/json"})
        response = connection.getresponse()
        answer = json.loads(response.read() or b"null")
        if response.status >= 400:
            raise ControlError(response.status, str((answer or {}).get("message", "")))
        return answer
    finally:
        connection.close()


def _await_port(process: subprocess.Popen[bytes], config: CloudConfig, log: Path) -> int:
    until = time.monotonic() + START_DEADLINE_S
    while True:
        try:
            return int(json.loads(config.ready_file.read_text(encoding="utf-8"))["port"])
        except FileNotFoundError:
            pass
        ended = process.poll() is not None
        if ended or time.monotonic() > until:
            what = f"it ended with {process.returncode}" if ended else f"no answer in {START_DEADLINE_S:.0f} s"
            last = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-1:] or ["(no output)"]
            process.kill()
            raise BadInput("the embedded cloud", f"{what}: {last[0]}", f"see {log}; install pytest-substrate[local]")
        time.sleep(0.005)
