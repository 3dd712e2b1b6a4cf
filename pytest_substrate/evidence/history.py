"""What a ledger's lines come to: incidents that opened and closed, and what is known at the end. Pure.

An incident opens where a check turns VIOLATION or INCONCLUSIVE (NOT_REACHED is another one's consequence). It closes
where the check is PASS again *and* a fact is known to have changed since: another image, secret version, task
definition, role, certificate, policy document. A red that merely went away stays open, and is shown as such.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from pytest_substrate.evidence.chain import Line, RunLine, Scope, TransitionLine
from pytest_substrate.model.facts import FactValue
from pytest_substrate.model.outcome import Layer, Outcome

DECLARATION: Final = "declaration"
"""The subject under which the declaration's digest is kept; it counts where the layer at fault is declaration."""

IDENTIFYING: Final = frozenset(
    {
        "api_version",
        "client_version",
        "cluster_arn",
        "execution_role_arn",
        "image_digest",
        "injected_arn",
        "key_arn",
        "not_after",
        "role_arn",
        "running_task_arns",
        "secret_arn",
        "task_definition_arn",
        "task_role_arn",
        "version_id",
    }
)
"""Facts that name a state of the substrate, so that another value is a change and not a measurement."""
_HASHES: Final = ("_digest", "_hash", "_sha256")

_OPENS: Final = frozenset({Outcome.VIOLATION, Outcome.INCONCLUSIVE})


def identifying(name: str) -> bool:
    """Whether another value of this fact is a change."""
    return name in IDENTIFYING or name.endswith(_HASHES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """Where the ledger shows something: the line's number, the run and its time, and the outcome."""

    number: int
    run_id: str
    at: str
    outcome: Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A fact that is known to be another one: `CHECK fact` of a subject, before and after."""

    subject: str
    fact: str
    before: FactValue
    after: FactValue


@dataclass(slots=True, kw_only=True)
class Incident:
    """A red with what became of it. Open until `green` and `changes` are both there."""

    scope: Scope
    check: str
    subject: str
    layer: Layer
    cause: str | None
    red: Proof
    stands_on: tuple[str, ...]
    baseline: dict[tuple[str, str], FactValue] = field(repr=False)
    green: Proof | None = None
    """The PASS that came after it; None while it is red."""
    changes: tuple[Change, ...] = ()

    @property
    def closed(self) -> bool:
        """Whether a green with a changed fact came after it."""
        return self.green is not None and bool(self.changes)


@dataclass(slots=True)
class State:
    """What a ledger says of one scope at its end."""

    outcomes: dict[tuple[str, str], Outcome] = field(default_factory=dict)
    facts: dict[tuple[str, str], FactValue] = field(default_factory=dict)
    open: dict[tuple[str, str], Incident] = field(default_factory=dict)


def history(lines: Iterable[tuple[int, Line]]) -> tuple[dict[Scope, State], tuple[Incident, ...]]:
    """Each scope's state at the end, and every incident in the order in which they opened."""
    states: dict[Scope, State] = {}
    incidents: list[Incident] = []
    for run, number, transitions in _runs(lines):
        state = states.setdefault(run.scope, State())
        state.facts[(DECLARATION, "sha256")] = run.declaration
        for subject, facts in run.facts.items():
            state.facts.update({(subject, name): value for name, value in facts.items()})
        for place, line in transitions:
            key = (line.check, line.subject)
            state.outcomes[key] = line.outcome
            proof = Proof(number=place, run_id=run.run_id, at=_stamp(line), outcome=line.outcome)
            incident = state.open.get(key)
            if incident is not None:
                incident.green = proof if line.outcome is Outcome.PASS else None
            elif line.outcome in _OPENS:
                state.open[key] = _opened(line, proof, state)
                incidents.append(state.open[key])
        _close(state, run, number)
    return states, tuple(incidents)


def _runs(
    lines: Iterable[tuple[int, Line]],
) -> Iterator[tuple[RunLine, int, list[tuple[int, TransitionLine]]]]:
    """Each run line with the transitions that follow it."""
    run: tuple[int, RunLine] | None = None
    transitions: list[tuple[int, TransitionLine]] = []
    for number, line in lines:
        if isinstance(line, RunLine):
            if run is not None:
                yield run[1], run[0], transitions
            run, transitions = (number, line), []
        elif isinstance(line, TransitionLine) and run is not None:
            transitions.append((number, line))
    if run is not None:
        yield run[1], run[0], transitions


def _opened(line: TransitionLine, proof: Proof, state: State) -> Incident:
    counts = {*line.stands_on, *((DECLARATION,) if line.layer is Layer.DECLARATION else ())}
    return Incident(
        scope=line.scope,
        check=line.check,
        subject=line.subject,
        layer=line.layer,
        cause=line.cause,
        red=proof,
        stands_on=tuple(counts),
        baseline={key: value for key, value in state.facts.items() if key[0] in counts},
    )


def _close(state: State, run: RunLine, number: int) -> None:
    """Close what is green and changed; else what is first known now is what a later change is measured from."""
    for key, incident in list(state.open.items()):
        if incident.green is None:
            continue
        now = {fact: value for fact, value in state.facts.items() if fact[0] in incident.stands_on}
        incident.changes = tuple(
            Change(subject=fact[0], fact=fact[1], before=incident.baseline[fact], after=value)
            for fact, value in now.items()
            if fact in incident.baseline and incident.baseline[fact] != value
        )
        if incident.changes:
            if incident.green.run_id != run.run_id:  # green for a while already; this run shows the change
                incident.green = Proof(number=number, run_id=run.run_id, at=_stamp(run), outcome=Outcome.PASS)
            del state.open[key]
        else:
            incident.baseline = {**now, **incident.baseline}


def _stamp(line: Line) -> str:
    return line.at.isoformat().replace("+00:00", "Z")
