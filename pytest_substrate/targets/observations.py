"""The shared observations of a run: each is read once, by one process, and serves every check and every worker.

They lie in one directory of the run's common base temp (mode 0700): a file for each key, written under a lock and
renamed into place. The lock is the operating system's, so a worker that dies while it reads frees it, and the next
one reads instead. What could not be observed is kept like a value. Secrets are never stored: a value travels as JSON
by its declared type, and a type that pydantic does not know, or a value that does not come back equal, is our own bug.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from pytest_substrate.model.observation import Observed, Unobserved
from pytest_substrate.targets.port import TargetError

if TYPE_CHECKING:
    from pydantic import TypeAdapter

T = TypeVar("T")

DEADLINE_S: Final = 7200.0
"""How long a process waits for another one's reading; longer than the longest probe and the longest rerun of a job."""


class ObservationStore:
    """Implements `planes.plane.Observations`. Without a folder it keeps the observations in this process alone."""

    def __init__(
        self,
        folder: Path | None = None,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        deadline_s: float = DEADLINE_S,
    ) -> None:
        self._folder = folder
        self._clock = clock
        self._deadline_s = deadline_s
        self._kept: dict[str, Observed[Any]] = {}
        self._reading = threading.local()
        self._mutex = threading.RLock()
        if folder is not None:
            _make_private(folder)

    def observe(self, key: str, kind: object, read: Callable[[], T]) -> Observed[T]:
        """The observation under `key`, else what `read` returns now.

        `kind` is the type expression of what `read` returns; it should admit Unobserved, which is also the answer
        (reason `timeout`) where another process still reads at the deadline. What `read` raises is not kept.
        """
        kept = self._kept.get(key)
        if kept is None:
            busy: set[str] = self._reading.__dict__.setdefault("keys", set())
            if key in busy:
                raise RuntimeError(f"the observation {key} asks for itself")
            busy.add(key)
            try:
                kept = self._shared(key, kind, read)
            finally:
                busy.discard(key)
        return cast("Observed[T]", kept)

    def oldest(self) -> datetime | None:
        """When the oldest observation of the run was read, by whichever process; None where nothing was observed."""
        times = [kept.at for kept in self._kept.values()]
        if self._folder is not None:
            times += [_Entry.load(path).at for path in self._folder.glob("*.json")]
        return min(times, default=None)

    def _shared(self, key: str, kind: object, read: Callable[[], T]) -> Observed[Any]:
        if self._folder is None:
            with self._mutex:
                kept = self._kept.get(key) or self._read(key, kind, read).observed(kind)
                return self._kept.setdefault(key, kept)
        import filelock

        path = self._folder / f"{hashlib.sha256(key.encode()).hexdigest()[:40]}.json"
        if not path.exists():
            try:
                with filelock.FileLock(path.with_suffix(".lock"), timeout=self._deadline_s, mode=0o600):
                    if not path.exists():
                        self._read(key, kind, read).write(path)
            except filelock.Timeout:
                waited = Unobserved(reason="timeout", detail=f"another worker still reads {key}")
                return self._kept.setdefault(
                    key, Observed(value=waited, at=self._clock(), duration_ms=self._deadline_s * 1000)
                )
        return self._kept.setdefault(key, _Entry.load(path).observed(kind))

    def _read(self, key: str, kind: object, read: Callable[[], T]) -> _Entry:
        at, began = self._clock(), time.perf_counter()
        value = read()
        duration_ms = (time.perf_counter() - began) * 1000
        text = _as_json(kind, value)
        if text is None:
            raise TypeError(f"the observation {key} does not come back equal as {kind}")
        return _Entry(key=key, at=at, duration_ms=duration_ms, value=json.loads(text))


class _Entry:
    """One observation as it lies in its file; the value is JSON still."""

    __slots__ = ("at", "duration_ms", "key", "value")

    def __init__(self, *, key: str, at: datetime, duration_ms: float, value: object) -> None:
        self.key = key
        self.at = at
        self.duration_ms = duration_ms
        self.value = value

    @classmethod
    def load(cls, path: Path) -> _Entry:
        data = json.loads(path.read_text(encoding="utf-8"))
        return cls(
            key=data["key"],
            at=datetime.fromisoformat(data["at"]),
            duration_ms=data["duration_ms"],
            value=data["value"],
        )

    def write(self, path: Path) -> None:
        data = {"key": self.key, "at": self.at.isoformat(), "duration_ms": self.duration_ms, "value": self.value}
        draft = path.with_suffix(".draft")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            json.dump(data, file)
        draft.replace(path)

    def observed(self, kind: object) -> Observed[Any]:
        [value] = _adapter(kind).validate_json(json.dumps(self.value))
        return Observed(value=value, at=self.at, duration_ms=self.duration_ms)


@lru_cache(maxsize=256)
def _adapter(kind: object) -> TypeAdapter[list[Any]]:
    """For a list of one: so the strict reading of unknown keys also holds where `kind` is a dataclass itself."""
    from pydantic import ConfigDict, TypeAdapter

    config = ConfigDict(extra="forbid", ser_json_bytes="base64", val_json_bytes="base64", ser_json_inf_nan="constants")
    return TypeAdapter(list[kind], config=config)  # type: ignore[valid-type]  # the kind is a value here


def _as_json(kind: object, value: object) -> bytes | None:
    """The value as JSON, None where it would not come back equal. Pydantic's own errors show values: they stay here."""
    from pydantic import ValidationError
    from pydantic_core import PydanticSerializationError

    adapter = _adapter(kind)
    try:
        text = adapter.dump_json([value], warnings="error")
        return text if adapter.validate_json(text) == [value] else None
    except (ValidationError, PydanticSerializationError):
        return None


def _make_private(folder: Path) -> None:
    """Make the directory, or take an own, private one; a foreign or open one is refused (it could be a trap)."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid() or stat.S_IMODE(status.st_mode) & 0o077:
        raise TargetError(f"{folder}: not a private directory of this user; remove it, or choose another --basetemp")
