"""What a container's command line names: the interpreter, a Python script of the image, or nothing that can run here.

The host's interpreter stands in for the base layer's `python`, at its usual places; of native programs there are none.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"
PYTHONS = frozenset(("python", "python3", f"python{VERSION}"))
BASE_FOLDERS = frozenset(("/bin", "/usr/bin", "/usr/local/bin"))
DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class NotRunnable(Exception):
    """As a container runtime puts it: why there is nothing to execute."""


def python_arguments(argv: Sequence[str], root: str, search: str, folder: str = "/") -> tuple[list[str], str | None]:
    """What follows the interpreter for `argv`, and the virtual environment (a folder of the image) it belongs to.

    `root` is the tree, `search` the container's PATH, `folder` its working directory. Raises NotRunnable.
    """
    program = argv[0]
    if "/" in program:
        candidates = [os.path.normpath(os.path.join(folder, program))]
    elif program in PYTHONS:
        return list(argv[1:]), _environment_on(search, root, program)
    else:
        candidates = [os.path.join(place, program) for place in search.split(":") if place]
    for candidate in candidates:
        if is_python(candidate, root):
            return list(argv[1:]), _environment(candidate, root)
        if os.path.isfile(root + candidate):
            return _script(candidate, argv, root, search)
    if "/" in program:
        raise NotRunnable(f'exec: "{program}": stat {program}: no such file or directory')
    raise NotRunnable(f'exec: "{program}": executable file not found in $PATH')


def is_python(place: str, root: str) -> bool:
    """Whether an absolute path of the image is its interpreter: the base layer's, or a virtual environment's."""
    folder, name = os.path.split(place)
    return name in PYTHONS and (folder in BASE_FOLDERS or os.path.lexists(root + place))


def _script(candidate: str, argv: Sequence[str], root: str, search: str) -> tuple[list[str], str | None]:
    with open(root + candidate, "rb") as stream:
        first = stream.readline(512)
    if not first.startswith(b"#!"):
        raise NotRunnable(f'exec: "{candidate}": a native program, and there is no base layer to run it')
    words = first[2:].decode("utf-8", "replace").split()
    if words and os.path.basename(words[0]) == "env":
        words = [word for word in words[1:] if word != "-S"]
    if not words or os.path.basename(words[0]) not in PYTHONS:
        raise NotRunnable(f'exec: "{words[0] if words else candidate}": no such file or directory')
    _, environment = python_arguments(words[:1], root, search)
    return [*words[1:], candidate, *argv[1:]], environment


def _environment(python: str, root: str) -> str | None:
    home = os.path.dirname(os.path.dirname(python))
    return home if os.path.isfile(f"{root}{home}/pyvenv.cfg") else None


def _environment_on(search: str, root: str, program: str) -> str | None:
    """A virtual environment whose `bin` comes first on PATH, as `ENV PATH=/venv/bin:$PATH` makes it."""
    for place in search.split(":"):
        if place in BASE_FOLDERS:
            return None
        if os.path.lexists(f"{root}{place}/{program}"):
            return _environment(f"{place}/{program}", root)
    return None
