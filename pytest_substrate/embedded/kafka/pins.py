"""The jars of a Kafka version, each with the sha256 that it must have; a file a version, beside this module.

A line is a jar's sha256, its size in bytes, and its path in a Maven repository. The file of another version is made by
`python -m pytest_substrate.embedded.kafka.pins VERSION > jars-VERSION.sha256`, and read by a person before it is kept.
"""

from __future__ import annotations

import hashlib
import importlib.resources
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

LOGGING = "org.apache.logging.log4j:log4j-slf4j-impl:2.25.1"
"""What makes Kafka's log readable; of its 2.x line both Kafka 3.9 and 4.2 use the same slf4j."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """One jar: its path in a Maven repository, its sha256, and its size in bytes."""

    path: PurePosixPath
    sha256: str
    size: int

    @property
    def coordinate(self) -> tuple[str, str, str]:
        """Group, artifact and version: a repository's path is made of them."""
        *group, artifact, version, _ = self.path.parts
        return ".".join(group), artifact, version


@dataclass(frozen=True, slots=True, kw_only=True)
class Pins:
    """All jars of a version, in the order of the class path."""

    version: str
    jars: tuple[Pin, ...]
    digest: str
    """The sha256 of the file that holds them: another list of jars is kept in another place."""

    @property
    def size(self) -> int:
        """Bytes in all."""
        return sum(pin.size for pin in self.jars)


def read_pins(version: str) -> Pins:
    """The pins of a Kafka version; LookupError where none are kept."""
    file = importlib.resources.files(__package__ or "") / f"jars-{version}.sha256"
    try:
        text = file.read_text(encoding="ascii")
    except FileNotFoundError:
        raise LookupError(f"no jars are pinned for Kafka {version}") from None
    jars = tuple(_pin(line) for line in text.splitlines())
    return Pins(version=version, jars=jars, digest=hashlib.sha256(text.encode()).hexdigest())


def sha256_of(path: Path) -> str:
    """The sha256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _pin(line: str) -> Pin:
    sha256, size, path = line.split()
    return Pin(path=PurePosixPath(path), sha256=sha256, size=int(size))


def _resolve(version: str) -> str:
    """The text of a pin file, from what the machine's Maven repository has today."""
    import jgo

    # "!" leaves each POM to speak for itself. Without it jgo imports both as bills of materials, and log4j's own test
    # dependencies then put kafka-clients 3.9.1 beside a broker of 4.2.0, which Maven would not.
    artifacts = jgo.resolve(f"org.apache.kafka:kafka_2.13:{version}!+{LOGGING}!")
    lines = []
    with tempfile.TemporaryDirectory() as folder:
        for artifact in artifacts:
            artifact.context.repo_cache = Path(folder)
            jar = artifact.resolve()
            lines.append(f"{sha256_of(jar)}  {jar.stat().st_size:>9}  {jar.relative_to(folder).as_posix()}\n")
    return "".join(sorted(lines, key=lambda line: line.split()[2]))


if __name__ == "__main__":
    sys.stdout.write(_resolve(sys.argv[1]))
