"""Read what a released image says of its making: the labels of each platform's image, and its provenance.

Looked for where builders leave it: in the attestation manifests of an index (BuildKit), and among the referrers of the
digest and of its images (OCI, as GitHub's builders push it); what a declared file holds, the caller hands on. Every
document and blob is held against its digest, every signature against the declared trust.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, Protocol

from pytest_substrate.adapters.files import open_regular
from pytest_substrate.model.image import DIGEST, LARGEST_DOCUMENT, Descriptor, Refuted, Unseen
from pytest_substrate.model.observation import Missing, Unobserved
from pytest_substrate.model.provenance import REVISION, SOURCE, Attested, AttestedImage, BadAttestation, Provenance
from pytest_substrate.planes.release.signature import Trust
from pytest_substrate.planes.release.statement import SLSA, read_bundles, read_statement

_MOST: Final = 32
"""Images of an index, and attestations of an image."""
_KIND: Final = "vnd.docker.reference.type"
_OF: Final = "vnd.docker.reference.digest"
_PREDICATE: Final = "in-toto.io/predicate-type"
_BUNDLE: Final = "application/vnd.dev.sigstore.bundle"
_STATEMENTS: Final = ("application/vnd.in-toto+json", "application/vnd.dsse.envelope.v1+json", _BUNDLE)
"""How media types of attestations begin."""

Referrers = Callable[[str], "tuple[str, ...] | Missing | Unobserved"]
"""The digests of the manifests that refer to a digest and may be attestations."""
Found = tuple[Provenance | BadAttestation, ...]
Document = Mapping[str, Any]


class Documents(Protocol):
    """The part of `model.image.Source` that is needed here."""

    def document(self, wanted: Descriptor) -> tuple[bytes, str]:
        """See the source."""

    def blob(self, wanted: Descriptor) -> AbstractContextManager[Iterator[bytes]]:
        """See the source."""


def read_attested(
    source: Documents, digest: str, referrers: Referrers, trust: Trust | None = None
) -> Attested | Missing | Unobserved:
    """The released image, index or not."""
    try:
        return _Reader(source, referrers, trust or Trust()).read(digest)
    except Refuted as error:
        if error.cause == "digest-missing":
            return Missing(what=digest)
        return Attested(digest=digest, corrupt=error.message)
    except Unseen as error:
        return error.observation


def with_bundle(found: Attested, folder: Path, name: str, trust: Trust) -> Attested | Unobserved:
    """The same with what the declared bundle's file holds, as if it lay beside the digest."""
    try:
        with open_regular(folder / name) as file:
            content = file.read(LARGEST_DOCUMENT + 1)
    except FileNotFoundError:
        return replace(found, bundle_missing=name)
    except OSError as error:
        return Unobserved(reason="unreadable", detail=f"{name}: {error.strerror}")
    if len(content) > LARGEST_DOCUMENT:
        bundles: Found = (BadAttestation(problem=f"{name} is longer than {LARGEST_DOCUMENT} bytes"),)
    else:
        bundles = read_bundles(content, trust)
    return replace(found, attestations=(*found.attestations, *bundles))


class _Reader:
    def __init__(self, source: Documents, referrers: Referrers, trust: Trust) -> None:
        self._source, self._referrers, self._trust = source, referrers, trust

    def read(self, digest: str) -> Attested:
        document = self._document(digest)
        if "manifests" not in document:
            image = self._image(digest, document)
            return Attested(digest=digest, images=(image,))
        children = _tables(document, "manifests")
        beside: dict[str, list[str]] = {}
        for child in children:
            if _notes(child).get(_KIND) == "attestation-manifest":
                beside.setdefault(str(_notes(child).get(_OF)), []).append(_digest(child))
        images = tuple(
            self._image(_digest(child), self._document(_digest(child)), beside.get(_digest(child), ()))
            for child in children
            if _KIND not in _notes(child)
        )
        return Attested(digest=digest, images=images, attestations=self._referring(digest))

    def _image(self, digest: str, document: Document, beside: Any = ()) -> AttestedImage:
        config = document.get("config")
        if not isinstance(config, dict):
            raise Refuted("image-corrupt", f"{digest} is no image")
        data = _json(self._blob(Descriptor(digest=_digest(config), size=_size(config))), "the configuration")
        run = data.get("config")
        labels = run.get("Labels") if isinstance(run, dict) else None
        told = labels if isinstance(labels, dict) else {}
        own = tuple(one for manifest in list(beside)[:_MOST] for one in self._statements(manifest))
        return AttestedImage(
            digest=digest,
            platform="/".join(str(data.get(key, "")) for key in ("os", "architecture")),
            revision=_label(told, REVISION),
            source=_label(told, SOURCE),
            attestations=(*own, *self._referring(digest)),
        )

    def _referring(self, digest: str) -> Found:
        listed = self._referrers(digest)
        if isinstance(listed, Unobserved):
            raise Unseen(listed)
        if isinstance(listed, Missing):
            return ()
        return tuple(one for manifest in listed[:_MOST] for one in self._statements(manifest))

    def _statements(self, digest: str) -> Iterator[Provenance | BadAttestation]:
        for layer in _tables(self._document(digest), "layers"):
            kind, predicate = str(layer.get("mediaType", "")), _notes(layer).get(_PREDICATE)
            if not kind.startswith(_STATEMENTS) or (isinstance(predicate, str) and not predicate.startswith(SLSA)):
                continue
            found = read_statement(self._blob(Descriptor(digest=_digest(layer), size=_size(layer))), self._trust)
            if found is not None:
                yield found

    def _document(self, digest: str) -> Document:
        data, _ = self._source.document(Descriptor(digest=digest))
        return _json(_proven(data, digest), "a manifest")

    def _blob(self, wanted: Descriptor) -> bytes:
        data = b""
        with self._source.blob(wanted) as pieces:
            for piece in pieces:
                data += piece
                if len(data) > LARGEST_DOCUMENT:
                    raise Refuted("image-corrupt", f"{wanted.digest} has more than {LARGEST_DOCUMENT} bytes")
        return _proven(data, wanted.digest)


def _proven(data: bytes, digest: str) -> bytes:
    algorithm, _, name = digest.partition(":")
    if len(data) > LARGEST_DOCUMENT or hashlib.new(algorithm, data).hexdigest() != name:
        raise Refuted("image-corrupt", f"{digest} has another digest than its name says")
    return data


def _json(data: bytes, what: str) -> Document:
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise Refuted("image-corrupt", f"{what} is no JSON object")
    return found


def _tables(document: Document, key: str) -> list[Document]:
    listed = document.get(key)
    found: list[Document] = [one for one in (listed if isinstance(listed, list) else []) if isinstance(one, dict)]
    if len(found) > _MOST:
        raise Refuted("image-corrupt", f"a manifest has more than {_MOST} {key}")
    return found


def _notes(one: Document) -> Document:
    found = one.get("annotations")
    return found if isinstance(found, dict) else {}


def _digest(one: Document) -> str:
    found = one.get("digest")
    if not isinstance(found, str) or DIGEST.fullmatch(found) is None:
        raise Refuted("image-corrupt", "a descriptor has no digest that could be checked")
    return found


def _size(one: Document) -> int | None:
    found = one.get("size")
    return found if isinstance(found, int) and 0 <= found <= LARGEST_DOCUMENT else None


def _label(labels: Document, name: str) -> str | None:
    found = labels.get(name)
    return found if isinstance(found, str) and found else None
