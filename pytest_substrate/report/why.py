"""Where a person reads on about a check."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_substrate.model.check import Check


def why_text(check: Check, root: Path) -> str:
    """The page of the check where it lies below `root` (a checkout of this project), else the command that tells it.

    A user's own check says itself where it is explained.
    """
    if check.page is not None:
        return check.page
    page = root / check.docs.partition("#")[0]
    return check.docs if page.is_file() else f"substrate explain {check.id}"
