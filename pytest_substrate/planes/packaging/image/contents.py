"""What several checks ask of one image, found once: how it starts, its Python, what is installed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from packaging.requirements import Requirement

from pytest_substrate.planes.packaging.image.distributions import Installed, installed_in
from pytest_substrate.planes.packaging.image.facts import ImageFacts
from pytest_substrate.planes.packaging.image.python import Python, python_of
from pytest_substrate.planes.packaging.image.required import Surroundings, surroundings_of
from pytest_substrate.planes.packaging.image.start import Start, start_of
from pytest_substrate.planes.packaging.lock.graph import Lock


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """What an image must hold, as the declaration has it for an artifact."""

    distributions: tuple[Requirement, ...] = ()
    imports: tuple[str, ...] = ()
    python: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    lock: Lock | None = None
    """A lock file whose packages are required beside `distributions`."""
    requires_python: str | None = None
    """The Pythons that the lock was made for; `settled` gives it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """An image, and what follows from it alone. `python` is None for an image without one."""

    image: ImageFacts
    start: Start
    python: Python | None
    installed: Installed
    surroundings: Surroundings | None


def contents_of(image: ImageFacts) -> Contents:
    """Everything that the checks share."""
    start = start_of(image)
    python = python_of(image, start)
    return Contents(
        image=image,
        start=start,
        python=python,
        installed=Installed(counted={}) if python is None else installed_in(image, python),
        surroundings=None if python is None else surroundings_of(image, python),
    )


def settled(contract: Contract, contents: Contents) -> Contract:
    """The contract of this very image: what its lock requires in the image's own environment stands among the rest."""
    lock = contract.lock
    if lock is None:
        return contract
    around = contents.surroundings
    locked = lock.everything() if around is None else lock.required(around)
    return replace(
        contract, distributions=(*contract.distributions, *locked), lock=None, requires_python=lock.requires_python
    )
