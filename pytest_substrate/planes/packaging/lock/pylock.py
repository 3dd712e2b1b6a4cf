"""`pylock.toml` (PEP 751), by `packaging.pylock`: flat, each package with its own marker."""

from __future__ import annotations

import hashlib
from typing import Any

from pytest_substrate.model.errors import BadInput
from pytest_substrate.planes.packaging.lock.graph import Edge, Lock, Locked
from pytest_substrate.planes.packaging.lock.written import AGAIN, Written

_NEWER = "install packaging 26 or later, which reads it"


def read_pylock(data: bytes, *, name: str) -> Lock:
    """The lock; BadInput where it isn't one, or where the installed `packaging` knows none."""
    try:
        from packaging.pylock import Pylock, PylockValidationError
    except ImportError:
        raise BadInput(name, "is a pylock file, and the installed packaging knows none", _NEWER) from None
    document: dict[str, Any] = dict(Written(data, name=name).document)
    try:
        read = Pylock.from_dict(document)
    except PylockValidationError as error:
        raise BadInput(f"{name}: {error.context or 'the file'}", "is not as PEP 751 has it", AGAIN) from None
    if not read.packages:
        raise BadInput(name, "holds no package", AGAIN)
    packages = tuple(
        Locked(name=one.name, version=None if one.version is None else str(one.version)) for one in read.packages
    )
    roots = tuple(
        Edge(package=number, marker=None if one.marker is None else str(one.marker))
        for number, one in enumerate(read.packages)
    )
    return Lock(
        name=name,
        digest="sha256:" + hashlib.sha256(data).hexdigest(),
        packages=packages,
        roots=roots,
        requires_python=None if read.requires_python is None else str(read.requires_python),
        groups=frozenset(read.default_groups or ()),
    )
