"""The credential that docker would use for a registry: `auths` of `config.json` in `DOCKER_CONFIG`, else `~/.docker`.

Credential helpers are programs, and none is run. A file that can't be read holds no credential, as with docker.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

_LARGEST: Final = 4 * 1024 * 1024
_HUB: Final = "https://index.docker.io/v1/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """A user and a password, or a token in their place; never shown."""

    username: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    identity_token: str = field(default="", repr=False)
    registry_token: str = field(default="", repr=False)

    @property
    def basic(self) -> str | None:
        """The Authorization header of a user and a password."""
        if not self.username and not self.password:
            return None
        return "Basic " + base64.b64encode(f"{self.username}:{self.password}".encode()).decode()


def credential_for(host: str, environ: Mapping[str, str] = os.environ) -> Credential:
    """What docker has for a registry (`host` with its port, where one was typed); empty where that is nothing."""
    folder = environ.get("DOCKER_CONFIG") or Path(environ.get("HOME") or "~").expanduser() / ".docker"
    auths = _auths(Path(folder) / "config.json")
    key = _HUB if host in ("docker.io", "index.docker.io", "registry-1.docker.io") else host
    found = auths.get(key)
    if found is None:
        found = next((entry for name, entry in auths.items() if _host(name) == _host(key)), None)
    return _credential(found) if isinstance(found, dict) else Credential()


def _auths(path: Path) -> Mapping[str, Any]:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            document = json.loads(file.read(_LARGEST))
    except (OSError, ValueError, RecursionError):
        return {}
    auths = document.get("auths") if isinstance(document, dict) else None
    return auths if isinstance(auths, dict) else {}


def _host(name: str) -> str:
    """A key without scheme and path, as docker's ConvertToHostname."""
    return name.removeprefix("http://").removeprefix("https://").partition("/")[0]


def _credential(entry: Mapping[str, Any]) -> Credential:
    username, password = _text(entry, "username"), _text(entry, "password")
    packed = _text(entry, "auth")
    if packed:
        try:
            told = base64.b64decode(packed, validate=True).decode()
        except (binascii.Error, ValueError):
            told = ""
        user, colon, rest = told.partition(":")
        if colon:
            username, password = user, rest.strip("\0")
    return Credential(
        username=username,
        password=password,
        identity_token=_text(entry, "identitytoken"),
        registry_token=_text(entry, "registrytoken"),
    )


def _text(entry: Mapping[str, Any], key: str) -> str:
    found = entry.get(key)
    return found if isinstance(found, str) else ""
