"""Kafka's jars: fetched once into the user's cache, each held against its pinned sha256, or the user's distribution.

A cache that is half there is never used: jars are fetched beside it and moved to their place in one step. At each
start size and time of every jar are compared with those that were noted when its bytes were last hashed; where they
differ the jar is hashed again, and fetched again if its bytes are not the pinned ones.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pytest_substrate.embedded.kafka import maven
from pytest_substrate.embedded.kafka.cache import cache_folder, only_one, workshop
from pytest_substrate.embedded.kafka.pins import Pin, Pins, read_pins, sha256_of
from pytest_substrate.embedded.kafka.spec import KAFKA_VERSION
from pytest_substrate.model.errors import BadInput

HOME_VARIABLE = "SUBSTRATE_KAFKA_HOME"
_DEADLINE_S = 600.0
_CORE = re.compile(r"kafka_2\.1[23]-(\d+\.\d+\.\d+)\.jar")
_NOTES = "verified.json"

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Jars:
    """What a broker's class path holds, and the Kafka version that it is."""

    version: str
    paths: tuple[Path, ...]

    @property
    def classpath(self) -> str:
        """The value of Java's option `-cp`."""
        return os.pathsep.join(map(str, self.paths))

    def identity(self) -> str:
        """A digest of every jar's path, size and time: what the JVM compares before it trusts an image of them."""
        digest = hashlib.sha256()
        for path in self.paths:
            digest.update(f"{path}\0{_stamp(path)}\0".encode())
        return digest.hexdigest()


def find_jars(
    version: str = KAFKA_VERSION,
    *,
    environ: Mapping[str, str] = os.environ,
    progress: Progress,
    deadline_s: float = _DEADLINE_S,
) -> Jars:
    """The jars of a Kafka version, ready to run; LookupError for a version that isn't pinned.

    Of the platform's own version they come from the distribution that `SUBSTRATE_KAFKA_HOME` names, where it is set
    (whatever version that is, and unverified: the user named it). Raises BadInput where they cannot be had.
    """
    if version == KAFKA_VERSION and (home := environ.get(HOME_VARIABLE)):
        return _distribution(Path(home))
    pins = read_pins(version)
    cache = cache_folder(environ)
    folder = cache / f"kafka-{version}-{pins.digest[:12]}"
    if not _is_verified(folder, pins):
        waiting = f"waiting for another run that is fetching Kafka {version}"
        with only_one(cache / f"kafka-{version}.lock", waiting=lambda: progress(waiting)):
            if not folder.exists():
                _fetch_all(cache, folder, pins, progress=progress, deadline_s=deadline_s)
            elif not _is_verified(folder, pins):
                _mend(cache, folder, pins, progress=progress, deadline_s=deadline_s)
    return Jars(version=version, paths=tuple(folder / pin.path for pin in pins.jars))


def _distribution(home: Path) -> Jars:
    jars = sorted((home / "libs").glob("*.jar"))
    versions = [found[1] for jar in jars if (found := _CORE.fullmatch(jar.name))]
    if len(versions) != 1:
        raise BadInput(
            HOME_VARIABLE,
            f"{home / 'libs'} does not hold the jars of one Kafka",
            "name the folder that a Kafka distribution was unpacked to, or unset it",
        )
    return Jars(version=versions[0], paths=tuple(jar.absolute() for jar in jars))


def _fetch_all(cache: Path, folder: Path, pins: Pins, *, progress: Progress, deadline_s: float) -> None:
    began = time.monotonic()
    progress(
        f"fetching Apache Kafka {pins.version} once: {len(pins.jars)} jars, {pins.size / 1e6:.0f} MB, kept in {folder}"
    )
    with workshop(cache, f"kafka-{pins.version}") as making:
        _fetch(pins.jars, making / "jars", cache=cache, deadline_s=deadline_s)
        _note(making / "jars", pins)
        (making / "jars").rename(folder)
    progress(f"fetched Apache Kafka {pins.version} in {time.monotonic() - began:.0f} s")


def _mend(cache: Path, folder: Path, pins: Pins, *, progress: Progress, deadline_s: float) -> None:
    broken = [pin for pin in pins.jars if not _is_pinned(folder / pin.path, pin)]
    if broken:
        names = ", ".join(pin.path.name for pin in broken)
        progress(
            f"fetching again {len(broken)} of Kafka's jars, {sum(pin.size for pin in broken) / 1e6:.1f} MB, "
            f"into {folder}: the bytes there are not the pinned ones ({names})"
        )
        with workshop(cache, f"kafka-{pins.version}") as making:
            _fetch(broken, making, cache=cache, deadline_s=deadline_s)
            for pin in broken:
                (folder / pin.path).parent.mkdir(parents=True, exist_ok=True)
                (making / pin.path).replace(folder / pin.path)
    _note(folder, pins)


def _fetch(pins: Iterable[Pin], folder: Path, *, cache: Path, deadline_s: float) -> None:
    try:
        maven.fetch(tuple(pins), folder, sources=maven.repositories(), deadline_s=deadline_s)
    except ImportError as error:
        raise BadInput(
            "Kafka's jars",
            f"the package {error.name}, which fetches them, is missing",
            "install pytest-substrate[local]",
        ) from error
    except maven.NotFetched as failed:
        raise BadInput(
            "Kafka's jars",
            f"they are not in the cache {cache}, and could not be fetched: {failed}",
            f"make a Maven repository reachable (its mirror in jgo's or Maven's settings, a proxy in HTTPS_PROXY), or "
            f"name the folder of an unpacked Apache Kafka {KAFKA_VERSION} in {HOME_VARIABLE}",
        ) from failed


def _is_pinned(path: Path, pin: Pin) -> bool:
    return path.is_file() and path.stat().st_size == pin.size and sha256_of(path) == pin.sha256


def _is_verified(folder: Path, pins: Pins) -> bool:
    """Whether every jar is as it was when its bytes were last found to be the pinned ones: no bytes are read."""
    try:
        noted = json.loads((folder / _NOTES).read_text(encoding="ascii"))
        return bool(noted == _stamps(folder, pins))
    except (OSError, ValueError):
        return False


def _note(folder: Path, pins: Pins) -> None:
    notes = folder / f"{_NOTES}.{os.getpid()}"
    notes.write_text(json.dumps(_stamps(folder, pins)), encoding="ascii")
    notes.replace(folder / _NOTES)


def _stamps(folder: Path, pins: Pins) -> dict[str, str]:
    return {str(pin.path): _stamp(folder / pin.path) for pin in pins.jars}


def _stamp(path: Path) -> str:
    status = path.stat()
    return f"{status.st_size} {status.st_mtime_ns}"
