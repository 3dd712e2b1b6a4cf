"""`poetry.lock` (2.1, of Poetry 2): flat, each package with its groups and the markers that lead to it.

Source: Poetry's `Locker`. The main group without extras, as `poetry install --only main` installs it. Files of Poetry 1
name neither groups nor markers: which packages are only for development can't be told from them.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any, Final

from pytest_substrate.planes.packaging.lock.graph import Edge, Lock
from pytest_substrate.planes.packaging.lock.written import Written

_MAIN: Final = "main"
_MEND: Final = "lock again with Poetry 2, or export: poetry export --only main -o requirements.txt"


def read_poetry(data: bytes, *, name: str) -> Lock:
    """The lock of the main group; BadInput where the file doesn't tell it."""
    written = Written(data, name=name)
    tables = written.packages("package")
    metadata = written.table(written.document, "metadata", "")
    packages = []
    roots = []
    for number, table in enumerate(tables):
        place = f"package[{number}]"
        if "groups" not in table:
            written.refuse(f"{place}.groups", "is missing: the file was written by Poetry 1", _MEND)
        packages.append(written.locked(table, place))
        if _MAIN in written.texts(table, "groups", place) and table.get("optional") is not True:
            roots.append(Edge(package=number, marker=_marker(written, table, place)))
    if not roots:
        written.refuse("package", "holds no package of the main group", _MEND)
    return Lock(
        name=name,
        digest="sha256:" + hashlib.sha256(data).hexdigest(),
        packages=tuple(packages),
        roots=tuple(roots),
        requires_python=_pythons(written.text(metadata, "python-versions", "metadata")),
    )


def _pythons(text: str | None) -> str | None:
    """Poetry's own `^3.11` and `*` in the words of PEP 440; whatever else it takes there stays as it is."""
    if text is None or text == "*":
        return None
    caret = re.fullmatch(r"\^(\d+)((?:\.\d+)*)", text)
    return f">={caret[1]}{caret[2]},<{int(caret[1]) + 1}" if caret is not None else text


def _marker(written: Written, table: Mapping[str, Any], place: str) -> str | None:
    """One for all groups, or one for each."""
    markers = table.get("markers")
    if isinstance(markers, dict):
        markers = written.text(markers, _MAIN, f"{place}.markers")
    elif markers is not None and not isinstance(markers, str):
        written.refuse(f"{place}.markers", "is neither a text nor a table")
    return written.marker(markers, f"{place}.markers")
