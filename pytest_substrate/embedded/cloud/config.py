"""What the cloud's process is told when it starts: one file, readable by its owner alone."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, fields
from pathlib import Path

CONTROL_HEADER = "x-substrate-token"
"""Every request on the control channel carries the control token in it."""
REQUIRED_MINISTACK = "1.5.33"
"""The corrections reach into this version's functions; another one is refused rather than half corrected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CloudConfig:
    """Everything the server needs. `platform` is the keeper's folder, `folder` the cloud's own below it."""

    platform: str
    folder: str
    account: str
    region: str
    root_key: str
    root_secret: str
    control_token: str
    log_level: str = "WARNING"
    steady_delay_s: float = 1.0
    """How long a task must run before its deployment counts it as started."""
    spread_delay_s: float = 0.2
    """From a secret's new version to the broker's new password (on MSK up to ten minutes)."""

    @property
    def ready_file(self) -> Path:
        """Written by the server once it accepts requests: `{"port": …}`."""
        return Path(self.folder, "ready.json")

    def write(self) -> Path:
        """Write the file with mode 0600; its path."""
        path = Path(self.folder, "cloud.json")
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            json.dump(asdict(self), stream)
        return path


def read_config(path: Path) -> CloudConfig:
    """The configuration that `CloudConfig.write` left."""
    held = json.loads(path.read_text(encoding="utf-8"))
    return CloudConfig(**{field.name: held[field.name] for field in fields(CloudConfig)})
