"""The shared observations: each read once, whole or not at all, by type, never a secret, whoever dies meanwhile."""

from __future__ import annotations

import multiprocessing
import os
import signal
import stat
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from pytest_substrate.evidence.secret import Secret
from pytest_substrate.model.observation import Missing, Observed, Unobserved
from pytest_substrate.model.outcome import Vantage
from pytest_substrate.targets.observations import ObservationStore
from pytest_substrate.targets.port import TargetError


@dataclass(frozen=True, slots=True, kw_only=True)
class Thing:
    """A fact with a field of every kind that facts use."""

    name: str
    at: datetime | None = None
    parts: tuple[int, ...] = ()
    vantage: Vantage = Vantage.TASK
    mapping: dict[str, tuple[int, int]] = field(default_factory=dict)
    raw: bytes = b""
    other: Thing | Missing | None = None


KIND = Thing | Missing | Unobserved
TIMES = st.datetimes(timezones=st.just(UTC))
TEXTS = st.text(max_size=5)
THINGS = st.recursive(
    st.builds(
        Thing,
        name=TEXTS,
        at=st.none() | TIMES,
        parts=st.lists(st.integers()).map(tuple),
        vantage=st.sampled_from(Vantage),
        mapping=st.dictionaries(TEXTS, st.tuples(st.integers(), st.integers()), max_size=2),
        raw=st.binary(max_size=4),
    ),
    lambda inner: st.builds(Thing, name=TEXTS, other=inner),
    max_leaves=3,
)
VALUES = THINGS | st.builds(Missing, what=TEXTS, code=st.none() | TEXTS) | st.builds(Unobserved, reason=TEXTS)


def never() -> Any:
    """A reading that must not be made."""
    raise AssertionError("it was read again")


@given(value=VALUES)
def test_a_value_comes_back_equal_by_its_type(value: Any, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Whatever its kind, another process's store gives the same value, of the same class, at the same time."""
    folder = tmp_path_factory.mktemp("run") / "store"
    first = ObservationStore(folder).observe("key", KIND, lambda: value)
    second: Observed[Any] = ObservationStore(folder).observe("key", KIND, never)
    assert (value, type(value)) == (second.value, type(second.value))
    assert first == second


def test_a_failure_is_kept_like_a_value(tmp_path: Path) -> None:
    """What could not be observed is not asked again."""
    store = ObservationStore(tmp_path / "store")
    denied = Unobserved(reason="access-denied", code="AccessDenied", operation="kafka:ListNodes")
    store.observe("key", KIND, lambda: denied)
    assert denied == store.observe("key", KIND, never).value


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (SecretStr | Unobserved, SecretStr("hunter2")),
        (dict[str, SecretStr], {"password": SecretStr("hunter2")}),
        (Thing, Missing(what="hunter2")),
        (int, "hunter2"),
    ],
)
def test_what_would_not_come_back_equal_is_refused_unseen(tmp_path: Path, kind: object, value: Any) -> None:
    """A masked secret, or a value of another type than was said: our own bug, its value in no message and no file."""
    store = ObservationStore(tmp_path / "store")
    with pytest.raises(TypeError) as raised:
        store.observe("key", kind, lambda: value)
    assert "hunter2" not in str(raised.value)
    assert not any("hunter2" in path.read_text() for path in (tmp_path / "store").iterdir())


def test_a_secret_has_no_form_in_which_it_could_be_stored(tmp_path: Path) -> None:
    """The package's own secrets are of a type that nothing serialises."""
    with pytest.raises(Exception, match="schema"):
        ObservationStore(tmp_path / "store").observe("key", Secret | Unobserved, lambda: Secret("hunter2"))
    assert not any("hunter2" in path.read_text() for path in (tmp_path / "store").iterdir())


def test_what_a_reading_raises_is_nobodys_observation(tmp_path: Path) -> None:
    """A bug of ours goes on; nothing is kept, and nothing stays locked."""
    store = ObservationStore(tmp_path / "store")
    with pytest.raises(ZeroDivisionError):
        store.observe("key", KIND, lambda: 1 / 0)
    assert Thing(name="x") == store.observe("key", KIND, lambda: Thing(name="x")).value


def test_an_observation_that_asks_for_itself_is_a_bug(tmp_path: Path) -> None:
    """It would wait for itself."""
    store = ObservationStore(tmp_path / "store")
    with pytest.raises(RuntimeError, match="itself"):
        store.observe("key", KIND, lambda: store.observe("key", KIND, never).value)


def test_an_observation_may_ask_for_another(tmp_path: Path) -> None:
    """Each key has a lock of its own."""
    store = ObservationStore(tmp_path / "store")
    inner = store.observe("outer", KIND, lambda: store.observe("inner", KIND, lambda: Thing(name="x")).value)
    assert Thing(name="x") == inner.value


def test_the_oldest_observation_is_the_runs(tmp_path: Path) -> None:
    """Whichever process read it."""
    times = [datetime(2030, 1, 1, tzinfo=UTC) + timedelta(seconds=second) for second in (5, 3, 9)]
    folder = tmp_path / "store"
    assert None is ObservationStore(folder).oldest()
    for number, time_ in enumerate(times):
        store = ObservationStore(folder, clock=lambda time_=time_: time_)  # type: ignore[misc]  # bound by default
        store.observe(f"key{number}", KIND, lambda: Thing(name="x"))
    assert times[1] == ObservationStore(folder).oldest()


def test_the_folder_is_private(tmp_path: Path) -> None:
    """Mode 0700, files 0600; an open or foreign-made one is refused."""
    folder = tmp_path / "store"
    ObservationStore(folder).observe("key", KIND, lambda: Thing(name="x"))
    assert 0o700 == stat.S_IMODE(folder.stat().st_mode)
    assert {0o600} == {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
    folder.chmod(0o755)
    with pytest.raises(TargetError, match="private"):
        ObservationStore(folder)
    (tmp_path / "link").symlink_to(tmp_path)
    with pytest.raises(TargetError, match="private"):
        ObservationStore(tmp_path / "link")


def test_a_process_alone_needs_no_folder() -> None:
    """Instruments observe in memory."""
    store = ObservationStore()
    first = store.observe("key", KIND, lambda: Thing(name="x"))
    assert first == store.observe("key", KIND, never)
    assert first.at == store.oldest()


def test_a_wait_ends(tmp_path: Path) -> None:
    """Where another worker still reads at the deadline, that is the observation, for this process."""
    folder = tmp_path / "store"
    ObservationStore(folder)
    reader = _start(_read_slowly, str(folder), str(tmp_path))
    _await(tmp_path / "reading")
    store = ObservationStore(folder, deadline_s=0.2)
    waited = store.observe("key", KIND, never)
    assert isinstance(waited.value, Unobserved)
    assert "timeout" == waited.value.reason
    reader.kill()
    reader.join(5)


def test_a_reader_that_dies_wedges_nobody(tmp_path: Path) -> None:
    """A worker that is killed while it reads frees the lock; the next one reads."""
    folder = tmp_path / "store"
    ObservationStore(folder)
    reader = _start(_read_slowly, str(folder), str(tmp_path))
    _await(tmp_path / "reading")
    assert reader.pid is not None
    os.kill(reader.pid, signal.SIGKILL)
    reader.join(5)
    assert Thing(name="mine") == ObservationStore(folder, deadline_s=5).observe("key", KIND, _mine).value


def test_each_key_is_read_once_by_many_processes(tmp_path: Path) -> None:
    """Four processes ask for twenty keys in orders of their own; each is read once, and all see the same."""
    folder, log = tmp_path / "store", tmp_path / "log"
    ObservationStore(folder)
    log.touch()
    # forked, as a spawned process would have to import this module, and bounded, as a pool replaces whoever dies
    with multiprocessing.get_context("fork").Pool(4) as pool:
        reading = pool.starmap_async(_read_all, [(str(folder), str(log), seed) for seed in range(4)])
        seen = reading.get(timeout=60)
    assert sorted(f"key{number}" for number in range(20)) == sorted(log.read_text().split())
    assert 1 == len({tuple(sorted(values.items())) for values in seen})


def _read_all(folder: str, log: str, seed: int) -> dict[str, str]:
    store = ObservationStore(Path(folder), deadline_s=30)
    values = {}
    for step in range(20):
        key = f"key{(step * 7 + seed * 3) % 20}"

        def read(key: str = key) -> Thing:
            time.sleep(0.005)
            with Path(log).open("a") as file:
                file.write(f"{key}\n")
            return Thing(name=f"{key} by {os.getpid()}")

        values[key] = store.observe(key, Thing | Unobserved, read).value.name
    return values


def _read_slowly(folder: str, place: str) -> None:
    def read() -> Thing:
        (Path(place) / "reading").touch()
        time.sleep(60)
        return Thing(name="theirs")

    ObservationStore(Path(folder)).observe("key", KIND, read)


def _mine() -> Thing:
    return Thing(name="mine")


def _start(target: Any, *arguments: str) -> multiprocessing.process.BaseProcess:
    process = multiprocessing.get_context("fork").Process(target=target, args=arguments, daemon=True)
    process.start()
    return process


def _await(path: Path) -> None:
    until = time.monotonic() + 10
    while not path.exists():
        assert time.monotonic() < until, f"{path.name} did not come"
        time.sleep(0.01)
