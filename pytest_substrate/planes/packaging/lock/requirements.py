"""Requirements with hashes, as pip's `--require-hashes` mode takes them: each pinned, each with its own marker.

Source: pip's "Requirements File Format". Options that say where files come from don't matter here; an included file
does, and can't be followed.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from typing import Final

from packaging.requirements import InvalidRequirement, Requirement

from pytest_substrate.model.errors import BadInput
from pytest_substrate.planes.packaging.lock.graph import MOST, Edge, Lock, Locked
from pytest_substrate.planes.packaging.lock.written import AGAIN

_COMMENT: Final = re.compile(r"(^|\s+)#.*$")
_HASHES: Final = re.compile(r"\s--hash(?:=|\s+)\S+")
_OPTION: Final = re.compile(r"\s--?[A-Za-z].*$")
_INCLUDES: Final = re.compile(r"(?:-r|-c|-e|--requirement|--constraint|--editable)(?:[\s=]|$|[^-\s])")
_PINS: Final = ("==", "===")


def read_requirements(data: bytes, *, name: str) -> Lock:
    """The lock; BadInput, with the line, for what isn't pinned and hashed."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BadInput(name, "is not UTF-8", AGAIN) from None
    packages: list[Locked] = []
    roots: list[Edge] = []
    for number, line in _lines(text):
        if len(packages) == MOST:
            raise BadInput(name, f"holds more than {MOST} requirements", AGAIN)
        requirement = _requirement(line, f"{name}: line {number}")
        if requirement is None:
            continue
        version = next(iter(requirement.specifier)).version if requirement.specifier else None
        marker = None if requirement.marker is None else str(requirement.marker)
        roots.append(Edge(package=len(packages), marker=marker))
        packages.append(Locked(name=requirement.name, version=version))
    if not packages:
        raise BadInput(name, "holds no requirement", AGAIN)
    digest = "sha256:" + hashlib.sha256(data).hexdigest()
    return Lock(name=name, digest=digest, packages=tuple(packages), roots=tuple(roots))


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Logical lines with the number of their first: joined at a backslash, without comments and blank ones."""
    began, parts = 0, [""]
    for number, line in enumerate(text.splitlines(), start=1):
        began = began if len(parts) > 1 else number
        bare = _COMMENT.sub("", line)
        if bare.endswith("\\") and bare == line:
            parts.append(bare[:-1])
            continue
        whole = " ".join([*parts, bare]).strip()
        parts = [""]
        if whole:
            yield began, whole
    whole = " ".join(parts).strip()
    if whole:
        yield began, whole


def _requirement(line: str, where: str) -> Requirement | None:
    if _INCLUDES.match(line):
        mend = "write what it names into this file: a contract is one file"
        raise BadInput(where, "names another file or a source tree, and is not followed", mend)
    if line.startswith("-"):
        return None
    bare = _HASHES.sub("", line)
    try:
        requirement = Requirement(_OPTION.sub("", bare).strip())
    except (InvalidRequirement, RecursionError):
        raise BadInput(where, "is not a requirement", AGAIN) from None
    if bare == line:
        raise BadInput(where, f"{requirement.name} has no --hash, so the file locks nothing", AGAIN)
    pinned = [one for one in requirement.specifier if one.operator in _PINS and not one.version.endswith("*")]
    if requirement.url is None and (len(pinned) != 1 or len(requirement.specifier) != 1):
        raise BadInput(where, f"{requirement.name} is not pinned by ==", AGAIN)
    return requirement
