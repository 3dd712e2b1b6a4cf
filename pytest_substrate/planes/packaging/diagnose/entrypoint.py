"""PKG-100: what the image starts is there and can be started. Pure."""

from __future__ import annotations

from pytest_substrate.model.diagnosis import Diagnosis, passed, violated
from pytest_substrate.model.facts import admitted
from pytest_substrate.planes.packaging.image.asked import Asked, asked_of
from pytest_substrate.planes.packaging.image.contents import Contents
from pytest_substrate.planes.packaging.image.imports import resolve
from pytest_substrate.planes.packaging.image.start import absolute


def diagnose_entrypoint(contents: Contents) -> Diagnosis:
    """Whether program, interpreters, and what a Python is told to run are in the image and executable."""
    start = contents.start
    if start.problem is not None:
        return violated(start.problem.cause, start.problem.message, program=admitted("program", start.problem.path))
    if start.python:
        wrong = _wrong_operand(contents, asked_of(start.argv[1:]))
        if wrong is not None:
            return violated("entrypoint-missing", wrong, program=admitted("program", start.argv[0]))
    return passed(f"{start.argv[0]} can be started", program=admitted("program", start.argv[0]))


def _wrong_operand(contents: Contents, asked: Asked) -> str | None:
    """What a Python of the entry point is told to run and wouldn't find."""
    image, python = contents.image, contents.python
    if asked.what == "script" and image.tree.entry(absolute(image, asked.operand)) is None:
        return f"the script {asked.operand} isn't in the image"
    if asked.what != "module" or python is None:
        return None
    found = resolve(image, python, asked.operand)
    is_package = found.place is not None and (found.namespace or found.place.rpartition("/")[2].startswith("__init__."))
    if is_package:
        found = resolve(image, python, f"{asked.operand}.__main__")
    if found.place is None:
        what = (
            f"the package {asked.operand} has no __main__"
            if is_package
            else f"no module {asked.operand} is on its path"
        )
        return f"python -m {asked.operand}: {what}"
    return None
