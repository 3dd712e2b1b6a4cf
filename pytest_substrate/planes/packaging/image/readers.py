"""How the content of a metadata file is shortened to what a check reads of it; nothing else of it is kept."""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Callable
from typing import Final

from pytest_substrate.planes.packaging.image.editable import editable_packages

Reader = Callable[[bytes], bytes]
"""From a file's content to what is kept of it."""

Marker = Callable[[bytes], tuple[str, ...]]
"""From a file's content to words that are kept of it."""

_HEADERS: Final = re.compile(rb"(?:Name|Version|Requires-Dist|Requires-Python|Provides-Extra):", re.IGNORECASE)
_HEAD_END: Final = re.compile(rb"\r?\n[ \t]*\r?\n")
_SETTINGS: Final = re.compile(rb"\s*(?:home|include-system-site-packages|version|version_info)\s*=", re.IGNORECASE)


def reader_of(path: str, name: str) -> Reader | None:
    """How a file of that path (as in the archive) and name is shortened; None for one whose content isn't needed."""
    found = _READERS.get(name)
    if found is not None:
        ends, reader = found
        return reader if path[: -len(name) - 1].endswith(ends) else None
    for pattern, reader in _PATTERNS:
        if pattern.fullmatch(path if "/" in pattern.pattern else name):
            return reader
    return None


def _whole(data: bytes) -> bytes:
    return data


def _headers(data: bytes) -> bytes:
    """Of the headers of a METADATA or PKG-INFO those that a check reads; their continuations with them."""
    lines: list[bytes] = []
    wanted = False
    for line in _HEAD_END.split(data, 1)[0].splitlines():
        if not line.startswith((b" ", b"\t")):
            wanted = _HEADERS.match(line) is not None
        if wanted:
            lines.append(line)
    return b"\n".join(lines)


def _settings(data: bytes) -> bytes:
    """Of a virtual environment's settings those that say where its Python is, and which."""
    return b"\n".join(line for line in data.splitlines() if _SETTINGS.match(line))


def _path_lines(data: bytes) -> bytes:
    """Of a `.pth` file the folders that it adds, and that it runs code; not the code."""
    lines = [line for line in data.splitlines() if line.strip() and not line.startswith(b"#")]
    return b"\n".join(b"import " if line.startswith((b"import ", b"import\t")) else line for line in lines)


def _zip_names(data: bytes) -> bytes:
    """The names in a zip; none where it is damaged."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return "\n".join(archive.namelist()).encode("utf-8", "surrogateescape")
    except (zipfile.BadZipFile, ValueError, OverflowError, NotImplementedError):
        return b""


def _editable(data: bytes) -> bytes:
    """Where an editable installation's packages are."""
    return json.dumps(editable_packages(data.decode("utf-8", "replace"))).encode()


def _owners(data: bytes) -> bytes:
    """Of `passwd` and `group` names, numbers, members and homes: no second field, where a password may stand."""
    rows = (line.split(b":") for line in data.splitlines())
    return b"\n".join(b":".join([row[0], b"x", *row[2:4], b"", *row[5:6]]) for row in rows if len(row) > 2)


def _site_marks(data: bytes) -> tuple[str, ...]:
    """Whose `site` it is: Debian's looks into other folders."""
    if b"def getsitepackages" not in data:
        return ()
    return ("debian",) if b'"dist-packages"' in data else ("site",)


def _package_marks(data: bytes) -> tuple[str, ...]:
    """Whether a package takes modules from folders of its name elsewhere on the path, too."""
    return ("extends",) if b"extend_path" in data or b"declare_namespace" in data else ()


MARKERS: Final[dict[str, tuple[int, Marker]]] = {
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
"""Files of a distribution's metadata, by their names and the ends of their folders'."""

_PATTERNS: Final[tuple[tuple[re.Pattern[str], Reader], ...]] = (
    (re.compile(r".*\.pth"), _path_lines),
    (re.compile(r".*\.egg-info"), _headers),
    (re.compile(r"pyvenv\.cfg"), _settings),
    (re.compile(r"patchlevel\.h"), _whole),
    (re.compile(r"python3\d{1,2}\.zip"), _zip_names),
    (re.compile(r"__editable___\w+_finder\.py"), _editable),
    (re.compile(r"(?:\./|/)*etc/(?:passwd|group)"), _owners),
    (re.compile(r"(?:\./|/)*etc/(?:ld\.so\.cache|ld-musl-\w+\.path)"), _whole),
)
"""Other files, by their names, or by their paths where a pattern has a slash."""

BY_NAME: Final = frozenset({*_READERS, *MARKERS, "pyvenv.cfg", "patchlevel.h"})
BY_ENDING: Final = frozenset({".pth", "info", ".zip", "r.py"})
ETC: Final = ("etc/", "./etc/", "/etc/")
"""Names, last four characters and beginnings of paths of which a file must have one to be any of these. Every file is
asked for them first, as nearly all have none."""
