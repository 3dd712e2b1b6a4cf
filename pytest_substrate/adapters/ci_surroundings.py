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


def observe_ci_surroundings(environment: Mapping[str, str], home: Path | None) -> CiSurroundings:
    """Look at the job's variables and, where `home` is given, at the files that SDKs read there or where they say."""
    held = {name: value for name, value in environment.items() if value}
    keys = [f"the variable {_KEY}"] if _KEY in held and _SESSION not in held else []
    return CiSurroundings(
        static_keys=(*keys, *_keys_in_files(held, home)),
        endpoints=tuple(f"the variable {name}" for name in sorted(held) if name.startswith("AWS_ENDPOINT_URL")),
        profiles=tuple(f"the variable {name}" for name in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE") if name in held),
        container_credentials=tuple(f"the variable {name}" for name in _CONTAINER if name in held),
    )


def _keys_in_files(held: Mapping[str, str], home: Path | None) -> Iterator[str]:
    for variable, usual in _FILES:
        named = held.get(variable)
        if named is None and home is None:
            continue
        path = Path(named).expanduser() if named is not None else Path(home or ".") / usual
        parser = configparser.RawConfigParser(strict=False, allow_no_value=True)
        try:
            parser.read_string(path.read_text(encoding="utf-8", errors="replace"))
        except (OSError, configparser.Error):
            continue
        for section in parser.sections():
            if parser.get(section, "aws_access_key_id", fallback=None) and not parser.get(
                section, "aws_session_token", fallback=None
            ):
                yield f"[{section}] in {path.name}"
