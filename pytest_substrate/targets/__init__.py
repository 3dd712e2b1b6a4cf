"""Where a declaration is checked: who hands out clients, and how a probe is sent."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pytest_substrate.model.outcome import TargetKind, Vantage

if TYPE_CHECKING:
    from pytest_substrate.model.declaration import Declaration
    from pytest_substrate.targets.port import Target

_RUN: Final = "target.json"


def make_target(
    kind: TargetKind,
    declaration: Declaration,
    *,
    vantage: Vantage,
    folder: Path,
    owner: bool,
    progress: Callable[[str], None],
    faults: Sequence[str] = (),
    alone: bool = False,
    source: Callable[[], str] | None = None,
    run_id: str | None = None,
    home: Path = Path(),
) -> Target:
    """The target of a run: made by its owner, joined through the run's private `folder` by every other process.

    Nothing is asked of AWS yet: `guard` does that first, on the owner. `faults` and `alone` (whether its
    owner will change it) are for the embedded target alone.
    `home` is the folder of the declaration, at which the paths in it start.
    `run_id` is the owner's, by which its evidence names the run; made here where there is none.
    Raises BadInput or TargetError where the target can't be had.
    """
    from pytest_substrate.targets.control_plane import Setting

    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    setting = Setting(
        declaration=declaration,
        vantage=vantage,
        run_id=_run_id(folder, run_id, owner=owner),
        progress=progress,
        source=source or _probe_source,
        home=home,
    )
    if kind is TargetKind.EMBEDDED:
        from pytest_substrate.targets.embedded import join_embedded, own_embedded

        if owner:
            return own_embedded(setting, folder=folder, faults=faults, alone=alone)
        return join_embedded(setting, folder=folder)
    if kind is TargetKind.LOCALSTACK:
        from pytest_substrate.targets.localstack import LocalstackTarget

        return LocalstackTarget(setting)
    from pytest_substrate.targets.aws import AwsTarget

    return AwsTarget(setting)


def _run_id(folder: Path, run_id: str | None, *, owner: bool) -> str:
    """By which a run's twins and sessions are told from another's; the same in all of its processes."""
    path = folder / _RUN
    if not owner:
        return str(json.loads(path.read_text(encoding="utf-8"))["run"])
    run_id = run_id or uuid.uuid4().hex
    draft = path.with_suffix(f".{os.getpid()}")
    draft.write_text(json.dumps({"run": run_id}), encoding="utf-8")
    draft.replace(path)
    return run_id


def _probe_source() -> str:
    from pytest_substrate.probe.bundle import probe_source

    return probe_source()
