"""ECR as a reader of it needs it: what was asked for is there, or its absence is said."""

from __future__ import annotations

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
