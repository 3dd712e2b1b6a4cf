"""MSG-050's decider by CloudTrail: when the version that is current now was made so, as far as events tell it. Pure.

An absence decides nothing: an event that was not found is none that didn't happen. RotateSecret itself makes no version
current; the step of it that does is an UpdateSecretVersionStage of its function, and is found as such.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Final

from pytest_substrate.model.aws.instant import Instant, text_of
from pytest_substrate.model.aws.secrets import SecretState
from pytest_substrate.model.aws.trail import CREATING, SecretTrail
from pytest_substrate.model.diagnosis import Diagnosis
from pytest_substrate.model.facts import FactValue, admitted
from pytest_substrate.model.observation import Missing, Unobserved
from pytest_substrate.planes.messaging.diagnose.rotation import NOTHING_DECIDES, Deciders

DELIVERY: Final = timedelta(minutes=15)
"""How long an event may be under way. AWS speaks of about five minutes on average and guarantees none (CloudTrail user
guide, "How CloudTrail works"), so it is taken three times: a secret that was changed since is not decided."""
_BIRTH: Final = timedelta(seconds=2)
"""A call that makes a version is stamped in its second, or the next. The same call later is a repetition, which
Secrets Manager ignores (API reference, PutSecretValue)."""


def deciders_of(trail: SecretTrail, secret: SecretState, *, now: Instant) -> Deciders:
    """What the events say of the current version: when it was last made current, and when for the first time.

    Nothing where they may not be complete, or contradict that it is current: the last event of all has to be its own,
    in a second of its own. The first time is told only where the events reach back to the version's birth.
    """
    version, changed = secret.current, secret.changed
    if version is None or version.created is None or changed is None or now.at - changed.at < DELIVERY:
        return NOTHING_DECIDES
    born = version.created
    own = [
        promotion.at
        for promotion in trail.promotions
        if promotion.version_id == version.version_id
        and (promotion.by not in CREATING or abs(promotion.at.at - born.at) <= _BIRTH)
    ]
    others = [promotion.at for promotion in trail.promotions if promotion.version_id != version.version_id]
    if not own or not all(other.before(own[-1]) for other in others):
        return NOTHING_DECIDES
    return Deciders(made_current=own[-1], first_current=own[0] if trail.since.at <= born.at else None)


def proof_of(deciders: Deciders) -> dict[str, FactValue]:
    """Whose word decided, and since when the version is current by it."""
    by_trail = deciders.made_current is not None
    since = deciders.made_current if by_trail else deciders.seen_current
    return {"source": "cloudtrail" if by_trail else "ledger", "since": text_of(since)}


def undecided_without(trail: Missing | Unobserved, found: Diagnosis) -> Diagnosis:
    """An undecided diagnosis that says, too, why CloudTrail did not decide it."""
    reason = trail.reason if isinstance(trail, Unobserved) else "missing"
    told = replace(found, message=f"{found.message}; CloudTrail could not be asked ({reason})")
    return told.with_facts({"reason": admitted("reason", reason), "operation": admitted("operation", trail.operation)})
