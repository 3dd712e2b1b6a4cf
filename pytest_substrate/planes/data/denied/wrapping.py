"""Whether AWS's sentence breaks off at the end of a line, so that the next line goes on with it."""

from __future__ import annotations

import re
from typing import Final

_FLOW: Final = ("is", "not", "authorized", "to", "perform:", None, "on", "resource:", None)
"""The sentence's words behind the principal; None is a name."""
_DENYING: Final = ("an", "explicit", "deny", "in")
_REASON_WORDS: Final = 8
_OPEN_QUOTE: Final = re.compile(r"authorized\s+to\s+perform\b[^\"]{1,200}\bresource:\s*\"[^\"]{0,1024}$")
"""A resource whose quotes are not closed yet."""
_NAMED_REASON: Final = re.compile(r"^\S*[\"']?\s*(?:because\b|with\s+an\s+explicit|on\s+resource)")
_WIDTHS: Final = range(24, 400)
MORE_OF_A_NAME: Final = re.compile(r"^[\w.:/+=,@*\-]{1,400}[\"']?(?:$|[\s)\]},;])")


def goes_on(tail: str, following: str) -> bool:
    """Whether the sentence breaks off at the end of `tail`.

    It may break between two words or within one. Where it could have ended with its resource, what follows decides.
    """
    ends = tail.rstrip("\n")
    if "uthorized" not in ends and "User" not in ends and "arn:aws" not in ends:
        return False
    cut = is_cut_at_width(ends) and MORE_OF_A_NAME.match(following) is not None
    return any(_unfinished(text, following, cut=cut) for text in dict.fromkeys((ends, ends.replace("\n", ""))))


def is_cut_at_width(tail: str) -> bool:
    """Whether the last two lines are equally long, as a terminal leaves them that breaks lines at its width."""
    lines = tail.rstrip("\n").split("\n")
    return len(lines) > 1 and len(lines[-1]) == len(lines[-2]) and len(lines[-1]) in _WIDTHS


def _unfinished(tail: str, following: str, *, cut: bool) -> bool:
    begun = _begun(tail)
    words = [] if begun is None else begun.split()
    if begun is None or not words or words[-1] == "action" or _OPEN_QUOTE.search(begun):
        return begun is not None and words[-1:] != ["action"]
    rest = _after_name(words)
    for wanted in _FLOW:
        if not rest:
            return True
        word, *rest = rest
        if word in ("because", "with"):
            return _breaks_off(word, rest)
        if wanted is not None and word.rstrip(":") != wanted.rstrip(":"):
            return not rest and wanted.startswith(word)
    if rest:
        return _breaks_off(rest[0], rest[1:])
    return cut or _NAMED_REASON.match(following) is not None


def _begun(tail: str) -> str | None:
    """What stands behind the last `User:`, else from the last ARN on; None where no sentence has begun."""
    at = tail.rfind("User:")
    begun = tail[at + 5 :] if at >= 0 else tail[tail.rfind("arn:aws") :] if "arn:aws" in tail else ""
    return None if at < 0 and "authorized" not in begun else begun


def _after_name(words: list[str]) -> list[str]:
    """What stands behind the principal, whose name may be broken into several words."""
    at = next((number for number, word in enumerate(words) if word == "is" and number > 0), len(words))
    return words[at:] if at <= 4 else []


def _breaks_off(first: str, rest: list[str]) -> bool:
    """Whether a reason that has begun does not end here."""
    if first == "because":
        return len(rest) < _REASON_WORDS and (not rest or "no".startswith(rest[0]))
    return (
        all(one.startswith(word) for one, word in zip(_DENYING, rest, strict=False)) and len(rest) < len(_DENYING) + 2
    )
