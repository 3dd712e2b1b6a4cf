"""Index, manifest and configuration: JSON as Go's tools read it, each key with its type, or `Refuted`.

Also which descriptor of an index is the platform's: exact variants before compatible ones, as containers/image chooses;
entries without a platform last, by their own configuration. What a document doesn't say is not guessed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NoReturn

from pytest_substrate.model.image import (
    CONFIG_TYPES,
    DIGEST,
    INDEX_TYPES,
    MANIFEST_TYPES,
    Descriptor,
    ImageConfig,
    Platform,
    Refuted,
)
from pytest_substrate.planes.packaging.image.stream import GZIP, PLAIN, ZSTD

_OCI: Final = "application/vnd.oci.image.layer."
_DOCKER: Final = "application/vnd.docker.image.rootfs."
LAYER_TYPES: Final[Mapping[str, str]] = {
    **{
        f"{_OCI}{kind}.tar{suffix}": how
        for kind in ("v1", "nondistributable.v1")
        for suffix, how in (("", PLAIN), ("+gzip", GZIP), ("+zstd", ZSTD))
    },
    **{
        f"{_DOCKER}{kind}.tar{suffix}": how
        for kind in ("diff", "foreign.diff")
        for suffix, how in (("", PLAIN), (".gzip", GZIP), (".zstd", ZSTD))
    },
}
"""How a layer of each type is packed."""

_COMPATIBLE: Final[Mapping[str, tuple[str, ...]]] = {
    "arm": ("v8", "v7", "v6", "v5"),
    "arm64": ("v8",),
    "amd64": ("v1",),
}
"""Variants of an architecture, the most capable first; of amd64 only what every processor runs."""

_LOOKS: Final = ("PATH", "PYTHONPATH", "PYTHONHOME", "PYTHONPLATLIBDIR", "PYTHONUSERBASE", "PYTHONNOUSERSITE")
_LOOKS_TOO: Final = ("PYTHONSAFEPATH", "HOME", "LD_LIBRARY_PATH", "PYTHON_VERSION")
_KEPT: Final = frozenset((*_LOOKS, *_LOOKS_TOO))
"""The variables that decide where a program, a module or a library is looked for; no other is kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """An image's parts."""

    config: Descriptor
    layers: tuple[Descriptor, ...]


def document_of(data: bytes, declared: str, told: str) -> tuple[Mapping[str, Any], str]:
    """A manifest's or an index's JSON, and its type: the declared one of its descriptor, what the source told, its own.

    Refuted where they differ, or where it could be taken for both.
    """
    document = _object(data, "the image's manifest")
    own = _text(document, "mediaType", "the manifest")
    told = told if told in INDEX_TYPES | MANIFEST_TYPES else ""
    if len({one for one in (declared, own, told) if one}) > 1:
        _refuse("a manifest's own type isn't the one that leads to it")
    found = declared or own or told
    if "layers" in document and "manifests" in document:
        _refuse("a manifest could be taken for an index too")
    if not found:
        found = next(iter(INDEX_TYPES if "manifests" in document else MANIFEST_TYPES))
    if found not in INDEX_TYPES | MANIFEST_TYPES:
        _refuse("the digest is of no image: its manifest has a type that no runtime knows")
    if document.get("schemaVersion", 2) != 2:
        _refuse("a manifest has another schema version than 2")
    return document, found


def manifest_of(document: Mapping[str, Any]) -> Manifest:
    """An image manifest's configuration and layers."""
    config = _descriptor(document.get("config"), "the configuration")
    if config.media_type not in CONFIG_TYPES:
        _refuse("the digest is of no image: its configuration has another type")
    layers = tuple(_descriptor(one, "a layer") for one in _list(document, "layers", "the manifest"))
    for one in layers:
        if one.media_type not in LAYER_TYPES:
            _refuse(f"the layer {one.digest} has a type that no runtime unpacks")
    return Manifest(config=config, layers=layers)


def children_of(document: Mapping[str, Any]) -> tuple[Descriptor, ...]:
    """The descriptors of an index, attestations and foreign things too."""
    return tuple(_descriptor(one, "an index's entry") for one in _list(document, "manifests", "the index"))


def candidates(children: Sequence[Descriptor], wanted: Platform) -> Iterator[Descriptor]:
    """Those that may be the platform's image, the best first; those that say no platform come last."""
    images = [one for one in children if not one.attestation and one.media_type in INDEX_TYPES | MANIFEST_TYPES]
    for variant in _variants(wanted):
        for one in images:
            if one.platform is not None and _runs(one.platform, wanted) and one.platform.variant == variant:
                yield one
    yield from (one for one in images if one.platform is None)


def suits(platform: Platform, wanted: Platform) -> bool:
    """Whether an image for `platform` runs on the wanted one."""
    return _runs(platform, wanted) and platform.variant in _variants(wanted)


def _runs(platform: Platform, wanted: Platform) -> bool:
    same = (platform.os, platform.architecture) == (wanted.os, wanted.architecture)
    return same and (not wanted.os_version or platform.os_version == wanted.os_version)


def _variants(wanted: Platform) -> tuple[str, ...]:
    known = _COMPATIBLE.get(wanted.architecture, ())
    if not wanted.variant:
        return ("", *known)
    lower = known[known.index(wanted.variant) :] if wanted.variant in known else (wanted.variant,)
    return (*lower, "")


def config_of(data: bytes) -> ImageConfig:
    """An image's configuration."""
    document = _object(data, "the image's configuration")
    run = _table(document, "config", "the configuration")
    rootfs = _table(document, "rootfs", "the configuration")
    if rootfs.get("type", "layers") != "layers":
        _refuse("the image's root file system isn't made of layers")
    return ImageConfig(
        platform=_platform(document),
        entrypoint=_texts(run, "Entrypoint"),
        command=_texts(run, "Cmd"),
        environment=_environment(_texts(run, "Env")),
        working_dir=_text(run, "WorkingDir", "the configuration"),
        user=_text(run, "User", "the configuration"),
        labels=_labels(run),
        diff_ids=_texts(rootfs, "diff_ids"),
    )


def _environment(pairs: Sequence[str]) -> dict[str, str]:
    found = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if equals and name in _KEPT:
            found[name] = value
    return found


def _labels(run: Mapping[str, Any]) -> dict[str, str]:
    labels = _table(run, "Labels", "the configuration")
    if not all(isinstance(value, str) for value in labels.values()):
        _refuse("a label of the image is no text")
    return dict(labels)


def _platform(table: Mapping[str, Any]) -> Platform:
    return Platform(
        os=_text(table, "os", "a platform"),
        architecture=_text(table, "architecture", "a platform"),
        variant=_text(table, "variant", "a platform"),
        os_version=_text(table, "os.version", "a platform"),
    )


def _descriptor(value: Any, what: str) -> Descriptor:
    if not isinstance(value, dict):
        _refuse(f"{what} has no descriptor")
    digest, size = _text(value, "digest", what), value.get("size")
    if DIGEST.fullmatch(digest) is None:
        _refuse(f"{what} has no digest that could be checked")
    if not isinstance(size, int) or isinstance(size, bool) or size < 0:
        _refuse(f"{what} has no size")
    platform = _table(value, "platform", what)
    annotations = _table(value, "annotations", what)
    return Descriptor(
        digest=digest,
        media_type=_text(value, "mediaType", what),
        size=size,
        platform=_platform(platform) if platform else None,
        attestation=annotations.get("vnd.docker.reference.type") == "attestation-manifest",
    )


def _object(data: bytes, what: str) -> Mapping[str, Any]:
    try:
        found = json.loads(data.decode("utf-8", "replace"), parse_constant=_no_constant)
    except (ValueError, RecursionError):
        _refuse(f"{what} is no JSON")
    if not isinstance(found, dict):
        _refuse(f"{what} is no JSON object")
    return found


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _table(table: Mapping[str, Any], key: str, what: str) -> Mapping[str, Any]:
    found = table.get(key)
    if found is None:
        return {}
    if not isinstance(found, dict):
        _refuse(f"{what} has a `{key}` that is no object")
    return found


def _list(table: Mapping[str, Any], key: str, what: str) -> list[Any]:
    found = table.get(key)
    if found is None:
        return []
    if not isinstance(found, list):
        _refuse(f"{what} has a `{key}` that is no list")
    return found


def _text(table: Mapping[str, Any], key: str, what: str) -> str:
    found = table.get(key)
    if found is None:
        return ""
    if not isinstance(found, str):
        _refuse(f"{what} has a `{key}` that is no text")
    return found


def _texts(table: Mapping[str, Any], key: str) -> tuple[str, ...]:
    found = _list(table, key, "the configuration")
    if not all(isinstance(one, str) for one in found):
        _refuse(f"the configuration has a `{key}` that is no list of texts")
    return tuple(found)


def _refuse(message: str) -> NoReturn:
    raise Refuted("image-corrupt", message)
