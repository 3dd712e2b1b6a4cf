"""What every check says of a thing that could not be seen: INCONCLUSIVE, by the reason of the observation."""

from __future__ import annotations

from typing import Final

from pytest_substrate.model.check import Cause
from pytest_substrate.model.diagnosis import Diagnosis, inconclusive
from pytest_substrate.model.facts import admitted, line
from pytest_substrate.model.observation import Unobserved

UNSEEN_CAUSES: Final[tuple[Cause, ...]] = (
    Cause(slug="access-denied", meaning="the observer may not call what the fact `operation` names"),
    Cause(slug="throttled", meaning="the service had too many requests"),
    Cause(slug="timeout", meaning="the service did not answer by the deadline"),
    Cause(slug="unreachable", meaning="there was no connection to the service"),
    Cause(slug="untrusted", meaning="TLS to the service failed, so its answer would prove nothing"),
    Cause(slug="not-implemented", meaning="the target, or the installed botocore, doesn't know the operation"),
    Cause(slug="expired", meaning="the observer's credentials have expired"),
    Cause(slug="no-credentials", meaning="the observer has no credentials"),
    Cause(slug="bad-credentials", meaning="the service doesn't accept the observer's credentials or clock"),
    Cause(slug="refused", meaning="the service refused the request for another reason than rights"),
    Cause(slug="service-error", meaning="the service answered that it failed"),
    Cause(slug="malformed", meaning="the answer is not what the service's model says"),
    Cause(slug="sdk-error", meaning="the SDK gave up for a reason that is none of the others"),
    Cause(slug="changing", meaning="the thing changed while it was read"),
)
"""The causes that a check has on top of its own, one for each reason for which AWS may not be seen."""

_WORDS: Final = {cause.slug: cause.meaning for cause in UNSEEN_CAUSES}


def unseen(observation: Unobserved, what: str) -> Diagnosis:
    """INCONCLUSIVE: `what` (a noun phrase) could not be seen, and why."""
    why = _WORDS.get(observation.reason, observation.reason)
    if observation.reason == "access-denied" and observation.operation:
        why = f"the observer may not call {observation.operation}"
    return inconclusive(
        observation.reason,
        f"{what} could not be observed: {why}",
        operation=admitted("operation", observation.operation),
        error_code=admitted("error_code", observation.code),
        detail=None if observation.detail is None else line(observation.detail),
    )
