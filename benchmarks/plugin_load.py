"""What the plugin costs who only has it installed: one trivial test with it, and without it, in one run.

    python benchmarks/plugin_load.py

Every other plugin is left out of both, and both run the same number of times in turn, so what else keeps the machine
busy falls on both. Compared is the processor time that a run takes, user and system. What Python compiles is kept
between the runs, as it is wherever Python may write; the first runs, which compile, are not counted.
"""

from __future__ import annotations

import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from pytest_substrate.running.provenance import plugin_version

ROUNDS = 31
AT_MOST = 1.02
LEFT_OUT = ("xdist", "allure_pytest", "pytester", "hypothesispytest", "rerunfailures", "repeat", "timeout", "testinfra")


def main() -> int:
    """Measure and print; 1 where the ratio is above what is allowed."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        (place / "pytest.ini").write_text("[pytest]\n")
        (place / "test_trivial.py").write_text("def test_trivial():\n    assert True\n")
        with_it, without = (), ("-p", "no:substrate")
        for arguments in (with_it, without):
            _run(place, arguments)
        pairs = [(_run(place, with_it), _run(place, without)) for _ in range(ROUNDS)]
    installed = statistics.median(pair[0] for pair in pairs)
    bare = statistics.median(pair[1] for pair in pairs)
    ratio = installed / bare
    print(f"pytest-substrate {plugin_version()}, pytest {pytest.__version__}, Python {platform.python_version()}")
    print(f"bare       {bare * 1000:6.1f} ms   (median of {ROUNDS})")
    print(f"installed  {installed * 1000:6.1f} ms")
    print(f"ratio      {ratio:6.3f}      (at most {AT_MOST})")
    return 0 if ratio <= AT_MOST else 1


def _run(place: Path, arguments: tuple[str, ...]) -> float:
    left_out = [part for name in LEFT_OUT for part in ("-p", f"no:{name}")]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *left_out, *arguments]
    environment = {**os.environ, "PYTHONPYCACHEPREFIX": str(place / "compiled")}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, cwd=place, env=environment, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


if __name__ == "__main__":
    sys.exit(main())
