"""The platform's control endpoint: faults and the changes of stories are made and undone over loopback, with a token
from the attach file.

It is how a later run reaches a platform that `substrate up` keeps. What a fault or a chapter does, it does through the
platform's public API; the endpoint only says which.
"""

from __future__ import annotations

import contextlib
import hmac
import json
import secrets
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

from pytest_substrate.embedded.faults import find_fault
from pytest_substrate.embedded.platform.platform import Platform
from pytest_substrate.embedded.replay import find_chapter
from pytest_substrate.model.errors import BadInput


class Control:
    """Serves one platform. Changes nest: the last one made is undone first."""

    def __init__(self, platform: Platform) -> None:
        self.token = secrets.token_urlsafe(24)
        self._platform = platform
        self._applied: dict[str, contextlib.AbstractContextManager[None]] = {}
        self._lock = threading.Lock()
        control = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                control._answer(self)

            def log_message(self, format: str, *args: object) -> None:
                """Requests are nobody's reading."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, name="control", daemon=True).start()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def stop(self) -> None:
        """Answer nobody any more."""
        self._server.shutdown()

    def _answer(self, request: BaseHTTPRequestHandler) -> None:
        status: int = 403
        body: Mapping[str, Any] = {"error": "the token of the attach file is asked for"}
        if hmac.compare_digest(request.headers.get("Authorization", ""), f"Bearer {self.token}"):
            status, body = self._act(request.path)
        data = json.dumps(body).encode()
        request.send_response(status)
        request.send_header("Content-Type", "application/json")
        request.send_header("Content-Length", str(len(data)))
        request.end_headers()
        request.wfile.write(data)

    def _act(self, path: str) -> tuple[int, Mapping[str, Any]]:
        match path.strip("/").split("/"):
            case ["faults"]:
                return 200, {"applied": list(self._applied)}
            case ["faults", name, "apply"]:
                return self._guarded(self._apply, unquote(name))
            case ["faults", "undo"]:
                return self._guarded(self._undo_all, "")
            case ["chapters", name, "apply"]:
                return self._guarded(self._begin_chapter, unquote(name))
            case ["chapters", name, "undo"]:
                return self._guarded(self._take_back, unquote(name))
        return 404, {"error": "no such control"}

    def _guarded(self, act: Any, name: str) -> tuple[int, Mapping[str, Any]]:
        with self._lock:
            try:
                act(name)
            except BadInput as error:
                return 400, {"error": str(error)}
            except Exception as error:  # noqa: BLE001  whatever a fault met must reach the one who asked for it
                return 500, {"error": f"{type(error).__name__}: {error}"}
        return 200, {"applied": list(self._applied)}

    def _apply(self, name: str) -> None:
        if name in self._applied:
            raise BadInput(f"fault {name!r}", "it is applied already", "name it once")
        self._make(name, find_fault(name).applied(self._platform))

    def _begin_chapter(self, name: str) -> None:
        self._make(name, find_chapter(name).applied(self._platform))

    def _make(self, name: str, change: contextlib.AbstractContextManager[None]) -> None:
        change.__enter__()
        self._applied[name] = change

    def _take_back(self, name: str) -> None:
        if next(reversed(self._applied), None) != name:
            raise BadInput(f"chapter {name!r}", "it is not the last change that was made", "undo all of them")
        _, change = self._applied.popitem()
        change.__exit__(None, None, None)

    def _undo_all(self, _: str) -> None:
        while self._applied:
            _name, broken = self._applied.popitem()
            broken.__exit__(None, None, None)
