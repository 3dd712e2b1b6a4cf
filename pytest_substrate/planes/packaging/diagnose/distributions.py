"""PKG-060 and PKG-070: the distributions of the contract, and what every installed distribution requires. Pure."""

from __future__ import annotations

from packaging.utils import canonicalize_name

from pytest_substrate.model.diagnosis import Diagnosis, inconclusive, passed, violated
from pytest_substrate.model.facts import number_of
from pytest_substrate.planes.packaging.diagnose.telling import does_not_apply, first_of, names
from pytest_substrate.planes.packaging.image.contents import Contents, Contract
from pytest_substrate.planes.packaging.image.distributions import Distribution, presence_of
from pytest_substrate.planes.packaging.image.required import Surroundings, Undecided, admits, closure_of
from pytest_substrate.planes.packaging.image.wheels import fits

Finding = tuple[str, str, str]
"""The cause, the distribution, and a sentence."""


def diagnose_contract(contents: Contents, contract: Contract) -> Diagnosis:
    """Whether each required distribution is there, admitted, built for this Python, and whole."""
    if contents.python is None:
        if not contract.distributions and contract.python is None:
            return does_not_apply("the image has no Python, and the contract asks for none")
        cause = "distribution-missing" if contract.distributions else "other-python"
        return violated(
            cause,
            "the image has no Python that its entry point could start",
            distributions=names("distributions", (one.name for one in contract.distributions)),
        )
    return _Judging(contents, contract).diagnosis()


class _Judging:
    def __init__(self, contents: Contents, contract: Contract) -> None:
        assert contents.python is not None  # noqa: S101  the caller has looked
        assert contents.surroundings is not None  # noqa: S101  as there is a Python
        self._contents, self._contract = contents, contract
        self._python = contents.python
        self._surroundings: Surroundings = contents.surroundings
        self._wrong: list[Finding] = []
        self._open: list[Finding] = []

    def diagnosis(self) -> Diagnosis:
        wanted, python = self._contract.python, self._python
        self._wrong += [("duplicate-metadata", name, said) for name, said in self._contents.installed.odd]
        if wanted is not None and wanted != python.minor:
            self._wrong.append(("other-python", "", f"the image runs Python {python.minor}, not {wanted}"))
        self._judge_lock_python()
        for requirement in self._contract.distributions:
            try:
                if not self._surroundings.applies(requirement):
                    continue
            except Undecided as error:
                self._open.append(("undecided", requirement.name, str(error)))
                continue
            found = self._contents.installed.counted.get(canonicalize_name(requirement.name))
            if found is None:
                self._wrong.append(("distribution-missing", requirement.name, f"{requirement.name} isn't in the image"))
            elif not admits(requirement, found):
                said = f"{found.name} is at {found.version}, not {requirement.specifier}"
                self._wrong.append(("other-version", found.name, said))
            else:
                self._judge(found)
        version = python.full or python.minor
        if self._wrong or self._open:
            found_causes = self._wrong or self._open
            about = names("distributions", (name for _, name, _ in found_causes if name))
            tell = violated if self._wrong else inconclusive
            told = first_of([said for _, _, said in found_causes])
            return tell(found_causes[0][0], told, distributions=about, python_version=version)
        required = len(self._contract.distributions)
        return passed(
            f"{number_of(required, 'required distribution')} found, whole", count=required, python_version=version
        )

    def _judge_lock_python(self) -> None:
        """A lock says for which Pythons it holds; of another it says nothing."""
        told = self._contract.requires_python
        try:
            if told is None or self._surroundings.admits(told):
                return
        except Undecided as error:
            self._open.append(("undecided", "", str(error)))
            return
        said = f"the image runs Python {self._python.minor}, and the lock is for {told}"
        self._wrong.append(("other-python", "", said))

    def _judge(self, found: Distribution) -> None:
        """What is wrong with a required distribution that is there, at an admitted version."""
        if not fits(self._contents.image, self._python, found.tags):
            said = f"{found.name} was built for {found.tags[0]}, not for this Python or platform"
            self._wrong.append(("wheel-tag", found.name, said))
        presence = presence_of(self._contents.image, self._python, found)
        if presence.missing is None:
            self._open.append(("files-unknown", found.name, f"nothing says which files {found.name} has"))
        elif presence.missing:
            said = first_of([f"{place} of {found.name} isn't in the image" for place in presence.missing])
            self._wrong.append(("file-missing", found.name, said))


def diagnose_closure(contents: Contents, contract: Contract) -> Diagnosis:
    """Whether every installed distribution's own requirements are met, those of asked extras too."""
    if contents.surroundings is None or contents.python is None:
        return does_not_apply("the image has no Python")
    installed = contents.installed
    closure = closure_of(installed, contents.surroundings, contract.distributions, everything=True)
    wrong: list[Finding] = [
        ("requirement-unmet", name, f"{name} requires {what}, which the image doesn't have")
        for name, what in closure.unmet
    ]
    undecided = list(closure.undecided)
    for found in installed.counted.values():
        try:
            if not found.requires_python or contents.surroundings.admits(found.requires_python):
                continue
        except Undecided as error:
            undecided.append((found.name, str(error)))
            continue
        said = f"{found.name} requires Python {found.requires_python}, the image runs {contents.python.minor}"
        wrong.append(("python-unmet", found.name, said))
    wrong += _unknown_extras(contents, contract)
    if wrong:
        return violated(
            wrong[0][0],
            first_of([said for _, _, said in wrong]),
            distributions=names("distributions", (name for _, name, _ in wrong)),
            requirements=names("requirements", (what for _, what in closure.unmet)),
        )
    if undecided:
        told = first_of([f"{name}: {why}" for name, why in undecided])
        return inconclusive("undecided", told, distributions=names("distributions", (name for name, _ in undecided)))
    return passed(
        f"the requirements of {number_of(len(installed.counted), 'distribution')} are met", count=len(installed.counted)
    )


def _unknown_extras(contents: Contents, contract: Contract) -> list[Finding]:
    """Extras of the contract that the distribution doesn't have: what they stand for can't be there."""
    found: list[Finding] = []
    for requirement in contract.distributions:
        held = contents.installed.counted.get(canonicalize_name(requirement.name))
        if held is None:
            continue
        unknown = (extra for extra in sorted(requirement.extras) if canonicalize_name(extra) not in held.extras)
        found += [("requirement-unmet", held.name, f"{held.name} {held.version} has no extra {one}") for one in unknown]
    return found
