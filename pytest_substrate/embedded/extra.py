"""What the embedded platform needs beside the core: told in one line where it is not installed."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Final

from pytest_substrate.model.errors import BadInput

_NEEDED: Final = ("psutil", "platformdirs", "ministack", "localstack_client", "kafka", "cryptography")
"""Java and Kafka's jars have errors of their own: a user may name others than those of the extra."""


def require_local() -> None:
    """BadInput where the extra `local` is not installed. Imports none of it."""
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        raise BadInput(
            "the embedded platform", f"{', '.join(missing)} not installed", "pip install 'pytest-substrate[local]'"
        )
