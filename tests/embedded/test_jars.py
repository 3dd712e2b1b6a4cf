"""Fetching Kafka's jars, from a Maven repository on loopback that can be made to fail."""

from __future__ import annotations

import functools
import hashlib
import http.server
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import pytest

from pytest_substrate.embedded.kafka import jars as jars_module
from pytest_substrate.embedded.kafka.jars import Jars, find_jars
from pytest_substrate.embedded.kafka.pins import Pin, Pins
from pytest_substrate.model.errors import BadInput

_CONTENT = {
    "org/example/one/1.0/one-1.0.jar": b"the first jar" * 1000,
    "org/example/two/2.5/two-2.5.jar": b"the second jar" * 500,
}


class Repository:
    """A Maven repository of two jars, and what was asked of it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.asked: list[str] = []
        outer = self

        class Handler(http.server.SimpleHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked.append(self.path)
                super().do_GET()

            def log_message(self, *_args: object) -> None:
                """Quietly."""

        self._server = http.server.ThreadingHTTPServer(
            ("127.0.0.1", 0), functools.partial(Handler, directory=str(root))
        )
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def jars_asked(self) -> list[str]:
        """The names of the jars that were asked for."""
        return [path.rpartition("/")[2] for path in self.asked if path.endswith(".jar")]

    def close(self) -> None:
        """Serve no more."""
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Repository]:
    """The repository, named in jgo's settings as the one called `central`, and its jars pinned."""
    root = tmp_path / "repository"
    for path, content in _CONTENT.items():
        (root / path).parent.mkdir(parents=True)
        (root / path).write_bytes(content)
    repository = Repository(root)
    _use(repository.url, tmp_path, monkeypatch)
    pins = Pins(
        version="4.2.0",
        jars=tuple(
            Pin(path=PurePosixPath(path), sha256=hashlib.sha256(content).hexdigest(), size=len(content))
            for path, content in _CONTENT.items()
        ),
        digest="d" * 64,
    )
    monkeypatch.setattr(jars_module, "read_pins", lambda _version: pins)
    yield repository
    repository.close()


def _use(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = tmp_path / "jgo.conf"
    settings.write_text(f"[repositories]\ncentral = {url}\n")
    monkeypatch.setenv("JGO_CONFIG_FILE", str(settings))
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)


def _find(tmp_path: Path, said: list[str] | None = None, *, deadline_s: float = 30.0) -> Jars:
    said = [] if said is None else said
    return find_jars(environ={"SUBSTRATE_CACHE": str(tmp_path / "cache")}, progress=said.append, deadline_s=deadline_s)


def _kept(tmp_path: Path) -> list[Path]:
    return [path for path in (tmp_path / "cache").rglob("*") if path.suffix != ".lock"]


def test_they_are_fetched_once_and_the_user_is_told(tmp_path: Path, repository: Repository) -> None:
    """The first call fetches from the machine's mirror and says what, how much and where to; the next asks nobody."""
    said: list[str] = []
    found = _find(tmp_path, said)
    assert list(_CONTENT.values()) == [path.read_bytes() for path in found.paths]
    assert ["one-1.0.jar", "two-2.5.jar"] == sorted(repository.jars_asked)
    assert "2 jars" in said[0]
    assert "MB" in said[0]
    assert str(found.paths[0].parents[4]) in said[0]
    repository.close()
    assert found == _find(tmp_path, said)
    assert 2 == len(said)


def test_a_mirror_of_mavens_settings_is_asked(
    tmp_path: Path, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine whose Maven goes to a mirror has its jars from there."""
    (tmp_path / "home" / ".m2").mkdir(parents=True)
    (tmp_path / "home" / ".m2" / "settings.xml").write_text(
        f"<settings><mirrors><mirror><mirrorOf>*</mirrorOf><url>{repository.url}</url></mirror></mirrors></settings>"
    )
    monkeypatch.delenv("JGO_CONFIG_FILE")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))
    _find(tmp_path)
    assert 2 == len(repository.jars_asked)


def test_a_jar_that_changed_is_fetched_again(tmp_path: Path, repository: Repository) -> None:
    """Other bytes than the pinned ones are never used: that one jar is fetched again, and the user is told why."""
    second = _find(tmp_path).paths[1]
    second.write_bytes(b"something else")
    repository.asked.clear()
    said: list[str] = []
    _find(tmp_path, said)
    assert _CONTENT["org/example/two/2.5/two-2.5.jar"] == second.read_bytes()
    assert ["two-2.5.jar"] == repository.jars_asked
    assert "two-2.5.jar" in said[0]


def test_a_jar_that_is_only_touched_is_hashed_not_fetched(tmp_path: Path, repository: Repository) -> None:
    """Another time with the pinned bytes costs a hash."""
    first = _find(tmp_path).paths[0]
    os.utime(first, (1, 1))
    repository.asked.clear()
    _find(tmp_path)
    assert [] == repository.asked


def test_a_changed_jar_that_cannot_be_fetched_again_is_an_error(tmp_path: Path, repository: Repository) -> None:
    """Nothing runs on bytes that nobody vouches for."""
    _find(tmp_path).paths[1].unlink()
    repository.close()
    with pytest.raises(BadInput, match=r"two-2\.5\.jar: 127\.0\.0\.1"):
        _find(tmp_path)


@pytest.mark.parametrize(
    ("served", "why"), [(None, "does not serve it"), (b"<html>log in first</html>", "sha256 is not the pinned one")]
)
def test_what_cannot_be_had_is_one_error_and_leaves_nothing(
    tmp_path: Path, repository: Repository, served: bytes | None, why: str
) -> None:
    """It says what was tried, and names the way with a distribution; no half of a cache is kept."""
    jar = repository.root / "org/example/two/2.5/two-2.5.jar"
    jar.unlink()
    if served is not None:
        jar.write_bytes(served)
    _use_only(repository)
    with pytest.raises(BadInput, match=why) as refused:
        _find(tmp_path)
    assert "SUBSTRATE_KAFKA_HOME" in refused.value.mend
    assert [] == _kept(tmp_path)


def _use_only(repository: Repository) -> None:
    """The mirror bears the name of jgo's default, so that nothing but it is asked."""
    from pytest_substrate.embedded.kafka.maven import repositories

    assert {"central": repository.url} == repositories()


def test_a_server_that_hangs_ends_at_the_deadline(
    tmp_path: Path, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It accepts and says nothing: the deadline bounds the whole, and nothing is kept."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        _use(f"http://127.0.0.1:{silent.getsockname()[1]}", tmp_path, monkeypatch)
        began = time.monotonic()
        with pytest.raises(BadInput, match="0 of 2 jars came within 1 s"):
            _find(tmp_path, deadline_s=1.0)
        assert time.monotonic() - began < 5
    assert [] == _kept(tmp_path)


def test_what_a_killed_fetch_left_is_swept(tmp_path: Path, repository: Repository) -> None:
    """A half-made folder of a run that died is no cache, and goes with the next fetch."""
    left = tmp_path / "cache" / ".kafka-4.2.0-abcd"
    left.mkdir(parents=True)
    _find(tmp_path)
    assert not left.exists()


def test_two_first_runs_fetch_once(tmp_path: Path, repository: Repository) -> None:
    """The second waits for the first, says so, and asks nobody."""
    said: list[str] = []
    threads = [threading.Thread(target=_find, args=(tmp_path, said)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert ["one-1.0.jar", "two-2.5.jar"] == sorted(repository.jars_asked)


def test_a_distribution_that_the_user_names_is_used_as_it_is(tmp_path: Path, repository: Repository) -> None:
    """Its `libs` are the class path, whatever version they are, and nothing is fetched."""
    libs = tmp_path / "dist" / "libs"
    libs.mkdir(parents=True)
    for name in ("kafka_2.13-4.1.0.jar", "kafka-clients-4.1.0.jar"):
        (libs / name).touch()
    found = find_jars(environ={"SUBSTRATE_KAFKA_HOME": str(libs.parent)}, progress=lambda _line: None)
    assert ("4.1.0", 2) == (found.version, len(found.paths))
    assert [] == repository.asked


def test_a_folder_that_is_no_distribution_is_refused(tmp_path: Path) -> None:
    """What the user names wrongly is an error, not a reason to fetch."""
    with pytest.raises(BadInput, match="does not hold the jars of one Kafka"):
        find_jars(environ={"SUBSTRATE_KAFKA_HOME": str(tmp_path)}, progress=lambda _line: None)


def test_a_cache_that_cannot_be_written_is_one_error(tmp_path: Path, repository: Repository) -> None:
    """The error names the folder and the variable."""
    (tmp_path / "cache").write_text("a file where the folder should be")
    with pytest.raises(BadInput, match="SUBSTRATE_CACHE"):
        _find(tmp_path)


def test_fetching_needs_no_program_of_the_machine(tmp_path: Path, repository: Repository) -> None:
    """With an empty PATH, and neither JAVA_HOME nor Maven, a real jar-by-jar fetch works."""
    program = (
        "import sys, pathlib; from pytest_substrate.embedded.kafka import maven; "
        "from pytest_substrate.embedded.kafka.pins import Pin; "
        "p = sys.argv[2]; pin = Pin(path=pathlib.PurePosixPath(p), sha256=sys.argv[3], size=0); "
        "maven.fetch([pin], pathlib.Path(sys.argv[1]), sources=maven.repositories(), deadline_s=30)"
    )
    path, content = next(iter(_CONTENT.items()))
    environ = {"PATH": "", "HOME": str(tmp_path), "JGO_CONFIG_FILE": os.environ["JGO_CONFIG_FILE"]}
    folder = tmp_path / "fetched"
    subprocess.run(
        [sys.executable, "-c", program, str(folder), path, hashlib.sha256(content).hexdigest()],
        env=environ,
        check=True,
        timeout=60,
    )
    assert content == (folder / path).read_bytes()
    shutil.rmtree(folder)
