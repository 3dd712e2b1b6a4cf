"""The pipeline that released `dev_min`'s image: it leaves the release record that a build leaves on AWS.

There is no repository behind the image, so its commit is the SHA-1 of the sources it was built from, and its build is a
page that nobody serves.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Final

from pytest_substrate.embedded.platform import names
from pytest_substrate.embedded.platform.platform import Platform
from pytest_substrate.embedded.runtime import images
from pytest_substrate.model.release_record import ReleaseRecord, render_record

RECORD: Final = "release/ingest.json"
"""Below the platform's folder, as `fixtures/dev_min/substrate.toml` names it."""
PLATFORM: Final = "linux/amd64"
_BUILD: Final = "https://ci.invalid/acme/ingest/builds/1"


def release(platform: Platform, digest: str) -> Path:
    """Write the release record of the image; its path."""
    record = ReleaseRecord(
        repository=names.REPOSITORY,
        digest=digest,
        platforms=(PLATFORM,),
        commit=_commit(),
        build=_BUILD,
        time=datetime.now(UTC),
    )
    path = platform.folder / RECORD
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(render_record(record))
    return path


def _commit() -> str:
    own = images.folder_files(Path(str(files("pytest_substrate.embedded.platform") / "images/ingest")), at="/app")
    found = hashlib.sha1(usedforsecurity=False)
    for path, data in sorted(own.items()):
        found.update(f"{path} {len(data)}\0".encode() + data)
    return found.hexdigest()
