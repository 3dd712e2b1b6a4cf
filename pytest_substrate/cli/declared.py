"""Where a command finds the declaration: as pytest does, without pytest.

First match: the option, the environment's SUBSTRATE_DECLARATION, the ini option `substrate_declaration` of the file
that configures pytest here, `substrate.toml` beside that file, `substrate.toml` in the working folder. The file that
configures pytest is the nearest one that has its table, from the working folder upwards.
"""

from __future__ import annotations

import argparse
import configparser
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pytest_substrate.cli.files import LONGEST_DECLARATION, read_file
from pytest_substrate.gate.declared import read_declaration
from pytest_substrate.model.errors import BadInput

if TYPE_CHECKING:
    from pytest_substrate.model.declaration import Declaration

DEFAULT: Final = "substrate.toml"
VARIABLE: Final = "SUBSTRATE_DECLARATION"
INI: Final = "substrate_declaration"

_MEND: Final = "name the declaration with --declaration FILE"
_TABLES: Final[Mapping[str, tuple[tuple[str, ...], ...]]] = {
    "pytest.toml": (("pytest",),),
    ".pytest.toml": (("pytest",),),
    "pytest.ini": (("pytest",),),
    ".pytest.ini": (("pytest",),),
    "pyproject.toml": (("tool", "pytest", "ini_options"), ("tool", "pytest")),
    "tox.ini": (("pytest",),),
    "setup.cfg": (("tool:pytest",),),
}
"""The files that pytest reads, in its order in one folder, and the tables that may hold its options."""
_ALWAYS: Final = frozenset(("pytest.toml", ".pytest.toml", "pytest.ini", ".pytest.ini"))
"""These configure pytest even while they are empty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """A declaration that was found and read. `name` is the file as a person knows it."""

    name: str
    raw: bytes
    declaration: Declaration


def add_declaration(parser: argparse.ArgumentParser) -> None:
    """Add the option that names the declaration."""
    parser.add_argument(
        "--declaration",
        "--substrate",
        dest="declaration",
        metavar="FILE",
        help=f"default: what pytest would take: the ini option {INI}, else {DEFAULT}",
    )


def find_declaration(options: argparse.Namespace) -> Declared:
    """The declaration that the command is about; BadInput where there is none, or one that can't be used."""
    path = Path(options.declaration) if options.declaration else _found(Path.cwd(), os.environ)
    name = options.declaration or _shown(path)
    raw = read_file(path, mend=_MEND, where=name, most=LONGEST_DECLARATION)
    return Declared(name=name, raw=raw, declaration=read_declaration(raw, name=name))


def _found(here: Path, environment: Mapping[str, str]) -> Path:
    if named := environment.get(VARIABLE):
        return here / Path(named).expanduser()
    places = []
    configuration = _configuration(here)
    if configuration is not None:
        file, value = configuration
        if value:
            return _declared_in(file, value)
        places.append(file.parent / DEFAULT)
    places.append(here / DEFAULT)
    for place in places:
        if place.exists():
            return place
    looked = " and ".join(dict.fromkeys(_shown(place) for place in places))
    ini = f"{_shown(configuration[0])} has no {INI}" if configuration else "no file configures pytest here"
    above = next((folder / DEFAULT for folder in here.parents if (folder / DEFAULT).is_file()), None)
    mend = _MEND if above is None else f"write --declaration {above}, which lies above, or configure pytest beside it"
    raise BadInput("the declaration", f"there is none: looked for {looked}, and {ini}", mend)


def _declared_in(file: Path, value: str) -> Path:
    path = file.parent / Path(value).expanduser()
    if not path.exists():
        told = f"{INI} names {_shown(path)}, which isn't there"
        raise BadInput(_shown(file), told, f"correct it, or {_MEND}")
    return path


def _configuration(here: Path) -> tuple[Path, str] | None:
    """The file that configures pytest for this folder, and what it says of the declaration (nothing: an empty text)."""
    for folder in (here, *here.parents):
        for name, tables in _TABLES.items():
            file = folder / name
            if not file.is_file():
                continue
            found = [table for keys in tables if (table := _table(file, keys)) is not None]
            if found or name in _ALWAYS:
                return file, next((str(table[INI]) for table in found if table.get(INI)), "")
    return None


def _table(file: Path, keys: tuple[str, ...]) -> Mapping[str, Any] | None:
    raw = read_file(file, mend="correct it", most=LONGEST_DECLARATION)
    try:
        text = raw.decode("utf-8-sig")
        found: Any = tomllib.loads(text) if file.suffix == ".toml" else _sections(text)
    except (ValueError, configparser.Error, RecursionError) as error:
        raise BadInput(_shown(file), f"can't be parsed ({type(error).__name__})", f"correct it, or {_MEND}") from None
    for key in keys:
        found = found.get(key) if isinstance(found, Mapping) else None
    return found if isinstance(found, Mapping) else None


def _sections(text: str) -> Mapping[str, Mapping[str, str]]:
    parser = configparser.RawConfigParser(strict=False, allow_no_value=True)
    parser.read_string(text)
    return {name: dict(parser.items(name)) for name in parser.sections()}


def _shown(path: Path) -> str:
    """The path from the working folder where it lies in it, else whole."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
