"""What stands before ministack in its own process: the control channel, what a task is told about itself, and no more.

`/_substrate/…` needs the control token, as do ministack's own administrative paths, which could reset the platform.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
import secrets
from collections.abc import Callable
from typing import Any, Final

from ministack.services import ecs_metadata

from pytest_substrate.embedded.cloud.config import CONTROL_HEADER
from pytest_substrate.embedded.cloud.ecs_tasks import Tasks
from pytest_substrate.embedded.cloud.issuer import PATH as ISSUER_PATH
from pytest_substrate.embedded.cloud.issuer import Issuer
from pytest_substrate.embedded.cloud.msk import Clusters
from pytest_substrate.embedded.cloud.roles import CredentialEndpoints
from pytest_substrate.embedded.runtime.container import CannotStart

_OPEN: Final = {"/_ministack/health", "/_ministack/ready", "/_localstack/health"}
_GUARDED: Final = ("/_substrate/", "/_ministack/", "/_localstack/")
_LARGEST: Final = 8 * 1024 * 1024
_LONGEST_S: Final = 300.0
Answer = tuple[int, Any]


class Front:
    """An ASGI application around `inner`."""

    def __init__(
        self,
        inner: Callable[..., Any],
        *,
        token: str,
        tasks: Tasks,
        clusters: Clusters,
        credentials: CredentialEndpoints,
        issuer: Issuer,
        on_placed: Callable[[str], None],
    ) -> None:
        self.inner = inner
        self.token = token
        self.tasks, self.clusters, self.credentials = tasks, clusters, credentials
        self.issuer = issuer
        self.on_placed = on_placed

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """One request."""
        path = scope.get("path", "") if scope["type"] == "http" else ""
        guarded = path.startswith(_GUARDED) and path not in _OPEN
        if path.startswith("/v4/"):
            # unsigned, and so refused by ministack's own authentication
            status, _, document = await ecs_metadata.handle_request("GET", path, {}, b"", {})
            await _send(send, (status, json.loads(document)))
        elif path.startswith("/v2/credentials/"):
            token = _header(scope, "authorization")
            await _send(send, self.credentials.read(path.rsplit("/", 1)[-1], token))
        elif path.startswith(ISSUER_PATH):
            query = scope.get("query_string", b"").decode("latin-1")
            authorization = _header(scope, "authorization")
            await _send(send, await asyncio.to_thread(self.issuer.serve, path, query, authorization))
        elif guarded and not secrets.compare_digest(_header(scope, CONTROL_HEADER), self.token):
            await _send(send, (403, {"message": f"the header {CONTROL_HEADER} lacks or is wrong"}))
        elif path.startswith("/_substrate/"):
            try:
                told = await self._control(scope["method"], path, json.loads(await _body(receive) or b"{}"))
            except (ValueError, KeyError, TypeError, binascii.Error) as error:
                told = (400, {"message": f"{type(error).__name__}: {error}"})
            await _send(send, told)
        else:
            await self.inner(scope, receive, send)

    async def _control(self, method: str, path: str, asked: dict[str, Any]) -> Answer:
        parts = path.strip("/").split("/")[1:]
        if parts[0] == "msk" and len(parts) == 2:
            place = self.clusters.place(parts[1])
            if method == "PUT":
                place.update(asked)
                if place.admin:
                    self.on_placed(place.admin)
            told = {"brokers": place.brokers, "admin": place.admin, "state": place.state}
            return 200, {**told, "spread_delay_s": place.spread_delay_s}
        if parts == ["ci"]:
            if method == "PUT":
                self.issuer.change(asked)
            return 200, {"environment": self.issuer.job(), "claims": self.issuer.claims}
        if parts == ["exec"] and method == "POST":
            return await asyncio.to_thread(self._execute, asked)
        return 404, {"message": f"nothing at {method} {path}"}

    def _execute(self, asked: dict[str, Any]) -> Answer:
        run = self.tasks.find(str(asked["task"]))
        container = run.containers.get(str(asked["container"])) if run else None
        if container is None:
            return 404, {"message": "no such running task, or no such container in it"}
        command, deadline = asked["command"], float(asked.get("deadline_s", 30.0))
        if not isinstance(command, list) or not command or not all(isinstance(word, str) for word in command):
            return 400, {"message": "command must be a list of strings"}
        try:
            ran = container.execute(
                command, deadline_s=min(deadline, _LONGEST_S), stdin=base64.b64decode(asked.get("stdin_b64", ""))
            )
        except CannotStart as error:
            return 409, {"message": str(error)}
        except TimeoutError as error:
            return 504, {"message": str(error)}
        out, err = (base64.b64encode(stream).decode("ascii") for stream in (ran.stdout, ran.stderr))
        return 200, {"exit_code": ran.exit_code, "stdout_b64": out, "stderr_b64": err}


def _header(scope: Any, name: str) -> str:
    wanted = name.encode()
    return next((value.decode("latin-1") for key, value in scope["headers"] if key.lower() == wanted), "")


async def _body(receive: Any) -> bytes:
    body = b""
    while True:
        message = await receive()
        body += bytes(message.get("body", b""))
        if len(body) > _LARGEST:
            raise ValueError(f"the body is larger than {_LARGEST} bytes")
        if not message.get("more_body"):
            return body


async def _send(send: Any, told: Answer) -> None:
    status, document = told
    payload = json.dumps(document).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(payload)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": payload})
