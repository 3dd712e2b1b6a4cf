"""Which planes a run demands: decided from what was asked, before anything is collected or deselected. Pure.

A plane is demanded when the marker expression is true for an item that bears only its marker and false for one that
bears none, or when an option or a node id names it. How an expression is evaluated is pytest's affair and comes in as
a function; how a node id is split is the caller's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Final

from pytest_substrate.model.errors import BadInput
from pytest_substrate.model.outcome import DEMANDABLE, Plane

_WORD: Final = re.compile(r"[\w:+\-.\[\]\\/]+")
"""A name in a marker expression, by pytest's own grammar."""


def demanded(
    *,
    expression: str,
    holds: Callable[[frozenset[str]], bool],
    required: Iterable[str],
    selected: Iterable[str],
    built: frozenset[Plane],
) -> tuple[Plane, ...]:
    """The planes that `expression` (of -m), `required` (of --substrate-require) and node ids demand, in order.

    `holds` says whether the expression is true for an item that bears exactly the given markers; `selected` are the
    planes of those node ids that lie in the declaration. BadInput for an unknown plane, for an expression that names a
    plane and is true without it, for rungs of `substrate` alone, and for a plane that isn't built.
    """
    named = tuple(selected)
    planes = set(_by_expression(expression, holds)) if expression else set()
    planes |= {_plane(name, "--substrate-require") for name in required}
    planes |= {_plane(name, "a node id of the declaration") for name in named if name != Plane.SUBSTRATE.value}
    for plane in DEMANDABLE:
        if plane in planes and plane not in built:
            ready = ", ".join(other.value for other in DEMANDABLE if other in built)
            raise BadInput(plane.value, "this plane has no checks yet, so nothing could prove it", f"demand {ready}")
    if named and not planes:
        raise BadInput(
            "a node id of the declaration",
            "the rungs of substrate belong to every plane and to none",
            "demand a plane: -m messaging_plane",
        )
    return tuple(plane for plane in DEMANDABLE if plane in planes)


def planes_in(expression: str) -> tuple[Plane, ...]:
    """The planes that a marker expression names."""
    words = set(_WORD.findall(expression))
    return tuple(plane for plane in DEMANDABLE if plane.value in words)


def _by_expression(expression: str, holds: Callable[[frozenset[str]], bool]) -> Iterable[Plane]:
    without = holds(frozenset())
    named = planes_in(expression)
    for plane in DEMANDABLE:
        if not holds(frozenset({plane.value})):
            continue
        if not without:
            yield plane
        elif plane in named:
            raise BadInput(
                f"-m {expression!r}",
                f"it names {plane.value}, but is true without it, so it can't be told whether the plane is demanded",
                f"write -m {plane.value}, or --substrate-require {plane.value} beside an expression for your own tests",
            )


def _plane(name: str, where: str) -> Plane:
    for plane in DEMANDABLE:
        if plane.value == name:
            return plane
    known = ", ".join(plane.value for plane in DEMANDABLE)
    raise BadInput(where, f"{name!r} is not a plane", f"one of {known}")
