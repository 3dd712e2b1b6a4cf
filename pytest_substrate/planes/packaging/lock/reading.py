"""Which reader a lock file has: by its name, as the tools themselves know their files."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable
from typing import Final

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from pytest_substrate.model.errors import BadInput
from pytest_substrate.planes.packaging.lock.graph import Lock
from pytest_substrate.planes.packaging.lock.poetry import read_poetry
from pytest_substrate.planes.packaging.lock.pylock import read_pylock
from pytest_substrate.planes.packaging.lock.requirements import read_requirements
from pytest_substrate.planes.packaging.lock.uv import read_uv
from pytest_substrate.planes.packaging.lock.written import AGAIN

LONGEST_LOCK: Final = 32 * 1024 * 1024
"""The most bytes of a lock file; large workspaces have some megabytes."""
MEND: Final = "name a pylock.toml, a uv.lock, a poetry.lock, or requirements with hashes (….txt)"

_READERS: Final[tuple[tuple[re.Pattern[str], Callable[..., Lock]], ...]] = (
    (re.compile(r"pylock(?:\.[^.]+)?\.toml"), read_pylock),
    (re.compile(r"uv\.lock"), read_uv),
    (re.compile(r"poetry\.lock"), read_poetry),
    (re.compile(r".+\.txt"), read_requirements),
)


def read_lock(data: bytes, *, name: str) -> Lock:
    """The lock in a file's bytes; BadInput, with the file's `name`, for everything else."""
    reader = next((read for known, read in _READERS if known.fullmatch(posixpath.basename(name))), None)
    if reader is None:
        raise BadInput(name, "is no lock file that is known by its name", MEND)
    lock = reader(data, name=name)
    if lock.requires_python is not None:
        try:
            SpecifierSet(lock.requires_python)
        except InvalidSpecifier:
            raise BadInput(name, "the Python that it was locked for can't be read", AGAIN) from None
    return lock
