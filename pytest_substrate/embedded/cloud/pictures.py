"""Images on their way from the registry to a container: resolved, pulled under the execution role, unpacked once."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from ministack.core.concurrency import spawn_background
from ministack.core.responses import request_scope
from ministack.services import ecr

from pytest_substrate.embedded.cloud.resources import Place
from pytest_substrate.embedded.cloud.roles import RoleSession
from pytest_substrate.embedded.runtime.images import digest_of
from pytest_substrate.embedded.runtime.rootfs import UnsafeArchive, unpacked

_REFERENCE = re.compile(
    r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(\.cn)?/(?P<name>[a-z0-9._/-]+?)"
    r"(:(?P<tag>[\w][\w.-]{0,127}))?(@(?P<digest>sha256:[0-9a-f]{64}))?"
)
_ARCHITECTURES: Final = {"X86_64": "amd64", "ARM64": "arm64", "": "amd64"}
_PULL: Final = ("ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer", "ecr:BatchCheckLayerAvailability")


class CannotPull(Exception):
    """An image that can't be had; ECS's own words, without `CannotPullContainerError`."""


class PullRefused(Exception):
    """The execution role may not ask the registry at all; the end of ECS's own sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A pulled image: what its reference resolved to, its configuration, and its shared tree."""

    digest: str
    configuration: Mapping[str, Any] = field(repr=False)
    tree: Path

    def words(self, key: str) -> tuple[str, ...]:
        """A list of the configuration: `Entrypoint`, `Cmd`, `Env`."""
        return tuple(self.configuration.get(key) or ())


def install(cache: Path) -> None:
    """Unpack an image as soon as it is pushed, beside everything else, so that its first task need not wait."""
    put = ecr._v2_put_manifest

    def put_manifest(name: str, reference: str, headers: Any, body: bytes) -> Any:
        answer = put(name, reference, headers, body)
        if answer[0] == 201:
            spawn_background(_unpack, name, digest_of(bytes(body)), bytes(body), cache, thread_name="unpack")
        return answer

    ecr._v2_put_manifest = put_manifest


def resolve(reference: str) -> str | None:
    """The digest that a reference names now; None where the registry has none."""
    found = _REFERENCE.fullmatch(reference)
    if found is None:
        return None
    with request_scope(found["account"], found["region"]):
        digest, _, _ = ecr._resolve_manifest(found["name"], found["digest"] or found["tag"] or "latest")
    return str(digest) if digest else None


def pull(reference: str, *, session: RoleSession | None, cache: Path, architecture: str = "") -> Picture:
    """Pull and unpack an image; `architecture` is ECS's word. Raises CannotPull, PullRefused."""
    found = _REFERENCE.fullmatch(reference)
    if found is None:
        first, slash, _ = reference.partition("/")
        host = first if slash and ("." in first or ":" in first) else "registry-1.docker.io"
        raise CannotPull(f'failed to do request: Head "https://{host}/v2/": dial tcp: lookup {host}: no such host')
    if session is not None:
        _may_pull(session, found["name"], Place(region=found["region"], account=found["account"]))
    with request_scope(found["account"], found["region"]):
        name, wanted = found["name"], found["digest"] or found["tag"] or "latest"
        digest, manifest, _ = ecr._resolve_manifest(name, wanted)
        if digest is None:
            raise CannotPull(f"failed to resolve ref {reference}: {reference}: not found")
        own, described = _choose(name, str(digest), bytes(manifest), architecture)
        configuration = json.loads(_blob(name, json.loads(described)["config"]["digest"]))
        tree = _unpack(name, own, described, cache)
    return Picture(digest=str(digest), configuration=configuration.get("config") or {}, tree=tree)


def _unpack(name: str, digest: str, manifest: bytes, cache: Path) -> Path:
    layers = [(one["digest"], _blob(name, one["digest"])) for one in json.loads(manifest).get("layers", [])]
    try:
        return unpacked(digest, layers, cache)
    except UnsafeArchive as error:
        raise CannotPull(f"failed to extract layer: {error}") from error


def _may_pull(session: RoleSession, name: str, place: Place) -> None:
    asking = "unable to pull secrets or registry auth: execution resource retrieval failed: unable to retrieve ecr "
    denied = session.may("ecr:GetAuthorizationToken", "*")
    if denied:
        raise PullRefused(f"{asking}registry auth: AccessDeniedException: {denied}")
    for action in _PULL:
        denied = session.may(action, place.arn("ecr", f"repository/{name}"))
        if denied:
            raise CannotPull(f"pull image manifest: 403 Forbidden: {denied}")


def _choose(name: str, digest: str, manifest: bytes, architecture: str) -> tuple[str, bytes]:
    """The image itself: of an index, the one for the task's platform; its digest and its manifest."""
    parsed = json.loads(manifest)
    if "manifests" not in parsed:
        return digest, manifest
    wanted = _ARCHITECTURES.get(architecture, "amd64")
    for entry in parsed["manifests"]:
        platform = entry.get("platform") or {}
        if platform.get("architecture") == wanted and platform.get("os") == "linux":
            _, child, _ = ecr._resolve_manifest(name, entry["digest"])
            if child is not None and digest_of(child) == entry["digest"]:
                return entry["digest"], bytes(child)
    raise CannotPull(f"image Manifest does not contain descriptor matching platform 'linux/{wanted}'")


def _blob(name: str, digest: str) -> bytes:
    held = ecr._layer_blobs.get(name, {}).get(digest)
    if held is None:
        raise CannotPull(f"failed to copy: httpReadSeeker: {name}: blob {digest} not found")
    return bytes(held)
