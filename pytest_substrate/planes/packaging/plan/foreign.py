"""What a file is that is not the JSON of a plan, and what to do about it. Nothing of its content is shown."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

SHOW: Final = "give the output of `terraform show -json PLANFILE` (or `tofu show -json PLANFILE`)"

_ZIP: Final = b"PK\x03\x04"
_LOG: Final = ("is the log of `plan -json`, not the plan", f"save the plan with -out=PLANFILE and {SHOW}")
_KINDS: Final = (
    (("encrypted_data",), "is encrypted", f"decrypt it: {SHOW}"),
    (("@level",), *_LOG),
    (("@message",), *_LOG),
    (("lineage",), "is a state file, not a plan", SHOW),
    (("serial", "version"), "is a state file, not a plan", SHOW),
    (("plan_format_version",), "is the redacted JSON of a hosted run, not the plan's", SHOW),
)
"""The keys that give a document away, what it is, and the mend."""

_OF_A_PLAN: Final = ("planned_values", "resource_changes", "configuration")
_SHOWN: Final = (
    b"Terraform used the selected providers",
    b"OpenTofu used the selected providers",
    b"Terraform will perform the following actions",
    b"OpenTofu will perform the following actions",
    b"No changes.",
)


def foreign_bytes(data: bytes) -> tuple[str, str] | None:
    """What bytes are that can't be a plan's JSON, with the mend."""
    if not data.strip():
        return "is empty", SHOW
    if data.startswith(_ZIP):
        return "is a saved plan, not its JSON", SHOW
    head = data[:65536]
    if any(words in head for words in _SHOWN):
        return "is a plan as people read it, not its JSON", f"add -json: {SHOW}"
    if _is_log(head):
        return _LOG
    return None


def foreign_document(document: Any) -> tuple[str, str] | None:
    """What a JSON document is that is no plan, with the mend."""
    if not isinstance(document, Mapping):
        return "is JSON, but no object", SHOW
    for keys, what, mend in _KINDS:
        if all(key in document for key in keys):
            return what, mend
    if any(key in document for key in _OF_A_PLAN):
        return None
    what = "is the JSON of a state, not of a plan" if "format_version" in document else "is JSON, but not of a plan"
    return what, SHOW


def _is_log(head: bytes) -> bool:
    first = head.lstrip(b"\xef\xbb\xbf \t\r\n").split(b"\n", 1)[0]
    try:
        line = json.loads(first)
    except (ValueError, RecursionError):
        return False
    return isinstance(line, dict) and ("@level" in line or "@message" in line)
