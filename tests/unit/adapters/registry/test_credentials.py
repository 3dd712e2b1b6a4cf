"""Credentials as docker has them."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from pytest_substrate.adapters.registry.credentials import Credential, credential_for

PAIR = base64.b64encode(b"user:pa:ss").decode()


def found(folder: Path, host: str, document: Any) -> Credential:
    """What a configuration holds for a host."""
    text = document if isinstance(document, str) else json.dumps(document)
    (folder / "config.json").write_text(text)
    return credential_for(host, {"DOCKER_CONFIG": str(folder)})


@pytest.mark.parametrize(
    ("key", "host"),
    [
        ("registry.example", "registry.example"),
        ("https://registry.example", "registry.example"),
        ("http://registry.example/v1/", "registry.example"),
        ("registry.example:5000", "registry.example:5000"),
        ("https://index.docker.io/v1/", "docker.io"),
    ],
)
def test_a_key_is_found_as_docker_finds_it(tmp_path: Path, key: str, host: str) -> None:
    """With or without scheme and path, ports exactly."""
    credential = found(tmp_path, host, {"auths": {key: {"auth": PAIR}}})
    assert ("user", "pa:ss") == (credential.username, credential.password)
    assert f"Basic {PAIR}" == credential.basic


@pytest.mark.parametrize("host", ["other.example", "registry.example:5000", "registry.example.evil", "gistry.example"])
def test_no_other_host_gets_it(tmp_path: Path, host: str) -> None:
    """Not another port either."""
    assert Credential() == found(tmp_path, host, {"auths": {"registry.example": {"auth": PAIR}}})


@pytest.mark.parametrize(
    "document",
    [
        "",
        "{",
        "[]",
        {"auths": []},
        {"auths": {"h": None}},
        {"auths": {"h": {}}},
        {"auths": {"h": {"auth": "%"}}},
        {"auths": {"h": {"auth": "dXNlcg=="}}},
        {"auths": {"h": {"auth": 3}}},
        "[" * 100000,
    ],
)
def test_a_configuration_without_one_is_none(tmp_path: Path, document: Any) -> None:
    """However it is damaged."""
    assert None is found(tmp_path, "h", document).basic


def test_tokens_and_plain_pairs_are_taken(tmp_path: Path) -> None:
    """The other forms that docker writes."""
    told = {"username": "u", "password": "p", "identitytoken": "i", "registrytoken": "r"}
    expected = Credential(username="u", password="p", identity_token="i", registry_token="r")
    assert expected == found(tmp_path, "h", {"auths": {"h": told}})


def test_without_docker_config_it_is_the_home_folder(tmp_path: Path) -> None:
    """`~/.docker/config.json`; nothing where there is none."""
    assert Credential() == credential_for("h", {"HOME": str(tmp_path)})
    (tmp_path / ".docker").mkdir()
    (tmp_path / ".docker/config.json").write_text(json.dumps({"auths": {"h": {"auth": PAIR}}}))
    assert "user" == credential_for("h", {"HOME": str(tmp_path)}).username
