"""What the scrubber costs: its share of a run in which it knows secrets and everything passes through it.

    python benchmarks/scrubber.py

The limit is for a run of the messaging plane on the embedded platform, whose sessions' keys are secrets to it.
Beside it stand a user's tests that do nothing but print, log and fail with long texts: worse than any run can be, and
there to be looked at. Measured are the outermost calls of the scrubber within pytest's
process, against that process: by the clock in the one, by processor time in the other.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from pytest_substrate.running.provenance import plugin_version

ROOT = Path(__file__).parents[1]
ROUNDS = 3
AT_MOST = 0.02
SPY = """
import atexit, functools, json, os, time
from pathlib import Path

import pytest

from pytest_substrate.evidence.redaction import Scrubber

BEGAN = time.perf_counter()
SPENT = {"clock": 0.0, "processor": 0.0, "secrets": 0}
INSIDE = []


def timed(function):
    @functools.wraps(function)
    def measured(*args, **kwargs):
        if INSIDE:
            return function(*args, **kwargs)
        INSIDE.append(1)
        clock, processor = time.perf_counter(), time.process_time()
        try:
            return function(*args, **kwargs)
        finally:
            INSIDE.clear()
            SPENT["clock"] += time.perf_counter() - clock
            SPENT["processor"] += time.process_time() - processor
    return measured


def counted(function):
    @functools.wraps(function)
    def adding(*args, **kwargs):
        SPENT["secrets"] += 1
        return function(*args, **kwargs)
    return adding


Scrubber.add = counted(Scrubber.add)
for name in ("add", "scrub", "scrub_bytes", "scrub_tree", "holds"):
    setattr(Scrubber, name, timed(getattr(Scrubber, name)))


@atexit.register
def told():
    whole = {"whole_clock": time.perf_counter() - BEGAN, "whole_processor": time.process_time()}
    Path(os.environ["SPENT"]).write_text(json.dumps(SPENT | whole))
"""
TESTS = """
import logging, pytest

@pytest.mark.parametrize("number", range(60))
def test_own(number):
    text = [f"line {number} {place} of what a test prints" for place in range(20)]
    print("\\n".join(text))
    logging.getLogger("app").info("row %s", text)
    assert number % 6, text
"""
KNOWING = """
import pytest
from pytest_substrate.running import run_of

@pytest.hookimpl(trylast=True)
def pytest_sessionstart(session):
    for secret in ("hunter2-Ünd/more+&<x>", "sessiontoken" * 30, "operatorkey" * 4, "Zq8vT2mXw4Lk9Rb1Yc6N"):
        run_of(session.config).scrubber.add(secret)
"""


def main() -> int:
    """Measure and print; 1 where the share of a run is above what is allowed."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        (place / "spy.py").write_text(SPY, encoding="utf-8")
        (place / "own").mkdir()
        (place / "own" / "pytest.ini").write_text("[pytest]\n")
        (place / "own" / "conftest.py").write_text(KNOWING, encoding="utf-8")
        (place / "own" / "test_own.py").write_text(TESTS, encoding="utf-8")
        gate = ("-m", "messaging_plane", "--substrate-target=embedded", f"--substrate-evidence={place}/out/e.json")
        runs = [_run(place, ROOT, gate, 0) for _ in range(ROUNDS)]
        chatty = [_run(place, place / "own", (f"--junitxml={place}/j.xml",), 1) for _ in range(ROUNDS)]
    share = statistics.median(run["clock"] / run["whole_clock"] for run in runs)
    worst = statistics.median(run["processor"] / run["whole_processor"] for run in chatty)
    print(f"pytest-substrate {plugin_version()}, pytest {pytest.__version__}, Python {platform.python_version()}")
    print(f"a run of the messaging plane   {share * 100:5.2f} %   (at most {AT_MOST * 100:.0f} %; median of {ROUNDS})")
    print(f"tests that do nothing but talk {worst * 100:5.2f} %   (of the processor time; no limit)")
    return 0 if share <= AT_MOST else 1


def _run(place: Path, where: Path, arguments: tuple[str, ...], expected: int) -> dict[str, float]:
    spent = place / "spent.json"
    spent.unlink(missing_ok=True)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-p", "spy", *arguments],
        cwd=where,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(place), str(ROOT)]), "SPENT": str(spent)},
        capture_output=True,
        text=True,
        check=False,
    )
    told: dict[str, float] = json.loads(spent.read_text()) if spent.exists() else {}
    if done.returncode != expected or not told.get("secrets"):
        raise SystemExit(f"the run ended with {done.returncode}:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return told


if __name__ == "__main__":
    sys.exit(main())
