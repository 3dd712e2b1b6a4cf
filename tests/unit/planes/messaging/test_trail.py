"""MSG-050's decider by CloudTrail, against histories of a secret in which every task's version is known."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from pytest_substrate.model.aws.ecs import TaskState
from pytest_substrate.model.aws.instant import Instant
from pytest_substrate.model.aws.secrets import SecretState, SecretVersion
from pytest_substrate.model.aws.trail import CREATING, MOVING, Promotion, SecretTrail
from pytest_substrate.model.diagnosis import inconclusive
from pytest_substrate.model.observation import Missing, Unobserved
from pytest_substrate.model.outcome import Outcome
from pytest_substrate.planes.messaging.diagnose.rotation import NOTHING_DECIDES, Deciders, Freshness, freshness
from pytest_substrate.planes.messaging.diagnose.trail import DELIVERY, deciders_of, undecided_without

NOON = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
V, W = "c" * 32, "b" * 32


def at(seconds: float) -> Instant:
    """So many seconds after noon; whole seconds count as cut."""
    return Instant.of(NOON + timedelta(seconds=seconds))


def secret(born: Instant | None, changed: Instant | None, *, stages: tuple[str, ...] = ("AWSCURRENT",)) -> SecretState:
    """A secret with V."""
    return SecretState(
        arn="arn:aws:secretsmanager:eu-west-2:111122223333:secret:AmazonMSK_ingest-AbCdEf",
        name="AmazonMSK_ingest",
        key_id="k",
        changed=changed,
        deleted=None,
        versions=(SecretVersion(version_id=V, stages=stages, created=born),),
    )


def trail(*promotions: tuple[float, str, str], since: float = -1000) -> SecretTrail:
    """These events, in order."""
    found = [Promotion(at=at(second), version_id=version, by=by) for second, version, by in promotions]
    return SecretTrail(since=Instant(at=at(since).at, whole_second=False), promotions=tuple(found))


ROTATED = secret(at(10.5), at(30.5))
LATER = at(30.5 + DELIVERY.total_seconds())
ONCE = Deciders(made_current=at(20), first_current=at(20))
AGAIN = Deciders(made_current=at(20), first_current=at(12))
AT_BIRTH = Deciders(made_current=at(10), first_current=at(10))


@pytest.mark.parametrize(
    ("found", "now", "expected"),
    [
        (trail((20, V, MOVING)), LATER, ONCE),
        (trail((-50, W, "PutSecretValue"), (20, V, MOVING)), LATER, ONCE),
        # current, then not, then again: the last time makes fresh, the first one stale
        (trail((12, V, MOVING), (15, W, MOVING), (20, V, MOVING)), LATER, AGAIN),
        # a rotation makes it pending first, which is no promotion; made and current at once in its own second
        (trail((10, V, "PutSecretValue")), LATER, AT_BIRTH),
        # a repeated call makes nothing
        (trail((10, V, "PutSecretValue"), (25, V, "PutSecretValue")), LATER, AT_BIRTH),
        (trail((25, V, "PutSecretValue")), LATER, NOTHING_DECIDES),
        # nothing found is nothing known
        (trail(), LATER, NOTHING_DECIDES),
        (trail((20, W, MOVING)), LATER, NOTHING_DECIDES),
        # another version's is the last one, or in the same second: something is missing
        (trail((20, V, MOVING), (25, W, MOVING)), LATER, NOTHING_DECIDES),
        (trail((20, W, MOVING), (20, V, MOVING)), LATER, NOTHING_DECIDES),
        # the events begin after its birth
        (trail((20, V, MOVING), since=15), LATER, Deciders(made_current=at(20))),
        # changed so lately that an event may be under way
        (trail((20, V, MOVING)), at(30.499 + DELIVERY.total_seconds()), NOTHING_DECIDES),
    ],
)
def test_what_events_decide(found: SecretTrail, now: Instant, expected: Deciders) -> None:
    """When the version became current, as far as the events can be whole."""
    assert expected == deciders_of(found, ROTATED, now=now)


@pytest.mark.parametrize(
    "state", [secret(None, at(30.5)), secret(at(10.5), None), secret(at(10.5), at(30.5), stages=("AWSPENDING",))]
)
def test_a_secret_that_tells_too_little(state: SecretState) -> None:
    """Without a current version, its birth or the last change, no event is taken for anything."""
    assert NOTHING_DECIDES == deciders_of(trail((20, V, MOVING)), state, now=LATER)


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What really happened, in milliseconds after noon: V's birth, who was current from when on, the last change."""

    born: int
    current: tuple[tuple[int, str], ...]
    changed: int
    repeated: tuple[int, ...]
    keeps_seconds: bool

    def holder(self, moment: int) -> str | None:
        """Which version a reader got at that moment."""
        return next((version for since, version in reversed(self.current) if since <= moment), None)

    def instant(self, moment: int) -> Instant:
        """As Secrets Manager tells it."""
        told = at(moment // 1000 if self.keeps_seconds else moment / 1000)
        return Instant(at=told.at, whole_second=True) if self.keeps_seconds else told

    def events(self, since: int) -> SecretTrail:
        """As CloudTrail tells it, in whole seconds."""
        found = [
            (moment // 1000, version, CREATING[1] if version == V and moment == self.born else MOVING)
            for moment, version in self.current
        ]
        found += [(moment // 1000, V, CREATING[1]) for moment in self.repeated]
        return trail(*sorted(one for one in found if one[0] >= since), since=since)


@st.composite
def histories(draw: st.DrawFn) -> History:
    """W was current for long; V is born, becomes current at its birth or later, and may have lost that meanwhile."""
    born = draw(st.integers(0, 8000))
    moments = sorted(draw(st.sets(st.integers(born, 20_000), min_size=1, max_size=5)))
    if draw(st.booleans()):
        moments[0] = born
    moments = moments if len(moments) % 2 else moments[1:]
    current = [(-100_000, W)] + [(moment, W if number % 2 else V) for number, moment in enumerate(moments)]
    last = moments[-1]
    return History(
        born=born,
        current=tuple(current),
        changed=last + draw(st.integers(0, 5000)),
        repeated=tuple(draw(st.lists(st.integers(born + 3000, 30_000), max_size=2))),
        keeps_seconds=draw(st.booleans()),
    )


@given(histories(), st.integers(-2000, 26_000), st.integers(0, 4000), st.integers(0, 100), st.integers(-200, 10))
def test_never_otherwise_than_it_was(history: History, created: int, lasting: int, share: int, since: int) -> None:
    """Whatever the events decide of a task is what the task got, whenever between its creation and start it read."""
    read = created + lasting * share // 100
    state = secret(history.instant(history.born), history.instant(history.changed))
    now = Instant.of(history.instant(history.changed).at + DELIVERY)
    task = TaskState(
        arn="t",
        task_definition_arn="d",
        last_status="RUNNING",
        created=at(created / 1000),
        started=at((created + lasting) / 1000),
    )
    version = state.current
    assert version is not None
    deciders = deciders_of(history.events(since), state, now=now)
    found = freshness(task, version=version, changed=state.changed, deciders=deciders)
    event(f"{found.name} {'decided' if deciders != NOTHING_DECIDES else 'by the times'}")
    if found is Freshness.FRESH:
        assert V == history.holder(read)
    if found is Freshness.STALE:
        assert V != history.holder(read)


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        (Unobserved(reason="access-denied", operation="cloudtrail:LookupEvents"), "access-denied"),
        (Missing(what="x", operation="cloudtrail:LookupEvents"), "missing"),
    ],
)
def test_a_trail_that_cannot_be_read(told: Missing | Unobserved, reason: str) -> None:
    """It stays undecided, and says why CloudTrail didn't decide it."""
    found = undecided_without(told, inconclusive("freshness-undecided", "open", total=1))
    assert (Outcome.INCONCLUSIVE, "freshness-undecided") == (found.outcome, found.cause)
    assert f"open; CloudTrail could not be asked ({reason})" == found.message
    assert {"total": 1, "reason": reason, "operation": "cloudtrail:LookupEvents"} == dict(found.facts)
