"""The words without which nothing is a denial: what is cheap to look for, and saves looking closer."""

from __future__ import annotations


def is_hinted(text: str) -> bool:
    """Whether a text may hold a form or a sentence, unless that is broken over lines.

    Words are looked for one by one: on a line of a log that takes a fifth of the time of one pattern for all.
    """
    return (
        "uthoriz" in text
        or "enied" in text
        or "DENIED" in text
        or "orbidden" in text
        or "403" in text
        or "nsufficient" in text
        or "iphertext" in text
        or "isabled" in text
        or "ermission" in text
        or "unable to assume" in text
        or "any privilege" in text
    )


def is_wanted(text: str) -> bool:
    """Whether a text may hold a form or a sentence, encoded ones included."""
    return is_hinted(text) or "not%20" in text


def may_begin(text: str) -> bool:
    """Whether a sentence may begin in a line and break off: its names stand in one."""
    return "arn:aws" in text or "User:" in text
