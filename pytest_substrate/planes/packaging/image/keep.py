"""What of a file is kept while its layer streams by, decided by its name and its first bytes."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from pytest_substrate.planes.packaging.image.elf import Elf, read_elf
from pytest_substrate.planes.packaging.image.files import LARGEST_METADATA, File, packed
from pytest_substrate.planes.packaging.image.tar import Content, Member

HEAD: Final = 24 * 1024 * 1024
"""How much of an ELF file is held at once; tables that lie beyond are read where the stream comes by them."""

_LONGEST_SHEBANG: Final = 256  # the kernel's BINPRM_BUF_SIZE
_HEADERS: Final = re.compile(rb"(?:Name|Version|Requires-Dist|Requires-Python|Provides-Extra):", re.IGNORECASE)
_VERSION: Final = re.compile(rb"\0(3\.\d{1,2}\.\d{1,3}(?:(?:a|b|rc)\d{1,2})?)\+?\0")
_BUILTIN: Final = re.compile(rb"\0PyInit_(\w{1,64})(?=\0)")
_GLIBC: Final = re.compile(rb"\0GLIBC_(2\.\d{1,3})(?=\0)")
_OF_PYTHON: Final = re.compile(r"(?:lib)?(?:python|pypy)[\d.]*[a-z]*(?:-intel64)?(?:\.so[\d.]*)?")
_SYSTEM_FILES: Final = frozenset({"etc/ld.so.cache", "etc/passwd", "etc/group"})
_STDLIB_ZIP: Final = re.compile(r"python3\d{1,2}\.zip")
_FINDER: Final = re.compile(r"__editable___\w+_finder\.py")


def kept(member: Member, content: Content) -> File:
    """What is kept of a regular file; its content is read as far as that takes."""
    parent, _, name = member.name.rpartition("/")
    plain = File(mode=member.mode & 0o7777, uid=member.uid, gid=member.gid)
    if not member.size:
        return replace(plain, empty=True)
    reader = _reader(member.name.strip("/"), parent.rpartition("/")[2], name)
    if reader is not None:
        if member.size > LARGEST_METADATA or not member.whole:
            return replace(plain, too_large=True)
        data = content.read(member.size)
        return _with_program(replace(plain, text=packed(reader(data))), data)
    marks = _MARKS.get(name)
    if marks is not None and member.size <= marks[0] and member.whole:
        data = content.read(member.size)
        return _with_program(replace(plain, words=marks[1](data)), data)
    start = content.read(min(_LONGEST_SHEBANG if member.mode & 0o111 else 4, member.size))
    if start[:4] == b"\x7fELF":
        return _elf(member, content, start, plain)
    return _with_program(plain, start)


def _with_program(file: File, start: bytes) -> File:
    if start[:2] != b"#!" or not file.mode & 0o111:
        return file
    line = start[2:_LONGEST_SHEBANG].partition(b"\n")[0].decode("utf-8", "surrogateescape")
    return replace(file, program="script", shebang=line)


def _elf(member: Member, content: Content, start: bytes, plain: File) -> File:
    held = start + content.read(min(HEAD, member.size) - len(start))
    if not member.whole:
        return replace(plain, program="elf", elf=Elf(unread=True))
    at = len(held)

    def window(offset: int, length: int) -> bytes | None:
        nonlocal at
        end = min(offset + length, member.size)
        if end <= len(held) or offset >= member.size:
            return held[offset:end]
        if offset < at:
            return None
        content.skip(offset - at)
        at = end
        return content.read(end - offset)

    found = read_elf(window, member.size)
    return replace(plain, program="elf", elf=found, words=_words(held, member.name.rpartition("/")[2]))


def _words(held: bytes, name: str) -> tuple[str, ...]:
    """Names inside a file that say what it is: a Python's version and built-in modules, a C library's version."""
    if _OF_PYTHON.fullmatch(name):
        versions = {found.decode() for found in _VERSION.findall(held)}
        builtins = sorted({found.decode() for found in _BUILTIN.findall(held)})
        return (*(f"python {one}" for one in sorted(versions)), *(f"builtin {one}" for one in builtins))
    if name.startswith(("libc.so.6", "libc-2.")):
        versions = {found.decode() for found in _GLIBC.findall(held)}
        newest = max(versions, key=lambda one: int(one[2:]), default=None)
        return () if newest is None else (f"glibc {newest}",)
    return ()


Reader = Callable[[bytes], bytes]


def _reader(path: str, folder: str, name: str) -> Reader | None:
    """How the content of a file is shortened to what is kept; None for a file whose content isn't needed."""
    found = _READERS.get(name)
    if found is not None:
        ends, reader = found
        return reader if folder.endswith(ends) else None
    if name.endswith((".pth", ".egg-info")):
        return _whole
    if path in _SYSTEM_FILES or path.startswith("etc/ld-musl-"):
        return _whole
    if _STDLIB_ZIP.fullmatch(name) or _FINDER.fullmatch(name) or name in ("pyvenv.cfg", "patchlevel.h"):
        return _whole
    return None


def _whole(data: bytes) -> bytes:
    return data


def _headers(data: bytes) -> bytes:
    """Of the headers of a METADATA or PKG-INFO those that a check reads; their continuations with them."""
    lines: list[bytes] = []
    wanted = False
    for line in data.splitlines():
        if not line.strip():
            break
        if not line.startswith((b" ", b"\t")):
            wanted = _HEADERS.match(line) is not None
        if wanted:
            lines.append(line)
    return b"\n".join(lines)


def _site_marks(data: bytes) -> tuple[str, ...]:
    """Whose `site` it is: Debian's looks into other folders."""
    if b"def getsitepackages" not in data:
        return ()
    return ("debian",) if b'"dist-packages"' in data else ("site",)


def _package_marks(data: bytes) -> tuple[str, ...]:
    """Whether a package takes modules from folders of its name elsewhere on the path, too."""
    return ("extends",) if b"extend_path" in data or b"declare_namespace" in data else ()


_MARKS: Final[dict[str, tuple[int, Callable[[bytes], tuple[str, ...]]]]] = {
    "site.py": (256 * 1024, _site_marks),
    "__init__.py": (4096, _package_marks),
}
"""Files in which a word is looked for: the most bytes that such a file has, and how."""

_INFO: Final = (".dist-info", ".egg-info", "EGG-INFO")
_READERS: Final[dict[str, tuple[tuple[str, ...], Reader]]] = {
    "METADATA": (_INFO, _headers),
    "PKG-INFO": (_INFO, _headers),
    "WHEEL": (_INFO, _whole),
    "RECORD": (_INFO, _whole),
    "installed-files.txt": (_INFO, _whole),
    "requires.txt": (_INFO, _whole),
    "top_level.txt": (_INFO, _whole),
}
