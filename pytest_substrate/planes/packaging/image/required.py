"""What the contract's distributions need in turn: requirements with the image's own markers, extras and versions. Pure.

Versions are judged with pre-releases allowed, as `pip check` judges what is installed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from packaging.markers import UndefinedComparison, UndefinedEnvironmentName
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from pytest_substrate.planes.packaging.image.distributions import Distribution, Installed
from pytest_substrate.planes.packaging.image.facts import ImageFacts
from pytest_substrate.planes.packaging.image.python import Python

PYTHON_MACHINES: Final = {
    "amd64": "x86_64",
    "386": "i686",
    "arm64": "aarch64",
    "arm": "armv7l",
    "ppc64le": "ppc64le",
    "s390x": "s390x",
    "riscv64": "riscv64",
    "loong64": "loongarch64",
    "mips64le": "mips64",
}
"""What `platform.machine()` says on each architecture."""

_UNKNOWN: Final = ("platform_release", "platform_version")
"""Markers about the host's kernel."""


class Undecided(Exception):
    """What nothing in the image tells; its text is a half sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """The environment that markers are evaluated in. `exact` is false where only major and minor version are known."""

    markers: Mapping[str, str]
    exact: bool

    def applies(
        self, requirement: Requirement, extras: Iterable[str] = ("",), *, groups: frozenset[str] = frozenset()
    ) -> bool:
        """Whether the requirement's marker holds, with any of the extras; Undecided where nothing tells.

        A marker of a lock file may ask for dependency `groups`, and for the extras that the lock is installed with:
        none.
        """
        if requirement.marker is None:
            return True
        text = str(requirement.marker)
        if any(name in text for name in _UNKNOWN):
            raise Undecided(f"the marker of {requirement.name} asks for the kernel")
        of_lock = {"extras": frozenset[str](), "dependency_groups": groups}
        try:
            found = {self._holds(requirement, extra, {**self.markers, **of_lock}) for extra in {"", *extras}}
            if not self.exact and ("python_full_version" in text or "implementation_version" in text):
                late = {**self.markers, "python_full_version": self.markers["python_version"] + ".999"}
                late["implementation_version"] = late["python_full_version"]
                if {self._holds(requirement, extra, {**late, **of_lock}) for extra in {"", *extras}} != found:
                    raise Undecided("nothing in the image tells the micro version of its Python")
        except (UndefinedComparison, UndefinedEnvironmentName, InvalidVersion):
            raise Undecided(f"the marker of {requirement.name} can't be evaluated") from None
        return True in found

    @staticmethod
    def _holds(requirement: Requirement, extra: str, markers: Mapping[str, str | frozenset[str]]) -> bool:
        return requirement.marker is None or requirement.marker.evaluate({**markers, "extra": extra})

    def admits(self, requires_python: str) -> bool:
        """Whether the image's Python is one of a Requires-Python; Undecided where its micro version would tell."""
        try:
            specifiers = SpecifierSet(requires_python)
        except InvalidSpecifier:
            raise Undecided("its Requires-Python can't be read") from None
        first = specifiers.contains(self.markers["python_full_version"], prereleases=True)
        if not self.exact and specifiers.contains(self.markers["python_version"] + ".999", prereleases=True) != first:
            raise Undecided("nothing in the image tells the micro version of its Python")
        return first


def surroundings_of(image: ImageFacts, python: Python) -> Surroundings:
    """The image's own environment: never the host's."""
    full = python.full or f"{python.minor}.0"
    is_cpython = python.implementation == "cpython"
    return Surroundings(
        exact=python.full is not None,
        markers={
            "implementation_name": python.implementation,
            "implementation_version": full,
            "os_name": "posix",
            "platform_machine": PYTHON_MACHINES.get(
                image.config.platform.architecture, image.config.platform.architecture
            ),
            "platform_python_implementation": "CPython" if is_cpython else "PyPy",
            "platform_release": "",
            "platform_system": "Linux",
            "platform_version": "",
            "python_full_version": full,
            "python_version": python.minor,
            "sys_platform": "linux",
        },
    )


def admits(requirement: Requirement, found: Distribution) -> bool:
    """Whether the installed version is one that is asked for."""
    if not requirement.specifier:
        return True
    try:
        Version(found.version)
    except InvalidVersion:
        return all(one.operator == "===" and one.version == found.version for one in requirement.specifier)
    return requirement.specifier.contains(found.version, prereleases=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Closure:
    """What requirements lead to: `reached` distributions with the extras that are asked of them.

    `unmet` are `(distribution, requirement)` whose requirement isn't met, `undecided` `(distribution, why)`.
    """

    reached: Mapping[str, frozenset[str]]
    unmet: tuple[tuple[str, str], ...]
    undecided: tuple[tuple[str, str], ...]


def closure_of(
    installed: Installed, surroundings: Surroundings, required: Iterable[Requirement], *, everything: bool
) -> Closure:
    """From the contract's requirements on; with `everything`, from each installed distribution as well."""
    walk = _Walk(installed, surroundings)
    for requirement in required:
        walk.start(requirement)
    for key in installed.counted if everything else ():
        walk.ask(key, frozenset())
    return walk.done()


class _Walk:
    """From distribution to distribution, again where more extras are asked of one."""

    def __init__(self, installed: Installed, surroundings: Surroundings) -> None:
        self._installed, self._surroundings = installed, surroundings
        self._queue: list[tuple[str, frozenset[str]]] = []
        self._reached: dict[str, frozenset[str]] = {}
        self._unmet: dict[tuple[str, str], None] = {}
        self._undecided: dict[tuple[str, str], None] = {}

    def start(self, requirement: Requirement) -> None:
        """From a requirement of the contract; one whose marker can't be told is followed."""
        try:
            applies = self._surroundings.applies(requirement)
        except Undecided:
            applies = True
        if applies:
            self.ask(canonicalize_name(requirement.name), _extras(requirement))

    def ask(self, key: str, extras: frozenset[str]) -> None:
        """A distribution with extras, if it is there."""
        if key in self._installed.counted:
            self._queue.append((key, extras))

    def done(self) -> Closure:
        """Everything that follows."""
        for key, extras in self._queue:  # it grows
            held = self._reached.get(key)
            if held is not None and extras <= held:
                continue
            self._reached[key] = extras | (held or frozenset())
            holder = self._installed.counted[key]
            for text in holder.requires:
                self._judge(holder, text, self._reached[key])
        return Closure(reached=self._reached, unmet=tuple(self._unmet), undecided=tuple(self._undecided))

    def _judge(self, holder: Distribution, text: str, extras: frozenset[str]) -> None:
        try:
            requirement = Requirement(text)
            if not self._surroundings.applies(requirement, extras):
                return
        except InvalidRequirement:
            self._undecided[holder.name, "a requirement of it can't be read"] = None
            return
        except Undecided as error:
            self._undecided[holder.name, str(error)] = None
            return
        key = canonicalize_name(requirement.name)
        found = self._installed.counted.get(key)
        if found is None or not admits(requirement, found):
            self._unmet[holder.name, _shown(requirement)] = None
        else:
            self.ask(key, _extras(requirement))


def _extras(requirement: Requirement) -> frozenset[str]:
    return frozenset(canonicalize_name(one) for one in requirement.extras)


def _shown(requirement: Requirement) -> str:
    extras = f"[{','.join(sorted(requirement.extras))}]" if requirement.extras else ""
    return f"{requirement.name}{extras}{requirement.specifier}"
