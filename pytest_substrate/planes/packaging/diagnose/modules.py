"""PKG-080: the declared imports resolve under the image's own module path. Pure."""

from __future__ import annotations

from typing import Final

from pytest_substrate.model.diagnosis import Diagnosis, inconclusive, passed, violated
from pytest_substrate.model.facts import number_of
from pytest_substrate.planes.packaging.diagnose.telling import does_not_apply, first_of, names
from pytest_substrate.planes.packaging.image.contents import Contents, Contract
from pytest_substrate.planes.packaging.image.imports import Resolution, module_in, resolve
from pytest_substrate.planes.packaging.image.python import Python
from pytest_substrate.planes.packaging.image.start import working_dir

_NO_PATH: Final = ("/distutils-precedence.pth", "/_virtualenv.pth", "-nspkg.pth")
"""Files of setuptools and virtualenv whose lines run code, but add nothing to the path."""


def diagnose_imports(contents: Contents, contract: Contract) -> Diagnosis:
    """Whether each declared module resolves to something in the image."""
    python = contents.python
    if not contract.imports:
        return does_not_apply("the contract names no imports")
    if python is None:
        told = "the image has no Python that its entry point could start"
        return violated("import-missing", told, modules=names("modules", contract.imports))
    found = {module: resolve(contents.image, python, module) for module in contract.imports}
    missing = {module: one for module, one in found.items() if one.place is None}
    if not missing:
        return passed(f"{number_of(len(found), 'module')} resolved", count=len(found), modules=names("modules", found))
    certain = {module: one for module, one in missing.items() if not _may_be(contents, python, module)}
    if certain:
        one = next(iter(certain.values()))
        cause = "import-missing" if one.stopped_at is None else "import-shadowed"
        told = first_of([_said(name, each) for name, each in certain.items()])
        return violated(cause, told, modules=names("modules", certain), python_version=python.minor)
    told = first_of([f"{module} isn't on the path that is known, and code may add to it" for module in missing])
    return inconclusive("path-unknown", told, modules=names("modules", missing), python_version=python.minor)


def _said(module: str, found: Resolution) -> str:
    if found.stopped_at is not None:
        return f"{module} is hidden by {found.stopped_at}, which stands before it on the path"
    return f"{module} is nowhere on the path of the image's Python"


def _may_be(contents: Contents, python: Python, module: str) -> bool:
    """Whether what can't be looked into may make the module resolve: a shell, a zip, a `.pth` that runs."""
    top = module.partition(".")[0]
    if not python.certain and module_in(contents.image, python, working_dir(contents.image), top):
        return True
    if any(_is_unread_archive(contents, entry) for entry in python.path):
        return True
    return any(not place.endswith(_NO_PATH) for place in python.executed)


def _is_unread_archive(contents: Contents, entry: str) -> bool:
    """Whether an entry of the path is a file, such as a zip, whose content wasn't kept."""
    file = contents.image.file(entry)
    return file is not None and file.text is None
