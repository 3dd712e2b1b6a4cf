"""Errors that a user can mend. Everything else that is raised is our own bug."""

from __future__ import annotations


class BadInput(Exception):
    """Input that can't be used: `where` (a file, a line, an option), `what` is wrong, and the `mend`; no secret in any.

    A command prints it as one line and ends with 2; the plugin ends the run with 4 (pytest's usage error).
    """

    def __init__(self, where: str, what: str, mend: str) -> None:
        super().__init__(where, what, mend)
        self.where = where
        self.what = what
        self.mend = mend

    def __str__(self) -> str:
        return " ".join(f"{self.where}: {self.what}; {self.mend}".split())
