"""What the documentation shows is true: its declaration reads, and its links lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pytest_substrate.gate.declared import read_declaration
from pytest_substrate.gate.required import required_pairs
from pytest_substrate.model.declaration import DeclarationErrors
from pytest_substrate.model.outcome import Plane

DOCS = Path(__file__).parents[2] / "docs"
HOW_TO = (DOCS / "how-to/write-the-declaration.md").read_text(encoding="utf-8")
EXAMPLE = HOW_TO.partition("```toml\n")[2].partition("```")[0]


def test_the_smallest_declaration_demands_the_messaging_ladder() -> None:
    """What a reader copies is accepted as it stands, and proves something."""
    declaration = read_declaration(EXAMPLE.encode(), name="substrate.toml")
    assert {"cluster/spine", "service/ingest", "service/ingest/topic/events.raw", "ecs-cluster/main"} == {
        pair.subject for pair in required_pairs(declaration, [Plane.MESSAGING])
    }


def test_the_errors_that_are_shown_are_the_errors_that_are_told() -> None:
    """The example of what is said is what is said of that example, line numbers included."""
    text = EXAMPLE.replace('region = "eu-west-2"', 'region = "London"').replace(
        'artifact = "ingest"', 'artifact = "ingst"'
    )
    with pytest.raises(DeclarationErrors) as raised:
        read_declaration(text.encode(), name="substrate.toml")
    shown = HOW_TO.partition("what mends it:\n\n```\n")[2].partition("```")[0]
    assert shown == f"{raised.value}\n"


@pytest.mark.parametrize("page", sorted(DOCS.rglob("*.md")), ids=lambda page: str(page.relative_to(DOCS)))
def test_links_lead_to_files_that_exist(page: Path) -> None:
    """No page of the documentation points at nothing."""
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target
