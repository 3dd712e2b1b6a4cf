"""What the rungs of a grant have in common: what is asked of them, and what can't be judged. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from pytest_substrate.model.aws.storage import BucketState, Encryption, LeftUploads, ObjectsSeen
from pytest_substrate.model.check import Cause
from pytest_substrate.model.data_transcript import DataTranscript, GrantSeen
from pytest_substrate.model.diagnosis import Diagnosis, inconclusive, violated
from pytest_substrate.model.facts import FactValue, admitted, line
from pytest_substrate.model.observation import Missing, Unobserved
from pytest_substrate.planes.data.diagnose.attribution import Weighed

TRANSCRIPT_CAUSES: Final = (
    Cause(slug="no-transcript", meaning="the probe printed none: the task's end says why"),
    Cause(slug="parts-missing", meaning="parts of the transcript never came through the log group"),
    Cause(slug="parts-cut", meaning="a part of the transcript was cut"),
    Cause(slug="parts-doubled", meaning="a part of the transcript came twice"),
    Cause(slug="parts-foreign", meaning="parts of another probe lie in the stream"),
    Cause(slug="parts-reordered", meaning="parts of the transcript came out of order"),
    Cause(slug="not-asked", meaning="nothing was asked of it, as something before it failed"),
    Cause(slug="not-the-runtime", meaning="on AWS, what this process sees proves nothing of the runtime"),
    Cause(slug="not-observed", meaning="the probe did not come to it"),
    Cause(slug="probe-crashed", meaning="the probe ended on an error of its own"),
    Cause(slug="out-of-time", meaning="the probe's time was up"),
)
"""Why a rung that a transcript proves can't be judged."""

_WORDS: Final = {cause.slug: cause.meaning for cause in TRANSCRIPT_CAUSES}

Seen = DataTranscript | Unobserved


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the declaration says of a grant, and what the observer saw beside the probe."""

    name: str
    bucket: str
    account: str
    region: str
    task_role: str
    read: tuple[str, ...] = ()
    write: tuple[str, ...] = ()
    closed: tuple[str, ...] = ()
    roundtrip: bool = False
    state: BucketState | Missing | Unobserved
    objects: ObjectsSeen
    """Which of the required objects exist, as the observer sees."""
    canaries: ObjectsSeen
    left: LeftUploads | Missing | Unobserved
    weighed: Weighed
    """The policies that a refusal can be attributed by."""
    run_facts: Mapping[str, FactValue] = field(default_factory=dict)


def grant_of(seen: Seen, asked: Asked) -> GrantSeen | Diagnosis:
    """The calls of the grant, or why there are none."""
    if isinstance(seen, Unobserved):
        return unseen_transcript(seen, asked.run_facts)
    found = seen.grants.get(asked.name)
    if found is None:
        return not_observed(seen, asked.run_facts, f"grant/{asked.name}")
    if found.failure is not None:
        return violated(
            "bucket-unsupported", f"{asked.bucket} is neither a bucket nor an access point that the probe can reach"
        )
    return found


def unseen_transcript(seen: Unobserved, run_facts: Mapping[str, FactValue]) -> Diagnosis:
    """INCONCLUSIVE: there is no transcript to judge."""
    why = _WORDS.get(seen.reason, seen.reason)
    return inconclusive(
        seen.reason,
        f"the probe's transcript could not be read: {why}",
        operation=admitted("operation", seen.operation),
        error_code=admitted("error_code", seen.code),
        detail=None if seen.detail is None else line(seen.detail),
    ).with_facts(run_facts)


def not_observed(transcript: DataTranscript, run_facts: Mapping[str, FactValue], what: str) -> Diagnosis:
    """INCONCLUSIVE: the transcript has nothing on `what`."""
    if transcript.crash is not None:
        found = inconclusive(
            "probe-crashed",
            f"the probe ended on an error of its own before {what}",
            error_code=admitted("error_code", transcript.crash.type),
            detail=line(transcript.crash.at),
        )
    else:
        found = inconclusive("not-observed", f"the probe did not come to {what}")
    return found.with_facts(run_facts)


def _default_encryption(state: BucketState) -> dict[str, FactValue]:
    """What S3 does with an object that comes without a word about it."""
    default = state.encryption
    if not isinstance(default, Encryption):
        return {}
    return {"default_encryption": admitted("default_encryption", default.algorithm), "bucket_key": default.bucket_key}


def bucket_facts(asked: Asked, grant: GrantSeen | None = None) -> dict[str, FactValue]:
    """The bucket, as far as the observer may see it: what decides how it must be asked."""
    facts: dict[str, FactValue] = {
        "bucket": asked.bucket,
        "endpoint": None if grant is None or grant.host is None else admitted("endpoint", grant.host),
    }
    state = asked.state
    if isinstance(state, BucketState):
        facts |= {
            "bucket_behind": None if state.point is None else admitted("bucket_behind", state.name),
            "vpc": None if state.point is None else admitted("vpc", state.point.vpc),
            "bucket_region": admitted("bucket_region", state.region),
            "requester_pays": state.requester_pays if isinstance(state.requester_pays, bool) else None,
            "ownership": admitted("ownership", state.ownership) if isinstance(state.ownership, str) else None,
            "condition_keys": admitted("condition_keys", asked.weighed.condition_keys) or None,
            "endpoint_conditions": admitted("endpoint_conditions", asked.weighed.endpoint_conditions) or None,
            **_default_encryption(state),
            "key_arn": None if state.key_id is None else admitted("key_arn", state.key_id),
        }
    return facts
