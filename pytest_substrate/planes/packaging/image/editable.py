"""Where setuptools' finders of editable installations (`__editable___NAME_finder.py`) say that packages are."""

from __future__ import annotations

import ast


def editable_packages(source: str) -> dict[str, str]:
    """The constant `MAPPING` of a finder's source, packages with their places; empty where there is none."""
    try:
        body = ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError):
        return {}
    for node in body:
        targets: list[ast.expr] = node.targets if isinstance(node, ast.Assign) else []
        if isinstance(node, ast.AnnAssign):
            targets = [node.target]
        if any(isinstance(one, ast.Name) and one.id == "MAPPING" for one in targets):
            return _texts(getattr(node, "value", None))
    return {}


def _texts(value: ast.expr | None) -> dict[str, str]:
    try:
        found = {} if value is None else ast.literal_eval(value)
    except (ValueError, TypeError, RecursionError):
        return {}
    items = found.items() if isinstance(found, dict) else ()
    return {name: place for name, place in items if isinstance(name, str) and isinstance(place, str)}
