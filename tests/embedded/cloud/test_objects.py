"""S3 as the platform corrects it: keys of KMS, hidden absences, and whose policy refused."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

ACCOUNT, REGION = "111122223333", "eu-west-2"
_CLUSTER = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "sts:AssumeRole"}


@pytest.fixture
def place(account: Any) -> tuple[str, str]:
    """A bucket under a customer's key with one object in it: its name, and the key's ARN."""
    name = f"data-{secrets.token_hex(4)}"
    key = account.kms.create_key()["KeyMetadata"]["Arn"]
    account.s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}}
    account.s3.put_bucket_encryption(
        Bucket=name, ServerSideEncryptionConfiguration={"Rules": [{**rule, "BucketKeyEnabled": True}]}
    )
    account.s3.put_object(Bucket=name, Key="in/a", Body=b"sealed")
    account.s3.put_object(Bucket=name, Key="in/open", Body=b"open", ServerSideEncryption="AES256")
    return name, key


@pytest.fixture
def role(account: Any) -> Callable[..., tuple[str, Any]]:
    """Make a role of these permissions: its name, and an S3 client under a session of it."""

    def make(*granted: tuple[list[str], str]) -> tuple[str, Any]:
        name = f"job-{secrets.token_hex(3)}"
        account.role(name, _CLUSTER)
        statements = [{"Effect": "Allow", "Action": actions, "Resource": resource} for actions, resource in granted]
        document = json.dumps({"Version": "2012-10-17", "Statement": statements})
        account.iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=document)
        given = account.sts.assume_role(RoleArn=account.role_arn(name), RoleSessionName="run")["Credentials"]
        keys = type(account.cloud.root_credentials)(
            access_key_id=given["AccessKeyId"], secret_access_key=given["SecretAccessKey"]
        )
        return name, account.client("s3", account.session_of(keys, given["SessionToken"]))

    return make


def said(call: Callable[..., Any], **asked: Any) -> tuple[str, str]:
    """Code and message of a refusal."""
    with pytest.raises(ClientError) as refused:
        call(**asked)
    error = refused.value.response["Error"]
    return str(error["Code"]), str(error["Message"])


def test_a_missing_key_is_hidden_from_who_may_not_list(place: tuple[str, str], role: Callable[..., Any]) -> None:
    """403 for GET and HEAD, in words that name the list; 404 for who may."""
    bucket, _ = place
    name, client = role((["s3:GetObject"], f"arn:aws:s3:::{bucket}/*"))
    code, message = said(client.get_object, Bucket=bucket, Key="none")
    assert "AccessDenied" == code
    who = f"User: arn:aws:sts::{ACCOUNT}:assumed-role/{name}/run is not authorized to perform: s3:ListBucket"
    why = "because no identity-based policy allows the s3:ListBucket action"
    assert f'{who} on resource: "arn:aws:s3:::{bucket}" {why}' == message
    assert "403" == said(client.head_object, Bucket=bucket, Key="none")[0]
    _, lister = role((["s3:GetObject"], f"arn:aws:s3:::{bucket}/*"), (["s3:ListBucket"], f"arn:aws:s3:::{bucket}"))
    assert "NoSuchKey" == said(lister.get_object, Bucket=bucket, Key="none")[0]
    assert "404" == said(lister.head_object, Bucket=bucket, Key="none")[0]


def test_a_key_is_used_as_the_caller(place: tuple[str, str], role: Callable[..., Any]) -> None:
    """To read, to write, to begin an upload and to add a part, each its own permission; SSE-S3 needs none."""
    bucket, key = place
    objects = (["s3:GetObject", "s3:PutObject"], f"arn:aws:s3:::{bucket}/*")
    name, client = role(objects)
    who = f"User: arn:aws:sts::{ACCOUNT}:assumed-role/{name}/run is not authorized to perform: "
    for call, asked, action in (
        (client.get_object, {"Key": "in/a"}, "kms:Decrypt"),
        (client.put_object, {"Key": "out/x", "Body": b""}, "kms:GenerateDataKey"),
        (client.create_multipart_upload, {"Key": "out/x"}, "kms:GenerateDataKey"),
    ):
        code, message = said(call, Bucket=bucket, **asked)
        assert ("AccessDenied", f"{who}{action} on resource: {key} ") == (code, message.partition("because")[0])
    assert b"open" == client.get_object(Bucket=bucket, Key="in/open")["Body"].read()
    assert "aws:kms" == client.head_object(Bucket=bucket, Key="in/a")["ServerSideEncryption"]
    _, writer = role(objects, (["kms:GenerateDataKey"], key))
    upload = writer.create_multipart_upload(Bucket=bucket, Key="out/x")["UploadId"]
    part = {"Key": "out/x", "UploadId": upload, "PartNumber": 1, "Body": b"x"}
    assert "kms:Decrypt" in said(writer.upload_part, Bucket=bucket, **part)[1]
    _, whole = role(objects, (["kms:GenerateDataKey", "kms:Decrypt"], key))
    read = whole.get_object(Bucket=bucket, Key="in/a")
    assert (b"sealed", True) == (read["Body"].read(), read["BucketKeyEnabled"])


def test_a_key_that_can_t_be_used(account: Any, place: tuple[str, str], role: Callable[..., Any]) -> None:
    """Disabled, and its own policy."""
    bucket, key = place
    name, client = role((["s3:GetObject"], f"arn:aws:s3:::{bucket}/*"), (["kms:Decrypt"], key))
    account.kms.disable_key(KeyId=key)
    assert "KMS.DisabledException" == said(client.get_object, Bucket=bucket, Key="in/a")[0]
    account.kms.enable_key(KeyId=key)
    policy = json.loads(account.kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"])
    denied = {
        "Effect": "Deny",
        "Principal": {"AWS": account.role_arn(name)},
        "Action": "kms:Decrypt",
        "Resource": "*",
        "Condition": {"StringEquals": {"kms:ViaService": f"s3.{REGION}.amazonaws.com"}},
    }
    policy["Statement"] = [*policy["Statement"], denied]
    account.kms.put_key_policy(KeyId=key, PolicyName="default", Policy=json.dumps(policy))
    message = said(client.get_object, Bucket=bucket, Key="in/a")[1]
    assert message.endswith("with an explicit deny in a resource-based policy")


def test_who_refused(account: Any, place: tuple[str, str], role: Callable[..., Any]) -> None:
    """Identity, boundary and bucket policy, each by its own words."""
    bucket, key = place
    name, client = role((["s3:GetObject"], f"arn:aws:s3:::{bucket}/in/*"), (["kms:Decrypt"], key))
    assert "because no identity-based policy allows" in said(client.get_object, Bucket=bucket, Key="out")[1]
    boundary = json.dumps(
        {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "kms:*", "Resource": "*"}]}
    )
    made = account.iam.create_policy(PolicyName=f"limit-{name}", PolicyDocument=boundary)["Policy"]["Arn"]
    account.iam.put_role_permissions_boundary(RoleName=name, PermissionsBoundary=made)
    assert (
        "because no permissions boundary allows the s3:GetObject action"
        in said(client.get_object, Bucket=bucket, Key="in/a")[1]
    )
    account.iam.delete_role_permissions_boundary(RoleName=name)
    statement = {"Effect": "Deny", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/*"}
    account.s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    assert "with an explicit deny in a resource-based policy" in said(client.get_object, Bucket=bucket, Key="in/a")[1]


def test_another_version_of_a_policy(account: Any) -> None:
    """Becomes the default, and the old one can go."""
    document = json.dumps(
        {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
    )
    arn = account.iam.create_policy(PolicyName=f"p-{secrets.token_hex(3)}", PolicyDocument=document)["Policy"]["Arn"]
    account.iam.create_policy_version(PolicyArn=arn, PolicyDocument=document, SetAsDefault=True)
    account.iam.set_default_policy_version(PolicyArn=arn, VersionId="v1")
    account.iam.delete_policy_version(PolicyArn=arn, VersionId="v2")
    assert "v1" == account.iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    assert "NoSuchEntity" == said(account.iam.set_default_policy_version, PolicyArn=arn, VersionId="v7")[0]
