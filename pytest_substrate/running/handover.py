"""What a controller tells its workers, so that all processes of a run are one run."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pytest_substrate.model.outcome import Plane
from pytest_substrate.running.asked import Options

INPUT = "substrate"
"""The key in xdist's `workerinput` and `workeroutput`; the values are JSON text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What the processes of a run share: its id, its one look at the clock (UTC), and its private folder."""

    run_id: str
    started: datetime
    folder: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Handover:
    """What a controller tells its workers, so that they set out to prove the same.

    A worker may find another rootdir and ini file than the controller did: pytest looks for them beside the paths that
    it takes for arguments, and a folder that an option names may have been made in between.
    """

    identity: Identity
    options: Options
    planes: tuple[Plane, ...]
    source_name: str
    digest: str
    check_set: str
    """The digest of what has to be proven, the user's own checks included."""

    def to_text(self) -> str:
        """As it travels to a worker."""
        identity = self.identity
        return json.dumps(
            {
                "run_id": identity.run_id,
                "started": identity.started.isoformat(),
                "folder": str(identity.folder),
                "options": self.options.to_json(),
                "planes": [plane.value for plane in self.planes],
                "source_name": self.source_name,
                "digest": self.digest,
                "check_set": self.check_set,
            }
        )

    @classmethod
    def from_text(cls, text: str) -> Handover:
        """The inverse of `to_text`."""
        data = json.loads(text)
        return cls(
            identity=Identity(
                run_id=data["run_id"],
                started=datetime.fromisoformat(data["started"]),
                folder=Path(data["folder"]),
            ),
            options=Options.from_json(data["options"]),
            planes=tuple(Plane(name) for name in data["planes"]),
            source_name=data["source_name"],
            digest=data["digest"],
            check_set=data["check_set"],
        )
