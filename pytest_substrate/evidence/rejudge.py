"""The second judgement: what a statement's own records come to, measured against the declaration again. Pure.

It takes nothing from the statement that it can work out itself: the denominator, the verdict of each plane, the counts,
the images, what each rung needs. With no declaration at hand it can only ask whether the statement agrees with itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final, NoReturn

from pytest_substrate.evidence.refusal import Refusal
from pytest_substrate.evidence.statement import proven_images, waivers_of
from pytest_substrate.gate.judge import Judgement, judge
from pytest_substrate.gate.ladder import Ladder
from pytest_substrate.gate.required import ON_REQUEST, check_set_digest, required_pairs
from pytest_substrate.gate.waivers import covers, standing
from pytest_substrate.model.check import Check, Pair
from pytest_substrate.model.errors import BadInput
from pytest_substrate.model.facts import checked_facts
from pytest_substrate.model.outcome import DEMANDABLE, Outcome, Plane, TargetKind, Vantage, Verdict
from pytest_substrate.planes.catalogue import catalogue

if TYPE_CHECKING:
    from pytest_substrate.evidence.document import Predicate, RecordTable, Statement
    from pytest_substrate.model.declaration import Declaration, Waiver
    from pytest_substrate.model.record import Record

_WAIVABLE: Final = (Outcome.VIOLATION.value, Outcome.INCONCLUSIVE.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """A statement with what was worked out for it."""

    statement: Statement
    declaration: Declaration | None
    required: tuple[Pair, ...]
    own: frozenset[Pair]
    records: tuple[Record, ...]
    checks: Mapping[str, Check]

    @property
    def predicate(self) -> Predicate:
        return self.statement.predicate


def rejudge(
    statement: Statement, declaration: Declaration | None, *, now: datetime, allow_waivers: bool
) -> Iterator[Refusal]:
    """Every way in which the records don't give what the statement says, or what the declaration demands."""
    predicate, checks = statement.predicate, catalogue()
    unknown = [*_unknown_checks(predicate, checks), *_unknown_planes(predicate)]
    if unknown:
        yield from unknown
        return
    own = tuple(Pair(entry.check, subject) for entry in predicate.own_checks for subject in entry.subjects)
    try:
        ours = _required(predicate, declaration, checks)
    except BadInput as error:
        yield Refusal(reason="plane-not-declared", message=str(error))
        return
    case = _Case(
        statement=statement,
        declaration=declaration,
        required=(*ours, *own),
        own=frozenset(own),
        records=tuple(table.to_record() for table in predicate.records),
        checks=checks,
    )
    yield from _check_set(case)
    yield from _verdict(case)
    yield from _order(case, ours)
    for table in predicate.records:
        yield from _record(case, table)
    yield from _needs(case, now)
    yield from _images(case)
    yield from _exceptions(case, now=now, allow_waivers=allow_waivers)


def _unknown_checks(predicate: Predicate, checks: Mapping[str, Check]) -> Iterator[Refusal]:
    reserved = {check.partition("-")[0] for check in checks}
    for entry in predicate.own_checks:
        if entry.check.partition("-")[0] in reserved:
            yield Refusal(reason="unknown-check", message=f"{entry.check} is no check of this plugin's")
    named = {entry.check for entry in predicate.own_checks}
    if len(named) < len(predicate.own_checks):
        yield Refusal(reason="unknown-check", message="a check of the user's own is named twice")
    for check in dict.fromkeys(table.check for table in predicate.records):
        if check not in checks and check not in named:
            yield Refusal(reason="unknown-check", message=f"{check} is not in this plugin's catalogue of checks")


def _unknown_planes(predicate: Predicate) -> Iterator[Refusal]:
    if not predicate.planes:
        yield Refusal(reason="plane-missing", message="no plane was demanded, so nothing was proven")
    for plane in predicate.planes:
        if plane not in DEMANDABLE:
            yield Refusal(reason="plane-missing", message=f"{plane.value} is no plane that a run can demand")


def _required(predicate: Predicate, declaration: Declaration | None, checks: Mapping[str, Check]) -> tuple[Pair, ...]:
    """The denominator without the user's own checks. BadInput where a plane has nothing to prove.

    A check on request is asked for where a record of it is there: the check set's hash says whether it was.
    """
    pairs = tuple(dict.fromkeys(table.pair for table in predicate.records if table.check in checks))
    if declaration is None:
        return pairs
    asked = {pair.check for pair in pairs} & ON_REQUEST
    return required_pairs(declaration, predicate.planes, asked=asked)


def _check_set(case: _Case) -> Iterator[Refusal]:
    told, predicate = case.predicate.check_set, case.predicate
    if check_set_digest(case.required) != f"sha256:{told.sha256}":
        whose = "the declaration" if case.declaration is not None else "its own records"
        yield Refusal(reason="check-set", message=f"its check set is not the one that {whose} and the plugin give")
    if told.required != len(case.required):
        yield Refusal(
            reason="check-set",
            message=f"it says that {told.required} checks are required, where {len(case.required)} are",
        )
    covered = {case.checks[pair.check].plane for pair in case.required if pair.check in case.checks}
    for plane in predicate.planes:
        if plane not in covered:
            yield Refusal(reason="plane-missing", message=f"it holds no record of {plane.value}")


def _verdict(case: _Case) -> Iterator[Refusal]:
    predicate = case.predicate
    judgement = judge(case.required, case.records)
    for problem in judgement.problems:
        yield Refusal(reason=f"record-{problem.reason}", message=problem.message)
    for seen in predicate.problems:
        yield Refusal(reason="run-problem", message=f"the run itself saw a problem: {seen.reason}: {seen.message}")
    given = judgement.verdict if not predicate.problems else Verdict.NOT_READY
    if predicate.verdict is not given:
        yield Refusal(
            reason="verdict", message=f"it says {predicate.verdict.value}, but its own records give {given.value}"
        )
    if predicate.missing != judgement.missing or any(
        predicate.counts.get(outcome, -1) != judgement.counts.get(outcome, 0) for outcome in Outcome
    ):
        yield Refusal(reason="counts", message="its counts are not those of its records")
    yield from _plane_verdicts(case)
    if given is Verdict.READY:
        return
    red = judgement.first_red
    why = f"first red {red.check} {red.subject} ({red.layer.value})" if red is not None else "records are missing"
    yield Refusal(reason="not-ready", message=f"the substrate is not ready: {why}")


def _plane_verdicts(case: _Case) -> Iterator[Refusal]:
    for plane, told in case.predicate.planes.items():
        judgement = _of_plane(case, plane)
        given = judgement.verdict if not case.predicate.problems else told  # a problem's plane is not told
        if told is not given:
            yield Refusal(
                reason="verdict", message=f"it says {told.value} of {plane.value}, but its records give {given.value}"
            )


def _of_plane(case: _Case, plane: Plane) -> Judgement:
    of_own = {entry.check: entry.plane for entry in case.predicate.own_checks}
    pairs = [
        pair
        for pair in case.required
        if (case.checks[pair.check].plane if pair.check in case.checks else of_own[pair.check])
        in (plane, Plane.SUBSTRATE)
    ]
    wanted = set(pairs)
    return judge(pairs, [one for one in case.records if Pair(one.check, one.subject) in wanted])


def _order(case: _Case, ours: Sequence[Pair]) -> Iterator[Refusal]:
    told = [table.pair for table in case.predicate.records if table.pair not in case.own]
    if told != list(ours) and sorted(told) == sorted(ours):
        yield Refusal(reason="reordered", message="its records are not in the order of the ladder")


def _record(case: _Case, table: RecordTable) -> Iterator[Refusal]:
    """What no run of ours would write of one check."""

    def wrong(what: str) -> Refusal:
        return Refusal(reason="record", message=f"{table.check} {table.subject}: {what}")

    if (table.cause is None) is not (table.outcome is Outcome.PASS):
        yield wrong("only a PASS has no cause, and no other outcome")
    check = case.checks.get(table.check)
    if check is None:
        own = next((entry for entry in case.predicate.own_checks if entry.check == table.check), None)
        if own is not None and table.plane is not own.plane:
            yield wrong(f"it is a check of {own.plane.value}, not of {table.plane.value}")
        return
    if table.plane is not check.plane:
        yield wrong(f"it is a check of {check.plane.value}, not of {table.plane.value}")
    inside = _inside(case, check, table)
    if table.vantage is not (case.predicate.vantage if inside else Vantage.HERE):
        yield wrong(f"it can't have been seen from {table.vantage.value} in this run")
    on_aws = case.predicate.target.kind is TargetKind.AWS
    if on_aws and inside and table.vantage is Vantage.HERE and table.outcome is Outcome.PASS:
        yield wrong("outside of the runtime nothing is proven of it")
    try:
        checked_facts(table.facts)
    except ValueError as error:
        yield wrong(f"a fact that no run of ours writes: {error}")


def _inside(case: _Case, check: Check, table: RecordTable) -> bool:
    """Whether the record is proven inside the runtime; without the declaration, as it says itself where it may be."""
    if case.declaration is not None and table.pair in case.required:
        return check.inside(case.declaration, table.subject)
    return check.runtime or (check.inside_of is not None and table.vantage is not Vantage.HERE)


def _needs(case: _Case, now: datetime) -> Iterator[Refusal]:
    if case.declaration is None:  # a READY has no red record, so that nothing could stand on one
        return
    ladder = Ladder(case.declaration, _undiagnosed, now, case.predicate.vantage)
    known = {Pair(one.check, one.subject): one for one in case.records}
    for pair, record in known.items():
        if pair.check not in case.checks or pair not in case.required:
            continue
        needs = [known[need] for need in ladder.needs(pair) if need in known]
        red = next((need for need in needs if not need.outcome.green), None)
        name = f"{pair.check} {pair.subject}"
        if record.outcome is Outcome.NOT_REACHED and red is None:
            yield Refusal(reason="needs", message=f"{name} is NOT_REACHED, but nothing that it needs is red")
        elif record.outcome is not Outcome.NOT_REACHED and red is not None:
            yield Refusal(
                reason="needs",
                message=f"{name} is {record.outcome.value}, but it needs {red.check} {red.subject}, which is red",
            )


def _undiagnosed(check: str, subject: str) -> NoReturn:
    raise AssertionError(f"{check} {subject}: a verifier diagnoses nothing")


def _images(case: _Case) -> Iterator[Refusal]:
    """The statement's subjects are the declaration and the images that its green records prove, and nothing else."""
    first, *told = [(subject.name, subject.digest.sha256) for subject in case.statement.subject]
    source = case.predicate.declaration
    if first != (source.name, source.sha256):
        yield Refusal(reason="subjects", message="its first subject is not the declaration that it names")
    if case.declaration is not None:
        given = proven_images(case.records, case.declaration)
        same = told == given
    else:
        facts = [one.facts.get("image_digest") for one in case.records if one.outcome is Outcome.PASS]
        same = {digest for _, digest in told} == {str(one).removeprefix("sha256:") for one in facts if one is not None}
    if not same:
        yield Refusal(reason="subjects", message="its subjects are not the images that its records prove")


def _exceptions(case: _Case, *, now: datetime, allow_waivers: bool) -> Iterator[Refusal]:
    """Waivers, and what is declared not applicable: they stand in the protected declaration, or don't stand."""
    predicate, declaration = case.predicate, case.declaration
    waived = [table for table in predicate.records if table.outcome is Outcome.WAIVED]
    told = [(e.check, e.subject, e.owner, e.ticket, e.reason, e.expires) for e in predicate.waivers]
    if not allow_waivers:
        pairs = dict.fromkeys(
            [*(table.pair for table in waived), *(Pair(e.check, e.subject) for e in predicate.waivers)]
        )
        for pair in pairs:
            yield Refusal(
                reason="waived", message=f"{pair.check} {pair.subject} is waived; --allow-waivers would let it stand"
            )
    if declaration is None:
        if allow_waivers and (waived or told):
            yield Refusal(
                reason="waiver", message="a waiver can't be allowed without the declaration that it stands in"
            )
        return
    given = waivers_of(declaration, case.required)
    if not allow_waivers and given and not told:
        yield Refusal(reason="waived", message="the declaration waives a check of this run")
    if told != [_waiver(entry) for entry in given]:
        yield Refusal(reason="waiver", message="its waivers are not those of the declaration")
    told_gone = [(entry.check, entry.subject, entry.reason) for entry in predicate.not_applicable]
    if told_gone != [(entry.check, entry.subject, entry.reason) for entry in declaration.not_applicable]:
        yield Refusal(
            reason="not-applicable", message="what it left out as not applicable is not what the declaration says"
        )
    stands = standing(declaration, now)
    for table in waived:
        yield from _waived(table, stands.get(table.pair))


def _waived(table: RecordTable, waiver: Waiver | None) -> Iterator[Refusal]:
    """What is wrong with a WAIVED record, by the waiver of the declaration that stands for it now."""
    name = f"{table.check} {table.subject}"
    if waiver is None:
        told = f"{name} is WAIVED, and no waiver of the declaration stands for it now"
        yield Refusal(reason="waiver", message=told)
    elif not covers(waiver, table.facts):
        yield Refusal(reason="waiver", message=f"{name} is WAIVED, and its waiver bears other resources")
    elif (table.facts.get("owner"), table.facts.get("ticket")) != (waiver.owner, waiver.ticket):
        yield Refusal(reason="waiver", message=f"{name} is WAIVED by another waiver than the declaration's")
    if table.facts.get("waived_outcome") not in _WAIVABLE:
        yield Refusal(reason="waiver", message=f"{name} is WAIVED, but of an outcome that can't be waived")


def _waiver(entry: Mapping[str, str]) -> tuple[str | datetime, ...]:
    *words, expires = (entry[name] for name in ("check", "subject", "owner", "ticket", "reason", "expires"))
    return (*words, datetime.fromisoformat(expires))
