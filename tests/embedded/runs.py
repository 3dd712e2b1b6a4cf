"""Whole runs of the main job in a process of their own, as a person starts them, and what they left."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_substrate.model.record import Record

ROOT = Path(__file__).parents[2]
DEADLINE_S = 240.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What one run came to. `records` are those of its evidence, in the order of the ladder."""

    exit_code: int
    output: str
    predicate: Mapping[str, Any]
    records: tuple[Record, ...]

    @property
    def reds(self) -> tuple[Record, ...]:
        """The records that are not green."""
        return tuple(record for record in self.records if not record.outcome.green)


def run_plane(
    folder: Path, *arguments: str, env: Mapping[str, str] | None = None, plane: str = "messaging_plane"
) -> Run:
    """`pytest -m PLANE` in the checkout, with its evidence in `folder`; `env` is the whole environment."""
    evidence = folder / "evidence.json"
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-m",
            plane,
            "-p",
            "no:cacheprovider",
            f"--substrate-evidence={evidence}",
            f"--basetemp={folder / 'base'}",
            *arguments,
        ],
        cwd=ROOT,
        env=dict(os.environ if env is None else env),
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )
    predicate: dict[str, Any] = {}
    if evidence.exists():
        envelope = json.loads(evidence.read_text(encoding="utf-8"))
        predicate = json.loads(base64.b64decode(envelope["payload"]))["predicate"]
    return Run(
        exit_code=done.returncode,
        output=done.stdout + done.stderr,
        predicate=predicate,
        records=tuple(Record.from_json(record) for record in predicate.get("records", ())),
    )
