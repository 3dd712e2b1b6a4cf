"""ECR as a reader of it needs it: what was asked for is there, or its absence is said."""

from __future__ import annotations

import hashlib
import urllib.request
from typing import Any

import pytest
from botocore.exceptions import ClientError

MISSING = "sha256:" + "0" * 64


def test_an_image_that_is_not_there(account: Any) -> None:
    """One of the named images is missing: the whole call says so, as on AWS, and gives no shorter list."""
    ecr = account.client("ecr")
    ecr.create_repository(repositoryName="acme/there")
    manifest = '{"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "layers": []}'
    put = ecr.put_image(repositoryName="acme/there", imageManifest=manifest, imageTag="1")["image"]["imageId"]

    [found] = ecr.describe_images(repositoryName="acme/there", imageIds=[{"imageDigest": put["imageDigest"]}])[
        "imageDetails"
    ]
    assert (put["imageDigest"], "ACTIVE") == (found["imageDigest"], found["imageStatus"])
    with pytest.raises(ClientError) as refused:
        ecr.describe_images(repositoryName="acme/there", imageIds=[{"imageTag": "1"}, {"imageDigest": MISSING}])
    assert "ImageNotFoundException" == refused.value.response["Error"]["Code"]
    assert MISSING in str(refused.value)


def refusal(call: Any, **asked: Any) -> str:
    """The code of the refusal."""
    with pytest.raises(ClientError) as refused:
        call(**asked)
    return str(refused.value.response["Error"]["Code"])


def test_layers_through_the_api(account: Any) -> None:
    """What is uploaded in parts is there; a digest that isn't its own, an unknown upload, and nothing are refused."""
    ecr = account.client("ecr")
    ecr.create_repository(repositoryName="acme/layers")
    data = b"a layer"
    digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
    asked = {
        "repositoryName": "acme/layers",
        "uploadId": ecr.initiate_layer_upload(repositoryName="acme/layers")["uploadId"],
    }
    assert "EmptyUploadException" == refusal(ecr.complete_layer_upload, **asked, layerDigests=[digest])
    for first, part in ((0, data[:3]), (3, data[3:])):
        ecr.upload_layer_part(**asked, partFirstByte=first, partLastByte=first + len(part) - 1, layerPartBlob=part)
    assert "InvalidLayerException" == refusal(ecr.complete_layer_upload, **asked, layerDigests=[MISSING])
    assert digest == ecr.complete_layer_upload(**asked, layerDigests=[digest])["layerDigest"]
    assert "UploadNotFoundException" == refusal(ecr.complete_layer_upload, **asked, layerDigests=[digest])

    told = ecr.batch_check_layer_availability(repositoryName="acme/layers", layerDigests=[digest, MISSING])
    assert ["AVAILABLE"] == [one["layerAvailability"] for one in told["layers"]]
    assert [MISSING] == [one["layerDigest"] for one in told["failures"]]
    url = ecr.get_download_url_for_layer(repositoryName="acme/layers", layerDigest=digest)["downloadUrl"]
    with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310  loopback
        assert data == answer.read()
    assert "LayersNotFoundException" == refusal(
        ecr.get_download_url_for_layer, repositoryName="acme/layers", layerDigest=MISSING
    )


def test_tags_that_may_not_move(account: Any) -> None:
    """The same again is said to be there; another manifest is refused, but where a filter exempts the tag."""
    ecr = account.client("ecr")
    filters = [{"filter": "dev-*", "filterType": "WILDCARD"}]
    ecr.create_repository(
        repositoryName="acme/tags",
        imageTagMutability="IMMUTABLE_WITH_EXCLUSION",
        imageTagMutabilityExclusionFilters=filters,
    )
    [told] = ecr.describe_repositories(repositoryNames=["acme/tags"])["repositories"]
    assert ("IMMUTABLE_WITH_EXCLUSION", filters) == (
        told["imageTagMutability"],
        told["imageTagMutabilityExclusionFilters"],
    )
    one, other = (
        f'{{"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "n": {number}}}'
        for number in (1, 2)
    )
    for tag in ("1.0.0", "dev-1"):
        ecr.put_image(repositoryName="acme/tags", imageManifest=one, imageTag=tag)
    same = {"repositoryName": "acme/tags", "imageManifest": one}
    assert "ImageAlreadyExistsException" == refusal(ecr.put_image, **same, imageTag="1.0.0")
    assert "ImageAlreadyExistsException" == refusal(ecr.put_image, **same)
    assert "ImageTagAlreadyExistsException" == refusal(
        ecr.put_image, repositoryName="acme/tags", imageManifest=other, imageTag="1.0.0"
    )
    ecr.put_image(repositoryName="acme/tags", imageManifest=other, imageTag="dev-1")
    ecr.put_image_tag_mutability(repositoryName="acme/tags", imageTagMutability="MUTABLE")
    ecr.put_image(repositoryName="acme/tags", imageManifest=other, imageTag="1.0.0")
