"""Observations of a grant, a job and its role, as tests change them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any, Final

from pytest_substrate.model.aws.instant import Instant
from pytest_substrate.model.aws.storage import BucketState, Encryption, LeftUploads, ObjectsSeen
from pytest_substrate.model.data_transcript import TRANSCRIPT_SCHEMA, CallSeen, DataTranscript, GrantSeen
from pytest_substrate.model.observation import Missing
from pytest_substrate.model.transcript import IdentitySeen
from pytest_substrate.planes.data.diagnose.attribution import Weighed
from pytest_substrate.planes.data.diagnose.seen import Asked
from pytest_substrate.policy.document import Document, PolicyKind, parse_policy

ACCOUNT: Final = "111122223333"
REGION: Final = "eu-west-2"
ROLE: Final = "oracle-task"
CALLER: Final = f"arn:aws:sts::{ACCOUNT}:assumed-role/{ROLE}/0123"
KEY: Final = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/11111111-2222-3333-4444-555555555555"
BUCKET: Final = "acme-spine"
OWN: Final = "outputs/substrate-probe-" + "0" * 32


def at(second: int, *, millisecond: int = 500) -> Instant:
    """A moment of one minute."""
    return Instant.of(datetime(2030, 1, 1, 12, 0, second, millisecond * 1000, tzinfo=UTC))


def call(purpose: str, operation: str, target: str, status: int | None = 200, **told: Any) -> CallSeen:
    """One call; its key is the target where none is given."""
    return CallSeen(purpose=purpose, operation=operation, target=target, status=status, **{"key": target, **told})


def refused(action: str, resource: str, why: str = "", *, principal: str = CALLER) -> dict[str, Any]:
    """S3's refusal in its own words."""
    why = why or f"because no identity-based policy allows the {action} action"
    message = f'User: {principal} is not authorized to perform: {action} on resource: "{resource}" {why}'
    return {"status": 403, "code": "AccessDenied", "message": message}


def good() -> tuple[CallSeen, ...]:
    """All calls of a grant that is as it should be."""
    manifest, canary = "inputs/manifest.json", "private/canary"
    closed: dict[str, Any] = {"status": 403, "code": "AccessDenied", "message": "Access Denied"}
    return (
        call("exists", "HeadObject", manifest),
        call("read", "GetObject", manifest, 206, count=61, encryption="aws:kms", key_id=KEY),
        call("list", "ListObjectsV2", "inputs/", key="", count=3, more=False),
        call("write", "CreateMultipartUpload", "outputs/", key=OWN),
        call("write", "UploadPart", "outputs/", key=OWN),
        call("write", "AbortMultipartUpload", "outputs/", 204, key=OWN),
        call("closed", "GetObject", canary, **closed),
        call("closed", "CreateMultipartUpload", canary, **closed),
    )


def seen(*calls: CallSeen, **parts: Any) -> DataTranscript:
    """A transcript whose calls stand in the place of the good ones about the same."""
    changed = {(one.purpose, one.operation): one for one in calls}
    kept = [changed.pop((one.purpose, one.operation), one) for one in good()]
    fields = {
        "identity": IdentitySeen(role_arn=f"arn:aws:iam::{ACCOUNT}:role/{ROLE}", caller_arn=CALLER, sts="answered"),
        "grants": {"oracle-in": GrantSeen(host="s3.eu-west-2.amazonaws.com", calls=(*kept, *changed.values()))},
    }
    return DataTranscript(
        schema=TRANSCRIPT_SCHEMA, nonce="0" * 32, python="3", started_at="2030-01-01T12:00:00Z", **{**fields, **parts}
    )


def bucket(**parts: Any) -> BucketState:
    """The bucket as the observer sees it."""
    fields: dict[str, Any] = {
        "name": BUCKET,
        "region": REGION,
        "encryption": Encryption(algorithm="aws:kms", key_id=KEY, bucket_key=True),
        "policy": Missing(what="a policy"),
        "ownership": "BucketOwnerEnforced",
        "requester_pays": False,
        "lock": Missing(what="a lock"),
    }
    return BucketState(**{**fields, **parts})


def asked(**parts: Any) -> Asked:
    """What is declared of the grant, and what was seen beside the probe."""
    fields: dict[str, Any] = {
        "name": "oracle-in",
        "bucket": BUCKET,
        "account": ACCOUNT,
        "region": REGION,
        "task_role": ROLE,
        "read": ("inputs/manifest.json", "inputs/"),
        "write": ("outputs/",),
        "closed": ("private/canary",),
        "state": bucket(),
        "objects": ObjectsSeen(found=("inputs/manifest.json",)),
        "canaries": ObjectsSeen(found=("private/canary",)),
        "left": LeftUploads(),
        "weighed": Weighed(),
    }
    return Asked(**{**fields, **parts})


def policy(*statements: dict[str, Any], kind: PolicyKind = PolicyKind.IDENTITY, name: str = "oracle-data") -> Document:
    """A document of these statements."""
    return parse_policy(json.dumps({"Version": "2012-10-17", "Statement": list(statements)}), name=name, kind=kind)


def allow(action: str | list[str], resource: str, **more: Any) -> dict[str, Any]:
    """An Allow."""
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}
