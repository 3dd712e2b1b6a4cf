"""docs/evidence.md says every field and every reason that there is."""

from __future__ import annotations

import re
from pathlib import Path

from pytest_substrate.evidence.document import Predicate, Statement
from pytest_substrate.gate import judge

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs/evidence.md").read_text(encoding="utf-8")
FIRST_CELLS = [line.split("|")[1] for line in PAGE.splitlines() if line.startswith("| `")]
NAMED = {word for cell in FIRST_CELLS for word in re.findall(r"`([\w-]+)`", cell)}


def test_every_field() -> None:
    """Of the statement and its predicate, by the names in the file."""
    for table in (Statement, Predicate):
        names = {field.alias or name for name, field in table.model_fields.items()}
        assert set() == names - NAMED


def test_every_reason() -> None:
    """Each word that can begin a refusal, wherever it is made; and none that can't."""
    found = set()
    for path in [*(ROOT / "pytest_substrate/evidence").glob("*.py"), ROOT / "pytest_substrate/cli/verify.py"]:
        text = path.read_text(encoding="utf-8")
        found |= set(re.findall(r'Refusal\(\s*reason="([a-z-]+)"', text))
        found |= set(re.findall(r'NotEvidence\(\s*"([a-z-]+)"', text))
    of_judge = re.findall(r'Problem\(reason="([a-z-]+)"', Path(judge.__file__).read_text(encoding="utf-8"))
    found |= {f"record-{reason}" for reason in of_judge} | {"environment", "account", "region"}
    table = PAGE.split("## What verify refuses")[1].split("##")[0]
    cells = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    assert found == {word for cell in cells for word in re.findall(r"`([\w-]+)`", cell)}
