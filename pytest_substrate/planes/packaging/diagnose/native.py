"""PKG-090: machine and shared libraries of what the image starts and of what its required distributions load. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_substrate.model.diagnosis import Diagnosis, inconclusive, passed, violated
from pytest_substrate.model.facts import number_of
from pytest_substrate.planes.packaging.diagnose.telling import first_of, names
from pytest_substrate.planes.packaging.image.contents import Contents, Contract
from pytest_substrate.planes.packaging.image.distributions import files_of
from pytest_substrate.planes.packaging.image.imports import resolve, suffixes_of
from pytest_substrate.planes.packaging.image.libraries import Loader, Trouble
from pytest_substrate.planes.packaging.image.required import closure_of


def diagnose_native(contents: Contents, contract: Contract) -> Diagnosis:
    """Whether every binary is whole, for the platform, and finds its libraries."""
    looked = 0
    troubles: list[Trouble] = []
    programs = list(dict.fromkeys(f"/{path}" for path in contents.start.programs))
    python = contents.python
    loader = Loader(contents.image)
    for program in programs:
        if python is None or program != python.place:
            looked += 1
            troubles += Loader(contents.image).program(program)
    if python is not None:
        looked += 1
        troubles += loader.program(python.place)
    for path in dict.fromkeys((*_extensions(contents, contract), *_imported(contents, contract))):
        looked += 1
        troubles += loader.library(path)
    proven = [one for one in troubles if one.cause != "unread"]
    if proven or troubles:
        found = proven or troubles
        tell = violated if proven else inconclusive
        return tell(
            found[0].cause,
            first_of(list(dict.fromkeys(one.message for one in found))),
            libraries=names("libraries", (one.library for one in found if one.library)),
            files=names("files", (one.binary for one in found)),
        )
    return passed(f"{number_of(looked, 'binary file')} looked at, with all that they need", count=looked)


def _extensions(contents: Contents, contract: Contract) -> Iterator[str]:
    """The extension modules of the required distributions and of those that they require."""
    if contents.python is None or contents.surroundings is None:
        return
    endings = suffixes_of(contents.image, contents.python)
    closure = closure_of(contents.installed, contents.surroundings, contract.distributions, everything=False)
    for key in closure.reached:
        for path in files_of(contents.image, contents.installed.counted[key]):
            if _is_module(path, contents.installed.counted[key].folder, endings):
                yield path


def _imported(contents: Contents, contract: Contract) -> Iterator[str]:
    """The extension modules that the declared imports resolve to, whoever brought them."""
    if contents.python is None:
        return
    for module in contract.imports:
        place = resolve(contents.image, contents.python, module).place
        if place is not None and place.endswith(".so"):
            yield place


def _is_module(path: str, folder: str, endings: tuple[str, ...]) -> bool:
    """Whether an import could load the file: the ending is one of this Python's, the folders have names of packages."""
    *folders, name = path.removeprefix(folder.rstrip("/") + "/").split("/")
    ending = next((one for one in endings if name.endswith(one)), None)
    if ending is None:
        return False
    return all(part.isidentifier() for part in (*folders, name.removesuffix(ending)))
