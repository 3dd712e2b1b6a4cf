"""The JSON of a plan, read into changes. BadInput names the place of what is malformed, and shows no value.

Source: the "JSON Output Format" of Terraform 1.11 and OpenTofu 1.10 (format version 1.x: minor versions only add, so
keys that are unknown here are left alone).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, NoReturn

from pytest_substrate.model.errors import BadInput
from pytest_substrate.planes.packaging.plan.address import modules_of
from pytest_substrate.planes.packaging.plan.change import Action, Change, Key, Plan, Resource
from pytest_substrate.planes.packaging.plan.foreign import SHOW, foreign_bytes, foreign_document

LONGEST_PLAN: Final = 512 * 1024 * 1024
"""The most bytes of a plan's JSON; those of the largest workspaces are some tens of megabytes."""

DEEPEST: Final = 150
"""How deep values may nest: Terraform's own types stay far below, and nothing here may exhaust the stack."""

_VERSION: Final = re.compile(r"\d{1,6}\.\d{1,6}")
_TOOL: Final = re.compile(r"\d{1,4}\.\d{1,4}\.\d{1,4}[\w.+-]{0,40}")
_ACTIONS: Final[Mapping[tuple[str, ...], Action]] = {
    ("no-op",): Action.NO_OP,
    ("read",): Action.READ,
    ("create",): Action.CREATE,
    ("update",): Action.UPDATE,
    ("delete",): Action.DELETE,
    ("forget",): Action.FORGET,
    ("delete", "create"): Action.REPLACE,
    ("create", "delete"): Action.REPLACE,
    ("forget", "create"): Action.REPLACE,
    ("create", "forget"): Action.REPLACE,
}
_WORD: Final = re.compile(r"[a-z][a-z_-]{0,60}")


class _Malformed(Exception):
    def __init__(self, place: str, what: str) -> None:
        super().__init__(place, what)
        self.place = place
        self.what = what


class _Doubled(ValueError):
    pass


def read_plan(data: bytes, *, name: str) -> Plan:
    """The plan in a file's bytes; BadInput, with the file's `name`, for everything else."""
    if (foreign := foreign_bytes(data)) is not None:
        raise BadInput(name, *foreign)
    document = _document(data, name)
    if (foreign := foreign_document(document)) is not None:
        raise BadInput(name, *foreign)
    try:
        return _plan(document)
    except _Malformed as error:
        raise BadInput(f"{name}: {error.place}", error.what, SHOW) from None


def _document(data: bytes, name: str) -> Any:
    try:
        document = json.loads(data, object_pairs_hook=_object, parse_constant=_constant)
    except json.JSONDecodeError as error:
        raise BadInput(f"{name}: line {error.lineno}", "is not JSON", SHOW) from None
    except UnicodeDecodeError:
        raise BadInput(name, "is not text", SHOW) from None
    except _Doubled:
        raise BadInput(name, "holds a key twice in one object", SHOW) from None
    except (ValueError, RecursionError):
        raise BadInput(name, "holds a number or a nesting that no plan has", SHOW) from None
    if _depth(document) > DEEPEST:
        raise BadInput(name, f"nests more than {DEEPEST} levels deep", SHOW)
    return document


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _Doubled
    return found


def _constant(_: str) -> NoReturn:
    raise ValueError


def _depth(document: Any) -> int:
    level, depth = [document] if isinstance(document, (dict, list)) else [], 0
    while level:
        depth += 1
        if depth > DEEPEST:
            return depth
        level = [
            item
            for value in level
            for item in (value.values() if isinstance(value, dict) else value)
            if isinstance(item, (dict, list))
        ]
    return depth


def _plan(document: Mapping[str, Any]) -> Plan:
    version = document.get("format_version")
    if not isinstance(version, str) or not _VERSION.fullmatch(version):
        raise _Malformed("format_version", "is missing, or no version")
    if version.split(".")[0] != "1":
        raise _Malformed("format_version", f"is {version}, and only 1.x is known")
    tool = document.get("terraform_version")
    errored = _typed(document, "errored", bool, "")
    changes = [*_changes(document, "resource_changes"), *_deferred(document)]
    return Plan(
        format_version=version,
        tool_version=tool if isinstance(tool, str) and _TOOL.fullmatch(tool) else None,
        errored=bool(errored),
        changes=tuple(changes),
        resources=tuple(_state(document)),
        configuration=_typed(document, "configuration", dict, "") or {},
    )


def _changes(document: Mapping[str, Any], section: str) -> Iterator[Change]:
    for number, entry in enumerate(_typed(document, section, list, "") or []):
        yield _change(entry, f"{section}[{number}]", deferred=False)


def _deferred(document: Mapping[str, Any]) -> Iterator[Change]:
    for number, entry in enumerate(_typed(document, "deferred_changes", list, "") or []):
        place = f"deferred_changes[{number}]"
        if not isinstance(entry, dict):
            raise _Malformed(place, "is no object")
        yield _change(entry.get("resource_change"), f"{place}.resource_change", deferred=True)


def _change(entry: Any, place: str, *, deferred: bool) -> Change:
    if not isinstance(entry, dict):
        raise _Malformed(place, "is missing, or no object")
    change = _typed(entry, "change", dict, place, needed=True)
    inside = f"{place}.change"
    before = _typed(change, "before", dict, inside) or {}
    actions = _typed(change, "actions", list, inside, needed=True)
    if not actions or not all(isinstance(action, str) for action in actions):
        raise _Malformed(f"{inside}.actions", "holds no actions")
    reason = entry.get("action_reason")
    previous = entry.get("previous_address")
    return Change(
        resource=_resource(entry, place, before),
        action=_ACTIONS.get(tuple(actions), Action.OTHER),
        actions=tuple(action for action in actions if _WORD.fullmatch(action)),
        before=before,
        after=_typed(change, "after", dict, inside) or {},
        unknown=change.get("after_unknown"),
        before_sensitive=change.get("before_sensitive"),
        after_sensitive=change.get("after_sensitive"),
        previous_address=previous if isinstance(previous, str) else None,
        reason=reason if isinstance(reason, str) and _WORD.fullmatch(reason) else None,
        deposed="deposed" in entry,
        deferred=deferred,
    )


def _resource(entry: Mapping[str, Any], place: str, values: Mapping[str, Any]) -> Resource:
    address = _typed(entry, "address", str, place, needed=True)
    module = _typed(entry, "module_address", str, place)
    key: Key = entry.get("index") if isinstance(entry.get("index"), (str, int)) else None
    return Resource(
        address=address,
        mode=_typed(entry, "mode", str, place) or "managed",
        type=_typed(entry, "type", str, place, needed=True),
        name=_typed(entry, "name", str, place) or "",
        modules=modules_of(module),
        key=key,
        values=values,
    )


def _state(document: Mapping[str, Any]) -> Iterator[Resource]:
    """What exists, as far as it is told: the part of a document that older and newer versions may leave out."""
    state = _typed(document, "prior_state", dict, "") or {}
    values = _typed(state, "values", dict, "prior_state") or {}
    root = _typed(values, "root_module", dict, "prior_state.values")
    waiting: list[tuple[Any, str]] = [(root or {}, "prior_state.values.root_module")]
    while waiting:
        module, place = waiting.pop()
        if not isinstance(module, dict):
            raise _Malformed(place, "is no object")
        for number, entry in enumerate(_typed(module, "resources", list, place) or []):
            inside = f"{place}.resources[{number}]"
            if not isinstance(entry, dict):
                raise _Malformed(inside, "is no object")
            if "deposed_key" not in entry:
                address = module.get("address")
                held = {**entry, "module_address": address} if isinstance(address, str) else entry
                yield _resource(held, inside, _typed(entry, "values", dict, inside) or {})
        children = _typed(module, "child_modules", list, place) or []
        waiting += [(child, f"{place}.child_modules[{number}]") for number, child in enumerate(children)]


def _typed(holder: Mapping[str, Any], key: str, kind: type, place: str, *, needed: bool = False) -> Any:
    """What stands under a key, None where nothing does; _Malformed where it is of another kind."""
    value = holder.get(key)
    if value is None and not needed:
        return None
    if not isinstance(value, kind):
        words = {dict: "no object", list: "no list", str: "no text", bool: "neither true nor false"}
        what = "is missing" if value is None else f"is {words[kind]}"
        raise _Malformed(f"{place}.{key}".lstrip("."), what)
    return value
