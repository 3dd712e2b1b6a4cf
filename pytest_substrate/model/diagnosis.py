"""A diagnosis: what observations come to, for one check and one subject. Pure, and without a look at the clock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from pytest_substrate.model.facts import FactValue, checked_facts
from pytest_substrate.model.outcome import Layer, Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """Outcome, layer, cause, facts and the next command.

    `layer` is None where the check's usual layer stands. `cause` is a slug of the check's `causes`, None on PASS.
    `next` is a whole command, or None for the check's own. `message` is one line without secrets.
    """

    outcome: Outcome
    message: str
    layer: Layer | None = None
    cause: str | None = None
    facts: Mapping[str, FactValue] = field(default_factory=dict)
    next: str | None = None

    def __post_init__(self) -> None:
        if self.outcome not in (Outcome.PASS, Outcome.VIOLATION, Outcome.INCONCLUSIVE):
            raise ValueError(f"a diagnosis cannot decide {self.outcome}")
        if (self.cause is None) != (self.outcome is Outcome.PASS):
            raise ValueError(f"a diagnosis has a cause exactly where it is not PASS: {self.message}")
        object.__setattr__(self, "message", " ".join(self.message.split()))
        object.__setattr__(self, "facts", checked_facts(self.facts))

    def with_facts(self, facts: Mapping[str, FactValue]) -> Diagnosis:
        """The same diagnosis with more facts; its own win."""
        return replace(self, facts={**facts, **self.facts})


def passed(message: str, **facts: FactValue) -> Diagnosis:
    """The statement holds."""
    return Diagnosis(outcome=Outcome.PASS, message=message, facts=facts)


def violated(
    cause: str, message: str, *, layer: Layer | None = None, next: str | None = None, **facts: FactValue
) -> Diagnosis:
    """The statement is proven wrong."""
    return Diagnosis(outcome=Outcome.VIOLATION, cause=cause, message=message, layer=layer, next=next, facts=facts)


def inconclusive(
    cause: str, message: str, *, layer: Layer | None = None, next: str | None = None, **facts: FactValue
) -> Diagnosis:
    """The statement could not be judged."""
    return Diagnosis(outcome=Outcome.INCONCLUSIVE, cause=cause, message=message, layer=layer, next=next, facts=facts)
