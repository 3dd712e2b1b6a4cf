"""An image as ECR has it: found by digest, its index read and held against that digest."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.stub import Stubber

from pytest_substrate.adapters.aws.ecr import read_image
from pytest_substrate.model.aws.registry import INDEX_TYPES, MANIFEST_TYPES, Child, RegistryImage
from pytest_substrate.model.observation import Missing, Unobserved

ACCOUNT, REPOSITORY = "111122223333", "acme/ingest"
PLAIN = "sha256:" + "a" * 64
INDEX = json.dumps(
    {
        "manifests": [
            {"digest": "sha256:" + "1" * 64, "platform": {"os": "linux", "architecture": "amd64"}},
            {"digest": "sha256:" + "2" * 64, "platform": {"os": "unknown", "architecture": "unknown"}},
            {"digest": "sha256:" + "3" * 64},
        ]
    }
)
DIGEST = f"sha256:{hashlib.sha256(INDEX.encode()).hexdigest()}"
Stubs = Callable[[str], tuple[Any, Stubber]]


def detail(digest: str, media_type: str) -> dict[str, Any]:
    """What DescribeImages answers of one image."""
    return {"imageDetails": [{"imageDigest": digest, "imageManifestMediaType": media_type, "imageStatus": "ACTIVE"}]}


def test_an_image(stub: Stubs) -> None:
    """An image of its own needs no manifest: it has no children."""
    client, stubber = stub("ecr")
    asked = {"registryId": ACCOUNT, "repositoryName": REPOSITORY, "imageIds": [{"imageDigest": PLAIN}]}
    stubber.add_response("describe_images", detail(PLAIN, MANIFEST_TYPES[0]), asked)
    found = read_image(client, ACCOUNT, REPOSITORY, PLAIN)
    assert RegistryImage(digest=PLAIN, state="ACTIVE", media_type=MANIFEST_TYPES[0], pushed=None) == found


def test_an_index(stub: Stubs) -> None:
    """Each child of an index with a platform is told, attestations among them."""
    client, stubber = stub("ecr")
    stubber.add_response("describe_images", detail(DIGEST, INDEX_TYPES[0]))
    stubber.add_response("batch_get_image", {"images": [{"imageManifest": INDEX}], "failures": []})
    found = read_image(client, ACCOUNT, REPOSITORY, DIGEST)
    assert isinstance(found, RegistryImage)
    assert found.is_index
    assert Child(digest="sha256:" + "1" * 64, system="linux", architecture="amd64") == found.child("linux", "amd64")
    assert found.child("linux", "arm64") is None


def test_another_manifest_than_the_digest(stub: Stubs) -> None:
    """A manifest that doesn't hash to the digest it was asked by proves nothing."""
    client, stubber = stub("ecr")
    stubber.add_response("describe_images", detail(DIGEST, INDEX_TYPES[0]))
    stubber.add_response("batch_get_image", {"images": [{"imageManifest": INDEX + " "}], "failures": []})
    found = read_image(client, ACCOUNT, REPOSITORY, DIGEST)
    assert isinstance(found, Unobserved)
    assert ("malformed", "ecr:BatchGetImage") == (found.reason, found.operation)


@pytest.mark.parametrize("code", ["ImageNotFoundException", "RepositoryNotFoundException"])
def test_an_image_that_is_missing(stub: Stubs, code: str) -> None:
    """The registry's own word for it, where the image or the whole repository isn't there."""
    client, stubber = stub("ecr")
    stubber.add_client_error("describe_images", code)
    missing = Missing(what=f"{REPOSITORY}@{PLAIN}", code=code, operation="ecr:DescribeImages")
    assert missing == read_image(client, ACCOUNT, REPOSITORY, PLAIN)
