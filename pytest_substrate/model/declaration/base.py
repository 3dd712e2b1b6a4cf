"""What every table of a declaration has in common."""

from __future__ import annotations

from typing import Annotated, TypeAlias, TypeVar

from pydantic import BaseModel, ConfigDict, Field

T = TypeVar("T")

Some: TypeAlias = Annotated[tuple[T, ...], Field(strict=False, min_length=1)]
"""A list that may not be empty. Not strict itself, as TOML has lists where a frozen model has tuples; its items are."""

Maybe: TypeAlias = Annotated[tuple[T, ...], Field(strict=False)]
"""A list that may be empty."""


class Table(BaseModel):
    """A frozen table that knows its keys and takes no other; strict, so that "2" is never taken for 2."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, validate_default=False, hide_input_in_errors=True
    )
