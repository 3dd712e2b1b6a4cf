"""DAT-030, DAT-040 and DAT-050: what a workload must list, read and write, as S3 answered it in a task. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from pytest_substrate.model.aws.storage import LeftUploads
from pytest_substrate.model.data_transcript import CallSeen, DataTranscript, GrantSeen
from pytest_substrate.model.diagnosis import Diagnosis, inconclusive, passed, violated
from pytest_substrate.model.facts import FactValue, admitted, number_of
from pytest_substrate.model.observation import Missing, Unobserved
from pytest_substrate.model.outcome import Layer
from pytest_substrate.model.unseen import unseen
from pytest_substrate.planes.data.diagnose.attribution import Attribution, attribute
from pytest_substrate.planes.data.diagnose.ending import Ending, call_facts, ending_of, told
from pytest_substrate.planes.data.diagnose.mend import Where, mend, missing_statement
from pytest_substrate.planes.data.diagnose.seen import Asked, Seen, bucket_facts, grant_of, not_observed

_LIST: Final = "s3:ListBucket"
_OF_WRITE: Final = {
    "CreateMultipartUpload": "write-denied",
    "UploadPart": "write-denied",
    "PutObject": "write-denied",
    "GetObject": "read-back-denied",
    "AbortMultipartUpload": "abort-denied",
    "DeleteObject": "delete-denied",
}
"""What the refusal of each step of a write comes to."""


def diagnose_listing(seen: Seen, asked: Asked) -> Diagnosis:
    """DAT-030: every required prefix can be listed, and every required object is there.

    Where the role may neither see nor read an object, that it exists is for the observer to see: whether it may be read
    is for DAT-040.
    """
    grant = grant_of(seen, asked)
    if isinstance(grant, Diagnosis):
        return grant
    assert isinstance(seen, DataTranscript)  # noqa: S101  `grant_of` told otherwise
    facts = bucket_facts(asked, grant)
    for target in asked.read:
        found = _prefix(seen, grant, asked, target) if target.endswith("/") else _object(seen, grant, asked, target)
        if found is not None:
            return found.with_facts(facts)
    prefixes = [target for target in asked.read if target.endswith("/")]
    counts = [calls[-1].count or 0 for target in prefixes if (calls := grant.of("list", target))]
    objects = len(asked.read) - len(prefixes)
    said = f"{number_of(objects, 'required object')} there, {number_of(sum(counts), 'key')} below {', '.join(prefixes)}"
    return passed(said if prefixes else f"{number_of(objects, 'required object')} there", count=sum(counts)).with_facts(
        facts
    )


def _prefix(seen: DataTranscript, grant: GrantSeen, asked: Asked, prefix: str) -> Diagnosis | None:
    calls = grant.of("list", prefix)
    if not calls:
        return not_observed(seen, asked.run_facts, f"the list of {prefix}")
    failed = next((call for call in calls if not call.done), None)
    if failed is None:
        return None
    if ending_of(failed) is Ending.DENIED:
        return denied("list-denied", failed, seen, asked)
    return told(failed, asked.bucket)


def _object(seen: DataTranscript, grant: GrantSeen, asked: Asked, key: str) -> Diagnosis | None:
    calls = (*grant.of("read", key), *grant.of("exists", key))  # a HEAD is answered without a code
    if not calls:
        return not_observed(seen, asked.run_facts, f"the object {key}")
    endings = [ending_of(call) for call in calls]
    if Ending.DONE in endings or Ending.ARCHIVED in endings or Ending.KEY_UNUSABLE in endings:
        return None
    odd = next((call for call, ending in zip(calls, endings, strict=True) if ending is not Ending.DENIED), None)
    if odd is not None:
        return told(odd, asked.bucket)
    if key in asked.objects.found:
        return None
    if key in asked.objects.missing:
        missing = f"there is no object {key} in {asked.bucket} (the role is refused, the observer sees none)"
        return violated("object-missing", missing, layer=Layer.SUBSTRATE).with_facts(call_facts(calls[0]))
    why = asked.objects.unseen or Unobserved(reason="not-asked")
    return unseen(why, f"the object {key}, which the role may not see")


def diagnose_reading(seen: Seen, asked: Asked) -> Diagnosis:
    """DAT-040: the beginning of every required object was really read, and so decrypted."""
    grant = grant_of(seen, asked)
    if isinstance(grant, Diagnosis):
        return grant
    assert isinstance(seen, DataTranscript)  # noqa: S101  `grant_of` told otherwise
    facts = bucket_facts(asked, grant)
    keys = [target for target in asked.read if not target.endswith("/")]
    read: list[CallSeen] = []
    for key in keys:
        call = next(iter(grant.of("read", key)), None)
        if call is None:
            return not_observed(seen, asked.run_facts, f"the object {key}").with_facts(facts)
        if not call.done:
            return _unread(call, seen, asked).with_facts(facts)
        read.append(call)
    sealed = next((call for call in read if call.key_id), None)
    encryptions = tuple(dict.fromkeys(call.encryption for call in read if call.encryption))
    under = f", decrypted with {sealed.key_id}" if sealed else ""
    return passed(
        f"{number_of(len(read), 'required object')} read{under}",
        count=len(read),
        key_arn=None if sealed is None else admitted("key_arn", sealed.key_id),
        encryption=admitted("encryption", encryptions if len(encryptions) > 1 else next(iter(encryptions), None)),
        bucket_key=read[0].bucket_key,
    ).with_facts(facts)


def _unread(call: CallSeen, seen: DataTranscript, asked: Asked) -> Diagnosis:
    if ending_of(call) is not Ending.DENIED:
        return told(call, asked.bucket)
    found = _attributed(call, seen, asked)
    if found.action == _LIST or call.key in asked.objects.missing:
        missing = f"there is no object {call.key} in {asked.bucket}"
        return violated("object-missing", missing, layer=Layer.SUBSTRATE).with_facts(call_facts(call))
    return denied("decrypt-denied" if found.action.startswith("kms:") else "read-denied", call, seen, asked)


def diagnose_writing(seen: Seen, asked: Asked) -> Diagnosis:
    """DAT-050: what must be writable was written to, and nothing of it stays."""
    grant = grant_of(seen, asked)
    if isinstance(grant, Diagnosis):
        return grant
    assert isinstance(seen, DataTranscript)  # noqa: S101  `grant_of` told otherwise
    facts = bucket_facts(asked, grant)
    for target in asked.write:
        calls = grant.of("write", target)
        if not calls:
            return not_observed(seen, asked.run_facts, f"the write to {target}").with_facts(facts)
        failed = next((call for call in calls if not call.done or call.same is False), None)
        if failed is not None:
            gone = next((call for call in grant.calls if ending_of(call) is Ending.NO_BUCKET), None)
            found = _unwritten(failed, seen, asked) if gone is None else told(gone, asked.bucket)
            return _with_what_stays(found, calls, asked).with_facts(facts)
    return (_left(asked) or _written(grant, asked)).with_facts(facts)


def _with_what_stays(found: Diagnosis, calls: Sequence[CallSeen], asked: Asked) -> Diagnosis:
    """The same, naming the object that a round trip made and could not delete."""
    made = next((call for call in calls if call.operation == "PutObject" and call.done), None)
    if made is None or any(call.operation == "DeleteObject" and call.done for call in calls):
        return found
    deleted = isinstance(asked.left, LeftUploads) and made.key not in asked.left.stay
    what = f"the observer has deleted {made.key}" if deleted else f"{made.key} stays in the bucket"
    return replace(found, message=f"{found.message}; {what}")


def _unwritten(call: CallSeen, seen: DataTranscript, asked: Asked) -> Diagnosis:
    ending = ending_of(call)
    if call.same is False and call.done:
        return violated("other-content", f"what was read back from {call.key} is not what was written").with_facts(
            call_facts(call)
        )
    if ending is Ending.IN_THE_WAY:
        told_by = f"{call.key} exists already, and a probe replaces no object"
        return inconclusive("object-in-the-way", told_by).with_facts(call_facts(call))
    if ending is not Ending.DENIED:
        return told(call, asked.bucket)
    found = _attributed(call, seen, asked)
    cause = "encrypt-denied" if found.action.startswith("kms:") else _OF_WRITE.get(call.operation, "write-denied")
    return denied(cause, call, seen, asked)


def _left(asked: Asked) -> Diagnosis | None:
    left = asked.left
    if isinstance(left, Unobserved):
        return unseen(left, f"what uploads are left in {asked.bucket}")
    if isinstance(left, Missing):
        return inconclusive("bucket-missing", f"the observer sees no bucket {asked.bucket}: whether anything is left")
    if left.found:
        kept = "" if not left.kept else "; the observer may not abort it either"
        said = f"an upload was aborted, and {left.found[0]} is still listed among the uploads{kept}"
        return violated("left-behind", said, layer=Layer.SUBSTRATE, object_key=admitted("object_key", left.found[0]))
    return None


def _written(grant: GrantSeen, asked: Asked) -> Diagnosis:
    way = "written, read back and deleted" if asked.roundtrip else "begun, uploaded to and aborted"
    calls = grant.of("write")
    sealed = next((call for call in calls if call.key_id), None)
    return passed(
        f"{', '.join(asked.write)}: {way}, and nothing is left",
        count=len(asked.write),
        key_arn=None if sealed is None else admitted("key_arn", sealed.key_id),
        encryption=next((admitted("encryption", call.encryption) for call in calls if call.encryption), None),
    )


def denied(cause: str, call: CallSeen, seen: DataTranscript, asked: Asked) -> Diagnosis:
    """VIOLATION: a refusal with its name, and the mend."""
    found = _attributed(call, seen, asked)
    said = f"{asked.task_role} may not {found.action} on {found.resource}: {found.reason}"
    facts: dict[str, FactValue] = {**found.facts(), **call_facts(call)}
    where = where_of(asked, call.target)
    facts["attributed"] = found.source != "unknown"
    facts["missing_statement"] = admitted("missing_statement", missing_statement(found, where))
    return violated(cause, said, next=mend(found, where)).with_facts(facts)


def _attributed(call: CallSeen, seen: DataTranscript, asked: Asked) -> Attribution:
    caller = None if seen.identity is None else seen.identity.caller_arn or seen.identity.role_arn
    return attribute(call, arn_of(asked.bucket, asked.region), asked.weighed, caller)


def where_of(asked: Asked, target: str) -> Where:
    """What a mend is about."""
    return Where(
        role=asked.task_role,
        bucket=asked.bucket,
        bucket_arn=arn_of(asked.bucket, asked.region),
        target=target,
        account=asked.account,
        region=asked.region,
        prefixes=(target,) if target.endswith("/") else (),
    )


def arn_of(bucket: str, region: str) -> str:
    """The ARN that policies name a bucket by, in the region's partition; an access point is declared by its own."""
    partition = {"cn": "aws-cn", "us-gov": "aws-us-gov"}.get(region.rsplit("-", 2)[0], "aws")
    return bucket if bucket.startswith("arn:") else f"arn:{partition}:s3:::{bucket}"


def principals(calls: Iterable[CallSeen], seen: DataTranscript, asked: Asked) -> tuple[str, ...]:
    """Whom S3 names in its refusals of these calls."""
    found = (_attributed(call, seen, asked) for call in calls)
    return tuple(dict.fromkeys(one.principal for one in found if one.by_service and one.principal))
