"""ECR, corrected: an image that was asked for and isn't there is an error, as on AWS, and no shorter list."""

from __future__ import annotations

import json
from typing import Any

from ministack.core.responses import error_response_json, get_account_id
from ministack.services import ecr

_describe_images = ecr._describe_images


def install() -> None:
    """Correct the service."""
    ecr._describe_images = _describe


def _describe(data: dict[str, Any]) -> Any:
    answer = _describe_images(data)
    if answer[0] != 200:
        return answer
    name = data["repositoryName"]
    for wanted in data.get("imageIds") or []:
        if ecr._find_image(name, wanted) is None:
            told = ", ".join(f"{key}:'{value}'" for key, value in wanted.items())
            said = f"The image with imageId {{{told}}} does not exist within the repository with name '{name}' in the "
            return error_response_json("ImageNotFoundException", f"{said}registry with id '{get_account_id()}'", 400)
    told = json.loads(answer[2])
    for detail in told["imageDetails"]:
        detail["imageStatus"] = "ACTIVE"
    return (answer[0], answer[1], json.dumps(told).encode())
