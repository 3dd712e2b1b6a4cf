"""DAT-060: what must stay closed is refused, by a refusal that proves it. Pure.

Neither a missing object, nor a redirect, nor a bucket that isn't there, nor a network that leads nowhere is a refusal:
only an AccessDenied of the task's own role on a canary that the observer sees to exist.
"""

from __future__ import annotations

from typing import Final

from pytest_substrate.model.aws.role import role_of
from pytest_substrate.model.data_transcript import CallSeen, DataTranscript, GrantSeen
from pytest_substrate.model.diagnosis import Diagnosis, inconclusive, passed, violated
from pytest_substrate.model.facts import admitted, number_of
from pytest_substrate.model.outcome import Layer
from pytest_substrate.model.unseen import unseen
from pytest_substrate.planes.data.diagnose.attribution import PERMISSIONS
from pytest_substrate.planes.data.diagnose.ending import Ending, call_facts, ending_of
from pytest_substrate.planes.data.diagnose.grant import arn_of, principals
from pytest_substrate.planes.data.diagnose.seen import Asked, Seen, bucket_facts, grant_of, not_observed

_ALLOWED: Final = {
    "ListObjectsV2": "list-allowed",
    "GetObject": "read-allowed",
    "CreateMultipartUpload": "write-allowed",
}
_REFUSED: Final = ("AccessDenied", "AccessDeniedException")
"""S3's own words: a 403 without a code is a proxy's, and other codes of 403 are about the account or the bucket."""
_TRIED: Final = frozenset(_ALLOWED)


def diagnose_closed(seen: Seen, asked: Asked) -> Diagnosis:
    """Every closed object or prefix was asked for and written to, and each call refused to this role."""
    grant = grant_of(seen, asked)
    if isinstance(grant, Diagnosis):
        return grant
    assert isinstance(seen, DataTranscript)  # noqa: S101  `grant_of` told otherwise
    facts = bucket_facts(asked, grant)
    tried = [call for call in grant.of("closed") if call.operation in _TRIED]
    open_call = next((call for call in tried if call.done), None)
    if open_call is not None:
        return _open(open_call, asked).with_facts(facts)
    for target in asked.closed:
        found = _canary(target, asked) or _refused(target, seen, grant, asked)
        if found is not None:
            return found.with_facts(facts)
    named = principals(tried, seen, asked)
    return passed(
        f"{', '.join(asked.closed)}: {number_of(len(tried), 'call')} refused to {asked.task_role}",
        count=len(tried),
        principal=admitted("principal", named[0]) if named else None,
    ).with_facts(facts)


def _open(call: CallSeen, asked: Asked) -> Diagnosis:
    action = PERMISSIONS[call.operation]
    arn = arn_of(asked.bucket, asked.region)
    inside = "/object/" if ":accesspoint/" in arn else "/"
    resource = arn if call.operation == "ListObjectsV2" else f"{arn}{inside}{call.key}"
    return violated(
        _ALLOWED[call.operation],
        f"{asked.task_role} may {action} on {resource}, which must stay closed to it",
        action=action,
        resource=admitted("resource", resource),
        object_key=admitted("object_key", call.key or call.target),
    )


def _canary(target: str, asked: Asked) -> Diagnosis | None:
    """Why a refusal would prove nothing of this target; None where something is there to be refused."""
    seen = asked.canaries
    if any(key == target or (target.endswith("/") and key.startswith(target)) for key in seen.found):
        return None
    if target in seen.missing:
        said = f"there is no {target} in {asked.bucket}: a refusal of what isn't there proves nothing"
        key = admitted("object_key", target)
        return inconclusive("canary-missing", said, layer=Layer.DECLARATION, object_key=key)
    if seen.unseen is not None:
        return unseen(seen.unseen, f"the canary {target} in {asked.bucket}")
    return inconclusive("not-observed", f"the observer did not look for {target}")


def _refused(target: str, seen: DataTranscript, grant: GrantSeen, asked: Asked) -> Diagnosis | None:
    """Why the calls prove no refusal; None where each of them does."""
    calls = [call for call in grant.of("closed", target) if call.operation in _TRIED]
    wanted = {"GetObject", "CreateMultipartUpload"}
    if wanted - {call.operation for call in calls}:
        return not_observed(seen, asked.run_facts, f"what is closed at {target}")
    odd = next((call for call in calls if ending_of(call) is not Ending.DENIED or call.code not in _REFUSED), None)
    if odd is not None:
        answer = odd.code or odd.status or odd.cause
        said = f"{odd.operation} of {odd.key or target} ended with {answer}, which is no refusal"
        return inconclusive("refusal-not-proven", said).with_facts(call_facts(odd))
    for principal in principals(calls, seen, asked):
        if role_of(principal) != (asked.account, asked.task_role):
            said = f"S3 refused {principal}, and not {asked.task_role}"
            return inconclusive("refused-to-another", said, principal=admitted("principal", principal))
    return None
