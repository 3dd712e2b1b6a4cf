"""What S3 and KMS say to the observer of a bucket, of single keys, of uploads that a probe left."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, TypeVar

from pytest_substrate.adapters.aws.answer import NoAnswer, answered, ask
from pytest_substrate.model.aws import storage as facts
from pytest_substrate.model.observation import Missing, Unobserved

T = TypeVar("T")

FIRST_KEYS: Final = 1
"""How many keys below a closed prefix are tried."""
_OLD_REGIONS: Final = {"": "us-east-1", "EU": "eu-west-1"}
_NO_BUCKET: Final = "NoSuchBucket"


@answered
def read_bucket(client: Any, bucket: str) -> facts.BucketState:
    """A bucket; Missing where there is none of that name."""
    located = ask(client, "s3:GetBucketLocation", what=bucket, Bucket=bucket)
    region = located.text_or_none("LocationConstraint") or ""
    payer = _part(lambda: ask(client, "s3:GetBucketRequestPayment", what=bucket, Bucket=bucket).text_or_none("Payer"))
    return facts.BucketState(
        name=bucket,
        region=_OLD_REGIONS.get(region, region),
        encryption=_part(lambda: _encryption(client, bucket)),
        policy=_part(lambda: ask(client, "s3:GetBucketPolicy", what=bucket, Bucket=bucket).text("Policy")),
        ownership=_part(lambda: _ownership(client, bucket)),
        requester_pays=payer if isinstance(payer, Unobserved) else payer == facts.REQUESTER,
        lock=_part(lambda: _lock(client, bucket)),
    )


@answered
def read_access_point(control: Any, arn: str) -> facts.AccessPoint:
    """An access point by its ARN, and its policy."""
    named = {"AccountId": arn.split(":")[4], "Name": arn.rpartition("/")[2]}
    found = ask(control, "s3control:GetAccessPoint", what=arn, **named)
    return facts.AccessPoint(
        arn=arn,
        bucket=found.text("Bucket"),
        vpc=found.part("VpcConfiguration").text_or_none("VpcId"),
        policy=_part(lambda: ask(control, "s3control:GetAccessPointPolicy", what=arn, **named).text("Policy")),
    )


def _part(read: Callable[[], T]) -> T | Missing | Unobserved:
    """A part of the whole; that the bucket itself has gone meanwhile leaves the reader."""
    try:
        return read()
    except NoAnswer as none:
        if isinstance(none.observation, Missing) and none.observation.code == _NO_BUCKET:
            raise
        return none.observation


def _encryption(client: Any, bucket: str) -> facts.Encryption | Missing:
    rules = ask(client, "s3:GetBucketEncryption", what=bucket, Bucket=bucket)
    for rule in rules.part("ServerSideEncryptionConfiguration").parts("Rules"):
        applied = rule.part("ApplyServerSideEncryptionByDefault")
        algorithm = applied.text_or_none("SSEAlgorithm")
        if algorithm is not None:
            return facts.Encryption(
                algorithm=algorithm,
                key_id=applied.text_or_none("KMSMasterKeyID"),
                bucket_key=rule.flag("BucketKeyEnabled"),
            )
    return Missing(what=f"the default encryption of {bucket}", operation="s3:GetBucketEncryption")


def _ownership(client: Any, bucket: str) -> str | Missing:
    answer = ask(client, "s3:GetBucketOwnershipControls", what=bucket, Bucket=bucket)
    rules = answer.part("OwnershipControls").parts("Rules")
    return rules[0].text("ObjectOwnership") if rules else Missing(what=f"the ownership controls of {bucket}")


def _lock(client: Any, bucket: str) -> str | Missing:
    answer = ask(client, "s3:GetObjectLockConfiguration", what=bucket, Bucket=bucket)
    retention = answer.part("ObjectLockConfiguration").part("Rule").part("DefaultRetention")
    return retention.text_or_none("Mode") or Missing(what=f"a default retention of {bucket}")


def read_objects(client: Any, bucket: str, keys: Sequence[str]) -> facts.ObjectsSeen:
    """Which of these keys exist, and the first keys below each prefix among them, by lists, which read nothing."""
    found: list[str] = []
    missing: list[str] = []
    for key in keys:
        try:
            answer = ask(client, "s3:ListObjectsV2", what=bucket, Bucket=bucket, Prefix=key, MaxKeys=FIRST_KEYS + 1)
            listed = [one.text("Key") for one in answer.parts("Contents")]
        except NoAnswer as none:
            seen = none.observation
            if isinstance(seen, Missing):
                missing.append(key)
                continue
            return facts.ObjectsSeen(found=tuple(found), missing=tuple(missing), unseen=seen)
        inside = [one for one in listed if not one.endswith("/")][:FIRST_KEYS] if key.endswith("/") else []
        exact = [key] if key in listed and not key.endswith("/") else []
        found += inside + exact
        missing += [] if inside or exact else [key]
    return facts.ObjectsSeen(found=tuple(found), missing=tuple(missing))


def read_canaries(client: Any, bucket: str, keys: Sequence[str]) -> facts.ObjectsSeen:
    """Which of these keys exist, by HeadObject; where that is refused, as an object's key may be, by a list."""
    found: list[str] = []
    missing: list[str] = []
    for key in keys:
        try:
            ask(client, "s3:HeadObject", what=key, Bucket=bucket, Key=key)
            found.append(key)
        except NoAnswer as none:
            if isinstance(none.observation, Missing):
                missing.append(key)
                continue
            listed = read_objects(client, bucket, [key])
            if listed.unseen is not None:
                return facts.ObjectsSeen(found=tuple(found), missing=tuple(missing), unseen=none.observation)
            found += listed.found
            missing += listed.missing
    return facts.ObjectsSeen(found=tuple(found), missing=tuple(missing))


@answered
def abort_left_uploads(client: Any, bucket: str, keys: Collection[str], since: datetime) -> facts.LeftUploads:
    """Uploads of a probe that are still there, which are aborted now. `keys` are those that it wrote to; what was begun
    there before `since`, when the probe started (to the second), is somebody else's.
    """
    found: list[str] = []
    kept: list[str] = []
    for key in keys:
        answer = ask(client, "s3:ListMultipartUploads", what=bucket, Bucket=bucket, Prefix=key)
        for upload in answer.parts("Uploads"):
            begun = upload.time("Initiated")
            if upload.text("Key") != key or begun is None or begun.at < since:
                continue
            found.append(key)
            try:
                ask(
                    client,
                    "s3:AbortMultipartUpload",
                    what=key,
                    Bucket=bucket,
                    Key=key,
                    UploadId=upload.text("UploadId"),
                )
            except NoAnswer as none:
                if isinstance(none.observation, Unobserved):
                    kept.append(key)
    return facts.LeftUploads(found=tuple(found), kept=tuple(kept))


def delete_left_objects(client: Any, bucket: str, made: Mapping[str, str | None]) -> tuple[str, ...]:
    """Delete what a round trip made, by key with its version; the keys of what stays."""
    stay: list[str] = []
    for key, version in made.items():
        named = {"Key": key} if version is None else {"Key": key, "VersionId": version}
        try:
            ask(client, "s3:DeleteObject", what=key, Bucket=bucket, **named)
        except NoAnswer as none:
            if isinstance(none.observation, Unobserved):
                stay.append(key)
    return tuple(stay)


@answered
def read_key_policy(client: Any, key_id: str) -> facts.KeyPolicy:
    """The policy of a key, by its id or ARN."""
    key = ask(client, "kms:DescribeKey", what=key_id, KeyId=key_id).part("KeyMetadata")
    arn = key.text("Arn")
    answer = ask(client, "kms:GetKeyPolicy", what=arn, KeyId=arn, PolicyName="default")
    return facts.KeyPolicy(arn=arn, document=answer.text("Policy"), created=key.time("CreationDate"))
