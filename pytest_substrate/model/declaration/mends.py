"""From pydantic's errors to findings: our own words, the field's own example, and never the input."""

from __future__ import annotations

import difflib
import json
import types
import typing
from collections.abc import Mapping
from typing import Any, Final

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from pytest_substrate.model.declaration.document import Declaration
from pytest_substrate.model.declaration.lines import Path
from pytest_substrate.model.declaration.problems import Finding
from pytest_substrate.model.declaration.shapes import SHAPE_ERROR
from pytest_substrate.model.declaration.workloads import Credential

_TABLE: Final = ("must be a table", "write it as [table] or { key = … }")
_LIST: Final = ("must be a list", "write [ … ], or a [[table]] for each entry")
_TIME: Final = ("must be a date and time with its zone", "write it without quotes, such as 2026-12-31T00:00:00Z")

_CLOSE: Final = 0.75
"""How like a key a slip of it is (`clutser`, `topic`); below that, words are no slips of each other."""
_NEVER_HERE: Final = ("user", "username", "pass", "password")

TEXTS: Final[Mapping[str, tuple[str, str]]] = {
    "string_type": ("must be a text", "put it in quotes"),
    "int_type": ("must be a whole number", "write it without quotes"),
    "model_type": _TABLE,
    "model_attributes_type": _TABLE,
    "dict_type": _TABLE,
    "mapping_type": _TABLE,
    "tuple_type": _LIST,
    "datetime_type": _TIME,
    "timezone_aware": ("has no time zone", "add one, such as 2026-12-31T00:00:00Z"),
    "too_short": ("is empty", "name at least one"),
}
"""Pydantic's types of errors, in the declaration's words."""

_BOUNDS: Final = {
    "greater_than_equal": ("is less than it can be", "ge", "more"),
    "less_than_equal": ("is more than it can be", "le", "less"),
}


def finding_of(error: ErrorDetails) -> Finding:
    """The finding that one of pydantic's errors stands for."""
    path: Path = tuple(part for part in error["loc"] if part != "[key]")
    kind = error["type"]
    if kind == SHAPE_ERROR:
        context = error["ctx"]
        return Finding(path=path, problem=context["problem"], mend=context["mend"])
    if kind == "missing":
        return Finding(path=path, problem="is missing", mend=_example(path))
    if kind == "extra_forbidden":
        return Finding(path=path, problem="is not a key of this table", mend=_other_key(path))
    if kind == "literal_error" and path == ("schema",):
        return Finding(
            path=path,
            problem="is not a version of this format that is known here",
            mend=f"write schema = {error['ctx']['expected']}",
        )
    if kind == "literal_error":
        return Finding(
            path=path, problem="is none of the words that it admits", mend=f"write {error['ctx']['expected']}"
        )
    if kind in _BOUNDS:
        problem, key, words = _BOUNDS[kind]
        mend = f"write {error['ctx'][key]} or {words}"
    else:
        problem, mend = TEXTS.get(kind, ("is not what is expected here", _example(path)))
    return Finding(path=path, problem=problem, mend=mend)


def model_at(path: Path) -> type[BaseModel] | None:
    """The model of the table at a path, None where the models have none."""
    found: Any = Declaration
    for part in path:
        if isinstance(found, type) and issubclass(found, BaseModel):
            field = _fields(found).get(str(part))
            found = field and field.annotation
        else:
            found = next(iter(reversed(typing.get_args(found))), None)  # the values of a mapping, the items of a list
            found = next(iter(typing.get_args(_plain(found))), None) if found is Ellipsis else found
        found = _plain(found)
        if typing.get_origin(found) is tuple:
            found = typing.cast("Any", list)[typing.get_args(found)[0]]
    return found if isinstance(found, type) and issubclass(found, BaseModel) else None


def _plain(annotation: Any) -> Any:
    """The annotation without `Annotated` and without `| None`."""
    while True:
        if typing.get_origin(annotation) is typing.Annotated:
            annotation = typing.get_args(annotation)[0]
        elif typing.get_origin(annotation) in (typing.Union, types.UnionType):
            annotation = next((item for item in typing.get_args(annotation) if item is not type(None)), None)
        else:
            return annotation


def _fields(model: type[BaseModel]) -> dict[str, Any]:
    return {field.alias or name: field for name, field in model.model_fields.items()}


def _example(path: Path) -> str:
    model = model_at(path[:-1])
    field = None if model is None else _fields(model).get(str(path[-1]))
    if field is None:
        return f"add {path[-1]}" if path else "add it"
    example = next(iter(field.examples or ()), None)
    shown = f"{path[-1]} = {toml(example)}" if example is not None else str(path[-1])
    return f"add {shown} ({field.description})" if field.description else f"add {shown}"


def _other_key(path: Path) -> str:
    model = model_at(path[:-1])
    known = [] if model is None else list(_fields(model))
    if model is Credential and path[-1] in _NEVER_HERE:
        return "drop it: no credential stands here; env (or username_env and password_env) names what receives it"
    close = difflib.get_close_matches(str(path[-1]), known, n=1, cutoff=_CLOSE)
    if close:
        return f"write {close[0]}, or drop it"
    return f"drop it (the table knows {', '.join(known)})" if known else "drop it"


def toml(value: Any) -> str:
    """A value as TOML writes it on one line."""
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{_key(key)} = {toml(item)}" for key, item in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(toml(item) for item in value) + "]"
    if isinstance(value, str) and value.endswith("Z") and value[:4].isdigit():
        return value
    return json.dumps(value)


def _key(key: str) -> str:
    return key if key.replace("_", "").replace("-", "").isalnum() else json.dumps(key)
