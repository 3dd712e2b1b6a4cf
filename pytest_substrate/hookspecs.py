"""The hook that the plugin offers to conftest files and other plugins."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_substrate.model.declaration import Declaration
    from pytest_substrate.own import OwnCheck


def pytest_substrate_checks(declaration: Declaration) -> Sequence[OwnCheck]:  # type: ignore[empty-body]  # pluggy's form
    """Register checks of your own, for the planes that a run demands; those of other planes are left out.

    Called once on every process, before anything is collected: from the conftest files that pytest loads at its start
    (the rootdir's, and those beside the paths of its arguments) and from plugins. An implementation may leave the
    parameter out. What can't be used is a usage error.
    """
