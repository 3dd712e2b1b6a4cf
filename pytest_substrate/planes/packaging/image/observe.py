"""Read an image from its source: index, manifest, configuration, then each layer once, verified while it streams.

Nothing of a layer is held, in memory or on disk. What is wrong with the image is a `Refutation`, what couldn't be read
an `Unobserved`; only bugs of our own are raised.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Final, Protocol

from pytest_substrate.model.image import (
    INDEX_TYPES,
    LARGEST_DOCUMENT,
    Descriptor,
    ImageConfig,
    Marking,
    Platform,
    Refuted,
    Source,
    Unseen,
)
from pytest_substrate.model.observation import Unobserved
from pytest_substrate.planes.packaging.image import tar
from pytest_substrate.planes.packaging.image.documents import (
    LAYER_TYPES,
    Manifest,
    candidates,
    children_of,
    config_of,
    document_of,
    manifest_of,
    suits,
)
from pytest_substrate.planes.packaging.image.facts import ImageFacts, Refutation
from pytest_substrate.planes.packaging.image.files import Files
from pytest_substrate.planes.packaging.image.keep import Unfinished, kept
from pytest_substrate.planes.packaging.image.merge import Merge
from pytest_substrate.planes.packaging.image.stored import Stored
from pytest_substrate.planes.packaging.image.stream import LARGEST_LAYERS, Ahead, Hasher, Verified, inflated, turns

_MOST_DOCUMENTS: Final = 64
"""How many indexes, manifests and configurations may be looked at on the way to one image."""


class Cache(Protocol):
    """Where what was read of layers may be kept."""

    def load(self, manifest_digest: str) -> Stored | None:
        """What was kept of a manifest by this very reader; None for nothing."""

    def store(self, stored: Stored) -> None:
        """Keep it, if that can be done."""


def observe_image(
    source: Source, reference: Descriptor, platform: Platform, cache: Cache | None = None
) -> ImageFacts | Refutation | Unobserved:
    """The image of the platform behind a reference.

    Documents are read each time. Layers are not read again where the cache knows what they hold, and the source can
    say that they are still there, as they were (`Marking`).
    """
    try:
        found = _Resolver(source, platform).find(reference)
        marks = {} if cache is None else _marks(source, found)
        stored = cache.load(found.digest) if cache is not None and marks else None
        if stored is None or stored.marks != marks:
            stored = _read(source, found, marks)
            if cache is not None and marks:
                cache.store(stored)
    except Refuted as error:
        return Refutation(digest=reference.digest, cause=error.cause, message=error.message)
    except Unseen as error:
        return error.observation
    return ImageFacts(
        digest=reference.digest,
        manifest_digest=found.digest,
        config=found.config,
        layers=len(found.manifest.layers),
        tree=stored.tree,
        files=stored.files,
    )


def _read(source: Source, found: _Found, marks: Mapping[str, str]) -> Stored:
    """Every layer, verified. The marks are those before the reading: what changes meanwhile is read again next time."""
    merge, files, layers = Merge(), Files(), _Layers(source)
    with turns():
        for wanted, diff_id in zip(found.manifest.layers, found.config.diff_ids, strict=True):
            layers.apply(wanted, diff_id, merge, files)
    return Stored(manifest_digest=found.digest, marks=marks, tree=merge.tree, files=tuple(files.held))


def _marks(source: Source, found: _Found) -> Mapping[str, str]:
    """The marks of all layers; empty where any has none."""
    if not isinstance(source, Marking):
        return {}
    marks = {one.digest: source.mark(one) for one in found.manifest.layers}
    told = {digest: mark for digest, mark in marks.items() if mark is not None}
    return told if len(told) == len(marks) else {}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    digest: str
    manifest: Manifest
    config: ImageConfig


class _Resolver:
    def __init__(self, source: Source, platform: Platform) -> None:
        self._source, self._platform = source, platform
        self._read = 0

    def find(self, reference: Descriptor) -> _Found:
        """The manifest and the configuration of the platform's image."""
        found = self._below(reference)
        if found is None:
            raise Refuted("other-platform", f"no image of the digest is for {self._platform}")
        config, layers = found.config, found.manifest.layers
        if len(config.diff_ids) != len(layers):
            told = f"{len(config.diff_ids)} layers, the manifest {len(layers)}"
            raise Refuted("image-corrupt", f"the configuration names {told}")
        return found

    def _below(self, wanted: Descriptor) -> _Found | None:
        """The platform's image at or below a descriptor; None where it leads to other platforms alone."""
        data, told = self._source.document(wanted)
        self._judge(data, wanted)
        document, media_type = document_of(data, wanted.media_type, told)
        if media_type in INDEX_TYPES:
            for child in candidates(children_of(document), self._platform):
                found = self._below(child)
                if found is not None:
                    return found
            return None
        manifest = manifest_of(document)
        with self._source.blob(manifest.config) as pieces:
            data = _whole(pieces, manifest.config)
        self._judge(data, manifest.config)
        config = config_of(data)
        if not suits(config.platform, self._platform):
            return None
        return _Found(digest=wanted.digest, manifest=manifest, config=config)

    def _judge(self, data: bytes, wanted: Descriptor) -> None:
        self._read += 1
        if self._read > _MOST_DOCUMENTS:
            raise Refuted("image-corrupt", f"more than {_MOST_DOCUMENTS} documents lead to the image")
        if len(data) > LARGEST_DOCUMENT:
            raise Refuted("image-corrupt", f"{wanted.digest} is a document of more than {LARGEST_DOCUMENT} bytes")
        if wanted.size is not None and len(data) != wanted.size:
            raise Refuted("image-corrupt", f"{wanted.digest} has {len(data)} bytes, not {wanted.size}")
        algorithm, _, digest = wanted.digest.partition(":")
        if hashlib.new(algorithm, data).hexdigest() != digest:
            raise Refuted("image-corrupt", f"{wanted.digest} has another digest than its name says")


def _whole(pieces: Iterator[bytes], wanted: Descriptor) -> bytes:
    data = b""
    for piece in pieces:
        data += piece
        if len(data) > LARGEST_DOCUMENT:
            raise Refuted("image-corrupt", f"{wanted.digest} is a document of more than {LARGEST_DOCUMENT} bytes")
    return data


class _Layers:
    """The layers of one image, one after the other; their bytes are counted together."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._unpacked = 0

    def apply(self, wanted: Descriptor, diff_id: str, merge: Merge, files: Files) -> None:
        """Stream one layer into the tree; twice where it holds a binary whose tables lie too far apart for one look."""
        merge.next_layer()
        again: dict[int, tuple[int, Unfinished]] = {}
        self._stream(wanted, diff_id, lambda archive: _merge(archive, merge, files, again))
        if again:
            before = self._unpacked
            self._stream(wanted, diff_id, lambda archive: _finish(archive, files, again))
            self._unpacked = before

    def _stream(self, wanted: Descriptor, diff_id: str, take: Callable[[tar.Bytes], None]) -> None:
        """One layer's archive. What its bytes say counts only once they are proven to be its bytes."""
        with ExitStack() as held:
            hasher = Hasher()
            held.callback(hasher.finish)
            pieces = held.enter_context(self._source.blob(wanted))
            blob = Verified(pieces, wanted, hasher)
            packed = iter(blob)
            ahead = held.enter_context(Ahead(self._counted(inflated(packed, LAYER_TYPES[wanted.media_type]))))
            archive = _Archive(iter(ahead), diff_id, hasher)
            wrong: Refuted | None = None
            try:
                take(tar.Bytes(iter(archive)))
                archive.drain()
            except Refuted as error:
                wrong = error
                ahead.stop()
                for _ in packed:  # whose fault it is, the digest tells
                    pass
        blob.judge()
        if wrong is not None:
            raise wrong
        archive.judge()

    def _counted(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        for piece in pieces:
            self._unpacked += len(piece)
            if self._unpacked > LARGEST_LAYERS:
                raise Refuted("image-corrupt", f"the layers have more than {LARGEST_LAYERS >> 30} GiB unpacked")
            yield piece


def _merge(archive: tar.Bytes, merge: Merge, files: Files, again: dict[int, tuple[int, Unfinished]]) -> None:
    """Every entry of a layer into the tree; `again` gets the files that take a second look, by their place in it."""
    unfinished: list[Unfinished] = []
    for at, (member, content) in enumerate(tar.members(archive)):
        number = 0
        if member.kind is tar.REGULAR:
            found = kept(member, content, unfinished)
            number = files.plain(member.mode & 0o7777, member.uid, member.gid) if found is None else files.add(found)
            if unfinished:
                again[at] = (number, unfinished.pop())
        merge.apply(member, number)


def _finish(archive: tar.Bytes, files: Files, again: dict[int, tuple[int, Unfinished]]) -> None:
    """The second look."""
    for at, (member, content) in enumerate(tar.members(archive)):
        if at in again:
            number, unfinished = again[at]
            files.held[number] = replace(files.held[number], elf=unfinished.finished(member, content))


class _Archive:
    """An unpacked layer's pieces, hashed for its diff_id."""

    def __init__(self, pieces: Iterator[bytes], diff_id: str, hasher: Hasher) -> None:
        self._pieces, self._diff_id, self._hasher = pieces, diff_id, hasher
        algorithm = diff_id.partition(":")[0]
        if algorithm not in ("sha256", "sha384", "sha512"):
            raise Refuted("image-corrupt", "a diff_id of the configuration is no digest that could be checked")
        self._hash = hashlib.new(algorithm)
        self._read = self._hashed()

    def _hashed(self) -> Iterator[bytes]:
        for piece in self._pieces:
            self._hasher.give(self._hash, piece)
            yield piece

    def __iter__(self) -> Iterator[bytes]:
        return self._read

    def drain(self) -> None:
        """Read what follows the end of the archive: it counts for the diff_id."""
        for _ in self._read:
            pass

    def judge(self) -> None:
        """Refuted where the archive isn't the one that the configuration names."""
        if self._hash.hexdigest() != self._diff_id.partition(":")[2]:
            raise Refuted("image-corrupt", f"a layer's archive isn't the one that its diff_id {self._diff_id} names")
