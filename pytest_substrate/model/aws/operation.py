"""One line of the table of operations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One operation of a service, by botocore's names.

    `values` are those that the project compares with or sends, by their path in the answer or the request. `missing`
    are the error codes by which the service says that the thing does not exist. `token` is the member that pages.
    """

    permissions: tuple[str, ...]
    """What IAM demands of the caller; empty where AWS answers everyone."""
    sends: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()
    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    token: str | None = None
    writes: bool = False
