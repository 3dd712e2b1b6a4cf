"""The last look at what a run put out: a file that holds a known secret is withheld, and the run ends with 11.

Everything was scrubbed where it was written; this finds what another plugin or a test wrote past that. Under xdist each
worker looks with the secrets that it knows, which never leave it; what the controller writes after that, it wrote of
reports that the workers scrubbed. A file that this process may not read is none that it wrote, and is left alone.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Generator, Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from pytest_substrate.gate.judge import EXIT_NO_EVIDENCE
from pytest_substrate.model.errors import BadInput
from pytest_substrate.running.asked import evidence_path

if TYPE_CHECKING:
    from pytest_substrate.evidence.redaction import Scrubber
    from pytest_substrate.running.state import Run

BROKEN: Final = frozenset({2, 3, 4})
"""Interrupted, internal error, usage error: pytest's exit codes that come before 11."""
_CHUNK: Final = 8 << 20
_SLACK_S: Final = 2.0
"""A file system's clock may lag, and some keep whole seconds, or two."""
_OVERLAP: Final = 256 << 10
"""Bytes that two looks at a large file have in common: more than any form of a secret has."""


class LastLook:
    """The hook at the end of a run that demands no plane, registered where a fixture came to know a secret."""

    def __init__(self, run: Run) -> None:
        self._run = run

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Generator[None, object, object]:
        """A worker tells its controller; everyone else looks after all others have written."""
        run = self._run
        if run.is_worker:
            from pytest_substrate.running.workers import report_end

            report_end(run)
            return (yield)
        try:
            return (yield)
        finally:
            told = list(dict.fromkeys([*run.reports.withheld, *withhold(run)]))
            for line in told:
                run.say(f"secret-in-output: {line}")
            if told and int(session.exitstatus) not in BROKEN:
                session.exitstatus = EXIT_NO_EVIDENCE


def withhold(run: Run) -> list[str]:
    """Remove every output that holds a secret which this process knows; a line for each, named as below the rootdir."""
    if not run.knows_secrets:
        return []
    root, told = run.config.rootpath, []
    for path in sorted(set(_outputs(run))):
        with contextlib.suppress(OSError):
            if _holds(run.scrubber, path):
                name = path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name
                told.append(f"{name} held a secret, and was {_removed(path)}")
    return told


def _removed(path: Path) -> str:
    try:
        path.unlink(missing_ok=True)  # another worker may have been faster
    except OSError:
        try:
            path.write_bytes(b"")
        except OSError as error:
            return f"not removed ({error.strerror}): remove it"
        return "emptied"
    return "removed"


def _holds(scrubber: Scrubber, path: Path) -> bool:
    before = b""
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            whole = before + chunk
            if scrubber.holds(whole):
                return True
            before = whole[-_OVERLAP:]
    return False


def _outputs(run: Run) -> Iterator[Path]:
    """The files of the output folders, and those that options name. Links lead elsewhere, and are left alone."""
    option, here = run.config.option, run.config.invocation_params.dir
    for name in ("xmlpath", "log_file", "allure_report_dir"):
        given = getattr(option, name, None) or (run.config.getini("log_file") if name == "log_file" else None)
        if given:
            yield from _files(Path(os.path.abspath(here / str(given))))  # noqa: PTH100  `resolve` would follow links
    with contextlib.suppress(BadInput):  # a run without a plane may have an option of ours that is none
        folder = evidence_path(run.config).parent if run.plan is None else run.options.evidence.parent
        # the project itself, a home, the system's temporary folder hold other people's files beside the output
        if not any(place.is_relative_to(folder) for place in (run.config.rootpath, Path.home(), _temporary())):
            yield from (file for file in _files(folder) if _is_younger(file, run.identity.started))


def _temporary() -> Path:
    return Path(tempfile.gettempdir()).resolve()


def _is_younger(file: Path, started: datetime) -> bool:
    """Whether a file was written since the run began: an older one is none of its outputs."""
    with contextlib.suppress(OSError):
        return file.stat().st_mtime >= started.timestamp() - _SLACK_S
    return False


def _files(path: Path) -> Iterator[Path]:
    if path.is_symlink():
        return
    if path.is_file():
        yield path
    elif path.is_dir():
        for folder, _, names in os.walk(path):
            for name in names:
                file = Path(folder, name)
                if file.is_file() and not file.is_symlink():
                    yield file
