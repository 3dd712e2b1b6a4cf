"""Why evidence is not taken for a proof."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A slug that stays (docs/evidence.md lists them), and one line for a person."""

    reason: str
    message: str

    def __str__(self) -> str:
        """One printable line, whatever a file's author put into the words that are quoted in it."""
        return " ".join("".join(c if c.isprintable() else " " for c in f"{self.reason}: {self.message}").split())
