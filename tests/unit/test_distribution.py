"""What the package is made of arrives with its wheel: code, types, and the data that a run reads.

Where the package is installed from a wheel, that wheel is looked at; where it is installed from the checkout for
editing, one is built from it, without the network.
"""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from importlib.metadata import Distribution, distribution
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DATA = (
    "py.typed",
    "embedded/kafka/jars-3.9.1.sha256",
    "embedded/kafka/jars-4.2.0.sha256",
    "embedded/platform/dev_min.toml",
    "embedded/platform/images/ingest/ingest/__init__.py",
    "embedded/platform/images/ingest/ingest/__main__.py",
    "embedded/platform/images/ingest/oracle/__main__.py",
    "model/declaration/substrate.schema.json",
    "planes/messaging/clients/kafka-python.json",
    "probe/data/program.json",
    "probe/imports/program.json",
    "probe/program.json",
)


@pytest.fixture(scope="module")
def contents(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, bytes]:
    """Each file of the wheel by its path."""
    installed = distribution("pytest-substrate")
    if not _is_editable(installed):
        return {
            str(path): Path(str(path.locate())).read_bytes()
            for path in installed.files or ()
            if "__pycache__" not in path.parts and ".." not in path.parts
        }
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    done = subprocess.run(build, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert 0 == done.returncode, f"the extra `dev` brings hatchling: {done.stderr}"
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist() if not name.endswith("/")}


def _is_editable(installed: Distribution) -> bool:
    told = json.loads(installed.read_text("direct_url.json") or "{}")
    return bool(told.get("dir_info", {}).get("editable"))


@pytest.mark.parametrize("name", DATA)
def test_the_data_that_a_run_reads_is_in_the_wheel(contents: Mapping[str, bytes], name: str) -> None:
    """None of it is looked for in a checkout."""
    assert f"pytest_substrate/{name}" in contents


def test_every_file_of_the_package_is_in_the_wheel(contents: Mapping[str, bytes]) -> None:
    """As it stands in the checkout, and nothing beside the package comes with it."""
    here = {
        str(path.relative_to(ROOT)): path.read_bytes()
        for path in (ROOT / "pytest_substrate").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    packed = {name: data for name, data in contents.items() if ".dist-info/" not in name}
    assert {"pytest_substrate/embedded/platform/dev_min.toml"} == packed.keys() - here.keys()
    assert [] == [name for name, data in here.items() if packed.get(name) != data]


def test_the_platform_s_own_declaration_is_that_of_the_fixtures(contents: Mapping[str, bytes]) -> None:
    """A platform that is started from the package alone is `dev_min`, to the byte."""
    packed = contents["pytest_substrate/embedded/platform/dev_min.toml"]
    assert (ROOT / "fixtures/dev_min/substrate.toml").read_bytes() == packed


def test_the_command_and_the_plugin_are_entry_points(contents: Mapping[str, bytes]) -> None:
    """pytest finds the plugin, and a shell the command."""
    (text,) = (data.decode() for name, data in contents.items() if name.endswith(".dist-info/entry_points.txt"))
    assert "substrate = pytest_substrate.plugin" in text
    assert "substrate = pytest_substrate.cli.main:main" in text
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in contents)
