"""Pushing an image to a registry that speaks the distribution protocol (`/v2/`), over plain loopback HTTP."""

from __future__ import annotations

import http.client
from urllib.parse import urlsplit

from pytest_substrate.embedded.runtime.images import Image


class PushRefused(Exception):
    """The registry did not take a part: what it was, the status, the registry's words."""


def push(image: Image, *, registry: str, repository: str, tag: str | None = None) -> str:
    """Push `image`, an index with its parts, to `repository` (which exists) at `registry` (HOST:PORT); its digest.

    `tag` also names it; a tag that is there moves, where the repository allows it.
    """
    target = _Repository(registry, repository)
    try:
        target.push(image, tag)
    finally:
        target.connection.close()
    return image.digest


class _Repository:
    def __init__(self, registry: str, name: str) -> None:
        self.connection = http.client.HTTPConnection(registry, timeout=10.0)
        self.path = f"/v2/{name}"

    def push(self, image: Image, tag: str | None) -> None:
        for part in image.parts:
            self.push(part, None)
        for digest, blob in image.blobs.items():
            if self.ask("HEAD", f"{self.path}/blobs/{digest}")[0] == 404:
                place = self.want(202, "POST", f"{self.path}/blobs/uploads/")
                self.want(201, "PUT", f"{urlsplit(place).path}?digest={digest}", blob)
        for reference in (image.digest, tag):
            if reference:
                self.want(201, "PUT", f"{self.path}/manifests/{reference}", image.manifest, kind=image.media_type)

    def ask(self, method: str, path: str, body: bytes = b"", *, kind: str = "") -> tuple[int, str, bytes]:
        self.connection.request(method, path, body, {"content-type": kind} if kind else {})
        response = self.connection.getresponse()
        return response.status, response.headers.get("location", ""), response.read()

    def want(self, expected: int, method: str, path: str, body: bytes = b"", *, kind: str = "") -> str:
        status, location, answer = self.ask(method, path, body, kind=kind)
        if status != expected:
            raise PushRefused(f"{method} {path}: {status} {answer[:300].decode('utf-8', 'replace')}")
        return location
