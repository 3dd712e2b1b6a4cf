"""What S3 and CloudWatch say to the observer: buckets by parts, keys by lists, uploads that were left, job logs."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.stub import Stubber

from pytest_substrate.adapters.aws.job_logs import read_job_log
from pytest_substrate.adapters.aws.s3 import (
    abort_left_uploads,
    delete_left_objects,
    read_access_point,
    read_bucket,
    read_canaries,
    read_key_policy,
    read_objects,
)
from pytest_substrate.model.aws.instant import Instant
from pytest_substrate.model.aws.job_log import JobLog, LoggedDenial
from pytest_substrate.model.aws.storage import AccessPoint, BucketState, Encryption, KeyPolicy, LeftUploads, ObjectsSeen
from pytest_substrate.model.observation import Missing, Unobserved

Stubs = Callable[[str], tuple[Any, Stubber]]
KEY = "arn:aws:kms:eu-west-2:111122223333:key/11111111-2222-3333-4444-555555555555"
NOW = datetime(2030, 1, 1, tzinfo=UTC)


def the_bucket(stubber: Stubber, **errors: str) -> None:
    """A bucket's answers in the order in which they are asked for; `errors` by operation."""
    rule = {
        "ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": KEY},
        "BucketKeyEnabled": True,
    }
    answers: dict[str, dict[str, Any]] = {
        "get_bucket_location": {"LocationConstraint": "eu-west-2"},
        "get_bucket_request_payment": {"Payer": "Requester"},
        "get_bucket_encryption": {"ServerSideEncryptionConfiguration": {"Rules": [rule]}},
        "get_bucket_policy": {"Policy": "{}"},
        "get_bucket_ownership_controls": {"OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}},
        "get_object_lock_configuration": {
            "ObjectLockConfiguration": {
                "ObjectLockEnabled": "Enabled",
                "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 1}},
            }
        },
    }
    for operation, answer in answers.items():
        if operation in errors:
            stubber.add_client_error(operation, errors[operation])
            if errors[operation] == "NoSuchBucket":
                return
        else:
            stubber.add_response(operation, answer, {"Bucket": "acme"})


def test_a_bucket(stub: Stubs) -> None:
    """All of its parts."""
    client, stubber = stub("s3")
    the_bucket(stubber)
    assert BucketState(
        name="acme",
        region="eu-west-2",
        encryption=Encryption(algorithm="aws:kms", key_id=KEY, bucket_key=True),
        policy="{}",
        ownership="BucketOwnerEnforced",
        requester_pays=True,
        lock="GOVERNANCE",
    ) == read_bucket(client, "acme")


@pytest.mark.parametrize(("told", "region"), [(None, "us-east-1"), ("EU", "eu-west-1")])
def test_the_oldest_regions_and_what_may_not_be_seen(stub: Stubs, told: str | None, region: str) -> None:
    """Regions with names of their own, or none; a part that is refused is unseen, one that isn't there is missing."""
    client, stubber = stub("s3")
    stubber.add_response("get_bucket_location", {"LocationConstraint": told} if told else {})
    for operation in ("get_bucket_request_payment", "get_bucket_encryption", "get_bucket_policy"):
        stubber.add_client_error(operation, "AccessDenied")
    stubber.add_client_error("get_bucket_ownership_controls", "OwnershipControlsNotFoundError")
    stubber.add_client_error("get_object_lock_configuration", "ObjectLockConfigurationNotFoundError")
    found = read_bucket(client, "acme")
    assert isinstance(found, BucketState)
    assert region == found.region
    assert isinstance(found.policy, Unobserved)
    assert isinstance(found.requester_pays, Unobserved)
    assert isinstance(found.lock, Missing)
    assert found.key_id is None


def test_a_bucket_that_has_no_policy(stub: Stubs) -> None:
    """Missing in its own field, and the rest is known."""
    client, stubber = stub("s3")
    the_bucket(stubber, get_bucket_policy="NoSuchBucketPolicy")
    found = read_bucket(client, "acme")
    assert isinstance(found, BucketState)
    assert isinstance(found.policy, Missing)


@pytest.mark.parametrize("operation", ["get_bucket_location", "get_bucket_encryption"])
def test_a_bucket_that_is_missing_or_goes_away(stub: Stubs, operation: str) -> None:
    """Whenever S3 says so."""
    client, stubber = stub("s3")
    the_bucket(stubber, **{operation: "NoSuchBucket"})
    assert isinstance(read_bucket(client, "acme"), Missing)


def test_which_objects_exist(stub: Stubs) -> None:
    """Each by a list of its own name; one of another name that begins so is none."""
    client, stubber = stub("s3")
    for keys in (["in/a"], ["in/b2"], [], ["in/", "in/a"], ["out/"]):
        stubber.add_response("list_objects_v2", {"Contents": [{"Key": key} for key in keys]})
    found = read_objects(client, "acme", ["in/a", "in/b", "in/c", "in/", "out/"])
    assert ObjectsSeen(found=("in/a", "in/a"), missing=("in/b", "in/c", "out/")) == found


def test_objects_that_may_not_be_listed(stub: Stubs) -> None:
    """From there on nothing is known."""
    client, stubber = stub("s3")
    stubber.add_response("list_objects_v2", {"Contents": [{"Key": "in/a"}]})
    stubber.add_client_error("list_objects_v2", "AccessDenied")
    found = read_objects(client, "acme", ["in/a", "in/b", "in/c"])
    assert (("in/a",), ()) == (found.found, found.missing)
    assert found.unseen is not None
    assert "access-denied" == found.unseen.reason


def test_canaries(stub: Stubs) -> None:
    """By HeadObject; one that is refused by a list."""
    client, stubber = stub("s3")
    stubber.add_response("head_object", {"ContentLength": 6})
    stubber.add_client_error("head_object", "404", http_status_code=404)
    stubber.add_client_error("head_object", "403", http_status_code=403)
    stubber.add_response("list_objects_v2", {"Contents": [{"Key": "c"}]})
    stubber.add_client_error("head_object", "403", http_status_code=403)
    stubber.add_client_error("list_objects_v2", "AccessDenied")
    found = read_canaries(client, "acme", ["a", "b", "c", "d"])
    assert (("a", "c"), ("b",)) == (found.found, found.missing)
    assert found.unseen is not None
    assert "s3:HeadObject" == found.unseen.operation


def test_left_uploads_are_aborted(stub: Stubs) -> None:
    """Of that very key, since the probe began; somebody else's stay."""
    client, stubber = stub("s3")
    old = datetime(2029, 1, 1, tzinfo=UTC)
    uploads = [
        {"Key": "out/x", "UploadId": "1", "Initiated": NOW},
        {"Key": "out/x", "UploadId": "2", "Initiated": old},
        {"Key": "out/xy", "UploadId": "3", "Initiated": NOW},
    ]
    stubber.add_response("list_multipart_uploads", {"Uploads": uploads}, {"Bucket": "acme", "Prefix": "out/x"})
    stubber.add_response("abort_multipart_upload", {}, {"Bucket": "acme", "Key": "out/x", "UploadId": "1"})
    assert LeftUploads(found=("out/x",)) == abort_left_uploads(client, "acme", ["out/x"], NOW)


def test_left_uploads_that_stay(stub: Stubs) -> None:
    """Where the observer may not abort them; and one that is gone by then is none that stays."""
    client, stubber = stub("s3")
    uploads = [{"Key": "out/x", "UploadId": number, "Initiated": NOW} for number in ("1", "2")]
    stubber.add_response("list_multipart_uploads", {"Uploads": uploads})
    stubber.add_client_error("abort_multipart_upload", "AccessDenied")
    stubber.add_client_error("abort_multipart_upload", "NoSuchUpload")
    found = abort_left_uploads(client, "acme", ["out/x"], NOW)
    assert LeftUploads(found=("out/x", "out/x"), kept=("out/x",)) == found


def test_a_key_s_policy(stub: Stubs) -> None:
    """By an alias too: the key itself is asked."""
    client, stubber = stub("kms")
    described = {"KeyId": KEY.rpartition("/")[2], "Arn": KEY, "CreationDate": NOW}
    stubber.add_response("describe_key", {"KeyMetadata": described}, {"KeyId": "alias/data"})
    stubber.add_response("get_key_policy", {"Policy": "{}"}, {"KeyId": KEY, "PolicyName": "default"})
    assert KeyPolicy(arn=KEY, document="{}", created=Instant.of(NOW)) == read_key_policy(client, "alias/data")


def test_a_job_s_log(stub: Stubs) -> None:
    """The newest streams of the prefix, line by line in order, over all pages; foreign streams are left out."""
    client, stubber = stub("logs")
    streams = [
        {"logStreamName": f"oracle/app/{name}", "lastEventTimestamp": time} for name, time in (("a", 1), ("b", 9))
    ]
    stubber.add_response("describe_log_streams", {"logStreams": streams[:1], "nextToken": "n"})
    stubber.add_response("describe_log_streams", {"logStreams": [*streams[1:], {"logStreamName": "other/app/c"}]})
    events = [
        {"logStreamName": "oracle/app/b", "timestamp": 7, "message": "one"},
        {"logStreamName": "other/app/c", "timestamp": 8, "message": "foreign"},
        {"logStreamName": "oracle/app/a", "timestamp": 1, "message": "two"},
    ]
    stubber.add_response("filter_log_events", {"events": events[:2], "nextToken": "n"})
    stubber.add_response("filter_log_events", {"events": events[2:]})
    heard: list[tuple[list[str], list[Instant]]] = []

    def find(lines: Sequence[str], times: Sequence[Instant]) -> tuple[LoggedDenial, ...]:
        heard.append((list(lines), list(times)))
        return ()

    found = read_job_log(client, "/ecs/oracle", "oracle/app/", find)
    assert isinstance(found, JobLog)
    assert ["oracle/app/b", "oracle/app/a"] == [run.stream for run in found.runs]
    assert [["one"], ["two"]] == [lines for lines, _ in heard]
    assert 7_000 == heard[0][1][0].at.microsecond
    assert "foreign" not in json.dumps(heard, default=str)


def test_a_job_s_log_that_is_not_there(stub: Stubs) -> None:
    """Proven missing."""
    client, stubber = stub("logs")
    stubber.add_client_error("describe_log_streams", "ResourceNotFoundException")
    assert isinstance(read_job_log(client, "/ecs/oracle", "oracle/app/", lambda *_: ()), Missing)


def test_the_newest_line_of_a_run_is_its_own(stub: Stubs) -> None:
    """Where the list of streams, which lags, tells of an older one: a run that mended counts from its last line."""
    client, stubber = stub("logs")
    stream = {"logStreamName": "oracle/app/1", "creationTime": 1_000, "lastEventTimestamp": 2_000}
    stubber.add_response("describe_log_streams", {"logStreams": [stream]})
    events = [{"logStreamName": "oracle/app/1", "timestamp": at, "message": "x"} for at in (1_500, 9_000)]
    stubber.add_response("filter_log_events", {"events": events})
    found = read_job_log(client, "/ecs/oracle", "oracle/app/", lambda *_: ())
    assert isinstance(found, JobLog)
    assert ["1970-01-01T00:00:09Z"] == [run.newest.text() for run in found.runs]


def test_an_access_point(stub: Stubs) -> None:
    """The bucket behind it, the VPC that it is bound to, and its own policy, which it may lack."""
    arn = "arn:aws:s3:eu-west-2:111122223333:accesspoint/oracle"
    asked = {"AccountId": "111122223333", "Name": "oracle"}
    client, stubber = stub("s3control")
    told = {"Bucket": "acme", "VpcConfiguration": {"VpcId": "vpc-0a1b"}}
    stubber.add_response("get_access_point", told, asked)
    stubber.add_response("get_access_point_policy", {"Policy": "{}"}, asked)
    stubber.add_response("get_access_point", {"Bucket": "acme"}, asked)
    stubber.add_client_error("get_access_point_policy", "NoSuchAccessPointPolicy")
    stubber.add_client_error("get_access_point", "NoSuchAccessPoint")
    assert AccessPoint(arn=arn, bucket="acme", vpc="vpc-0a1b", policy="{}") == read_access_point(client, arn)
    bare = read_access_point(client, arn)
    assert isinstance(bare, AccessPoint)
    assert (None, True) == (bare.vpc, isinstance(bare.policy, Missing))
    assert isinstance(read_access_point(client, arn), Missing)


def test_what_a_round_trip_left_is_deleted(stub: Stubs) -> None:
    """In its very version; what is gone is gone, what may not be deleted is named."""
    client, stubber = stub("s3")
    stubber.add_response("delete_object", {}, {"Bucket": "acme", "Key": "a", "VersionId": "v1"})
    stubber.add_client_error("delete_object", "NoSuchKey", expected_params={"Bucket": "acme", "Key": "b"})
    stubber.add_client_error("delete_object", "AccessDenied", expected_params={"Bucket": "acme", "Key": "c"})
    assert ("c",) == delete_left_objects(client, "acme", {"a": "v1", "b": None, "c": None})
