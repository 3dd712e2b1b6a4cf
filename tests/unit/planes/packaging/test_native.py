"""PKG-090: binaries for the platform, whole, and with all libraries that their loader would find.

The headers were compared with pyelftools' reading of three thousand files, the libraries found with what `ldd` finds.
"""

from __future__ import annotations

import struct
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_substrate.model.image import Platform
from pytest_substrate.model.outcome import Outcome
from pytest_substrate.planes.packaging.image import keep
from pytest_substrate.planes.packaging.image.elf import Elf, read_elf
from tests.unit.planes.packaging.making import (
    LOADER,
    SITE,
    Entry,
    archive,
    base,
    elf,
    file,
    image,
    installed,
    link,
    program,
    python,
    wanting,
)

SUFFIX = ".cpython-311-x86_64-linux-gnu.so"
GREEN = (Outcome.PASS, None)


def red(cause: str) -> tuple[Outcome, str]:
    """Proven wrong."""
    return Outcome.VIOLATION, cause


def judged(
    *entries: Entry, module: bytes | None = None, at: str = f"a/ext{SUFFIX}", **more: object
) -> tuple[Outcome, str | None]:
    """What comes of an image whose required distribution `a` has this extension module."""
    own = installed("a", "1", files={"a/__init__.py": b"", at: module} if module is not None else None)
    made = image([*base(), *own], list(entries), **more)  # type: ignore[arg-type]  # keys of the configuration
    record = made.records(wanting("a"))["PKG-090"]
    return record.outcome, record.cause


NEEDS = elf(needed=["libx.so.1"])
X = elf(soname="libx.so.1")
MULTIARCH = "usr/lib/x86_64-linux-gnu"


def cache(*pairs: tuple[str, str]) -> Entry:
    """An `ld.so.cache` as glibc writes it since 2.2."""
    strings, entries = b"", b""
    start = 48 + 24 * len(pairs)
    for name, path in pairs:
        key, value = start + len(strings), start + len(strings) + len(name) + 1
        strings += f"{name}\0{path}\0".encode()
        entries += struct.pack("<iIIIQ", 0x0303, key, value, 0, 0)
    head = b"glibc-ld.so.cache1.1" + struct.pack("<IIB3xI12x", len(pairs), len(strings), 2, 0)
    return file("etc/ld.so.cache", head + entries + strings)


@pytest.mark.parametrize(
    ("module", "entries", "expected"),
    [
        (elf(), [], GREEN),
        (elf(needed=["libc.so.6", "ld-linux-x86-64.so.2"]), [], GREEN),
        (elf(needed=["libpthread.so.0"]), [], red("library-missing")),
        (NEEDS, [], red("library-missing")),
        (NEEDS, [file("lib/libx.so.1", X)], GREEN),
        (NEEDS, [file("usr/lib64/libx.so.1", X)], GREEN),
        (NEEDS, [file(f"{MULTIARCH}/libx.so.1", X)], GREEN),
        (NEEDS, [link("usr/lib/libx.so.1", "libx.so.1.2"), file("usr/lib/libx.so.1.2", X)], GREEN),
        (NEEDS, [link("usr/lib/libx.so.1", "gone")], red("library-missing")),
        (NEEDS, [file("opt/x/libx.so.1", X)], red("library-missing")),
        (NEEDS, [file("usr/local/lib/libx.so.1", X)], red("library-missing")),
        (NEEDS, [file("opt/x/libx.so.1", X), file("etc/ld.so.conf.d/x.conf", "/opt/x\n")], red("library-missing")),
        (NEEDS, [file("opt/x/libx.so.1", X), cache(("libx.so.1", "/opt/x/libx.so.1"))], GREEN),
        (NEEDS, [cache(("libx.so.1", "/opt/x/libx.so.1"))], red("library-missing")),
        (NEEDS, [file("etc/ld.so.cache", b"glibc-ld.so.cache1.1" + b"\xff" * 60)], red("library-missing")),
        (NEEDS, [file("usr/lib/libx.so.1", elf(machine=183))], red("library-missing")),
        (NEEDS, [file("lib64/libx.so.1", elf(machine=183)), file("usr/lib/libx.so.1", X)], GREEN),
        (NEEDS, [file("usr/lib/libx.so.1", X[:70])], red("binary-damaged")),
        (NEEDS, [file("usr/lib/libx.so.1", "INPUT(libx.so.1)")], red("binary-damaged")),
        (NEEDS, [file("usr/lib/libx.so.1", elf(needed=["liby.so"]))], red("library-missing")),
        (NEEDS, [file("usr/lib/libx.so.1", elf(needed=["libx.so.1"]))], GREEN),
        (elf(needed=["libx.so.1"], runpath="$ORIGIN/../a.libs"), [file(f"{SITE}/a.libs/libx.so.1", X)], GREEN),
        (elf(needed=["libx.so.1"], rpath="${ORIGIN}/../a.libs"), [file(f"{SITE}/a.libs/libx.so.1", X)], GREEN),
        (elf(needed=["libx.so.1"], rpath="/none:/opt/x"), [file("opt/x/libx.so.1", X)], GREEN),
        (
            elf(needed=["libx.so.1"], rpath="/opt/x", runpath="/none"),
            [file("opt/x/libx.so.1", X)],
            red("library-missing"),
        ),
        (
            elf(needed=["libx.so.1"], rpath="/opt/x"),
            [file("opt/x/libx.so.1", elf(needed=["liby.so"])), file("opt/x/liby.so", elf())],
            GREEN,
        ),
        (
            elf(needed=["libx.so.1"], runpath="/opt/x"),
            [file("opt/x/libx.so.1", elf(needed=["liby.so"])), file("opt/x/liby.so", elf())],
            red("library-missing"),
        ),
        (elf(needed=["/opt/x/libx.so.1"]), [file("opt/x/libx.so.1", X)], GREEN),
        (elf(needed=["$ORIGIN/../x/libx.so.1"]), [file(f"{SITE}/x/libx.so.1", X)], GREEN),
        (elf(needed=["$ORIGIN/../x/libx.so.1"]), [file("opt/x/libx.so.1", X)], red("library-missing")),
        (elf(machine=183), [], red("other-machine")),
        (elf()[:100], [], red("binary-damaged")),
        (b"", [], red("binary-damaged")),
        (b"not a library", [], red("binary-damaged")),
    ],
)
def test_the_libraries_of_an_extension_module(
    module: bytes, entries: list[Entry], expected: tuple[Outcome, str | None]
) -> None:
    """Searched as glibc's loader does."""
    assert expected == judged(*entries, module=module)


def test_ld_library_path_counts() -> None:
    """As the image sets it."""
    assert GREEN == judged(file("opt/x/libx.so.1", X), module=NEEDS, env={"LD_LIBRARY_PATH": "/none:/opt/x"})


def test_what_the_interpreter_brought_in_is_there() -> None:
    """By its own search path, under the names that it was asked for."""
    own = program("usr/local/bin/python3.11", elf(loader=f"/{LOADER}", needed=["libx.so.1"], rpath="/opt/x"))
    assert GREEN == judged(own, file("opt/x/libx.so.1", X), module=NEEDS)


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("a/ext.abi3.so", red("library-missing")),
        ("a/ext.so", red("library-missing")),
        ("a/ext.cpython-312-x86_64-linux-gnu.so", GREEN),
        ("a/ext.cpython-311-aarch64-linux-gnu.so", GREEN),
        ("a.libs/libext-1.so", GREEN),
        ("a/data/ext.so.1", GREEN),
    ],
)
def test_only_what_an_import_would_load_is_looked_at(at: str, expected: tuple[Outcome, str | None]) -> None:
    """Endings and folders of this Python's extension modules."""
    assert expected == judged(module=NEEDS, at=at)


def test_only_the_required_distributions_and_their_closure_are_looked_at() -> None:
    """What nobody asked for may lack what it likes."""
    broken = installed("b", "1", files={f"b{SUFFIX}": NEEDS})
    for requires, expected in (([], Outcome.PASS), (["b"], Outcome.VIOLATION)):
        made = image([*base(), *installed("a", "1", requires=requires), *broken])
        assert expected == made.records(wanting("a"))["PKG-090"].outcome


def test_a_declared_import_that_is_an_extension_module_is_looked_at() -> None:
    """Whoever brought it: it is what will be loaded."""
    made = image([*base(), file(f"{SITE}/ext{SUFFIX}", NEEDS)])
    for modules, expected in (["json"], Outcome.PASS), (["ext"], Outcome.VIOLATION):
        assert expected == made.records(wanting(imports=modules))["PKG-090"].outcome


@pytest.mark.parametrize(
    ("entries", "entrypoint", "expected"),
    [
        ([program("app")], ["/app"], GREEN),
        ([program("app", elf(machine=183))], ["/app"], red("other-machine")),
        ([program("app", elf(loader="/lib/ld-musl-x86_64.so.1"))], ["/app"], red("library-missing")),
        ([program("app", elf(loader=f"/{LOADER}", needed=["libx.so.1"]))], ["/app"], red("library-missing")),
        ([program("bin/sh", elf(machine=40)), program("app", "#!/bin/sh\n")], ["/app"], red("other-machine")),
        (
            [program("usr/bin/env", elf(machine=40)), program("app", "#!/usr/bin/env python3\n")],
            ["/app"],
            red("other-machine"),
        ),
        ([program("app", b"\x7fELF\2\1\1")], ["/app"], red("binary-damaged")),
    ],
)
def test_programs_on_the_way_are_looked_at(
    entries: list[Entry], entrypoint: list[str], expected: tuple[Outcome, str | None]
) -> None:
    """The entry point, its interpreters, and their loaders."""
    made = image(base(), entries, entrypoint=entrypoint)
    record = made.records(wanting(python="3.11"))["PKG-090"]
    assert expected == (record.outcome, record.cause)


def test_musl_is_its_own_loader_and_library() -> None:
    """And reads its folders from a file."""
    musl = "lib/ld-musl-x86_64.so.1"
    own = [program(musl, elf(soname="libc.musl-x86_64.so.1")), *python()]
    own[1] = program("usr/local/bin/python3.11", elf(loader=f"/{musl}", needed=["libc.musl-x86_64.so.1"]))
    module = elf(needed=["libc.so.6", "libpthread.so.0", "libx.so.1"])
    a = installed("a", "1", files={"a/ext.cpython-311-x86_64-linux-musl.so": module})
    for more, expected in (
        ([], Outcome.VIOLATION),
        ([file("usr/local/lib/libx.so.1", X)], Outcome.PASS),
        ([file("opt/x/libx.so.1", X)], Outcome.VIOLATION),
        ([file("opt/x/libx.so.1", X), file("etc/ld-musl-x86_64.path", "/lib:/opt/x\n")], Outcome.PASS),
    ):
        assert expected == image([*own, *a], more).records(wanting("a"))["PKG-090"].outcome


def test_another_architecture_is_judged_by_its_own_machine() -> None:
    """An image for arm64."""
    platform = {"os": "linux", "architecture": "arm64"}
    for machine, expected in ((183, Outcome.PASS), (62, Outcome.VIOLATION)):
        made = image([program("app", elf(machine=machine))], entrypoint=["/app"], platform=platform)
        records = made.records(wanting(labels={}), platform=Platform(os="linux", architecture="arm64"))
        assert expected == records["PKG-090"].outcome


def whole(data: bytes) -> Elf:
    """An ELF file's headers, all of it in reach."""
    return read_elf(lambda offset, length: data[offset : offset + length], len(data))


def test_headers_are_what_an_independent_reader_reads() -> None:
    """Of this Python, its extension modules and what else is installed here; pyelftools needs sections, this none."""
    from elftools.elf.dynamic import DynamicSegment
    from elftools.elf.elffile import ELFFile

    home = Path(sys.base_prefix)
    paths = [
        *home.glob("lib/python3.*/lib-dynload/*.so"),
        *Path(sys.prefix).glob("lib/python3.*/site-packages/**/*.so"),
    ]
    assert paths
    for path in paths[:60]:
        data = path.read_bytes()
        with path.open("rb") as opened:
            segments = [one for one in ELFFile(opened).iter_segments() if isinstance(one, DynamicSegment)]
            tags = [tag for segment in segments for tag in segment.iter_tags()]
            needed = tuple(str(vars(tag)["needed"]) for tag in tags if tag.entry.d_tag == "DT_NEEDED")
            runpath = "".join(str(vars(tag)["runpath"]) for tag in tags if tag.entry.d_tag == "DT_RUNPATH")
        found = whole(data)
        assert (needed, runpath, "") == (found.needed, found.runpath, found.problem)


def test_tables_that_lie_far_apart_take_a_second_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names before, the table that points to them behind what is held of the file."""
    module = bytearray(elf(needed=["libx.so.1"], extra=bytes(300_000)))
    table = 64 + 56
    offset, length = struct.unpack_from("<Q", module, table + 8)[0], struct.unpack_from("<Q", module, table + 32)[0]
    entries = bytes(module[offset : offset + length])
    module += entries
    struct.pack_into("<QQQ", module, table + 8, len(module) - length, len(module) - length, len(module) - length)
    struct.pack_into("<QQ", module, 64 + 32, len(module), len(module))
    monkeypatch.setattr(keep, "HELD", 64)
    facts = image([file("a.so", bytes(module)), file("b")]).facts()
    found = facts.file("a.so")
    assert found is not None
    assert found.elf is not None
    assert (("libx.so.1",), False, "") == (found.elf.needed, found.elf.unread, found.elf.problem)


@given(st.data())
@settings(max_examples=300)
def test_no_damage_to_a_binary_raises(data: st.DataObject) -> None:
    """Whatever the headers say, they are read or called damaged."""
    raw = bytearray(elf(needed=["a", "b"], soname="c", rpath="d", loader="/e"))
    for at in data.draw(st.lists(st.integers(4, len(raw) - 1), min_size=1, max_size=6)):
        raw[at] = data.draw(st.integers(0, 255))
    whole(bytes(raw[: data.draw(st.integers(4, len(raw)))]))


def test_a_cut_binary_is_damaged_wherever_it_is_cut() -> None:
    """A loader would fault, if not at once."""
    raw = elf(needed=["libx.so.1"], extra=b"text")
    assert all(whole(raw[:end]).problem for end in range(4, len(raw)))
    assert "" == whole(raw).problem


def test_names_are_found_wherever_a_piece_ends() -> None:
    """A Python's version and built-in modules, across the pieces in which its binary is looked through."""
    for at in (0, keep._STEP - 5, keep._STEP - 1, 2 * keep._STEP - 12):
        raw = elf(loader=f"/{LOADER}", extra=bytes(at) + b"\x003.11.9\0\0PyInit_zlib\0" + bytes(keep._STEP))
        found = image([*base(), program("usr/local/bin/python3.11", raw)]).facts().file("usr/local/bin/python3.11")
        assert found is not None
        assert {"python 3.11.9", "builtin zlib"} <= set(found.words)


def test_archives_of_real_binaries_are_read_whole() -> None:
    """The interpreter that runs this."""
    binary = Path(sys.executable).resolve()
    facts = image(archive([program("python", binary.read_bytes())])).facts()
    found = facts.file("python")
    assert found is not None
    assert whole(binary.read_bytes()) == found.elf
