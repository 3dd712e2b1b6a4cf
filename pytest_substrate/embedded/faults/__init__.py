"""Named ways to break the embedded platform: one small function each, in the file of its plane.

A fault is a generator that breaks one thing through the platform's public API, yields, and undoes it:

    @fault("topic-write-denied", check="MSG-190", layer=Layer.AUTHORIZATION, cause="not-authorized",
           breaks="the principal has lost Write on events.raw")
    def topic_write_denied(platform: Platform) -> Iterator[None]:
        try:
            ...
            yield
        finally:
            ...

What breaks stands inside the `try`: a change that was made, and whose end was not seen in time, has to be undone too.
It never writes an outcome: what turns red is found by the same checks that everyone runs.
"""

from __future__ import annotations

import contextlib
import importlib
import pkgutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pytest_substrate.model.errors import BadInput
from pytest_substrate.model.outcome import Layer

if TYPE_CHECKING:
    from pytest_substrate.embedded.platform.platform import Platform

Breaker = Callable[["Platform"], Iterator[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A way to break the platform, and the rung, layer and cause that must be the first to turn red."""

    name: str
    check: str
    layer: Layer
    cause: str
    breaks: str
    apply: Breaker

    def to_json(self) -> dict[str, str]:
        """As `substrate faults --format json` lists it."""
        return {
            "name": self.name,
            "check": self.check,
            "layer": self.layer.value,
            "cause": self.cause,
            "breaks": self.breaks,
        }

    def applied(self, platform: Platform) -> contextlib.AbstractContextManager[None]:
        """A context in which the platform is broken; leaving it undoes the fault."""
        return contextlib.contextmanager(self.apply)(platform)


_FAULTS: Final[dict[str, Fault]] = {}


def fault(name: str, *, check: str, layer: Layer, cause: str, breaks: str) -> Callable[[Breaker], Breaker]:
    """Register a fault under a permanent name."""

    def register(apply: Breaker) -> Breaker:
        if name in _FAULTS:
            raise ValueError(f"two faults are called {name}")
        _FAULTS[name] = Fault(name=name, check=check, layer=layer, cause=cause, breaks=breaks, apply=apply)
        return apply

    return register


def faults() -> Mapping[str, Fault]:
    """Every fault by its name, in the order of the checks that they turn red."""
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")
    return dict(sorted(_FAULTS.items(), key=lambda item: (item[1].check, item[0])))


def find_fault(name: str) -> Fault:
    """The fault of that name, else BadInput."""
    known = faults()
    if name not in known:
        raise BadInput(f"fault {name!r}", "there is no fault of that name", "see `substrate faults`")
    return known[name]
