"""The ladder: what each rung comes to, given what it needs. Pure but for the diagnoses that it is handed.

- A rung is judged after the rungs that it needs; where one of them is red it is NOT_REACHED, and isn't judged at all.
- A need is looked for at the same subject, else at the subject that holds it (a topic's service), else at what that
  uses (a service's cluster). A need that applies nowhere there, or is declared not applicable, stands for its own; so
  does, at vantage `exec`, one about a fresh task, as the running one is there.
- Only PASS and WAIVED let what needs them go on. A waiver turns a VIOLATION or an INCONCLUSIVE into WAIVED; a
  NOT_REACHED can't be waived, and a PASS stays one, with a note that the waiver can go.
- Each rung is judged once. What comes out doesn't depend on the order in which rungs are asked for, so that every
  xdist worker comes to the same.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from pytest_substrate.gate.required import check_set
from pytest_substrate.gate.waivers import covers, standing
from pytest_substrate.model.check import Check, Pair
from pytest_substrate.model.command import filled
from pytest_substrate.model.facts import FactValue, checked_facts, number_of
from pytest_substrate.model.outcome import Outcome, Vantage
from pytest_substrate.model.record import Record
from pytest_substrate.model.subjects import holder, name_of, topic_of, used_by
from pytest_substrate.planes.catalogue import catalogue

if TYPE_CHECKING:
    from pytest_substrate.model.declaration import Declaration, Waiver
    from pytest_substrate.model.diagnosis import Diagnosis

NOT_REACHED_CAUSE: Final = "not-reached"
"""The cause of every NOT_REACHED record."""


class Ladder:
    """The rungs of one declaration in one run.

    `diagnose` judges a check of a subject (`planes.catalogue.diagnose_with`); `now` is the run's one time (UTC), by
    which waivers stand; `vantage` is where the probe runs; `clock` gives seconds, for durations alone.
    """

    def __init__(
        self,
        declaration: Declaration,
        diagnose: Callable[[str, str], Diagnosis],
        now: datetime,
        vantage: Vantage,
        *,
        checks: Mapping[str, Check] | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._declaration = declaration
        self._diagnose = diagnose
        self._vantage = vantage
        self._clock = clock
        self._checks = catalogue() if checks is None else checks
        self._held = frozenset(check_set(declaration)) if checks is None else _held(declaration, checks)
        self._gone = frozenset(Pair(entry.check, entry.subject) for entry in declaration.not_applicable)
        self._now = now
        self._waivers = standing(declaration, now)
        self._records: dict[Pair, Record] = {}

    def record(self, pair: Pair, diagnose: Callable[[], Diagnosis] | None = None) -> Record:
        """What the pair comes to; KeyError for one that the declaration doesn't ask for.

        `diagnose` judges a user's own check, in the place of the plane's judge.
        """
        known = self._records.get(pair)
        if known is not None:
            return known
        if pair not in self._held or pair in self._gone:
            raise KeyError(pair)
        red = next((need for need in self.needs(pair) if not self.record(need).outcome.green), None)
        record = self._judged(pair, diagnose) if red is None else self._not_reached(pair, red)
        self._records[pair] = record
        return record

    def needs(self, pair: Pair) -> tuple[Pair, ...]:
        """The rungs that a pair stands on, each once, in ladder order."""
        return tuple(dict.fromkeys(self._needs(self._checks[pair.check], pair.subject)))

    def _needs(self, check: Check, subject: str) -> Iterator[Pair]:
        for need in check.needs:
            found = next((pair for pair in self._places(need, subject) if pair in self._held), None)
            beside = self._checks[need].fresh and self._vantage is Vantage.EXEC
            if found is not None and found not in self._gone and not beside:
                yield found
            else:
                yield from self._needs(self._checks[need], subject if found is None else found.subject)

    def _places(self, need: str, subject: str) -> Iterator[Pair]:
        above = holder(subject)
        for place in dict.fromkeys((subject, above, *used_by(self._declaration, above))):
            yield Pair(need, place)

    def _judged(self, pair: Pair, diagnose: Callable[[], Diagnosis] | None) -> Record:
        check = self._checks[pair.check]
        began = self._clock()
        diagnosis = self._diagnose(pair.check, pair.subject) if diagnose is None else diagnose()
        duration_ms = (self._clock() - began) * 1000
        outcome, message, facts = diagnosis.outcome, diagnosis.message, dict(diagnosis.facts)
        waiver = self._waivers.get(pair)
        if waiver is not None and outcome is not Outcome.PASS and not covers(waiver, facts):
            message = f"{message}; its waiver ({waiver.ticket}) bears other resources"
        elif waiver is not None and outcome is Outcome.PASS:
            message = f"{message}; its waiver ({waiver.ticket}) can go"
        elif waiver is not None:
            facts |= _waived_facts(waiver, outcome)
            left = (waiver.expires - self._now).days
            how_long = f"{number_of(left, 'day')} left" if left else "less than a day left"
            message = f"waived by {waiver.owner} ({waiver.ticket}), {how_long}: {waiver.reason}; {message}"
            outcome = Outcome.WAIVED
        words = self._words(pair.subject) | dict(diagnosis.facts)
        command = diagnosis.next or filled(check.command(diagnosis.cause), words)
        return Record(
            check=check.id,
            plane=check.plane,
            subject=pair.subject,
            outcome=outcome,
            layer=diagnosis.layer or check.layer,
            cause=diagnosis.cause,
            message=message,
            facts=facts,
            next=None if outcome is Outcome.PASS else command,
            vantage=self._vantage if check.inside(self._declaration, pair.subject) else Vantage.HERE,
            duration_ms=duration_ms,
        )

    def _not_reached(self, pair: Pair, need: Pair) -> Record:
        """The record of a rung behind a red one; it names the rung that is red of itself, not another one behind it."""
        check, red = self._checks[pair.check], self.record(need)
        root = red
        if red.outcome is Outcome.NOT_REACHED:
            root = self.record(Pair(str(red.facts["needed_check"]), str(red.facts["needed_subject"])))
        return Record(
            check=check.id,
            plane=check.plane,
            subject=pair.subject,
            outcome=Outcome.NOT_REACHED,
            layer=check.layer,
            cause=NOT_REACHED_CAUSE,
            message=f"not judged: it needs {root.check} of {root.subject}, which is {root.outcome}",
            facts=checked_facts({"needed_check": root.check, "needed_subject": root.subject}),
            next=None,
            vantage=self._vantage if check.inside(self._declaration, pair.subject) else Vantage.HERE,
            duration_ms=0.0,
        )

    def _words(self, subject: str) -> dict[str, FactValue]:
        """What the declaration knows about a subject, for the placeholders of a check's next command."""
        declaration, name = self._declaration, name_of(subject)
        words: dict[str, FactValue] = {
            "account": declaration.account,
            "region": declaration.region,
            "subject": subject,
            "name": name,
            "topic": topic_of(subject),
        }
        things = (subject, holder(subject), *used_by(declaration, holder(subject)))
        for kind, thing in (thing.split("/")[:2] for thing in reversed(things)):
            words |= _words_of(declaration, kind, thing)
        return {key: value for key, value in words.items() if value is not None}


def _words_of(declaration: Declaration, kind: str, name: str) -> dict[str, FactValue]:
    if kind == "service":
        service = declaration.service[name]
        credential = service.messaging.credential if service.messaging else None
        return {
            "ecs_cluster": service.ecs_cluster,
            "ecs_service": service.ecs_service,
            "container": service.container,
            "task_role": service.task_role,
            "secret": credential.secret if credential else None,
            "group": service.messaging.group if service.messaging else None,
        }
    if kind == "job":
        job = declaration.job[name]
        return {
            "ecs_cluster": job.ecs_cluster,
            "task_definition": job.task_definition,
            "container": job.container,
            "task_role": job.task_role,
        }
    if kind == "cluster":
        cluster = declaration.cluster[name]
        return {"cluster_arn": cluster.arn, "smoke_topic": cluster.smoke_topic}
    if kind == "artifact":
        return {"repository": declaration.artifact[name].repository}
    if kind == "grant":
        return {"bucket": declaration.grant[name].bucket}
    return {"role": name} if kind == "role" else {"ecs_cluster": name}


def _held(declaration: Declaration, checks: Mapping[str, Check]) -> frozenset[Pair]:
    return frozenset(Pair(check.id, subject) for check in checks.values() for subject in check.subjects(declaration))


def _waived_facts(waiver: Waiver, outcome: Outcome) -> dict[str, FactValue]:
    return checked_facts(
        {
            "waived_outcome": outcome.value,
            "owner": waiver.owner,
            "ticket": waiver.ticket,
            "expires_at": _stamp(waiver.expires),
        }
    )


def _stamp(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
