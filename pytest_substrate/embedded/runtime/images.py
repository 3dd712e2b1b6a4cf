"""Real OCI images in pure Python: the same input gives the same bytes, and so the same digest.

An image is made of layers, a layer of named files; what is in an image is decided by whoever builds it. Layers are
tar + gzip with every source of chance removed (order, times, owners, gzip's name). Nothing is run to build one.
"""

from __future__ import annotations

import gzip
import hashlib
import importlib.metadata
import importlib.util
import io
import json
import sys
import tarfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, Final

CONFIG_TYPE: Final = "application/vnd.oci.image.config.v1+json"
MANIFEST_TYPE: Final = "application/vnd.oci.image.manifest.v1+json"
INDEX_TYPE: Final = "application/vnd.oci.image.index.v1+json"
LAYER_TYPE: Final = "application/vnd.oci.image.layer.v1.tar+gzip"
CREATED: Final = "1970-01-01T00:00:00Z"
SITE: Final = f"/usr/local/lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages"
"""Where the official Python images keep distributions; the runtime looks there for its own interpreter's version."""

Files = Mapping[str, bytes]
"""Content by absolute path in the image."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One layer: `digest` names the compressed bytes, `diff_id` the tar."""

    blob: bytes = field(repr=False)
    digest: str
    diff_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """An image or an index: `manifest` is the exact bytes that `digest` names; `parts` are an index's images."""

    digest: str
    media_type: str
    manifest: bytes = field(repr=False)
    blobs: Mapping[str, bytes] = field(repr=False, default_factory=dict)
    parts: tuple[Image, ...] = ()
    architecture: str = "amd64"


def layer(files: Files, *, executable: Iterable[str] = (), removed: Iterable[str] = (), compression: int = 1) -> Layer:
    """A layer that holds `files`; `executable` of them get mode 0755, the others 0644; `removed` become whiteouts.

    `compression` is gzip's level; 0 stores, which is what a short-lived platform wants.
    """
    run = set(executable)
    members = {_relative(path): (content, 0o755 if path in run else 0o644) for path, content in files.items()}
    for path in removed:
        gone = PurePosixPath(_relative(path))
        members[str(gone.parent / f".wh.{gone.name}")] = (b"", 0o644)
    folders: set[str] = set()
    for name in members:
        while (name := name.rpartition("/")[0]) and name not in folders:
            folders.add(name)
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name in sorted(folders | members.keys()):
            entry = tarfile.TarInfo(name)
            if name in members:
                content, entry.mode = members[name]
                entry.size = len(content)
                archive.addfile(entry, io.BytesIO(content))
            else:
                entry.type, entry.mode = tarfile.DIRTYPE, 0o755
                archive.addfile(entry)
    tar = stream.getvalue()
    blob = gzip.compress(tar, compresslevel=compression, mtime=0)
    return Layer(blob=blob, digest=digest_of(blob), diff_id=digest_of(tar))


def folder_files(folder: Path, *, at: str) -> dict[str, bytes]:
    """Every regular file below `folder`, placed below `at`; byte code and links stay behind."""
    return {
        f"{at.rstrip('/')}/{path.relative_to(folder).as_posix()}": path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.is_symlink() and "__pycache__" not in path.parts
    }


def distribution_files(name: str, *, at: str = SITE) -> dict[str, bytes]:
    """An installed distribution, by its RECORD, with byte code as an image build would leave it.

    Only what lies in its site folder is taken (no console scripts). Byte code is made from what the host compiled
    and marked as unchecked, so that neither times nor the host's paths matter.
    """
    distribution = importlib.metadata.distribution(name)
    home = Path(str(distribution.locate_file("")))
    files: dict[str, bytes] = {}
    for entry in map(str, distribution.files or ()):
        parts = entry.split("/")
        if ".." in parts or not parts[0] or "__pycache__" in parts:
            continue
        source = home / entry
        try:
            content = source.read_bytes()
        except (FileNotFoundError, IsADirectoryError):
            raise FileNotFoundError(f"distribution {name}: {entry} is in its RECORD and not on disk") from None
        place = f"{at}/{entry}"
        files[place] = content
        if entry.endswith(".py"):
            files[byte_code_path(place)] = byte_code(source, content)
    return files


def python_files(files: Files) -> dict[str, bytes]:
    """`files` with byte code beside each Python source."""
    made = dict(files)
    for path, content in files.items():
        if path.endswith(".py"):
            made[byte_code_path(path)] = _unchecked(content, compile(content, path, "exec", dont_inherit=True))
    return made


def byte_code_path(path: str) -> str:
    """Where this interpreter looks for the byte code of a source in the image."""
    return importlib.util.cache_from_source(path)


def byte_code(source: Path, content: bytes) -> bytes:
    """The byte code of a source on this host, marked "unchecked": compiled here where the host has none that fits."""
    cached = Path(importlib.util.cache_from_source(str(source)))
    try:
        held, state = cached.read_bytes(), source.stat()
    except OSError:
        held, state = b"", source.stat()
    stamp = (int(state.st_mtime) & 0xFFFFFFFF).to_bytes(4, "little") + (len(content) & 0xFFFFFFFF).to_bytes(4, "little")
    if held[:16] == importlib.util.MAGIC_NUMBER + b"\0\0\0\0" + stamp:
        return held[:4] + b"\1\0\0\0" + importlib.util.source_hash(content) + held[16:]
    return _unchecked(content, compile(content, source.name, "exec", dont_inherit=True))


def build(
    layers: Sequence[Layer],
    *,
    entrypoint: Sequence[str] = (),
    command: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
    working_dir: str = "/",
    user: str = "",
    labels: Mapping[str, str] | None = None,
    architecture: str = "amd64",
    created: str = CREATED,
) -> Image:
    """An image for linux/`architecture` of `layers`, the lowest first."""
    config: dict[str, Any] = {
        "architecture": architecture,
        "os": "linux",
        "created": created,
        "config": {
            "Entrypoint": list(entrypoint) or None,
            "Cmd": list(command) or None,
            "Env": [f"{name}={value}" for name, value in (environment or {}).items()],
            "WorkingDir": working_dir,
            "User": user,
            "Labels": dict(labels or {}),
        },
        "rootfs": {"type": "layers", "diff_ids": [one.diff_id for one in layers]},
        "history": [{"created": created, "created_by": "pytest-substrate"} for _ in layers],
    }
    held = _json(config)
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "config": {"mediaType": CONFIG_TYPE, "digest": digest_of(held), "size": len(held)},
        "layers": [{"mediaType": LAYER_TYPE, "digest": one.digest, "size": len(one.blob)} for one in layers],
    }
    written = _json(manifest)
    return Image(
        digest=digest_of(written),
        media_type=MANIFEST_TYPE,
        manifest=written,
        blobs={digest_of(held): held} | {one.digest: one.blob for one in layers},
        architecture=architecture,
    )


def index(images: Sequence[Image]) -> Image:
    """An index over images of different architectures."""
    manifests = [
        {
            "mediaType": one.media_type,
            "digest": one.digest,
            "size": len(one.manifest),
            "platform": {"architecture": one.architecture, "os": "linux"},
        }
        for one in images
    ]
    written = _json({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": manifests})
    return Image(digest=digest_of(written), media_type=INDEX_TYPE, manifest=written, parts=tuple(images))


def attestation(statement: bytes, *, subject: Mapping[str, Any], kind: str = "application/vnd.in-toto+json") -> Image:
    """An artifact that holds a statement and refers to `subject` (a descriptor), as OCI's image manifests do."""
    empty = b"{}"
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "artifactType": kind,
        "config": {"mediaType": "application/vnd.oci.empty.v1+json", "digest": digest_of(empty), "size": len(empty)},
        "layers": [{"mediaType": kind, "digest": digest_of(statement), "size": len(statement)}],
        "subject": dict(subject),
    }
    written = _json(manifest)
    return Image(
        digest=digest_of(written),
        media_type=MANIFEST_TYPE,
        manifest=written,
        blobs={digest_of(empty): empty, digest_of(statement): statement},
    )


def digest_of(content: bytes) -> str:
    """`sha256:…` of bytes."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _unchecked(content: bytes, code: Any) -> bytes:
    import marshal

    return importlib.util.MAGIC_NUMBER + b"\1\0\0\0" + importlib.util.source_hash(content) + marshal.dumps(code)


def _relative(path: str) -> str:
    parts = path.split("/")  # and no pathlib: an image has many files, and a platform's start waits for it
    if parts[0] or ".." in parts or not any(parts):
        raise ValueError(f"{path!r} is no absolute path of a file in an image")
    return "/".join(part for part in parts if part not in ("", "."))


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":"), sort_keys=True).encode()
