"""Secrets and keys, from moto and from answers that moto can't give."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import moto
import pytest
from botocore.stub import Stubber

from pytest_substrate.adapters.aws.kms import read_key
from pytest_substrate.adapters.aws.secretsmanager import read_secret
from pytest_substrate.model.aws.instant import Instant
from pytest_substrate.model.aws.secrets import KeyState, SecretState, SecretVersion
from pytest_substrate.model.observation import Missing, Unobserved

NAME = "AmazonMSK_ingest"
ARN = f"arn:aws:secretsmanager:eu-west-2:111122223333:secret:{NAME}-AbCdEf"
THEN = datetime(2026, 3, 1, 12, 0, 0, 123_000, tzinfo=UTC)
Stubs = Callable[[str], tuple[Any, Stubber]]


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Moto in this process."""
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with moto.mock_aws():
        yield


@pytest.fixture
def secretsmanager(aws: None) -> Any:
    """Moto's Secrets Manager."""
    return boto3.client("secretsmanager", region_name="eu-west-2", aws_access_key_id="a", aws_secret_access_key="b")


@pytest.fixture
def kms(aws: None) -> Any:
    """Moto's KMS."""
    return boto3.client("kms", region_name="eu-west-2", aws_access_key_id="a", aws_secret_access_key="b")


def test_rotated_secret(secretsmanager: Any) -> None:
    """After a rotation the new version is current, the old one previous, and no value comes along."""
    made = secretsmanager.create_secret(Name=NAME, SecretString="first-value", KmsKeyId="alias/msk")
    rotated = secretsmanager.put_secret_value(SecretId=NAME, SecretString="second-value")
    found = read_secret(secretsmanager, NAME)
    assert isinstance(found, SecretState)
    assert (made["ARN"], NAME, "alias/msk") == (found.arn, found.name, found.key_id)
    assert found.current is not None
    assert rotated["VersionId"] == found.current.version_id
    assert {"AWSCURRENT", "AWSPREVIOUS"} == {stage for version in found.versions for stage in version.stages}
    assert found.current.created is not None
    assert found.current.created.whole_second
    assert "value" not in json.dumps(found, default=str)


def test_secret_of_the_service_key(secretsmanager: Any) -> None:
    """The key that AWS keeps is no key in the answer."""
    secretsmanager.create_secret(Name=NAME, SecretString="x")
    found = read_secret(secretsmanager, NAME)
    assert isinstance(found, SecretState)
    assert found.key_id is None


def test_missing_secret(secretsmanager: Any) -> None:
    """ResourceNotFoundException proves the absence."""
    assert Missing(
        what=NAME, code="ResourceNotFoundException", operation="secretsmanager:DescribeSecret"
    ) == read_secret(secretsmanager, NAME)


def test_deleted_secret(secretsmanager: Any) -> None:
    """A secret that is scheduled for deletion is there, with the time, and has no current version to get."""
    secretsmanager.create_secret(Name=NAME, SecretString="x")
    secretsmanager.delete_secret(SecretId=NAME)
    found = read_secret(secretsmanager, NAME)
    assert isinstance(found, SecretState)
    assert found.deleted is not None
    assert found.current is None


def described(*current: str) -> dict[str, Any]:
    """DescribeSecret's answer, these versions current."""
    stages = {version: ["AWSCURRENT"] for version in current}
    return {"ARN": ARN, "Name": NAME, "LastChangedDate": THEN, "VersionIdsToStages": stages}


def listed(*versions: tuple[str, str], token: str | None = None) -> dict[str, Any]:
    """ListSecretVersionIds' answer."""
    items = [{"VersionId": name, "VersionStages": [stage], "CreatedDate": THEN} for name, stage in versions]
    return {"Versions": items, **({"NextToken": token} if token else {})}


V1, V2 = "1" * 32, "2" * 32


def test_versions_of_all_pages(stub: Stubs) -> None:
    """The versions are paged, though botocore has no paginator for them; times keep their fraction."""
    client, stubber = stub("secretsmanager")
    stubber.add_response("describe_secret", described(V2), {"SecretId": NAME})
    stubber.add_response("list_secret_version_ids", listed((V1, "AWSPREVIOUS"), token="2"), {"SecretId": ARN})
    stubber.add_response("list_secret_version_ids", listed((V2, "AWSCURRENT")), {"SecretId": ARN, "NextToken": "2"})
    found = read_secret(client, NAME)
    assert isinstance(found, SecretState)
    moment = Instant(at=THEN, whole_second=False)
    assert SecretVersion(version_id=V2, stages=("AWSCURRENT",), created=moment) == found.current
    assert moment == found.changed


def test_a_rotation_between_the_calls_is_read_again(stub: Stubs) -> None:
    """Where the two calls tell of different current versions, both are made once more."""
    client, stubber = stub("secretsmanager")
    stubber.add_response("describe_secret", described(V1))
    stubber.add_response("list_secret_version_ids", listed((V1, "AWSPREVIOUS"), (V2, "AWSCURRENT")))
    stubber.add_response("describe_secret", described(V2))
    stubber.add_response("list_secret_version_ids", listed((V1, "AWSPREVIOUS"), (V2, "AWSCURRENT")))
    found = read_secret(client, NAME)
    assert isinstance(found, SecretState)
    assert found.current is not None
    assert V2 == found.current.version_id


def test_calls_that_never_agree(stub: Stubs) -> None:
    """Two disagreements are not observed, and no guess."""
    client, stubber = stub("secretsmanager")
    for _ in range(2):
        stubber.add_response("describe_secret", described(V1))
        stubber.add_response("list_secret_version_ids", listed((V2, "AWSCURRENT")))
    found = read_secret(client, NAME)
    assert isinstance(found, Unobserved)
    assert "changing" == found.reason


def test_key_by_alias(kms: Any) -> None:
    """An alias leads to its key."""
    key = kms.create_key(KeyUsage="ENCRYPT_DECRYPT")["KeyMetadata"]
    kms.create_alias(AliasName="alias/msk", TargetKeyId=key["KeyId"])
    expected = KeyState(
        arn=key["Arn"], manager="CUSTOMER", state="Enabled", spec="SYMMETRIC_DEFAULT", usage="ENCRYPT_DECRYPT"
    )
    assert expected == read_key(kms, "alias/msk")
    assert expected == read_key(kms, key["Arn"])


def test_missing_key(kms: Any) -> None:
    """NotFoundException proves the absence."""
    assert isinstance(read_key(kms, "00000000-0000-0000-0000-000000000000"), Missing)
