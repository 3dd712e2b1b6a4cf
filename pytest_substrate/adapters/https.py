"""One JSON document from one host: over verified TLS, without proxy, redirect, or credentials of the surroundings."""

from __future__ import annotations

import http.client
import json
import ssl
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit

from pytest_substrate.model.facts import line
from pytest_substrate.model.observation import Unobserved

DEADLINE_S: Final = 10.0
"""Of each step: connection, request, answer."""
LONGEST: Final = 256 * 1024
"""Bytes of an answer."""
_LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")


def get_json(url: str, *, bearer: str | None = None) -> Mapping[str, Any] | Unobserved:
    """The JSON object at `url`. Plain HTTP is spoken to loopback alone; `bearer` goes to that one host."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme != "https" and not (parts.scheme == "http" and host in _LOOPBACK):
        return Unobserved(reason="untrusted", detail=f"{line(host, 60)} would be asked without TLS")
    answer = _ask(parts, host, bearer)
    if isinstance(answer, Unobserved):
        return answer
    status, body = answer
    if status != 200:
        return Unobserved(reason="refused", code=str(status), detail=f"{host} answered {status}")
    try:
        found = json.loads(body) if len(body) <= LONGEST else None
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        return Unobserved(reason="malformed", detail=f"{host} answered no JSON object")
    return found


def _ask(parts: SplitResult, host: str, bearer: str | None) -> tuple[int, bytes] | Unobserved:
    headers = {"Accept": "application/json", "User-Agent": "pytest-substrate"}
    if bearer is not None:
        headers["Authorization"] = f"bearer {bearer}"
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(host, parts.port, timeout=DEADLINE_S)
    try:
        connection.request("GET", f"{parts.path}?{parts.query}" if parts.query else parts.path, headers=headers)
        response = connection.getresponse()
        return response.status, response.read(LONGEST + 1)
    except TimeoutError:
        return Unobserved(reason="timeout", detail=f"{host} did not answer within {DEADLINE_S:g} s")
    except ssl.SSLError as error:
        return Unobserved(reason="untrusted", detail=f"TLS to {host} failed: {line(error.reason, 60)}")
    except (OSError, ValueError, http.client.HTTPException) as error:
        return Unobserved(reason="unreachable", detail=f"{host}: {type(error).__name__}")
    finally:
        connection.close()
