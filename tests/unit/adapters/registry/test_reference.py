"""What a person may type for an image and a platform."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_substrate.adapters.registry.reference import (
    LayoutReference,
    RegistryReference,
    parse_platform,
    parse_reference,
)
from pytest_substrate.model.errors import BadInput
from pytest_substrate.model.image import Platform

DIGEST = "sha256:" + "0a" * 32


@pytest.mark.parametrize(
    ("text", "folder", "tag"),
    [("oci:here", "here", None), ("oci:/a/b:v1.2", "/a/b", "v1.2"), ("oci:a:b:c@d/e", "a", "b:c@d/e")],
)
def test_a_layout_and_its_tag(text: str, folder: str, tag: str | None) -> None:
    """The first colon behind `oci:` parts them, as in skopeo."""
    assert LayoutReference(folder=Path(folder), tag=tag) == parse_reference(text)


@pytest.mark.parametrize(
    ("host", "repository"),
    [
        ("registry.example", "acme/ingest"),
        ("localhost", "a"),
        ("localhost:5000", "a/b/c"),
        ("127.0.0.1:5000", "a__b/c.d-e--f"),
        ("[::1]:5000", "a"),
        ("111122223333.dkr.ecr.eu-west-2.amazonaws.com", "acme/ingest"),
    ],
)
def test_an_image_of_a_registry(host: str, repository: str) -> None:
    """Registry, repository, digest."""
    expected = RegistryReference(host=host, repository=repository, digest=DIGEST)
    assert expected == parse_reference(f"{host}/{repository}@{DIGEST}")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "oci:",
        "oci:here:",
        "oci::v1",
        "registry.example/acme/ingest",
        "registry.example/acme/ingest:v1",
        f"registry.example/acme/ingest:v1@{DIGEST}",
        f"registry.example/acme/ingest:@{DIGEST}",
        f"acme/ingest@{DIGEST}",
        f"ingest@{DIGEST}",
        f"registry.example/Acme/ingest@{DIGEST}",
        f"registry.example/acme//ingest@{DIGEST}",
        f"registry.example/acme/ingest/@{DIGEST}",
        f"registry.example/a___b@{DIGEST}",
        f"registry.example/a..b@{DIGEST}",
        f"registry.example:port/a@{DIGEST}",
        f"-registry.example/a@{DIGEST}",
        f"https://registry.example/a@{DIGEST}",
        f"docker://registry.example/a@{DIGEST}",
        f"user:pass@registry.example/a@{DIGEST}",
        f"registry.example/{'a' * 260}@{DIGEST}",
        "registry.example/a@sha256:short",
        "registry.example/a@" + DIGEST.upper(),
        "registry.example/a@sha512:" + "0" * 128,
        f"registry.example/a@{DIGEST}0",
        f"registry.example/a@{DIGEST}\n",
        f"registry.example/a@{DIGEST}@{DIGEST}",
        f" registry.example/a@{DIGEST}",
        f"registry.example/é@{DIGEST}",
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    """With what is wrong, and never a guess."""
    with pytest.raises(BadInput):
        parse_reference(text)


@pytest.mark.parametrize(
    ("text", "platform"),
    [
        ("linux/amd64", Platform(os="linux", architecture="amd64")),
        ("linux/arm64/v8", Platform(os="linux", architecture="arm64", variant="v8")),
        ("windows(10.0.1)/amd64", Platform(os="windows", os_version="10.0.1", architecture="amd64")),
    ],
)
def test_a_platform(text: str, platform: Platform) -> None:
    """And how it is written again."""
    assert platform == parse_platform(text)
    assert text == str(platform)


@pytest.mark.parametrize(
    "text", ["", "linux", "linux/", "/amd64", "linux/amd64/", "Linux/amd64", "linux/amd64/v1/x", "linux amd64"]
)
def test_what_is_no_platform(text: str) -> None:
    """Refused."""
    with pytest.raises(BadInput):
        parse_platform(text)
