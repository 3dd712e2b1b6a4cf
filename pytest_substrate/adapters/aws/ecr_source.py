"""ECR as a source of an image's bytes: manifests by BatchGetImage, blobs by the URL that GetDownloadUrlForLayer gives.

So no registry token is asked for, and no AWS credential travels with a blob: the URL itself is the permission.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from pytest_substrate.adapters.aws.answer import NoAnswer, ask
from pytest_substrate.adapters.registry.http import Request, exchange, unanswered
from pytest_substrate.model.aws.registry import INDEX_TYPES, MANIFEST_TYPES, NOT_FOUND
from pytest_substrate.model.image import Descriptor, Refuted, Unseen
from pytest_substrate.model.observation import Missing

_MISSING: Final = "digest-missing"


class EcrSource:
    """The blobs of one repository of an account's registry."""

    def __init__(self, client: Any, *, account: str, repository: str) -> None:
        self._client = client
        self._place: Mapping[str, Any] = {"registryId": account, "repositoryName": repository}
        self._repository = repository

    def document(self, wanted: Descriptor) -> tuple[bytes, str]:
        """An index or a manifest, and the type that ECR says it has."""
        with self._answers(wanted):
            answer = ask(
                self._client,
                "ecr:BatchGetImage",
                what=wanted.digest,
                **self._place,
                imageIds=[{"imageDigest": wanted.digest}],
                acceptedMediaTypes=[*INDEX_TYPES, *MANIFEST_TYPES],
            )
            codes = [failure.text_or_none("failureCode") for failure in answer.parts("failures")]
            image = next(iter(answer.parts("images")), None)
            if image is None or NOT_FOUND in codes:
                raise Refuted(_MISSING, f"the registry doesn't have {wanted.digest}")
            return image.text("imageManifest").encode(), image.text_or_none("imageManifestMediaType") or ""

    @contextmanager
    def blob(self, wanted: Descriptor) -> Iterator[Iterator[bytes]]:
        """A configuration or a layer in pieces."""
        with exchange(Request(url=self._url(wanted), headers={"Accept": "*/*"}, size=wanted.size or 0)) as got:
            if got.status != 200:
                raise unanswered(got)
            yield got.pieces()

    def mark(self, wanted: Descriptor) -> str | None:
        """That ECR still gives the layer, at its size: one byte of it is asked for."""
        try:
            asked = Request(url=self._url(wanted), headers={"Accept": "*/*", "Range": "bytes=0-0"})
            with exchange(asked) as got:
                told = {206: got.headers.get("Content-Range", "").rpartition("/")[2], 200: str(got.length)}
                size = told.get(got.status)
        except (Refuted, Unseen):
            return None  # whatever it is, reading the layer will tell
        return f"ecr {self._place['registryId']}/{self._repository}" if size == str(wanted.size) else None

    def _url(self, wanted: Descriptor) -> str:
        with self._answers(wanted):
            answer = ask(
                self._client,
                "ecr:GetDownloadUrlForLayer",
                what=wanted.digest,
                **self._place,
                layerDigest=wanted.digest,
            )
            return answer.text("downloadUrl")

    @contextmanager
    def _answers(self, wanted: Descriptor) -> Iterator[None]:
        """What ECR does not answer, in the words of a source."""
        try:
            yield
        except NoAnswer as none:
            if isinstance(none.observation, Missing):
                raise Refuted(_MISSING, f"the registry doesn't have {wanted.digest} in {self._repository}") from None
            raise Unseen(none.observation) from None
