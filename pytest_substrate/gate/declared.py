"""The door to a declaration for everyone who judges by it: its bytes in, a declaration that fits the catalogue out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_substrate.gate.required import check_set
from pytest_substrate.planes.catalogue import catalogue

if TYPE_CHECKING:
    from pytest_substrate.model.declaration import Declaration


def read_declaration(raw: bytes, *, name: str) -> Declaration:
    """The declaration in a file's bytes; DeclarationErrors (a BadInput) with all its problems at once.

    Waivers and `not_applicable` entries must name pairs that the whole check set holds. Whether a waiver has expired is
    `gate.waivers`' affair, as it takes a time.
    """
    from pytest_substrate.model.declaration import DeclarationErrors, Problem, parse_declaration

    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        problem = Problem(file=name, line=line, key="", problem="is not UTF-8", mend="save the file as UTF-8")
        raise DeclarationErrors([problem]) from None
    return parse_declaration(text, name=name, check_set=check_set, checks=catalogue())
