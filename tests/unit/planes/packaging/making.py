"""Images for tests, made in memory: archives, documents, ELF files, distributions, and a layout of them on disk."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import io
import json
import struct
import tarfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

from pytest_substrate.model.image import Descriptor, Platform, Refuted
from pytest_substrate.model.observation import Unobserved
from pytest_substrate.model.record import Record
from pytest_substrate.planes.packaging.image.contents import Contract
from pytest_substrate.planes.packaging.image.facts import ImageFacts, Refutation
from pytest_substrate.planes.packaging.image.observe import observe_image
from pytest_substrate.planes.packaging.instrument import Looked, records_of

OCI = "application/vnd.oci.image."
MANIFEST, INDEX, CONFIG = f"{OCI}manifest.v1+json", f"{OCI}index.v1+json", f"{OCI}config.v1+json"
LAYER = f"{OCI}layer.v1.tar"
AMD64 = Platform(os="linux", architecture="amd64")
LOADER, LIBC = "lib64/ld-linux-x86-64.so.2", "lib/x86_64-linux-gnu/libc.so.6"
SITE = "usr/local/lib/python3.11/site-packages"
PATH = "/usr/local/bin:/usr/bin:/bin"


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One member of a layer's archive."""

    name: str
    content: bytes = b""
    mode: int = 0o644
    kind: bytes = tarfile.REGTYPE
    link: str = ""
    uid: int = 0
    gid: int = 0


def file(name: str, content: bytes | str = b"", mode: int = 0o644, *, uid: int = 0, gid: int = 0) -> Entry:
    """A regular file."""
    return Entry(
        name=name, content=content.encode() if isinstance(content, str) else content, mode=mode, uid=uid, gid=gid
    )


def program(name: str, content: bytes | str | None = None) -> Entry:
    """An executable file, by default a static binary."""
    return file(name, elf() if content is None else content, 0o755)


def folder(name: str) -> Entry:
    """A folder."""
    return Entry(name=name, kind=tarfile.DIRTYPE, mode=0o755)


def link(name: str, target: str) -> Entry:
    """A symbolic link."""
    return Entry(name=name, kind=tarfile.SYMTYPE, link=target, mode=0o777)


def hard(name: str, target: str) -> Entry:
    """A hard link."""
    return Entry(name=name, kind=tarfile.LNKTYPE, link=target)


def archive(entries: Iterable[Entry], form: int = tarfile.PAX_FORMAT) -> bytes:
    """The entries as a tar."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=form) as tar:
        for entry in entries:
            info = tarfile.TarInfo(entry.name)
            info.mode, info.type, info.linkname = entry.mode, entry.kind, entry.link
            info.uid, info.gid, info.size = entry.uid, entry.gid, len(entry.content)
            tar.addfile(info, io.BytesIO(entry.content))
    return stream.getvalue()


def digest(data: bytes) -> str:
    """Its sha256 as an image names it."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


@dataclass(kw_only=True)
class Store:
    """Blobs by their digest, and a Source of them; `types` is what it says of a manifest's type."""

    blobs: dict[str, bytes] = field(default_factory=dict)
    types: dict[str, str] = field(default_factory=dict)
    top: Descriptor = field(default_factory=lambda: Descriptor(digest=digest(b"")))

    def put(self, data: bytes, media_type: str) -> dict[str, Any]:
        """The blob's descriptor."""
        self.blobs[digest(data)] = data
        return {"mediaType": media_type, "digest": digest(data), "size": len(data)}

    def put_json(self, document: Mapping[str, Any], media_type: str) -> dict[str, Any]:
        """A document's descriptor; it becomes the reference."""
        found = self.put(json.dumps(document).encode(), media_type)
        self.top = Descriptor(digest=found["digest"], size=found["size"], media_type=media_type)
        return found

    def document(self, wanted: Descriptor) -> tuple[bytes, str]:
        """As a source."""
        if wanted.digest not in self.blobs:
            raise Refuted("digest-missing", "it isn't there")
        return self.blobs[wanted.digest], self.types.get(wanted.digest, "")

    @contextlib.contextmanager
    def blob(self, wanted: Descriptor) -> Iterator[Iterator[bytes]]:
        """As a source, in pieces of odd sizes."""
        data = self.document(wanted)[0]
        yield (data[at : at + 7919] for at in range(0, len(data), 7919))

    def mark(self, wanted: Descriptor) -> str | None:
        """As a source."""
        return digest(self.document(wanted)[0])

    def see(self, platform: Platform = AMD64) -> ImageFacts | Refutation | Unobserved:
        """The image behind the reference."""
        return observe_image(self, self.top, platform)

    def facts(self, platform: Platform = AMD64) -> ImageFacts:
        """The image behind the reference, which is whole."""
        seen = self.see(platform)
        assert isinstance(seen, ImageFacts), seen
        return seen

    def records(self, contract: Contract | None = None, platform: Platform = AMD64) -> dict[str, Record]:
        """The report's records by their check."""
        looked = Looked(reference="test", digest=self.top.digest, duration_ms=1.0)
        return {one.check: one for one in records_of(self.see(platform), contract or wanting(), looked)}

    def write(self, folder: Path, tag: str | None = "latest") -> Path:
        """A layout on disk."""
        (folder / "blobs/sha256").mkdir(parents=True, exist_ok=True)
        for name, data in self.blobs.items():
            (folder / "blobs/sha256" / name.partition(":")[2]).write_bytes(data)
        top: dict[str, Any] = {"mediaType": self.top.media_type, "digest": self.top.digest, "size": self.top.size}
        if tag is not None:
            top["annotations"] = {"org.opencontainers.image.ref.name": tag}
        (folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [top]}))
        (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
        return folder


def image(
    *layers: Iterable[Entry] | bytes,
    entrypoint: Sequence[str] = ("python3",),
    command: Sequence[str] = (),
    env: Mapping[str, str] | None = None,
    path: str | None = PATH,
    platform: Mapping[str, str] | None = None,
    store: Store | None = None,
    **run: Any,
) -> Store:
    """An image of layers, the lowest first, gzipped; `run` are further keys of the configuration's `config`."""
    made = store or Store()
    tars = [layer if isinstance(layer, bytes) else archive(layer) for layer in layers]
    descriptors = [made.put(gzip.compress(tar, 1, mtime=0), LAYER + "+gzip") for tar in tars]
    config = {
        **(platform or {"os": "linux", "architecture": "amd64"}),
        "config": {
            "Entrypoint": list(entrypoint),
            "Cmd": list(command),
            "Env": [f"{name}={value}" for name, value in {**({"PATH": path} if path else {}), **(env or {})}.items()],
            **run,
        },
        "rootfs": {"type": "layers", "diff_ids": [digest(tar) for tar in tars]},
    }
    held = made.put(json.dumps(config).encode(), CONFIG)
    made.put_json({"schemaVersion": 2, "mediaType": MANIFEST, "config": held, "layers": descriptors}, MANIFEST)
    return made


def wanting(*distributions: str, imports: Sequence[str] = (), **more: Any) -> Contract:
    """A contract."""
    return Contract(distributions=tuple(map(Requirement, distributions)), imports=tuple(imports), **more)


def elf(
    *,
    machine: int = 62,
    needed: Sequence[str] = (),
    soname: str = "",
    rpath: str = "",
    runpath: str = "",
    loader: str = "",
    extra: bytes = b"",
) -> bytes:
    """A 64-bit little-endian ELF file with the tables that a loader reads and nothing else; `extra` behind them."""
    strings, offsets = b"\0", []
    tags = [(1, one) for one in needed] + [(14, soname), (15, rpath), (29, runpath)]
    for tag, text in tags:
        if text:
            offsets.append((tag, len(strings)))
            strings += text.encode() + b"\0"
    interp = loader.encode() + b"\0" if loader else b""
    headers = 2 + bool(loader)
    start = 64 + 56 * headers
    strings_at, dynamic_at = start + len(interp), start + len(interp) + len(strings)
    dynamic = b"".join(struct.pack("<QQ", *one) for one in [*offsets, (5, strings_at), (10, len(strings)), (0, 0)])
    end = dynamic_at + len(dynamic) + len(extra)
    table = struct.pack("<IIQQQQQQ", 1, 5, 0, 0, 0, end, end, 4096)
    table += struct.pack("<IIQQQQQQ", 2, 6, dynamic_at, dynamic_at, dynamic_at, len(dynamic), len(dynamic), 8)
    if loader:
        table += struct.pack("<IIQQQQQQ", 3, 4, start, start, start, len(interp), len(interp), 1)
    head = (
        b"\x7fELF\2\1\1"
        + bytes(9)
        + struct.pack("<HHIQQQIHHHHHH", 3, machine, 1, 0, 64, 0, 0, 64, 56, headers, 64, 0, 0)
    )
    return head + table + interp + strings + dynamic + extra


def libc() -> list[Entry]:
    """A loader and a C library, as Debian has them."""
    return [
        program(LOADER, elf(soname="ld-linux-x86-64.so.2")),
        file(LIBC, elf(soname="libc.so.6", needed=["ld-linux-x86-64.so.2"], extra=b"\0GLIBC_2.17\0GLIBC_2.36\0")),
    ]


def python(version: str = "3.11.7", prefix: str = "usr/local") -> list[Entry]:
    """A Python as the official images install it, without its library's hundreds of modules."""
    minor = version.rpartition(".")[0]
    binary = elf(loader=f"/{LOADER}", needed=["libc.so.6"], extra=f"\0{version}\0\0PyInit_zlib\0".encode())
    lib = f"{prefix}/lib/python{minor}"
    return [
        program(f"{prefix}/bin/python{minor}", binary),
        link(f"{prefix}/bin/python3", f"python{minor}"),
        link(f"{prefix}/bin/python", "python3"),
        file(f"{lib}/os.py", "# os\n"),
        file(f"{lib}/json/__init__.py"),
        file(f"{lib}/json/decoder.py"),
        file(f"{lib}/lib-dynload/_ssl.cpython-{minor.replace('.', '')}-x86_64-linux-gnu.so", elf(needed=["libc.so.6"])),
        folder(f"{lib}/site-packages"),
    ]


def base(version: str = "3.11.7") -> list[Entry]:
    """What a healthy image stands on."""
    return [*libc(), *python(version)]


def installed(
    name: str,
    version: str,
    *,
    site: str = SITE,
    requires: Sequence[str] = (),
    headers: Sequence[str] = (),
    tag: str = "py3-none-any",
    files: Mapping[str, bytes | str] | None = None,
    record: Sequence[str] | None = None,
) -> list[Entry]:
    """A distribution as pip installs a wheel; by default one package of its name. `record` names further lines."""
    escaped = name.replace("-", "_")
    held = {f"{escaped}/__init__.py": b""} if files is None else dict(files)
    info = f"{escaped}-{version.replace('-', '_')}.dist-info"
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}", *headers]
    lines += [f"Requires-Dist: {one}" for one in requires]
    listed = [*held, *(record or ()), f"{info}/METADATA", f"{info}/WHEEL", f"{info}/RECORD"]
    return [
        *(file(f"{site}/{path}", content) for path, content in held.items()),
        file(f"{site}/{info}/METADATA", "\n".join(lines) + "\n\nA description\nName: nobody\n"),
        file(f"{site}/{info}/WHEEL", f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n"),
        file(f"{site}/{info}/RECORD", "".join(f"{path},,\n" for path in listed)),
    ]
