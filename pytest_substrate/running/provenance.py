"""Where the declaration and the plugin come from, for the evidence."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Final

_DEADLINE_S: Final = 3.0


def plugin_version() -> str:
    """The installed version of this package."""
    from importlib.metadata import version

    return version("pytest-substrate")


def commit_of(path: Path) -> tuple[str | None, bool | None]:
    """The commit of the work tree around a file, and whether the file differs from it; None, None without either."""
    commit = _git(path.parent, "rev-parse", "--verify", "HEAD")
    if commit is None:
        return None, None
    changes = _git(path.parent, "status", "--porcelain", "--ignored", "--", path.name)
    return commit, None if changes is None else bool(changes)


def _git(folder: Path, *arguments: str) -> str | None:
    """What git says, read-only; nothing that a repository's own configuration names is run for it."""
    command = ["git", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=", "-C", str(folder), *arguments]
    environment = {**os.environ, "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0"}
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_DEADLINE_S, check=False, env=environment
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
