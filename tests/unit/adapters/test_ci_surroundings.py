"""What around a CI job would answer instead of its token, by the files and variables that SDKs read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pytest_substrate.adapters.ci_surroundings import observe_ci_surroundings
from pytest_substrate.model.ci import CiSurroundings


@pytest.mark.parametrize(
    ("file", "text", "expected"),
    [
        ("credentials", "[default]\naws_access_key_id = AKIA\n", {"static_keys": ("[default] in credentials",)}),
        ("credentials", "[ci]\naws_access_key_id = AKIA\n", {"static_keys": ("[ci] in credentials",)}),
        ("credentials", "[default]\naws_access_key_id = ASIA\naws_session_token = t\n", {}),
        ("config", "[default]\nregion = eu-west-2\n", {}),
        ("config", "[default]\ncredential_process = x\n", {"profiles": ("credential_process of [default] in config",)}),
        ("config", "[default]\nsso_session = x\n", {"profiles": ("sso_session of [default] in config",)}),
        ("config", "[profile other]\nsso_session = x\n", {}),
        ("config", "[profile x]\nendpoint_url = http://x\n", {"endpoints": ("endpoint_url of [profile x] in config",)}),
        (
            "config",
            "[services x]\nsts =\n  endpoint_url = http://x\n",
            {"endpoints": ("endpoint_url of [services x] in config",)},
        ),
        ("config", "no file of profiles", {}),
    ],
)
def test_files(tmp_path: Path, file: str, text: str, expected: dict[str, Any]) -> None:
    """Names and places, and no values."""
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws" / file).write_text(text, encoding="utf-8")
    assert CiSurroundings(**expected) == observe_ci_surroundings({}, tmp_path)


def test_variables(tmp_path: Path) -> None:
    """Empty ones are none, and those of a session are no static keys."""
    session = {"AWS_ACCESS_KEY_ID": "ASIA", "AWS_SESSION_TOKEN": "t", "AWS_PROFILE": ""}
    assert CiSurroundings() == observe_ci_surroundings(session, tmp_path)
    found = observe_ci_surroundings(
        {"AWS_ACCESS_KEY_ID": "AKIA", "AWS_DEFAULT_PROFILE": "x", "AWS_ENDPOINT_URL_STS": "http://x"}, tmp_path
    )
    assert ("the variable AWS_ACCESS_KEY_ID",) == found.static_keys
    assert ("the variable AWS_DEFAULT_PROFILE",) == found.profiles
    assert ("the variable AWS_ENDPOINT_URL_STS",) == found.endpoints
