"""The marks of a ladder, and what stands for them where an encoding has none."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Glyphs:
    """One mark for each kind of rung; `dot` also separates, `dots` stands for what is left out."""

    green: str = "✓"
    red: str = "✗"
    unknown: str = "?"
    waived: str = "~"
    missing: str = "!"
    dot: str = "·"
    dots: str = "…"


ASCII = Glyphs(green="+", red="x", dot="-", dots="...")


def glyphs_for(encoding: str | None) -> Glyphs:
    """The marks that an encoding can write; ASCII for one that is unknown."""
    glyphs = Glyphs()
    try:
        f"{glyphs.green}{glyphs.red}{glyphs.dot}{glyphs.dots}".encode(encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return ASCII
    return glyphs


def writable(text: str, encoding: str | None) -> str:
    """The text as the encoding can write it, other characters as `?`."""
    try:
        return text.encode(encoding or "ascii", "replace").decode(encoding or "ascii")
    except LookupError:
        return text.encode("ascii", "replace").decode("ascii")
