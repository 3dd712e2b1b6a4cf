"""What is no plan is refused in one line, which names the file, the place and the mend, and shows nothing of it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pytest_substrate.model.errors import BadInput
from pytest_substrate.planes.packaging.plan import read_plan
from pytest_substrate.planes.packaging.plan.address import modules_of, parts_of
from tests.unit.planes.packaging.plan.documents import Document


def refused(data: bytes | dict[str, Any] | list[Any]) -> str:
    """The line."""
    with pytest.raises(BadInput) as caught:
        read_plan(data if isinstance(data, bytes) else json.dumps(data).encode(), name="plan.json")
    return str(caught.value)


STATE = {"format_version": "1.0", "terraform_version": "1.11.4"}

FOREIGN: dict[str, tuple[bytes | dict[str, Any] | list[Any], str]] = {
    "empty": (b" \n", "is empty"),
    "saved plan": (b"PK\x03\x04\x14\x00LEAK", "is a saved plan"),
    "text": (b"LEAK: Terraform will perform the following actions:\n", "as people read it"),
    "text of tofu": (b"OpenTofu used the selected providers to generate", "as people read it"),
    "log": (b'{"@level":"info","@message":"LEAK"}\n{"@level":"info"}\n', "the log"),
    "log of one line": (b'{"@level":"info","@message":"LEAK"}', "the log"),
    "state file": ({"version": 4, "serial": 1, "lineage": "LEAK", "resources": []}, "a state file"),
    "state": (STATE | {"values": {"root_module": {}}}, "of a state"),
    "no state": (STATE, "of a state"),
    "redacted": ({"plan_format_version": "1.2", "resource_changes": []}, "redacted"),
    "encrypted": ({"meta": {}, "encrypted_data": "LEAK", "encryption_version": "v0"}, "encrypted"),
    "other object": ({"LEAK": 1}, "not of a plan"),
    "list": ([{"format_version": "1.2"}], "no object"),
    "number": (b"12", "no object"),
    "not JSON": (b'{"format_version": LEAK}', "line 1: is not JSON"),
    "cut": (b'{"format_version":\n"1.2"', "line 2: is not JSON"),
    "two documents": (b"{}\n{}", "line 2: is not JSON"),
    "not text": (b'\x80\x81{"format_version"', "is not text"),
    "twice": (b'{"format_version":"1.2","format_version":"1.2","resource_changes":[]}', "twice"),
    "not a number": (b'{"format_version":"1.2","resource_changes":NaN}', "no plan has"),
    "large number": (b'{"a":' + b"1" * 5000 + b"}", "no plan has"),
    "deep": (b'{"format_version":"1.2","resource_changes":' + b"[" * 200 + b"]" * 200 + b"}", "levels deep"),
    "very deep": (b"[" * 200_000, "no plan has"),
    "no version": ({"resource_changes": []}, "format_version: is missing"),
    "version of another kind": ({"format_version": 1.2, "resource_changes": []}, "format_version: is missing, or no"),
    "version 2": ({"format_version": "2.0", "resource_changes": []}, "format_version: is 2.0, and only 1.x"),
    "version 0": ({"format_version": "0.2", "resource_changes": []}, "format_version: is 0.2, and only 1.x"),
}


@pytest.mark.parametrize(("data", "told"), FOREIGN.values(), ids=FOREIGN)
def test_what_is_no_plan_is_told_from_one(data: bytes | dict[str, Any] | list[Any], told: str) -> None:
    """By what it is, where that can be seen, with the command that gives a plan's JSON."""
    line = refused(data)
    assert line.startswith("plan.json: ")
    assert told in line
    assert "show -json" in line
    assert "LEAK" not in line


MALFORMED: dict[str, tuple[str, Any]] = {
    "resource_changes": ("resource_changes: is no list", {}),
    "resource_changes[1]": ("resource_changes[1]: is missing, or no object", "LEAK"),
    "resource_changes[1].address": ("resource_changes[1].address: is missing", None),
    "resource_changes[1].type": ("resource_changes[1].type: is no text", 1),
    "resource_changes[1].change": ("resource_changes[1].change: is missing", None),
    "resource_changes[1].change.actions": ("resource_changes[1].change.actions: is no list", "create"),
    "resource_changes[0].change.actions": ("resource_changes[0].change.actions: holds no actions", []),
    "resource_changes[2].change.actions": ("resource_changes[2].change.actions: holds no actions", [None]),
    "resource_changes[1].change.before": ("resource_changes[1].change.before: is no object", "LEAK"),
    "resource_changes[1].change.after": ("resource_changes[1].change.after: is no object", ["LEAK"]),
    "errored": ("errored: is neither true nor false", "no"),
    "deferred_changes": ("deferred_changes[0]: is no object", ["LEAK"]),
    "prior_state": (
        "prior_state.values.root_module.resources: is no list",
        {"values": {"root_module": {"resources": 1}}},
    ),
    "configuration": ("configuration: is no object", ["LEAK"]),
}


@pytest.mark.parametrize(("place", "case"), MALFORMED.items())
def test_what_is_malformed_is_told_by_its_place(place: str, case: tuple[str, Any]) -> None:
    """As a path in the document."""
    told, value = case
    document: Any = Document().data()
    holder, steps = document, place.replace("[", ".").replace("]", "").split(".")
    for step in steps[:-1]:
        holder = holder[int(step)] if isinstance(holder, list) else holder[step]
    holder[int(steps[-1]) if isinstance(holder, list) else steps[-1]] = value
    line = refused(document)
    assert f"plan.json: {told}; " in line
    assert "LEAK" not in line


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_plan_is_read_as_a_shell_wrote_it(encoding: str) -> None:
    """PowerShell's redirection writes UTF-16 with a mark."""
    plan = read_plan(json.dumps(Document().data()).encode(encoding), name="plan.json")
    assert ("1.2", "1.11.4", False) == (plan.format_version, plan.tool_version, plan.errored)


def test_what_later_minor_versions_add_is_left_alone() -> None:
    """Keys that are unknown, and a version of the tool in a form that is."""
    document = Document().data() | {"format_version": "1.99", "new": {"a": [1]}, "terraform_version": "LEAK\n"}
    assert read_plan(json.dumps(document).encode(), name="plan.json").tool_version is None


def test_addresses_are_read_with_their_indexes() -> None:
    """Quotes, dots and brackets within an index belong to it."""
    assert (("a", 'x"]. y'), ("b", 3), ("c", None)) == modules_of('module.a["x\\"]. y"].module.b[3].module.c')
    parts = parts_of('data.aws_x.y["k.z"].arn')
    assert [("data", None), ("aws_x", None), ("y", "k.z"), ("arn", None)] == [(part.name, part.key) for part in parts]
