"""Where the platform keeps what it fetches and makes once: Kafka's jars, and the JVM's image of them."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from filelock import FileLock, Timeout

from pytest_substrate.embedded import keeper
from pytest_substrate.model.errors import BadInput

VARIABLE = "SUBSTRATE_CACHE"
_PATIENCE_S = 600.0


def cache_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """The folder that `SUBSTRATE_CACHE` names, else the user's cache folder; made if need be.

    Raises BadInput where it cannot be written.
    """
    if named := environ.get(VARIABLE):
        folder = Path(named).expanduser().absolute()
    else:
        from platformdirs import user_cache_path

        folder = user_cache_path("pytest-substrate", appauthor=False)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(folder, error) from error
    return folder


@contextlib.contextmanager
def only_one(path: Path, *, waiting: Callable[[], None]) -> Iterator[None]:
    """Hold the lock file `path`, against a second run on this machine.

    `waiting` is called where another holds it. BadInput after ten minutes, or where the file cannot be made.
    """
    lock = FileLock(path)
    try:
        try:
            lock.acquire(timeout=0)
        except Timeout:
            waiting()
            lock.acquire(timeout=_PATIENCE_S, poll_interval=0.1)
    except Timeout:
        raise BadInput(
            str(path), f"another run has held it for {_PATIENCE_S:.0f} s", "end that run, then start again"
        ) from None
    except OSError as error:
        raise _unwritable(path.parent, error) from error
    try:
        yield
    finally:
        lock.release()


@contextlib.contextmanager
def workshop(cache: Path, name: str) -> Iterator[Path]:
    """A folder on the cache's file system to make something in, so that it can be moved to its place in one step.

    Its caller holds the lock of `name`; so what is there already was left by a run that died, and goes.
    """
    prefix = f".{name}-"
    for left in cache.glob(f"{prefix}*"):
        shutil.rmtree(left, ignore_errors=True)
    try:
        folder = Path(tempfile.mkdtemp(prefix=prefix, dir=cache))
    except OSError as error:
        raise _unwritable(cache, error) from error
    keeper.unfinished.add(folder)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        keeper.unfinished.discard(folder)


def _unwritable(folder: Path, error: OSError) -> BadInput:
    return BadInput(
        str(folder), f"the cache cannot be written ({error.strerror})", f"name another folder in {VARIABLE}"
    )
