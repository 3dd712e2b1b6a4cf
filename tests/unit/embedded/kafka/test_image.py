"""When the JVM's image is made, used, and done without."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from pytest_substrate.embedded.kafka import image as image_module
from pytest_substrate.embedded.kafka.broker import BrokerDied, Runtime
from pytest_substrate.embedded.kafka.image import with_image
from pytest_substrate.embedded.kafka.jars import Jars
from pytest_substrate.embedded.kafka.java import Java


def _runtime(folder: Path, *, java: str = "25.0.2") -> Runtime:
    jar = folder / "kafka.jar"
    if not jar.exists():
        jar.write_bytes(b"jar")
    return Runtime(java=Java(executable=folder / "java", version=java), jars=Jars(version="4.2.0", paths=(jar,)))


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The options of the trainings that were run, none of them for real: the image appears."""
    options: list[str] = []

    def train(runtime: Runtime, *, platform: Path, work: Path) -> None:
        options.extend(runtime.flags_of_first)
        Path(runtime.flags_of_first[0].partition("=")[2]).write_bytes(b"image")

    monkeypatch.setattr(image_module, "_train", train)
    return options


def test_it_is_made_once_and_then_used(tmp_path: Path, trained: list[str]) -> None:
    """The first time trains and says how long and where, the second finds the same image and says nothing."""
    said: list[str] = []
    first = with_image(_runtime(tmp_path), cache=tmp_path, platform=tmp_path, progress=said.append)
    assert str(tmp_path) in said[0]
    said.clear()
    assert first == with_image(_runtime(tmp_path), cache=tmp_path, platform=tmp_path, progress=said.append)
    assert ([], 1) == (said, len(trained))
    assert b"image" == Path(first.flags[-1].partition("=")[2]).read_bytes()
    assert () == first.flags_of_first


@pytest.mark.parametrize(
    ("java", "making", "using"),
    [
        ("25.0.2", "-XX:AOTCacheOutput", "-XX:AOTCache"),
        ("17.0.15", "-XX:ArchiveClassesAtExit", "-XX:SharedArchiveFile"),
    ],
)
def test_each_java_has_its_options(tmp_path: Path, trained: list[str], java: str, making: str, using: str) -> None:
    """An AOT cache from Java 25 on, a class archive before."""
    runtime = with_image(_runtime(tmp_path, java=java), cache=tmp_path, platform=tmp_path, progress=lambda _line: None)
    assert (making, using) == (trained[0].partition("=")[0], runtime.flags[-1].partition("=")[0])


def test_another_java_or_other_jars_need_another_image(tmp_path: Path, trained: list[str]) -> None:
    """What the JVM would refuse is not handed to it."""
    paths = set()
    for java, mtime in [("25.0.2", 1), ("25.0.3", 1), ("25.0.2", 2)]:
        runtime = _runtime(tmp_path, java=java)
        os.utime(runtime.jars.paths[0], (mtime, mtime))
        paths.add(with_image(runtime, cache=tmp_path, platform=tmp_path, progress=lambda _line: None).flags)
    assert 3 == len(paths)


def test_without_an_image_it_goes_on_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A training that fails costs speed, not the run; nothing half-made is kept."""

    def fail(runtime: Runtime, *, platform: Path, work: Path) -> None:
        Path(runtime.flags_of_first[0].partition("=")[2]).write_bytes(b"half")
        raise BrokerDied("broker 1: no memory")

    monkeypatch.setattr(image_module, "_train", fail)
    said: list[str] = []
    runtime = _runtime(tmp_path)
    assert runtime == with_image(runtime, cache=tmp_path, platform=tmp_path, progress=said.append)
    assert "no memory" in said[-1]
    assert [] == list(tmp_path.glob("*.jvm-image"))


def test_an_image_that_nobody_uses_goes(tmp_path: Path, trained: list[str]) -> None:
    """After a month without a use; a used one stays."""
    old, used = tmp_path / "old.jvm-image", tmp_path / "used.jvm-image"
    for image, age_days in [(old, 40), (used, 2)]:
        image.touch()
        os.utime(image, (time.time() - age_days * 86400,) * 2)
    with_image(_runtime(tmp_path), cache=tmp_path, platform=tmp_path, progress=lambda _line: None)
    assert (False, True) == (old.exists(), used.exists())


def test_the_image_of_a_java_that_is_gone_goes(tmp_path: Path, trained: list[str]) -> None:
    """With its virtual environment; the image of a Java that is there stays."""
    runtimes = {}
    for name in ("removed", "kept"):
        (tmp_path / name).mkdir()
        runtimes[name] = _runtime(tmp_path / name)
        runtimes[name].java.executable.touch()
        with_image(runtimes[name], cache=tmp_path, platform=tmp_path, progress=lambda _line: None)
    runtimes["removed"].java.executable.unlink()
    with_image(_runtime(tmp_path), cache=tmp_path, platform=tmp_path, progress=lambda _line: None)
    left = {note.read_text() for note in tmp_path.glob("*.java")}
    assert {str(runtimes["kept"].java.executable), str(tmp_path / "java")} == left
    assert 2 == len(list(tmp_path.glob("*.jvm-image")))


def test_images_are_not_too_many(tmp_path: Path, trained: list[str]) -> None:
    """The longest unused goes first."""
    images = [tmp_path / f"{age:02}.jvm-image" for age in range(20)]
    for age, image in enumerate(images):
        image.touch()
        os.utime(image, (time.time() - age * 3600,) * 2)
    with_image(_runtime(tmp_path), cache=tmp_path, platform=tmp_path, progress=lambda _line: None)
    left = sorted(tmp_path.glob("[0-9]*.jvm-image"))
    assert images[: image_module._AT_MOST - 1] == left
