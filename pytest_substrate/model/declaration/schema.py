"""The JSON Schema of `substrate.toml`, made from the models: for editors, and for tools that write a declaration.

It holds the form of each value and table, and which keys exclude each other. What only the whole document shows
(references, accounts that must agree, lists that a check needs) is told by `substrate checks`.
Printed by `python -m pytest_substrate.model.declaration.schema`; a test holds the published file against it.
"""

from __future__ import annotations

import json
from typing import Any, Final

from pytest_substrate.model.declaration.document import Declaration
from pytest_substrate.model.declaration.rules_form import SETTINGS

SCHEMA_FILE: Final = "substrate.schema.json"
"""Its name beside this module, in the installed package too."""

SCHEMA_ID: Final = "urn:pytest-substrate:schema:substrate:1"


def schema() -> dict[str, Any]:
    """The schema as plain data."""
    made: dict[str, Any] = _without_nulls(Declaration.model_json_schema(by_alias=True))
    tables = made["$defs"]
    tables["Credential"]["oneOf"] = [
        {"required": ["env"], "not": {"anyOf": [{"required": ["username_env"]}, {"required": ["password_env"]}]}},
        {"required": ["username_env", "password_env"], "not": {"required": ["env"]}},
    ]
    tables["ClientSettings"]["allOf"] = [{"not": {"required": [name, f"{name}_env"]}} for name in SETTINGS]
    tables["Attestation"] |= {
        "minProperties": 1,
        "dependentRequired": {"root": ["issuer", "identity"], "issuer": ["root"], "identity": ["root"]},
    }
    tables["TokenPlace"] |= {"minProperties": 1, "maxProperties": 1}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": SCHEMA_ID, **made}


def schema_text() -> str:
    """The schema as it is published."""
    return json.dumps(schema(), indent=2, ensure_ascii=False, sort_keys=False) + "\n"


def _without_nulls(value: Any) -> Any:
    """TOML has no null: what may be absent is just not required. Titles that only repeat a key go as well."""
    if isinstance(value, list):
        return [_without_nulls(item) for item in value]
    if not isinstance(value, dict):
        return value
    kept = {
        key: item if key in ("examples", "default", "enum", "const") else _without_nulls(item)
        for key, item in value.items()
        if not (key == "default" and item is None)
    }
    if isinstance(kept.get("title"), str) and kept["title"] != "substrate.toml":
        del kept["title"]
    if "patternProperties" in kept:
        kept["additionalProperties"] = False  # pydantic refuses a name that doesn't fit; so does the schema
    choices = [item for item in kept.get("anyOf", ()) if item != {"type": "null"}]
    if len(choices) == 1:
        del kept["anyOf"]
        kept = {**choices[0], **kept}
    return kept


if __name__ == "__main__":
    print(schema_text(), end="")
