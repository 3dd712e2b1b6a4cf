"""The rooms behind the plugin, each entered only when it is needed. This is also the plugin's one seam.

A test of the plugin subclasses `House` and puts its own into `config.stash[HOUSE]` in `pytest_configure` of a conftest
(which xdist workers load too). Whoever judged is named in the evidence, so a stand-in never passes for the real one.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pytest_substrate.gate.ladder import Ladder
    from pytest_substrate.model.check import Check, Pair
    from pytest_substrate.model.declaration import Declaration
    from pytest_substrate.model.diagnosis import Diagnosis
    from pytest_substrate.model.outcome import Plane
    from pytest_substrate.planes.plane import Context, Observations
    from pytest_substrate.running.asked import Options
    from pytest_substrate.running.handover import Identity
    from pytest_substrate.targets.port import Target


class House:
    """The real rooms."""

    def built(self) -> frozenset[Plane]:
        """The planes that have checks."""
        from pytest_substrate.planes.catalogue import BUILT

        return BUILT

    def catalogue(self) -> Mapping[str, Check]:
        """Every check of every plane by its id, in ladder order."""
        from pytest_substrate.planes.catalogue import catalogue

        return catalogue()

    def declaration(self, raw: bytes, name: str) -> Declaration:
        """The declaration in a file's bytes; DeclarationErrors with all its problems."""
        from pytest_substrate.gate.declared import read_declaration

        return read_declaration(raw, name=name)

    def required(
        self, declaration: Declaration, planes: Iterable[Plane], *, asked: Collection[str] = ()
    ) -> tuple[Pair, ...]:
        """The denominator of these planes, in order; `asked` are the checks on request that the run asks for."""
        from pytest_substrate.gate.required import required_pairs

        return required_pairs(declaration, planes, asked=asked)

    def target(
        self,
        declaration: Declaration,
        options: Options,
        identity: Identity,
        *,
        owner: bool,
        progress: Callable[[str], None],
    ) -> Target:
        """The target, ready for use: started by the owner, joined by everyone else through the run's folder."""
        from pytest_substrate.targets import make_target

        return make_target(
            options.target,
            declaration,
            vantage=options.vantage,
            faults=options.faults,
            folder=identity.folder,
            run_id=identity.run_id,
            owner=owner,
            progress=progress,
            home=options.declaration.parent,
        )

    def observations(self, folder: Path) -> Observations:
        """The run's shared observations."""
        from pytest_substrate.targets.observations import ObservationStore

        return ObservationStore(folder / "observations")

    def diagnose(self, context: Context) -> Callable[[str, str], Diagnosis]:
        """How a check is judged of a subject."""
        from pytest_substrate.planes.catalogue import diagnose_with

        return diagnose_with(context)

    def ladder(self, context: Context, checks: Mapping[str, Check] | None = None) -> Ladder:
        """The ladder over the planes' judges; `checks` holds the user's own beside the catalogue."""
        from pytest_substrate.gate.ladder import Ladder

        return Ladder(context.declaration, self.diagnose(context), context.now, context.vantage, checks=checks)

    @property
    def name(self) -> str:
        """Who judges, for the evidence."""
        return f"{type(self).__module__}.{type(self).__qualname__}"


HOUSE = pytest.StashKey[House]()
