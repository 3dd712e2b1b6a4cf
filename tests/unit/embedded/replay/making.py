"""Stories, records and judgements for tests of how a story is told; nothing of them is about AWS."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from types import SimpleNamespace
from typing import Any, cast

from pytest_substrate.embedded.platform.platform import Platform
from pytest_substrate.embedded.replay.stage import Seen, Stage
from pytest_substrate.embedded.replay.story import Chapter, Red
from pytest_substrate.evidence.redaction import Net
from pytest_substrate.gate.judge import judge
from pytest_substrate.model.check import Pair
from pytest_substrate.model.facts import FactValue
from pytest_substrate.model.outcome import Outcome, Plane, Vantage
from pytest_substrate.model.record import Record
from pytest_substrate.planes.catalogue import catalogue

LADDER = ("REL-030", "REL-060", "REL-070", "REL-090")


def record(
    check: str,
    cause: str | None = None,
    *,
    outcome: Outcome | None = None,
    facts: Mapping[str, FactValue] | None = None,
    message: str = "something is wrong",
    command: str = "aws iam get-role --role-name ci-publish",
) -> Record:
    """A record of a check of the catalogue: violated for a cause, else passed."""
    found = outcome or (Outcome.PASS if cause is None else Outcome.VIOLATION)
    return Record(
        check=check,
        plane=Plane.RELEASE,
        subject="role/ci-publish",
        outcome=found,
        layer=catalogue()[check].layer,
        cause=cause,
        message=message,
        facts=facts or {},
        next=None if found.green else command,
        vantage=Vantage.HERE,
        duration_ms=1.0,
    )


def seen(*red: Record, beside: Sequence[Record] = ()) -> Seen:
    """A climb in which these rungs are as they are, and the others of the ladder are green."""
    found = {one.check: one for one in red}
    records = [found.get(check) or record(check) for check in LADDER]
    judgement = judge([Pair(one.check, one.subject) for one in records], records)
    return Seen(judgement=judgement, beside=tuple(beside))


def nothing(_: Platform) -> Iterator[None]:
    """A change that is none."""
    yield


def chapter(*expects: Red, **more: Any) -> Chapter:
    """A chapter that expects this."""
    return Chapter(title="what happened", change="what was changed", apply=nothing, expects=expects, **more)


def red(check: str, cause: str, **more: Any) -> Red:
    """What a chapter expects, in the check's own layer."""
    return Red(check=check, layer=catalogue()[check].layer, cause=cause, **more)


class FakeStage:
    """A stage on which chapter after chapter comes out as it is given; it keeps what was asked of it."""

    def __init__(self, *climbs: Seen, logs: tuple[str, ...] = ()) -> None:
        self.asked: list[str] = []
        self.secrets = Net()
        self.declaration = SimpleNamespace(environment="dev")
        self.target = SimpleNamespace(describe=lambda: {"kind": "embedded"})
        self._climbs = list(climbs)
        self._logs = logs

    def begin(self, name: str) -> None:
        """Note it."""
        self.asked.append(f"begin {name}")

    def take_back(self, name: str) -> None:
        """Note it."""
        self.asked.append(f"take back {name}")

    def climb(self, plane: Plane, beside: Sequence[Pair] = ()) -> Seen:
        """The next one."""
        self.asked.append(f"climb {plane.value}")
        return self._climbs.pop(0)

    def judge_plan(self, name: str) -> Seen:
        """The next one."""
        self.asked.append(f"plan {name}")
        return self._climbs.pop(0)

    def last_lines(self, group: str, stream: str) -> tuple[str, ...]:
        """What was given."""
        self.asked.append(f"log {group} {stream}")
        return self._logs

    def incidents(self) -> tuple[()]:
        """None."""
        return ()


@contextlib.contextmanager
def staged(stage: FakeStage) -> Iterator[Stage]:
    """The fake in the place of a stage."""
    yield cast("Stage", stage)
