"""The JVM's image of Kafka: its classes loaded, verified and linked ahead of time, which halves the time of a start.

It is made once for a Java, a set of jars and our JVM options, by a training run: a cluster is started, used as clients
use it, and ended in order, upon which the JVM writes what it learned (an AOT cache, JEP 514; before Java 25 a dynamic
CDS archive, JEP 350). It is made before the first start and not beside it: it takes ten seconds or more of both
cores, and a run that it slowed would end, and the training with it, before it is done.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import hashlib
import os
import time
from pathlib import Path

from pytest_substrate.embedded.kafka.broker import JVM_FLAGS, BrokerDied, Runtime
from pytest_substrate.embedded.kafka.cache import only_one, workshop
from pytest_substrate.embedded.kafka.cluster import KafkaCluster
from pytest_substrate.embedded.kafka.jars import Progress
from pytest_substrate.embedded.kafka.java import Java
from pytest_substrate.embedded.kafka.spec import ClusterSpec
from pytest_substrate.embedded.kafka.tls import Authority
from pytest_substrate.embedded.kafka.training import use
from pytest_substrate.embedded.network.relay import Network
from pytest_substrate.model.errors import BadInput

_WRITE_S = 120.0
_UNUSED_S = 30 * 86400.0
_AT_MOST = 12
"""How many images are kept, of some 80 MB each: every virtual environment has a Java, and so an image, of its own."""
_SUFFIX = ".jvm-image"
_JAVA = ".java"
"""Of the file beside an image that names the Java which it is for."""


def with_image(runtime: Runtime, *, cache: Path, platform: Path, progress: Progress) -> Runtime:
    """The runtime with the option that makes a JVM use its image, which is made first where it is missing.

    Where it cannot be made, `progress` says so and the runtime comes back as it was: it starts in twice the time, and
    the next run tries again. What the training starts belongs to the platform of the folder `platform`.
    """
    stem = f"kafka-{runtime.jars.version}-java-{runtime.java.version}-{_identity(runtime)}"
    image = cache / f"{stem}{_SUFFIX}"
    if not image.exists():
        with only_one(cache / "image.lock", waiting=lambda: progress("waiting for another run that prepares Kafka")):
            if not image.exists() and not _make(image, runtime, platform=platform, progress=progress):
                return runtime
    os.utime(image)
    _, using = _options(runtime.java, image)
    return dataclasses.replace(runtime, flags=(*runtime.flags, using))


def _identity(runtime: Runtime) -> str:
    """What the image holds for: the JVM refuses one of another Java, class path or set of options."""
    parts = (str(runtime.java.executable), runtime.java.version, runtime.jars.identity(), *JVM_FLAGS, *runtime.flags)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]


def _options(java: Java, image: Path) -> tuple[str, str]:
    """The JVM's options that make an image, and that use it."""
    if java.major >= 25:
        return f"-XX:AOTCacheOutput={image}", f"-XX:AOTCache={image}"
    return f"-XX:ArchiveClassesAtExit={image}", f"-XX:SharedArchiveFile={image}"


def _make(image: Path, runtime: Runtime, *, platform: Path, progress: Progress) -> bool:
    began = time.monotonic()
    progress(f"preparing Kafka once, for starts in half the time: some 10 to 30 s, 80 MB, kept in {image.parent}")
    _sweep(image.parent)
    with workshop(image.parent, "image") as making:
        new = making / image.name
        recording, _ = _options(runtime.java, new)
        try:
            _train(dataclasses.replace(runtime, flags_of_first=(recording,)), platform=platform, work=making)
        except (BadInput, BrokerDied, OSError) as error:
            progress(f"preparing Kafka failed, it starts without: {error}")
            return False
        if not new.is_file():
            progress("preparing Kafka failed, it starts without: the JVM wrote no image")
            return False
        _java_of(image).write_text(str(runtime.java.executable), encoding="utf-8")
        new.rename(image)
    progress(f"prepared Kafka in {time.monotonic() - began:.0f} s")
    return True


def _train(runtime: Runtime, *, platform: Path, work: Path) -> None:
    now = dt.datetime.now(dt.UTC)
    authority = Authority.create(work / "tls", now=now)
    with Network() as network:
        cluster = KafkaCluster.start(
            platform,
            spec=ClusterSpec(name="training", version=runtime.jars.version),
            runtime=runtime,
            network=network,
            authority=authority,
            certificate=authority.issue(now=now),
        )
        try:
            use(cluster)
            cluster.brokers[0].stop(patience_s=_WRITE_S)
        finally:
            cluster.stop()


def _java_of(image: Path) -> Path:
    return image.with_name(image.name + _JAVA)


def _sweep(cache: Path) -> None:
    """Remove the images whose Java is gone, those that no run has used for a month, and the longest unused of too many.

    A JVM that has one open keeps it; a run that finds its own gone makes it anew.
    """
    used: list[tuple[float, Path]] = []
    for image in cache.glob(f"*{_SUFFIX}"):
        with contextlib.suppress(FileNotFoundError):
            used.append((image.stat().st_mtime, image))
    used.sort(reverse=True)
    for place, (at, image) in enumerate(used):
        # one more is about to be made
        if place >= _AT_MOST - 1 or time.time() - at > _UNUSED_S or not _has_java(image):
            image.unlink(missing_ok=True)
            _java_of(image).unlink(missing_ok=True)


def _has_java(image: Path) -> bool:
    """Whether its Java is there; nobody knows of an image that was made before they were noted."""
    try:
        return Path(_java_of(image).read_text(encoding="utf-8")).exists()
    except (OSError, ValueError):
        return True
