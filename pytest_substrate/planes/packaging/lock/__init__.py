"""Lock files as the source of an image's contract: pylock.toml, requirements with hashes, uv.lock, poetry.lock."""

from __future__ import annotations

from pytest_substrate.planes.packaging.lock.graph import Lock
from pytest_substrate.planes.packaging.lock.reading import read_lock

__all__ = ["Lock", "read_lock"]
