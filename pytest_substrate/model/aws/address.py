"""Lists of `host:port`, as a bootstrap variable and MSK write them."""

from __future__ import annotations

import re
from typing import Final

_ADDRESS: Final = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?):([0-9]{1,5})", re.ASCII)


def addresses(text: str) -> tuple[tuple[str, ...], int]:
    """The addresses in a comma-separated list, in lower case, and how many items are none.

    Host names compare without regard to case. An item without a port, with a scheme, a user or a path is no address;
    it is counted and not kept, since nobody can say what else it holds. An empty text holds one item that is none.
    """
    found: list[str] = []
    items = text.split(",")
    for item in items:
        match = _ADDRESS.fullmatch(item.strip().lower())
        if match is not None and 0 < int(match[2]) < 65536 and len(match[0]) <= 300:
            found.append(match[0])
    return tuple(found), len(items) - len(found)


def host_of(address: str) -> str:
    """The host of a `host:port`."""
    return address.rpartition(":")[0]


def port_of(address: str) -> int:
    """The port of a `host:port`."""
    return int(address.rpartition(":")[2])
