"""ECR, corrected: an image that isn't there is an error, layers go through its API, and no tag or digest moves quietly.

- DescribeImages of an image that is missing is an error, as on AWS, and no shorter list.
- Layers that are uploaded in parts are kept, and a digest that isn't theirs is InvalidLayerException.
- The download URL of a layer leads to this registry, and layers that are there are AVAILABLE.
- PutImage of what is there already is ImageAlreadyExistsException; exclusion filters of immutable tags are kept.
- ListImageReferrers tells the manifests whose subject is a digest.
- An image is of a repository in a region: a call for another region finds nothing.
"""

from __future__ import annotations

import base64
import fnmatch
import hashlib
import json
import secrets
from collections.abc import Callable
from typing import Any, Final

from ministack.core.responses import error_response_json, get_account_id, json_response
from ministack.services import ecr

Data = dict[str, Any]
_PART_BYTES: Final = 20 * 1024 * 1024
_names: Final = ("_describe_images", "_put_image", "_repo_shape", "_create_repository", "_put_image_tag_mutability")
_handle = ecr.handle_request
_own: Final[dict[str, Callable[..., Any]]] = {name: getattr(ecr, name) for name in _names}
_uploads: Final[dict[str, tuple[str, bytearray]]] = {}


def install(endpoint: str) -> None:
    """Correct the service, whose registry is at `endpoint` (`http://HOST:PORT`)."""
    ecr._describe_images = _describe
    ecr._put_image = _put_image
    ecr._repo_shape = _shape
    ecr._create_repository = _create
    ecr._put_image_tag_mutability = _set_mutability
    ecr._batch_check_layer_availability = _check_layers
    ecr._initiate_layer_upload = _begin
    ecr._upload_layer_part = _add
    ecr._complete_layer_upload = _complete
    ecr._get_download_url_for_layer = lambda data: _download(data, endpoint)
    ecr.handle_request = _handle_request


async def _handle_request(method: str, path: str, headers: Any, body: bytes, query: Any) -> Any:
    """ListImageReferrers, which ministack doesn't have; all else is its own."""
    if str(headers.get("x-amz-target", "")).endswith(".ListImageReferrers"):
        return _list_referrers(json.loads(body or b"{}"))
    return await _handle(method, path, headers, body, query)


def _list_referrers(data: Data) -> Any:
    refused = _missing_repository(data)
    if refused:
        return refused
    name, subject = data["repositoryName"], data.get("subjectId", {}).get("imageDigest")
    referrers = []
    for image in ecr._images.get(name, []):
        try:
            manifest = json.loads(image.get("imageManifest") or "{}")
        except ValueError:
            continue
        if (manifest.get("subject") or {}).get("digest") == subject:
            referrers.append(
                {
                    "digest": image["imageDigest"],
                    "mediaType": manifest.get("mediaType"),
                    "artifactType": manifest.get("artifactType") or manifest.get("config", {}).get("mediaType"),
                    "size": len(image["imageManifest"]),
                    "artifactStatus": "ACTIVE",
                }
            )
    return json_response({"referrers": referrers})


def _missing_repository(data: Data) -> Any:
    name = data.get("repositoryName", "")
    if name in ecr._repositories:
        return None
    said = f"The repository with name '{name}' does not exist in the registry with id '{get_account_id()}'"
    return error_response_json("RepositoryNotFoundException", said, 400)


def _describe(data: Data) -> Any:
    refused = _missing_repository(data)
    if refused:
        return refused
    name = data["repositoryName"]
    for wanted in data.get("imageIds") or []:
        if ecr._find_image(name, wanted) is None:
            told = ", ".join(f"{key}:'{value}'" for key, value in wanted.items())
            said = f"The image with imageId {{{told}}} does not exist within the repository with name '{name}' in the "
            return error_response_json("ImageNotFoundException", f"{said}registry with id '{get_account_id()}'", 400)
    answer = _own["_describe_images"](data)
    told = json.loads(answer[2])
    for detail in told["imageDetails"]:
        detail["imageStatus"] = "ACTIVE"
    return (answer[0], answer[1], json.dumps(told).encode())


def _put_image(data: Data) -> Any:
    refused = _missing_repository(data)
    if refused:
        return refused
    name, tag, manifest = data["repositoryName"], data.get("imageTag"), data.get("imageManifest", "")
    digest = f"sha256:{hashlib.sha256(manifest.encode()).hexdigest()}"
    said = f"the repository with name '{name}' in registry with id '{get_account_id()}'"
    if data.get("imageDigest", digest) != digest:
        return error_response_json(
            "ImageDigestDoesNotMatchException", f"The digest isn't the manifest's in {said}", 400
        )
    there = ecr._find_image(name, {"imageDigest": digest})
    if there is not None and (tag is None or tag in there.get("imageTags", [])):
        named = f"digest '{digest}'" + (f" and tag '{tag}'" if tag else "")
        return error_response_json("ImageAlreadyExistsException", f"Image with {named} already exists in {said}", 400)
    if tag and _is_immutable(name, tag) and ecr._find_image(name, {"imageTag": tag}) is not None:
        said = f"The image tag '{tag}' already exists in {said} and cannot be overwritten because the tag is immutable."
        return error_response_json("ImageTagAlreadyExistsException", said, 400)
    try:
        media_type = data.get("imageManifestMediaType") or json.loads(manifest)["mediaType"]
    except (ValueError, KeyError, TypeError):
        said = "Invalid parameter at 'ImageManifest' failed to satisfy constraint: 'Invalid JSON syntax'"
        return error_response_json("InvalidParameterException", said, 400)
    ecr._manifest_blobs.setdefault(name, {})[digest] = manifest.encode()
    return _own["_put_image"]({**data, "imageManifestMediaType": media_type})


def _is_immutable(name: str, tag: str) -> bool:
    repository = ecr._repositories[name]
    mode = str(repository.get("imageTagMutability", "MUTABLE"))
    filters = repository.get("imageTagMutabilityExclusionFilters") or []
    excluded = any(fnmatch.fnmatchcase(tag, one["filter"]) for one in filters)
    return mode.startswith("IMMUTABLE") != (mode.endswith("_WITH_EXCLUSION") and excluded)


def _shape(repository: Data) -> Data:
    told: Data = _own["_repo_shape"](repository)
    filters = repository.get("imageTagMutabilityExclusionFilters")
    return {**told, "imageTagMutabilityExclusionFilters": filters} if filters else told


def _create(data: Data) -> Any:
    answer = _own["_create_repository"](data)
    if answer[0] == 200 and data.get("imageTagMutabilityExclusionFilters"):
        filters = data["imageTagMutabilityExclusionFilters"]
        ecr._repositories[data["repositoryName"]]["imageTagMutabilityExclusionFilters"] = filters
    return answer


def _set_mutability(data: Data) -> Any:
    answer = _own["_put_image_tag_mutability"](data)
    if answer[0] == 200:
        filters = data.get("imageTagMutabilityExclusionFilters")
        ecr._repositories[data["repositoryName"]]["imageTagMutabilityExclusionFilters"] = filters
    return answer


def _check_layers(data: Data) -> Any:
    refused = _missing_repository(data)
    if refused:
        return refused
    held = ecr._layer_blobs.get(data["repositoryName"], {})
    layers = [
        {"layerDigest": digest, "layerAvailability": "AVAILABLE", "layerSize": len(held[digest])}
        for digest in data.get("layerDigests", [])
        if digest in held
    ]
    failures = [
        {"layerDigest": digest, "failureCode": "MissingLayerDigest", "failureReason": "The layer is not there"}
        for digest in data.get("layerDigests", [])
        if digest not in held
    ]
    return json_response({"layers": layers, "failures": failures})


def _begin(data: Data) -> Any:
    refused = _missing_repository(data)
    if refused:
        return refused
    upload = secrets.token_hex(16)
    _uploads[upload] = (data["repositoryName"], bytearray())
    return json_response({"uploadId": upload, "partSize": _PART_BYTES})


def _add(data: Data) -> Any:
    held = _held(data)
    if held is None:
        return _no_upload(data)
    held += base64.b64decode(data.get("layerPartBlob", ""))
    told = {key: data.get(key) for key in ("repositoryName", "uploadId")}
    return json_response({**told, "registryId": get_account_id(), "lastByteReceived": len(held) - 1})


def _complete(data: Data) -> Any:
    held = _held(data)
    if held is None:
        return _no_upload(data)
    if not held:
        return error_response_json("EmptyUploadException", "The upload has no parts", 400)
    name, found = data["repositoryName"], f"sha256:{hashlib.sha256(held).hexdigest()}"
    if found not in data.get("layerDigests", []):
        said = f"Invalid layer: the digest {found} of what was uploaded is not the one that was given"
        return error_response_json("InvalidLayerException", said, 400)
    _uploads.pop(data["uploadId"])
    ecr._layer_blobs.setdefault(name, {})[found] = bytes(held)
    told = {"registryId": get_account_id(), "repositoryName": name, "uploadId": data["uploadId"]}
    return json_response({**told, "layerDigest": found})


def _held(data: Data) -> bytearray | None:
    name, held = _uploads.get(data.get("uploadId", ""), (None, None))
    return held if name == data.get("repositoryName") else None


def _no_upload(data: Data) -> Any:
    refused = _missing_repository(data)
    return refused or error_response_json("UploadNotFoundException", "There is no such upload", 400)


def _download(data: Data, endpoint: str) -> Any:
    refused = _missing_repository(data)
    if refused:
        return refused
    name, digest = data["repositoryName"], data.get("layerDigest", "")
    if digest not in ecr._layer_blobs.get(name, {}):
        return error_response_json("LayersNotFoundException", f"The layer {digest} is not in '{name}'", 400)
    return json_response({"downloadUrl": f"{endpoint}/v2/{name}/blobs/{digest}", "layerDigest": digest})
