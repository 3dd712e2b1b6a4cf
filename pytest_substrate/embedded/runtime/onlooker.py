"""What a task's processes do, seen from outside as a host's operator sees it; and a process that stands still.

The container runtime is no part of what is tested here, so it may be looked into: a fault that has to act at one
moment of a task waits for an event, and never for a time.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Final

import psutil

_DEPTH: Final = 3
"""This process started the cloud, the cloud a task's program, and that one what is looked for."""


def talking_helper() -> psutil.Process | None:
    """A process that a task's own program started, and that has a connection; None while there is none."""
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            if _is_helper(process) and process.net_connections("tcp"):
                return process
    return None


def has_ended(process: psutil.Process) -> bool:
    """Whether it has ended, though the one that started it may not have taken notice."""
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


@contextlib.contextmanager
def standing_still(process: psutil.Process) -> Iterator[None]:
    """A process that gets no processor, and whose connections stay open, for as long as the block runs."""
    try:
        process.suspend()
        yield
    finally:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.resume()


def _is_helper(process: psutil.Process) -> bool:
    """A process exactly so far below this one."""
    above: psutil.Process | None = process
    for _ in range(_DEPTH):
        above = above.parent() if above else None
    return above is not None and above.pid == psutil.Process().pid
