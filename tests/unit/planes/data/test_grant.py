"""DAT-030, DAT-040, DAT-050 and DAT-060: each answer of S3 and what it comes to, as a green is only proven by one."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_substrate.model.aws.storage import LeftUploads, ObjectsSeen
from pytest_substrate.model.check import Check
from pytest_substrate.model.command import blanks
from pytest_substrate.model.data_transcript import CallSeen, GrantSeen
from pytest_substrate.model.diagnosis import Diagnosis
from pytest_substrate.model.observation import Unobserved
from pytest_substrate.model.outcome import Layer, Outcome
from pytest_substrate.model.transcript import Crash, Failure
from pytest_substrate.planes.data.checks import CHECKS
from pytest_substrate.planes.data.diagnose.closed import diagnose_closed
from pytest_substrate.planes.data.diagnose.grant import diagnose_listing, diagnose_reading, diagnose_writing
from tests.unit.planes.data.making import BUCKET, CALLER, KEY, OWN, asked, call, good, refused, seen

RUNGS = {
    "DAT-030": diagnose_listing,
    "DAT-040": diagnose_reading,
    "DAT-050": diagnose_writing,
    "DAT-060": diagnose_closed,
}
MANIFEST, CANARY = "inputs/manifest.json", "private/canary"
ARN = f"arn:aws:s3:::{BUCKET}"
ELSEWHERE: dict[str, Any] = {"status": 301, "code": "PermanentRedirect", "region": "eu-central-1"}
GONE: dict[str, Any] = {"status": 404, "code": "NoSuchBucket"}
EVERY: list[Any] = [
    # check, the call that differs, outcome, cause, layer
    ("DAT-030", call("list", "ListObjectsV2", "inputs/", **refused("s3:ListBucket", ARN)), "list-denied", None),
    ("DAT-030", call("list", "ListObjectsV2", "inputs/", **ELSEWHERE), "bucket-elsewhere", Layer.WIRING),
    ("DAT-030", call("list", "ListObjectsV2", "inputs/", **GONE), "bucket-missing", Layer.SUBSTRATE),
    ("DAT-030", call("list", "ListObjectsV2", "inputs/", None, cause="no-route"), "bucket-not-reached", Layer.NETWORK),
    (
        "DAT-030",
        call("list", "ListObjectsV2", "inputs/", None, cause="certificate-expired"),
        "bucket-not-reached",
        Layer.TLS,
    ),
    (
        "DAT-030",
        call("list", "ListObjectsV2", "inputs/", 403, code="InvalidAccessKeyId"),
        "credentials-refused",
        Layer.IDENTITY,
    ),
    (
        "DAT-040",
        call("read", "GetObject", MANIFEST, **refused("s3:GetObject", f"{ARN}/{MANIFEST}")),
        "read-denied",
        None,
    ),
    ("DAT-040", call("read", "GetObject", MANIFEST, **refused("kms:Decrypt", KEY)), "decrypt-denied", None),
    (
        "DAT-040",
        call("read", "GetObject", MANIFEST, **refused("s3:ListBucket", ARN)),
        "object-missing",
        Layer.SUBSTRATE,
    ),
    ("DAT-040", call("read", "GetObject", MANIFEST, 404, code="NoSuchKey"), "object-missing", Layer.SUBSTRATE),
    (
        "DAT-040",
        call("read", "GetObject", MANIFEST, 403, code="InvalidObjectState"),
        "object-archived",
        Layer.SUBSTRATE,
    ),
    (
        "DAT-040",
        call("read", "GetObject", MANIFEST, 400, code="KMS.DisabledException"),
        "key-unusable",
        Layer.SUBSTRATE,
    ),
    ("DAT-040", call("read", "GetObject", MANIFEST, 412, code="PreconditionFailed"), "object-changed", Layer.SUBSTRATE),
    (
        "DAT-050",
        call("write", "CreateMultipartUpload", "outputs/", key=OWN, **refused("s3:PutObject", f"{ARN}/{OWN}")),
        "write-denied",
        None,
    ),
    (
        "DAT-050",
        call("write", "CreateMultipartUpload", "outputs/", key=OWN, **refused("kms:GenerateDataKey", KEY)),
        "encrypt-denied",
        None,
    ),
    (
        "DAT-050",
        call("write", "UploadPart", "outputs/", key=OWN, **refused("kms:Decrypt", KEY)),
        "encrypt-denied",
        None,
    ),
    (
        "DAT-050",
        call(
            "write", "AbortMultipartUpload", "outputs/", key=OWN, **refused("s3:AbortMultipartUpload", f"{ARN}/{OWN}")
        ),
        "abort-denied",
        None,
    ),
    (
        "DAT-050",
        call("write", "DeleteObject", "outputs/", key=OWN, **refused("s3:DeleteObject", f"{ARN}/{OWN}")),
        "delete-denied",
        None,
    ),
    ("DAT-050", call("write", "GetObject", "outputs/", key=OWN, same=False), "other-content", None),
    ("DAT-060", call("closed", "GetObject", CANARY, 206), "read-allowed", None),
    ("DAT-060", call("closed", "CreateMultipartUpload", CANARY), "write-allowed", None),
    ("DAT-060", call("closed", "ListObjectsV2", CANARY), "list-allowed", None),
]
UNDECIDED: list[Any] = [
    ("DAT-030", call("list", "ListObjectsV2", "inputs/", 503, code="SlowDown"), "service-error"),
    ("DAT-030", call("list", "ListObjectsV2", "inputs/", None, cause="out-of-time"), "out-of-time"),
    ("DAT-040", call("read", "GetObject", MANIFEST, 400, code="InvalidRequest"), "answered-otherwise"),
    ("DAT-060", call("closed", "GetObject", CANARY, 404, code="NoSuchKey"), "refusal-not-proven"),
    ("DAT-060", call("closed", "GetObject", CANARY, 403), "refusal-not-proven"),
    ("DAT-060", call("closed", "GetObject", CANARY, 403, code="AllAccessDisabled"), "refusal-not-proven"),
    ("DAT-060", call("closed", "GetObject", CANARY, **ELSEWHERE), "refusal-not-proven"),
    ("DAT-060", call("closed", "GetObject", CANARY, **GONE), "refusal-not-proven"),
    ("DAT-060", call("closed", "GetObject", CANARY, None, cause="no-route"), "refusal-not-proven"),
    ("DAT-060", call("closed", "GetObject", CANARY, 403, code="SignatureDoesNotMatch"), "refusal-not-proven"),
    ("DAT-060", call("closed", "GetObject", CANARY, 403, code="RequestTimeTooSkewed"), "refusal-not-proven"),
    ("DAT-060", call("closed", "CreateMultipartUpload", CANARY, 503), "refusal-not-proven"),
]


def judged(check: str, *calls: CallSeen, **parts: Any) -> Diagnosis:
    """What a rung comes to where these calls were answered otherwise."""
    return RUNGS[check](seen(*calls), asked(**parts))


def the(check: str) -> Check:
    """The check of that id."""
    return next(one for one in CHECKS if one.id == check)


@pytest.mark.parametrize("check", RUNGS)
def test_as_it_should_be(check: str) -> None:
    """Every rung is green, and says on what it rests."""
    found = judged(check)
    assert Outcome.PASS is found.outcome, found.message
    assert (BUCKET, "eu-west-2", False) == tuple(
        found.facts[name] for name in ("bucket", "bucket_region", "requester_pays")
    )


@pytest.mark.parametrize(("check", "differs", "cause", "layer"), EVERY)
def test_proven_wrong(check: str, differs: CallSeen, cause: str, layer: Layer | None) -> None:
    """The cause is one of the check's, the layer that of what failed, and the next command has no blank."""
    found = judged(check, differs)
    assert (Outcome.VIOLATION, cause, layer) == (found.outcome, found.cause, found.layer)
    assert cause in {one.slug for one in the(check).causes}
    if found.next is None:
        words = {*found.facts, "task_role", "region", "bucket", "account"}
        assert set() == set(blanks(the(check).command(cause))) - words


@pytest.mark.parametrize(("check", "differs", "cause"), UNDECIDED)
def test_nothing_proven(check: str, differs: CallSeen, cause: str) -> None:
    """What says nothing of a permission is neither green nor a finding."""
    found = judged(check, differs)
    assert (Outcome.INCONCLUSIVE, cause) == (found.outcome, found.cause)
    assert cause in {one.slug for one in the(check).causes}


def test_what_a_round_trip_leaves_is_named() -> None:
    """An object that the role could write and not delete."""
    put = call("write", "PutObject", "outputs/", key=OWN)
    kept = call("write", "DeleteObject", "outputs/", key=OWN, **refused("s3:DeleteObject", f"{ARN}/{OWN}"))
    found = RUNGS["DAT-050"](seen(put, kept), asked(roundtrip=True, left=LeftUploads(stay=(OWN,))))
    assert ("delete-denied", True) == (found.cause, found.message.endswith(f"{OWN} stays in the bucket"))
    mended = RUNGS["DAT-050"](seen(put, kept), asked(roundtrip=True))
    assert mended.message.endswith(f"the observer has deleted {OWN}")
    gone = RUNGS["DAT-050"](seen(put, call("write", "DeleteObject", "outputs/", 204, key=OWN)), asked(roundtrip=True))
    assert Outcome.PASS is gone.outcome


def test_no_permission_is_missing_on_a_bucket_that_is_not_there() -> None:
    """Where another call of the grant was told that there is none, a refusal before it is no finding of a policy."""
    denied = call("write", "CreateMultipartUpload", "outputs/", key=OWN, **refused("s3:PutObject", f"{ARN}/{OWN}"))
    found = judged("DAT-050", denied)
    assert "write-denied" == found.cause
    found = RUNGS["DAT-050"](seen(denied, call("list", "ListObjectsV2", "inputs/", **GONE)), asked())
    assert ("bucket-missing", Layer.SUBSTRATE) == (found.cause, found.layer)


def test_a_refusal_is_told_in_full() -> None:
    """Principal, action, resource, effect and source, as facts and in one sentence."""
    [(_, differs, _, _)] = [one for one in EVERY if one[2] == "read-denied"]
    found = judged("DAT-040", differs)
    assert f"oracle-task may not s3:GetObject on {ARN}/{MANIFEST}: no identity-based policy allows it" == found.message
    assert (CALLER, "s3:GetObject", f"{ARN}/{MANIFEST}", "implicit", "identity", True) == tuple(
        found.facts[name] for name in ("principal", "action", "resource", "effect", "source", "attributed")
    )


def test_an_object_that_nobody_may_see_is_looked_for_by_the_observer() -> None:
    """There by a list: whether it may be read is for the next rung; not there: missing; unseen: not judged."""
    hidden = (
        call("exists", "HeadObject", MANIFEST, 403),
        call("read", "GetObject", MANIFEST, **refused("s3:GetObject", f"{ARN}/{MANIFEST}")),
    )
    assert Outcome.PASS is judged("DAT-030", *hidden).outcome
    gone = judged("DAT-030", *hidden, objects=ObjectsSeen(missing=(MANIFEST,)))
    assert (Outcome.VIOLATION, "object-missing") == (gone.outcome, gone.cause)
    unseen = judged("DAT-030", *hidden, objects=ObjectsSeen(unseen=Unobserved(reason="access-denied")))
    assert (Outcome.INCONCLUSIVE, "access-denied") == (unseen.outcome, unseen.cause)


def test_a_missing_key_that_looks_forbidden_is_missing() -> None:
    """A bare 403 of an object that the observer sees to be gone is no lack of a permission."""
    bare = call("read", "GetObject", MANIFEST, 403, code="AccessDenied", message="Access Denied")
    found = judged("DAT-040", bare, objects=ObjectsSeen(missing=(MANIFEST,)))
    assert "object-missing" == found.cause


def test_an_upload_that_stays() -> None:
    """Aborted, says S3, and listed still."""
    found = judged("DAT-050", left=LeftUploads(found=(OWN,), kept=(OWN,)))
    assert (Outcome.VIOLATION, "left-behind") == (found.outcome, found.cause)
    assert "may not abort it either" in found.message
    unseen = judged("DAT-050", left=Unobserved(reason="access-denied", operation="s3:ListBucketMultipartUploads"))
    assert (Outcome.INCONCLUSIVE, "access-denied") == (unseen.outcome, unseen.cause)


@pytest.mark.parametrize(
    ("canaries", "cause"),
    [
        (ObjectsSeen(missing=(CANARY,)), "canary-missing"),
        (ObjectsSeen(unseen=Unobserved(reason="access-denied")), "access-denied"),
        (ObjectsSeen(), "not-observed"),
        (ObjectsSeen(found=("private/canary-2",)), "not-observed"),
    ],
)
def test_a_refusal_of_what_nobody_sees_proves_nothing(canaries: ObjectsSeen, cause: str) -> None:
    """Each call was refused, and the check is red."""
    found = judged("DAT-060", canaries=canaries)
    assert (Outcome.INCONCLUSIVE, cause) == (found.outcome, found.cause)


def test_a_refusal_to_another_principal_proves_nothing() -> None:
    """S3 names whom it refused."""
    other = refused("s3:GetObject", f"{ARN}/{CANARY}", principal="arn:aws:sts::111122223333:assumed-role/other/1")
    found = judged("DAT-060", call("closed", "GetObject", CANARY, **other))
    assert (Outcome.INCONCLUSIVE, "refused-to-another") == (found.outcome, found.cause)


def test_what_is_open_is_said_before_what_can_t_be_judged() -> None:
    """A missing canary does not hide a write that succeeded."""
    found = judged("DAT-060", call("closed", "CreateMultipartUpload", CANARY), canaries=ObjectsSeen(missing=(CANARY,)))
    assert "write-allowed" == found.cause


@pytest.mark.parametrize("check", RUNGS)
@pytest.mark.parametrize(
    ("transcript", "cause"),
    [
        (Unobserved(reason="parts-cut"), "parts-cut"),
        (seen(grants={}), "not-observed"),
        (seen(grants={}, crash=Crash(type="KeyError", at="run:1")), "probe-crashed"),
        (seen(grants={"oracle-in": GrantSeen()}), "not-observed"),
    ],
)
def test_without_a_transcript_nothing_is_green(check: str, transcript: Any, cause: str) -> None:
    """However it is missing."""
    found = RUNGS[check](transcript, asked())
    assert (Outcome.INCONCLUSIVE, cause) == (found.outcome, found.cause)
    assert cause in {one.slug for one in the(check).causes}


def test_what_is_no_bucket() -> None:
    """The probe asked nobody."""
    none = GrantSeen(failure=Failure(cause="bucket-unsupported", stage="bucket"))
    for rung in RUNGS.values():
        found = rung(seen(grants={"oracle-in": none}), asked())
        assert (Outcome.VIOLATION, "bucket-unsupported") == (found.outcome, found.cause)


STATUSES = st.sampled_from([None, 200, 204, 206, 301, 307, 400, 403, 404, 405, 409, 412, 416, 429, 500, 503])
CODES = st.sampled_from(
    [
        None,
        "AccessDenied",
        "NoSuchKey",
        "NoSuchBucket",
        "PermanentRedirect",
        "KMS.DisabledException",
        "ExpiredToken",
        "X",
    ]
)


@given(at=st.integers(0, len(good()) - 1), status=STATUSES, code=CODES, cause=st.sampled_from([None, "silent"]))
def test_no_answer_of_s3_makes_another_rung_red_or_crashes(
    at: int, status: int | None, code: str | None, cause: str | None
) -> None:
    """Whatever one call was answered: a rung is green exactly where what it rests on is, and has a known cause."""
    one = good()[at]
    changed = CallSeen(
        purpose=one.purpose,
        target=one.target,
        operation=one.operation,
        key=one.key,
        status=status,
        code=code,
        cause=cause,
    )
    rests = {"DAT-030": ("list", "exists", "read"), "DAT-040": ("read",), "DAT-050": ("write",), "DAT-060": ("closed",)}
    for check in RUNGS:
        found = judged(check, changed)
        if one.purpose not in rests[check]:
            assert Outcome.PASS is found.outcome
        elif check == "DAT-060":
            assert (status == 403 and code == "AccessDenied") == (found.outcome is Outcome.PASS)
        elif check != "DAT-030":
            assert changed.done == (found.outcome is Outcome.PASS)
        assert found.cause is None or found.cause in {cause.slug for cause in the(check).causes}
