"""A user's own acceptance checks: what a conftest or a plugin registers to take part in the verdict like ours.

    def judge_retention(subject: str, substrate: Substrate) -> Diagnosis: ...

    def pytest_substrate_checks() -> list[OwnCheck]:
        return [OwnCheck(id="ACME-010", plane="messaging_plane", ..., judge=judge_retention)]

What is registered is judged by `gate.own`; how it is run is in `running.collection`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pytest_substrate.model.diagnosis import Diagnosis, inconclusive, passed, violated
from pytest_substrate.model.outcome import Layer, Plane

__all__ = ["Diagnosis", "Layer", "OwnCheck", "Plane", "inconclusive", "passed", "violated"]


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnCheck:
    """One acceptance statement of a user's: a rung for each subject, behind ours of its plane.

    `id` is permanent and of a family of the user's (`ACME-010`); `layer` is at fault where a diagnosis names no other.
    `subjects` are things of the declaration, by their permanent names (`service/ingest`). `needs` are ids of ours
    without which this can't be judged: where one of them is red, the rung is NOT_REACHED and `judge` is not called.
    `next` is the command that a red one leads to, and `docs` where a person reads on.
    """

    id: str
    plane: Plane | str
    statement: str
    layer: Layer | str
    subjects: Sequence[str]
    judge: Callable[..., Diagnosis]
    """Called as a test is, with fixtures by the names of its parameters; a parameter `subject` gets the subject.

    What it returns is the outcome: `passed`, `violated` or `inconclusive`. Whatever else it does (return something
    else, raise, fail an assertion, skip) leaves the rung without a record, which is red.
    """
    next: str
    docs: str
    needs: Sequence[str] = ()
