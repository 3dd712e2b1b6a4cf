"""Which client the runtime ships and how it is configured, and its own round trip (`roundtrip.py`), bounded."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from typing import Any, Mapping

from .wire import Broken

ROUNDTRIP = ""
"""The text of `roundtrip.py`, where the bundle put it; else it is read from beside this file."""

SETTINGS = ("ssl_cafile", "ssl_certfile", "ssl_keyfile")


def client_seen(name: str, setting: str | None) -> dict[str, Any]:
    """The client's name, the version that the first folder on `sys.path` with its metadata names, its `api_version`."""
    seen = {"name": name}
    pattern = re.sub(r"[-_.]+", "[-_.]+", name) + r"-([^-]+)(-py.*)?\.(dist|egg)-info"
    for folder in reversed(sys.path):
        if os.path.isdir(folder or "."):
            for entry in os.listdir(folder or "."):
                found = re.match(pattern, entry, re.IGNORECASE)
                if found:
                    seen["version"] = found.group(1)
    if setting and setting != "auto":
        seen["api_version"] = setting
    return seen


def start_client() -> Any:
    """The process of its own, which imports the client meanwhile and waits for its task."""
    text = ROUNDTRIP
    if not text:
        with open(os.path.join(os.path.dirname(__file__), "roundtrip.py"), encoding="utf-8") as file:
            text = file.read()
    pipe = subprocess.PIPE
    command = [sys.executable, "-I", "-S", "-c", text, json.dumps(sys.path)]
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL)


def client_round_trip(
    child: Any, asked: Mapping[str, Any], setup: Any, servers: list[str], seen: dict[str, Any]
) -> None:
    """Give it its task and note how far it came; `Broken` unless it came all the way."""
    if not child:
        raise Broken("client-unknown")
    settings = {"bootstrap_servers": servers, "security_protocol": asked["protocol"]}  # type: dict[str, Any]
    settings.update((name, path) for name, path in zip(SETTINGS, setup.files) if path)
    if setup.mechanism:
        settings["sasl_mechanism"] = setup.mechanism
    for name in ("username", "password"):
        if name in setup.secret:
            settings["sasl_plain_" + name] = setup.secret[name]
    if seen.get("api_version"):
        settings["api_version"] = [int(part) for part in re.findall(r"\d+", seen["api_version"])]
    seconds = asked["client_deadline_s"]
    value = os.urandom(16).hex()
    task = {"seconds": seconds, "settings": settings, "topic": asked["smoke_topic"], "value": value}
    cause = "client-failed"
    try:
        out = child.communicate(json.dumps(task).encode() + b"\n", seconds)[0]
    except subprocess.TimeoutExpired:
        child.kill()
        out = child.communicate()[0]
        cause = "client-hangs"
    words = out.decode().split()
    seen["ran"] = True
    if words and words[-1][0] == "!":
        seen["error_code"] = words.pop()[1:]
    seen["phase"] = words[-1] if words else "start"
    if seen["phase"] != "done":
        raise Broken("client-missing" if seen["phase"] == "import" and cause == "client-failed" else cause)
