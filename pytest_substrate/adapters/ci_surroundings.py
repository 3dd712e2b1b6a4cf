"""What in a CI job's environment could answer AWS calls instead of its token: names and places, no values."""

from __future__ import annotations

import configparser
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from pytest_substrate.model.ci import CiSurroundings

_KEY, _SESSION = "AWS_ACCESS_KEY_ID", "AWS_SESSION_TOKEN"
_CONTAINER: Final = (
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
)
_FILES: Final = (("AWS_SHARED_CREDENTIALS_FILE", ".aws/credentials"), ("AWS_CONFIG_FILE", ".aws/config"))

_ANSWERING: Final = frozenset(
    {
        *("credential_process", "credential_source", "source_profile", "login_session"),
        *("sso_session", "sso_start_url", "web_identity_token_file"),
    }
)
"""Settings of a profile by which an SDK finds credentials without being told of it."""


def observe_ci_surroundings(environment: Mapping[str, str], home: Path | None) -> CiSurroundings:
    """Look at the job's variables and, where `home` is given, at the files that SDKs read there or where they say."""
    held = {name: value for name, value in environment.items() if value}
    keys = [f"the variable {_KEY}"] if _KEY in held and _SESSION not in held else []
    found = list(_in_files(held, home))
    variables = ("AWS_PROFILE", "AWS_DEFAULT_PROFILE")
    return CiSurroundings(
        static_keys=(*keys, *(where for kind, where in found if kind == "keys")),
        endpoints=(
            *(f"the variable {name}" for name in sorted(held) if name.startswith("AWS_ENDPOINT_URL")),
            *(where for kind, where in found if kind == "endpoint"),
        ),
        profiles=(
            *(f"the variable {name}" for name in variables if name in held),
            *(where for kind, where in found if kind == "profile"),
        ),
        container_credentials=tuple(f"the variable {name}" for name in _CONTAINER if name in held),
    )


def _in_files(held: Mapping[str, str], home: Path | None) -> Iterator[tuple[str, str]]:
    """What the files hold: long-lived keys in any profile; a default that answers by itself; other endpoints."""
    for variable, usual in _FILES:
        named = held.get(variable)
        if named is None and home is None:
            continue
        path = Path(named).expanduser() if named is not None else Path(home or ".") / usual
        parser = configparser.RawConfigParser(strict=False, allow_no_value=True, default_section="")
        try:
            parser.read_string(path.read_text(encoding="utf-8", errors="replace"))
        except (OSError, configparser.Error):
            continue
        for section in parser.sections():
            held_here = dict(parser.items(section))
            has = {key for key, value in held_here.items() if value}
            if "aws_access_key_id" in has and "aws_session_token" not in has:
                yield "keys", f"[{section}] in {path.name}"
            if section == "default" and has & _ANSWERING:
                yield "profile", f"{min(has & _ANSWERING)} of [default] in {path.name}"
            if "endpoint_url" in has or (
                section.startswith("services ") and "endpoint_url" in str(parser.items(section))
            ):
                yield "endpoint", f"endpoint_url of [{section}] in {path.name}"
