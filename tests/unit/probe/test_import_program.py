"""The probe of imports: how an import ends, told without what the module prints or says."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from pytest_substrate.model.import_transcript import ImportRequest, ImportTranscript
from pytest_substrate.model.observation import Unobserved
from pytest_substrate.probe import bundle

NONCE = "1" * 32
MODULES = {
    "fine": "print('hunter2')\nimport sys\nsys.stderr.write('hunter2')\n",
    "lacking": "import not_there.at_all\n",
    "raising": "raise RuntimeError('hunter2')\n",
    "ending": "import os\nos._exit(7)\n",
    "threads": "import threading, time\nthreading.Thread(target=time.sleep, args=(60,)).start()\n",
    "slow": "import time\ntime.sleep(60)\n",
}


def told(folder: Path, *modules: str, **more: object) -> ImportTranscript:
    """What the text that travels prints in a folder with these modules."""
    for name in modules:
        if name in MODULES:
            (folder / f"{name}.py").write_text(MODULES[name])
    request = ImportRequest(nonce=NONCE, modules=modules, **{"deadline_s": 5.0, **more})  # type: ignore[arg-type]
    done = subprocess.run(
        [sys.executable, "-c", bundle.import_source(), request.to_json()],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (0, "") == (done.returncode, done.stderr)
    assert "hunter2" not in done.stdout
    seen = request.read(done.stdout.splitlines())
    assert isinstance(seen, ImportTranscript), seen
    return seen


def test_how_imports_end(tmp_path: Path) -> None:
    """In one process each: what one does to its own doesn't touch the others."""
    seen = told(tmp_path, "fine", "lacking", "raising", "ending", "threads").modules
    assert "imported" == seen["fine"].outcome == seen["threads"].outcome
    lacking, raising, ending = (seen[name] for name in ("lacking", "raising", "ending"))
    assert ("failed", "ModuleNotFoundError", "not_there") == (lacking.outcome, lacking.error, lacking.missing)
    assert ("failed", "RuntimeError", None) == (raising.outcome, raising.error, raising.missing)
    assert ("ended", 7) == (ending.outcome, ending.exit_code)


def test_one_that_hangs_is_ended(tmp_path: Path) -> None:
    """By its own deadline; the whole has one too."""
    assert "hangs" == told(tmp_path, "slow", deadline_s=0.5).modules["slow"].outcome


def test_what_stands_first_on_the_path(tmp_path: Path) -> None:
    """The folder of a script in the place of the working directory; and the workload's own options hold."""
    inner = tmp_path / "inner"
    inner.mkdir()
    (inner / "deep.py").write_text("")
    assert "failed" == told(tmp_path, "deep").modules["deep"].outcome
    assert "imported" == told(tmp_path, "deep", first=str(inner)).modules["deep"].outcome
    assert "imported" == told(inner, "deep").modules["deep"].outcome
    assert "failed" == told(inner, "deep", flags=("-I",)).modules["deep"].outcome


def test_another_requests_transcript_is_none() -> None:
    """Nor is one of another schema, or cut."""
    request = ImportRequest(nonce=NONCE, modules=("a",))
    assert isinstance(request.read(["substrate-transcript x"]), Unobserved)
    assert isinstance(request.read([]), Unobserved)
