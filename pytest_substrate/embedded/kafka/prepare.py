"""All that brokers run on, found or fetched or made: Java, Kafka's jars, and the JVM's image of them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from pytest_substrate.embedded import keeper
from pytest_substrate.embedded.kafka.broker import Runtime, Spawn
from pytest_substrate.embedded.kafka.cache import cache_folder
from pytest_substrate.embedded.kafka.image import with_image
from pytest_substrate.embedded.kafka.jars import Progress, find_jars
from pytest_substrate.embedded.kafka.java import find_java
from pytest_substrate.embedded.kafka.spec import KAFKA_VERSION


def prepare(
    platform: Path,
    *,
    version: str = KAFKA_VERSION,
    environ: Mapping[str, str] = os.environ,
    progress: Progress,
    spawn: Spawn = keeper.spawn_expendable,
) -> Runtime:
    """What the brokers of a Kafka version run on; raises BadInput where Java or the jars cannot be had.

    The first time it fetches and prepares, which takes half a minute or more and which `progress` tells; later it takes
    some milliseconds. `platform` is the folder of the platform that the training run belongs to.
    """
    java = find_java(environ)
    jars = find_jars(version, environ=environ, progress=progress)
    runtime = Runtime(java=java, jars=jars, spawn=spawn)
    return with_image(runtime, cache=cache_folder(environ), platform=platform, progress=progress)
