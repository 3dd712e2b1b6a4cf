"""Faults of the packaging plane inside of an image: it is released, deployed and runs, and still lacks something."""

from __future__ import annotations

import importlib.machinery
import struct
from collections.abc import Iterator
from typing import Final

from pytest_substrate.embedded.faults import fault
from pytest_substrate.embedded.platform import dev_min, names
from pytest_substrate.embedded.platform.platform import Platform
from pytest_substrate.embedded.platform.releases import later_image, recorded, released
from pytest_substrate.embedded.platform.service import Definition, container, deployed, registered
from pytest_substrate.embedded.runtime import images
from pytest_substrate.embedded.runtime.base import PROGRAMS, base_files
from pytest_substrate.model.outcome import Layer

_INFO: Final = ".dist-info/"
_UNUSED: Final = "/kafka/__main__.py"
"""A module of the library that the service doesn't import."""


@fault(
    "label-missing",
    check="PKG-020",
    layer=Layer.ARTIFACT,
    cause="label-differs",
    breaks="the released image lost the label that its contract demands",
)
def label_missing(platform: Platform) -> Iterator[None]:
    """The same files, another configuration."""
    with released(platform, labels={}):
        yield


@fault(
    "released-for-another-platform",
    check="PKG-020",
    layer=Layer.ARTIFACT,
    cause="other-platform",
    breaks="the image was released for ARM alone, and the task definition asks for X86_64",
)
def released_for_another_platform(platform: Platform) -> Iterator[None]:
    """No new task starts; those that run go on."""
    with later_image(platform, architecture="arm64") as digest, recorded(platform, digest):

        def pin(definition: Definition) -> None:
            container(definition)["image"] = dev_min.image_at(digest)

        with registered(platform, pin):
            yield


@fault(
    "distribution-not-installed",
    check="PKG-060",
    layer=Layer.PACKAGING,
    cause="distribution-missing",
    breaks="the library's files were copied into the image by hand: no distribution is installed that brings updates",
)
def distribution_not_installed(platform: Platform) -> Iterator[None]:
    """It imports, and pip knows nothing of it."""
    with released(platform, keep=lambda path: _INFO not in path):
        yield


@fault(
    "file-left-out",
    check="PKG-060",
    layer=Layer.PACKAGING,
    cause="file-missing",
    breaks="a clean-up in the image's build removed a file of the library that isn't used at every start",
)
def file_left_out(platform: Platform) -> Iterator[None]:
    """The service runs without it."""
    with released(platform, keep=lambda path: not path.endswith(_UNUSED)):
        yield


@fault(
    "older-library",
    check="PKG-060",
    layer=Layer.PACKAGING,
    cause="other-version",
    breaks="the image was built with an older version of the library than its contract admits",
)
def older_library(platform: Platform) -> Iterator[None]:
    """Its metadata says so; what the service uses of it is there."""
    [(path, data)] = (
        (path, data)
        for path, data in images.distribution_files("kafka-python").items()
        if path.endswith(f"{_INFO}METADATA")
    )
    named = path.replace(path.split("/")[-2], "kafka_python-2.0.2.dist-info")
    head, _, rest = data.partition(b"\nVersion: ")
    changed = head + b"\nVersion: 2.0.2\n" + rest.partition(b"\n")[2]
    with released(platform, keep=lambda one: _INFO not in one, more={named: changed}):
        yield


@fault(
    "requirement-left-out",
    check="PKG-070",
    layer=Layer.PACKAGING,
    cause="requirement-unmet",
    breaks="a distribution was added without what it requires itself",
)
def requirement_left_out(platform: Platform) -> Iterator[None]:
    """`pip check` would say so, and nobody ran it."""
    with released(platform, more=_distribution("Requires-Dist: acme-schemas>=2")):
        yield


@fault(
    "python-too-old",
    check="PKG-070",
    layer=Layer.PACKAGING,
    cause="python-unmet",
    breaks="a distribution was added that needs a later Python than the image's",
)
def python_too_old(platform: Platform) -> Iterator[None]:
    """It was copied, not installed."""
    with released(platform, more=_distribution("Requires-Python: >=4")):
        yield


@fault(
    "started-from-another-folder",
    check="PKG-080",
    layer=Layer.PACKAGING,
    cause="import-missing",
    breaks="the task definition starts the program by its path, so that its own package is not on the module path",
)
def started_from_another_folder(platform: Platform) -> Iterator[None]:
    """It starts, as it imports nothing of its own package; the first module that does will fail."""

    def by_path(definition: Definition) -> None:
        container(definition)["entryPoint"] = ["python", "/app/ingest/__main__.py"]

    with deployed(platform, by_path):
        yield


@fault(
    "module-for-another-machine",
    check="PKG-090",
    layer=Layer.PACKAGING,
    cause="other-machine",
    breaks="an extension module of the library was built for ARM, and the image is for X86_64",
)
def module_for_another_machine(platform: Platform) -> Iterator[None]:
    """Nothing loads it until its feature is used."""
    program = base_files("arm64")[PROGRAMS[0]]
    library = program[:16] + struct.pack("<H", 3) + program[18:]  # a shared object
    with released(platform, more=_extension(library)):
        yield


@fault(
    "job-starts-nothing",
    check="PKG-100",
    layer=Layer.PACKAGING,
    cause="entrypoint-missing",
    breaks="the job's newest task definition starts a module that the image doesn't have",
)
def job_starts_nothing(platform: Platform) -> Iterator[None]:
    """It shows at the next run of the job."""
    ecs = platform.client("ecs")
    before = ecs.describe_task_definition(taskDefinition=names.JOB)["taskDefinition"]
    kept = ("family", "taskRoleArn", "executionRoleArn", "networkMode", "requiresCompatibilities", "cpu", "memory")
    definition = {name: before[name] for name in (*kept, "containerDefinitions") if name in before}
    container(definition)["entryPoint"] = ["python", "-m", "oracle_next"]
    made = ecs.register_task_definition(**definition)["taskDefinition"]["taskDefinitionArn"]
    try:
        yield
    finally:
        ecs.deregister_task_definition(taskDefinition=made)


def _distribution(header: str) -> dict[str, bytes]:
    """A distribution without modules of its own, whose metadata has one more header."""
    folder = f"{images.SITE}/acme_events-1.0.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: acme-events\nVersion: 1.0\n{header}\n"
    wheel = "Wheel-Version: 1.0\nGenerator: by-hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    listed = "".join(f"acme_events-1.0.dist-info/{name},,\n" for name in ("METADATA", "WHEEL", "RECORD"))
    return {
        f"{folder}/METADATA": metadata.encode(),
        f"{folder}/WHEEL": wheel.encode(),
        f"{folder}/RECORD": listed.encode(),
    }


def _extension(library: bytes) -> dict[str, bytes]:
    """The library's RECORD with one extension module more, and that module."""
    name = f"kafka/_native{importlib.machinery.EXTENSION_SUFFIXES[0]}"
    [(path, record)] = (
        (path, data)
        for path, data in images.distribution_files("kafka-python").items()
        if path.endswith(f"{_INFO}RECORD")
    )
    return {path: record.rstrip() + f"\n{name},,\n".encode(), f"{images.SITE}/{name}": library}
