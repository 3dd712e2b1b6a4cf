"""The published JSON Schema: current, and of one mind with the reader about what only form decides."""

from __future__ import annotations

import json
import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from pytest_substrate.gate.declared import read_declaration
from pytest_substrate.model.declaration import DeclarationErrors
from pytest_substrate.model.declaration.schema import SCHEMA_FILE, SCHEMA_ID, schema_text

FIXTURES = Path(__file__).parents[4] / "fixtures"
PUBLISHED = files("pytest_substrate.model.declaration").joinpath(SCHEMA_FILE).read_text(encoding="utf-8")
VALIDATOR = Draft202012Validator(json.loads(PUBLISHED))
FULL = (FIXTURES / "declarations/full.toml").read_text(encoding="utf-8")
MISTAKES = tomllib.loads((FIXTURES / "declarations/mistakes.toml").read_text(encoding="utf-8"))["mistake"]


def accepted(text: str) -> bool:
    """Whether the schema admits a document, with dates as JSON has them."""
    data: Any = json.loads(json.dumps(tomllib.loads(text), default=lambda date: date.isoformat()))
    return VALIDATOR.is_valid(data)


def test_is_current() -> None:
    """Made anew by `python -m pytest_substrate.model.declaration.schema`, nothing changes."""
    assert schema_text() == PUBLISHED


def test_is_a_schema() -> None:
    """It holds against its own meta-schema, and names itself."""
    Draft202012Validator.check_schema(json.loads(PUBLISHED))
    assert SCHEMA_ID == json.loads(PUBLISHED)["$id"]


@pytest.mark.parametrize("name", ["dev_min/substrate.toml", "declarations/full.toml"])
def test_reader_and_schema_admit_the_projects_declarations(name: str) -> None:
    """What the reader accepts, an editor doesn't underline."""
    raw = (FIXTURES / name).read_bytes()
    assert read_declaration(raw, name=name)
    assert accepted(raw.decode())


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake["name"].replace(" ", "-"))
def test_what_the_schema_refuses_the_reader_refuses(mistake: dict[str, Any]) -> None:
    """The schema is never stricter than the reader, and as strict where a value alone has the wrong form."""
    text = FULL
    for old, new in mistake["edits"]:
        text = text.replace(old, new)
    with pytest.raises(DeclarationErrors):
        read_declaration(text.encode(), name="substrate.toml")
    assert mistake["in_schema"] is not accepted(text)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('token = "github"                     #', 'token = "gitlab" #'),
        ('token = "github"                     #', 'token = { env = "TOKEN" } #'),
        ('token = "github"                     #', 'token = { file = "/run/token" } #'),
        ('wrong_audience_token = { env = "OTHER_TOKEN" }', 'wrong_audience_token = { file = "other.jwt" }'),
        ("2026-12-31T00:00:00Z", "2026-12-31 02:00:00.5+02:00"),
        ('auth = "mtls"', 'auth = "mtls" # the rest as it is'),
        ("min_running = 2", "min_running = 0"),
    ],
)
def test_other_forms_are_admitted_by_both(old: str, new: str) -> None:
    """Every declared form of a token, a date and a count reads, and fits the schema."""
    assert 1 == FULL.count(old)
    text = FULL.replace(old, new)
    assert read_declaration(text.encode(), name="substrate.toml")
    assert accepted(text)
