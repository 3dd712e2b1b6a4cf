"""A platform that is kept for the tests that only look, or break it and mend it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_substrate.embedded.client import start_server


@pytest.fixture(scope="session")
def kept_platform() -> Iterator[Path]:
    """The attach file of a platform that lives as long as the session."""
    with start_server(progress=lambda _: None) as attach:
        yield attach
