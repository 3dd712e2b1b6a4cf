"""Our own AWS calls are unheard: no logger of the SDK says anything of them, whatever log level a run asks for.

At DEBUG, botocore and urllib3 log whole answers (a secret's value, the keys that STS hands out), signed headers and
session tokens, and log them before anyone here can know what in them is secret. So the records are dropped where they
are made, by a filter on each logger, which no level brings back. It drops what is logged inside `quiet` alone: another
client of the same process, in this thread or another one, is heard as before. Warnings are dropped too: what a failed
call means is told by whoever made it, once.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import logging
import os
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from pathlib import Path
from typing import Any, Final, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

_PACKAGES: Final = ("botocore", "boto3", "s3transfer", "urllib3")
_OURS: Final[ContextVar[bool]] = ContextVar("substrate_quiet", default=False)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """What the SDK logs in this thread until the end of the block is dropped."""
    _hold()
    token = _OURS.set(True)
    try:
        yield
    finally:
        _OURS.reset(token)


def quietly(call: Callable[P, T]) -> Callable[P, T]:
    """The same call, with what the SDK logs of it dropped."""

    @functools.wraps(call)
    def unheard(*args: P.args, **kwargs: P.kwargs) -> T:
        with quiet():
            return call(*args, **kwargs)

    return unheard


def quiet_clients(class_attributes: dict[str, Any], **_: object) -> None:
    """A `creating-client-class` handler: every operation of the clients that a session makes is unheard."""
    for name, attribute in class_attributes.items():
        if callable(attribute):
            class_attributes[name] = quietly(attribute)


class _Unheard(logging.Filter):
    """Lets through what isn't ours."""

    def filter(self, record: logging.LogRecord) -> bool:  # noqa: ARG002  the base's signature
        return not _OURS.get()


@functools.lru_cache(maxsize=1)
def _hold() -> None:
    """Put the filter on every logger that the SDK has or will have: each of its modules logs under its own name.

    A filter on a parent sees nothing of its children. Modules are listed, not imported: their loggers are made here
    and are theirs when they come.
    """
    unheard = _Unheard()
    names = {name for name in logging.root.manager.loggerDict if name.partition(".")[0] in _PACKAGES}
    for package in _PACKAGES:
        spec = importlib.util.find_spec(package)
        for folder in (spec.submodule_search_locations or ()) if spec is not None else ():
            names.update(_modules(Path(folder), package))
    for name in names:
        logging.getLogger(name).addFilter(unheard)


def _modules(folder: Path, name: str) -> Iterator[str]:
    """The dotted names of a package and of everything in it."""
    yield name
    for entry in os.scandir(folder):
        stem, dot, suffix = entry.name.partition(".")
        if stem.startswith("__"):
            continue
        if dot and suffix.endswith(("py", "so", "pyd")):
            yield f"{name}.{stem}"
        elif not dot and stem != "data" and entry.is_dir():  # botocore's models are no modules
            yield from _modules(Path(entry.path), f"{name}.{stem}")
