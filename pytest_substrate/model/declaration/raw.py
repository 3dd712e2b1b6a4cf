"""Ways into a document as `tomllib` gives it, which may have any shape: what doesn't fit is passed over.

Rules look at the document itself and not at the models, so that one malformed value hides no other problem.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, TypeAlias

from pytest_substrate.model.declaration.lines import Path

Document: TypeAlias = Mapping[str, Any]

ANY: Final = "*"
"""In a pattern: every key of a table, or every item of a list."""


def each(document: object, *pattern: str) -> Iterator[tuple[Path, Any]]:
    """Every path that fits the pattern, with its value, in the document's order."""
    if not pattern:
        yield (), document
        return
    head, *rest = pattern
    for part, value in _children(document, head):
        for path, found in each(value, *rest):
            yield (part, *path), found


def _children(value: object, head: str) -> Iterable[tuple[str | int, Any]]:
    if isinstance(value, Mapping):
        if head == ANY:
            return list(value.items())
        return [(head, value[head])] if head in value else []
    if isinstance(value, list) and head == ANY:
        return list(enumerate(value))
    return []


def texts(document: object, *pattern: str) -> Iterator[tuple[Path, str]]:
    """Those that are texts."""
    return ((path, value) for path, value in each(document, *pattern) if isinstance(value, str))


def tables(document: object, *pattern: str) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    """Those that are tables."""
    return ((path, value) for path, value in each(document, *pattern) if isinstance(value, Mapping))


def lists(document: object, *pattern: str) -> Iterator[tuple[Path, list[Any]]]:
    """Those that are lists."""
    return ((path, value) for path, value in each(document, *pattern) if isinstance(value, list))


def text(document: object, *pattern: str) -> str | None:
    """The one text there, if there is one."""
    return next((value for _, value in texts(document, *pattern)), None)


def names(document: Document, section: str) -> list[str]:
    """The names that a section declares, malformed entries included: their own problems are told elsewhere."""
    return [str(path[-1]) for path, _ in each(document, section, ANY)]


def exempt(document: Document) -> frozenset[tuple[str, str]]:
    """The pairs of check and subject that are declared not applicable."""
    return frozenset(
        (table["check"], table["subject"])
        for _, table in tables(document, "not_applicable", ANY)
        if isinstance(table.get("check"), str) and isinstance(table.get("subject"), str)
    )
