"""Whether what the cloud answers is what botocore's models say: a hook for a session, used by tests.

botocore parses leniently: a missing member is silently absent, a foreign enum value passes through. Here both show.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

_TYPES: Final[dict[str, tuple[type, ...]]] = {
    "string": (str,),
    "integer": (int,),
    "long": (int,),
    "double": (int, float),
    "float": (int, float),
    "boolean": (bool,),
    "timestamp": (datetime,),
    "list": (list,),
    "map": (dict,),
    "structure": (dict,),
}


def watch(session: Any) -> list[str]:
    """Hold every successful answer to a client of a boto3 session against its model; the list grows with findings.

    Clients must be made afterwards.
    """
    findings: list[str] = []

    def look(http_response: Any, parsed: Any, model: Any, **_: Any) -> None:
        if http_response.status_code < 300 and model.output_shape is not None:
            name = f"{model.service_model.service_name}.{model.name}"
            findings.extend(differences(model.output_shape, parsed, name))

    session.events.register("after-call", look)
    return findings


def differences(shape: Any, value: Any, where: str) -> list[str]:
    """Where `value` is not what botocore's `shape` says: other types, missing required members, foreign enum values."""
    accepted: Any = _TYPES.get(shape.type_name, object)
    if shape.name == "policyDocumentType" and isinstance(value, dict):
        return []  # botocore decodes IAM's policies
    if not isinstance(value, accepted) or (isinstance(value, bool) and shape.type_name != "boolean"):
        return [f"{where}: {type(value).__name__} instead of {shape.type_name}"]
    found: list[str] = []
    if shape.type_name == "string" and shape.enum and value not in shape.enum:
        found.append(f"{where}: {value!r} is none of {', '.join(shape.enum)}")
    elif shape.type_name == "list":
        for number, each in enumerate(value):
            found += differences(shape.member, each, f"{where}[{number}]")
    elif shape.type_name == "map":
        for key, each in value.items():
            found += differences(shape.value, each, f"{where}[{key}]")
    elif shape.type_name == "structure":
        found += [f"{where}: {name} is missing" for name in shape.required_members if name not in value]
        for name, member in shape.members.items():
            if name in value:
                found += differences(member, value[name], f"{where}.{name}")
    return found
