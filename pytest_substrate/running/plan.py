"""What a run set out to prove: the planes, the declaration, and every pair that must have a record."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, cast

from pytest_substrate.model.check import Pair
from pytest_substrate.model.errors import BadInput
from pytest_substrate.model.outcome import Plane

if TYPE_CHECKING:
    from pytest_substrate.model.check import Check
    from pytest_substrate.model.declaration import Declaration
    from pytest_substrate.own import OwnCheck
    from pytest_substrate.running.house import House


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The declaration as it was read, once. `name` is the file part of its node ids."""

    declaration: Declaration
    path: Path
    name: str
    digest: str
    """`sha256:…` of its canonical bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The denominator, and how it is collected: `modules` holds the pairs of each acceptance module, in order."""

    source: Source
    planes: tuple[Plane, ...]
    pairs: tuple[Pair, ...]
    checks: Mapping[str, Check]
    modules: Mapping[Plane, tuple[Pair, ...]]
    node_ids: Mapping[str, Pair] = field(default_factory=dict)
    own: Mapping[str, OwnCheck] = field(default_factory=dict)
    """The user's own checks among them, as they were registered."""

    def plane_pairs(self, plane: Plane) -> tuple[Pair, ...]:
        """What must hold for one demanded plane: its own pairs, and those of `substrate`."""
        return self.modules.get(Plane.SUBSTRATE, ()) + self.modules.get(plane, ())


def read_source(house: House, path: Path, name: str) -> Source:
    """Read and validate the declaration; BadInput (all problems at once) where it can't be used."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        above = next((folder / path.name for folder in path.parents[1:] if (folder / path.name).is_file()), None)
        if above is not None:  # named and not taken: which folder is the rootdir is pytest's affair
            raise BadInput(
                str(path),
                f"there is no declaration here; one lies above it, {above}",
                f"write --substrate={above}, or put pytest's configuration beside it, which makes that the rootdir",
            ) from None
        raise BadInput(
            str(path),
            "there is no declaration here",
            "write one, or name it with --substrate or substrate_declaration (where another rootdir was meant: pytest "
            "takes an existing path behind a blank for an argument, so write --option=PATH)",
        ) from None
    except OSError as error:
        raise BadInput(str(path), f"can't be read ({error.strerror})", "make it a readable file") from None
    declaration = house.declaration(data, name)
    return Source(declaration=declaration, path=path, name=name, digest=declaration.digest(data.decode()))


def make_plan(
    house: House,
    source: Source,
    planes: tuple[Plane, ...],
    registered: Iterable[object] = (),
    *,
    asked: Collection[str] = (),
) -> Plan:
    """The denominator of `planes`, with what the user `registered` behind ours of its plane.

    `asked` are the checks on request that this run asks for.

    BadInput where two of its pairs would have one node id, or for a check of the user's that can't be used.
    """
    checks = dict(house.catalogue())
    modules: dict[Plane, tuple[Pair, ...]] = {}
    for pair in house.required(source.declaration, planes, asked=asked):
        plane = checks[pair.check].plane
        modules[plane] = (*modules.get(plane, ()), pair)
    own: dict[str, OwnCheck] = {}
    if named := list(registered):
        from pytest_substrate.gate.own import admitted

        taking_part = admitted(named, source.declaration, planes, checks)
        own = {check.id: one for check in taking_part for one in cast("list[OwnCheck]", named) if one.id == check.id}
        for check in taking_part:
            checks[check.id] = check
            mine = (Pair(check.id, subject) for subject in check.subjects(source.declaration))
            modules[check.plane] = (*modules[check.plane], *mine)
    node_ids: dict[str, Pair] = {}
    for plane, pairs in modules.items():
        for pair in pairs:
            node_id = f"{source.name}::{plane.value}::{pair.node_name}"
            other = node_ids.setdefault(node_id, pair)
            if other is not pair:
                raise BadInput(
                    source.name,
                    f"the subjects {other.subject} and {pair.subject} have the same node id, {node_id}",
                    "rename one of them",
                )
    return Plan(
        source=source,
        planes=planes,
        pairs=tuple(pair for pairs in modules.values() for pair in pairs),
        checks=checks,
        modules=modules,
        node_ids=node_ids,
        own=own,
    )
