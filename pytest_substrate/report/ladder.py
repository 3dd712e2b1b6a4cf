"""How rungs are laid out for a person: a block for each plane and workload, with what it stands on first. Pure.

A cluster's own rungs (`cluster/…`, `ecs-cluster/…`) belong to the first block of a workload that uses it, a topic's to
its service's. Within a block rungs stand in ladder order, whatever their subject.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pytest_substrate.model.check import Check, Pair
from pytest_substrate.model.outcome import Plane
from pytest_substrate.model.record import Record
from pytest_substrate.model.subjects import holder, used_by

if TYPE_CHECKING:
    from pytest_substrate.model.declaration import Declaration

_GROUND: Final = ("cluster", "ecs-cluster")
"""The kinds of subjects that others stand on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """One required pair with its record; None where there is none."""

    pair: Pair
    check: Check
    record: Record | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """The ladder of one plane and one subject."""

    plane: Plane
    subject: str
    rungs: tuple[Rung, ...]

    def fact(self, name: str) -> str | None:
        """The first text that a record of the block holds under this name."""
        for rung in self.rungs:
            value = rung.record.facts.get(name) if rung.record is not None else None
            if isinstance(value, str):
                return value
        return None


def blocks(
    pairs: Sequence[Pair], records: Iterable[Record], checks: Mapping[str, Check], declaration: Declaration
) -> tuple[Block, ...]:
    """Every required pair in exactly one block."""
    found = {Pair(record.check, record.subject): record for record in records}
    groups: dict[tuple[Plane, str], list[Pair]] = {}
    for pair in pairs:
        groups.setdefault((checks[pair.check].plane, holder(pair.subject)), []).append(pair)
    ground = [key for key in groups if key[1].split("/")[0] in _GROUND]
    taken: set[tuple[Plane, str]] = set()
    laid: list[tuple[Plane, str, list[Pair]]] = []
    for (plane, subject), group in groups.items():
        if (plane, subject) in ground:
            continue
        under = {(of, name) for name in used_by(declaration, subject) for of in (Plane.SUBSTRATE, plane)}
        stands_on = [key for key in ground if key in under and key not in taken]
        taken.update(stands_on)
        laid.append((plane, subject, [pair for key in stands_on for pair in groups[key]] + group))
    laid += [(*key, groups[key]) for key in ground if key not in taken]
    places = {check: place for place, check in enumerate(checks)}
    order = {pair: place for place, pair in enumerate(pairs)}
    return tuple(
        Block(
            plane=plane,
            subject=subject,
            rungs=tuple(
                Rung(pair=pair, check=checks[pair.check], record=found.get(pair))
                for pair in sorted(group, key=lambda pair: (places[pair.check], order[pair]))
            ),
        )
        for plane, subject, group in laid
    )


def ids_text(ids: Iterable[str], ladder: Sequence[str], *, dots: str = "…") -> str:
    """Check ids in short: three or more that follow each other in the ladder as a range, others one by one.

    `SUB-010, MSG-005 … MSG-040`; after a first id of the same plane the number alone: `MSG-170 … MSG-210, 230, 240`.
    """
    places = {check: place for place, check in enumerate(dict.fromkeys(ladder))}
    runs: list[list[str]] = []
    for check in dict.fromkeys(ids):
        last = runs[-1][-1] if runs else None
        if last is not None and places[check] == places[last] + 1 and _prefix(check) == _prefix(last):
            runs[-1].append(check)
        else:
            runs.append([check])
    parts: list[str] = []
    before = ""
    for run in runs:
        if len(run) >= 3:
            parts.append(f"{run[0]} {dots} {run[-1]}")
            before = _prefix(run[0])
            continue
        for check in run:
            parts.append(check.removeprefix(f"{before}-") if before else check)
            before = _prefix(check)
    return ", ".join(parts)


def _prefix(check: str) -> str:
    return check.partition("-")[0]
