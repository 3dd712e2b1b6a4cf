"""What a Python's command line asks of it, as `Python/getopt.c` and `Python/initconfig.c` take it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

_TAKES_VALUE: Final = ("W", "X")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A Python's command line. `what` is `script`, `module`, `command`, or empty where it reads its input."""

    what: str = ""
    operand: str = ""
    flags: frozenset[str] = frozenset()


def asked_of(argv: Sequence[str]) -> Asked:
    """A Python's words behind its name, as `Python/getopt.c` and `Python/initconfig.c` take them."""
    flags: set[str] = set()
    rest = list(argv)
    while rest:
        word = rest.pop(0)
        if word == "--":
            break
        if word == "-" or not word.startswith("-"):
            rest.insert(0, word)
            break
        if word.startswith("--"):
            rest = rest[1:] if word == "--check-hash-based-pycs" else rest
            continue
        for at, letter in enumerate(word[1:], start=1):
            value = word[at + 1 :]
            if letter in "cm":
                operand = value or (rest[0] if rest else "")
                what = "module" if letter == "m" else "command"
                return Asked(what=what, operand=operand if what == "module" else "", flags=frozenset(flags))
            if letter in _TAKES_VALUE:
                rest = rest if value else rest[1:]
                break
            flags.add(letter)
    if rest and rest[0] != "-":
        return Asked(what="script", operand=rest[0], flags=frozenset(flags))
    return Asked(flags=frozenset(flags))
