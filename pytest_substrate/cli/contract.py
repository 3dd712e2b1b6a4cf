"""A contract's file: TOML with the table `[contract]`, the one that a declaration holds for an artifact."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from packaging.requirements import Requirement

from pytest_substrate.cli.files import LONGEST_DECLARATION, read_file
from pytest_substrate.model.errors import BadInput
from pytest_substrate.planes.packaging.image.contents import Contract
from pytest_substrate.planes.packaging.lock import Lock, read_lock
from pytest_substrate.planes.packaging.lock.reading import LONGEST_LOCK, MEND

_MEND: Final = 'write the table [contract], such as [contract] and distributions = ["kafka-python>=2.2"]'
_AT: Final = ("artifact", "image")
"""Where a declaration has such a table: its messages are about that path."""


def read_contract(path: Path) -> Contract:
    """The contract; BadInput with file, key and mend where it is none, or demands nothing."""

    from pydantic import ValidationError

    from pytest_substrate.model.declaration.lines import line_of, places_of
    from pytest_substrate.model.declaration.mends import finding_of
    from pytest_substrate.model.declaration.problems import DeclarationErrors, Finding, Problem, key_text
    from pytest_substrate.model.declaration.reading import toml_document
    from pytest_substrate.model.declaration.workloads import Contract as Declared

    try:
        text = read_file(path, mend=_MEND, most=LONGEST_DECLARATION).decode().removeprefix("\ufeff")
    except UnicodeDecodeError:
        raise BadInput(str(path), "is not UTF-8", _MEND) from None
    document = toml_document(text, name=str(path))
    places = places_of(text)

    def problem(finding: Finding) -> Problem:
        line = line_of(places, finding.path)
        return Problem(
            file=str(path), line=line, key=key_text(finding.path), problem=finding.problem, mend=finding.mend
        )

    findings = [
        Finding(
            path=(key,),
            problem="is not a key of a contract's file",
            mend="put what it says into [contract], or drop it",
        )
        for key in document
        if key != "contract"
    ]
    table = document.get("contract")
    declared: Declared | None = None
    if not isinstance(table, dict):
        findings.append(
            Finding(path=("contract",), problem="is missing" if table is None else "must be a table", mend=_MEND)
        )
    else:
        try:
            declared = Declared.model_validate(table)
        except ValidationError as error:
            for detail in error.errors(include_input=False, include_url=False):
                inner = finding_of({**detail, "loc": (*_AT, "contract", *detail["loc"])})
                findings.append(Finding(path=inner.path[len(_AT) :], problem=inner.problem, mend=inner.mend))
    if declared is not None and not any(declared.model_dump().values()):
        findings.append(Finding(path=("contract",), problem="demands nothing", mend="name what the image must hold"))
    if findings or declared is None:
        raise DeclarationErrors([problem(finding) for finding in findings])
    return Contract(
        distributions=tuple(Requirement(one) for one in declared.distributions),
        imports=declared.imports,
        python=declared.python,
        labels=dict(declared.labels),
        lock=None if declared.lock is None else _lock(path.parent / declared.lock),
    )


def _lock(path: Path) -> Lock:
    """The lock beside the contract; BadInput with its path where it can't be used."""
    return read_lock(read_file(path, mend=MEND, most=LONGEST_LOCK), name=str(path))
