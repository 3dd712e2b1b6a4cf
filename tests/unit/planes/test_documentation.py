"""The pages about the checks say what the catalogue says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pytest_substrate.planes.catalogue import BUILT, ROOMS, catalogue
from pytest_substrate.planes.documentation import pages, write

FOLDER = Path(__file__).parents[3] / "docs/checks"


@pytest.mark.parametrize("name", ["README.md", *(f"{plane.value}.md" for plane in ROOMS)])
def test_the_page_is_current(name: str) -> None:
    """Made anew by `python -m pytest_substrate.planes.documentation docs/checks`, nothing changes."""
    assert pages()[name] == (FOLDER / name).read_text(encoding="utf-8")


def test_no_page_is_left_over() -> None:
    """The folder holds the catalogue's pages and nothing else."""
    assert set(pages()) == {path.name for path in FOLDER.iterdir()}


def test_every_check_and_every_cause_has_its_place() -> None:
    """Each id is a heading of its plane's page; each cause is named there, and told there or among the shared ones."""
    made = pages()
    shared = made["README.md"].partition("## Shared causes")[2]
    for check in catalogue().values():
        page = made[f"{check.plane.value}.md"]
        assert 1 == page.count(f"\n## {check.id}\n")
        section = page.partition(f"\n## {check.id}\n")[2].partition("\n## ")[0]
        for cause in check.causes:
            assert f"`{cause.slug}`" in section
            told = f"| `{cause.slug}` | {cause.meaning} |"
            assert told in section or told in shared


def test_links_between_pages_lead_somewhere() -> None:
    """Every link of every page names a page and a heading that exist."""
    made = pages()
    for text in made.values():
        for target in re.findall(r"\]\(([^)]+)\)", text):
            name, _, anchor = target.partition("#")
            headings = re.findall(r"^## (.+)$", made[name], re.MULTILINE)
            assert not anchor or anchor in [heading.lower().replace(" ", "-") for heading in headings], target


def test_what_is_not_built_says_so() -> None:
    """Nobody reads the page of a plane that isn't built as a promise."""
    for plane in ROOMS:
        assert (plane not in BUILT) == ("**Not built yet.**" in pages()[f"{plane.value}.md"])


def test_writing_makes_every_page(tmp_path: Path) -> None:
    """The generator writes what the test compares."""
    assert {tmp_path / name for name in pages()} == set(write(tmp_path))
    assert pages() == {path.name: path.read_text(encoding="utf-8") for path in tmp_path.iterdir()}
