"""How a relay treats its connections: plain values."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Forward:
    """Pass everything on: the network that works."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refuse:
    """Nothing listens: a connection is refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Silent:
    """Accept, swallow what comes, and never answer: a filter that drops, or a peer that hangs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reset:
    """Accept, then reset."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delay:
    """Pass everything on, each piece of an answer (at most 64 KiB) `ms` milliseconds late."""

    ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """Pass on the first `after_bytes` bytes of the answers of each connection, then close it."""

    after_bytes: int


Mode = Forward | Refuse | Silent | Reset | Delay | Cut
