"""The table of operations against botocore's models, and against what the code really calls."""

from __future__ import annotations

import ast
import functools
from pathlib import Path

import botocore.session
import pytest
from botocore.model import ListShape, OperationModel, ServiceModel, Shape, StringShape, StructureShape

import pytest_substrate
from pytest_substrate.model.aws.operation import Operation
from pytest_substrate.model.aws.operations import OPERATIONS, permissions_of
from pytest_substrate.model.aws.probe_operations import CAPABILITY_OPERATIONS
from pytest_substrate.planes.catalogue import catalogue

PACKAGE = Path(pytest_substrate.__file__).parent
NAMES = sorted(OPERATIONS)
S3_ABSENCES = {
    "404",
    "NoSuchAccessPoint",
    "NoSuchAccessPointPolicy",
    "NoSuchBucket",
    "NoSuchBucketPolicy",
    "NoSuchKey",
    "NoSuchUpload",
    "NotFound",
    "ObjectLockConfigurationNotFoundError",
    "OwnershipControlsNotFoundError",
    "ServerSideEncryptionConfigurationNotFoundError",
}
"""S3's API reference ("List of error codes"): botocore's model holds few of them; a HEAD has its status for a code."""
S3_PERMISSIONS = {
    "s3:HeadObject": "s3:GetObject",
    "s3:ListObjectsV2": "s3:ListBucket",
    "s3:GetBucketEncryption": "s3:GetEncryptionConfiguration",
    "s3:GetObjectLockConfiguration": "s3:GetBucketObjectLockConfiguration",
    "s3:ListMultipartUploads": "s3:ListBucketMultipartUploads",
    "s3control:GetAccessPoint": "s3:GetAccessPoint",
    "s3control:GetAccessPointPolicy": "s3:GetAccessPointPolicy",
}
"""S3's operations and IAM's names of them ("Required permissions for Amazon S3 API operations")."""


@functools.cache
def model_of(service: str) -> ServiceModel:
    """Botocore's model of a service."""
    return botocore.session.Session().get_service_model(service)


def operation_model(name: str) -> OperationModel:
    """Botocore's model of an operation of the table."""
    service, _, operation = name.partition(":")
    return model_of(service).operation_model(operation)


def member(shape: Shape | None, path: str) -> Shape | None:
    """The shape at a path of the table, None where the model has none."""
    found: Shape | None = shape
    for part in path.split("."):
        if not isinstance(found, StructureShape):
            return None
        found = found.members.get(part.removesuffix("[]"))
        if part.endswith("[]"):
            found = found.member if isinstance(found, ListShape) else None
    return found


@pytest.mark.parametrize("name", NAMES)
class TestAgainstBotocore:
    """Each operation of the table."""

    def test_operation_exists(self, name: str) -> None:
        """Botocore knows the operation under this very name."""
        assert operation_model(name).name == name.partition(":")[2]

    def test_sent_members_exist(self, name: str) -> None:
        """What is sent are members of the request, and all that the request demands is sent."""
        shape = operation_model(name).input_shape
        assert [] == [sent for sent in OPERATIONS[name].sends if member(shape, sent) is None]
        demanded = set() if shape is None else set(shape.required_members)
        assert set() == demanded - {sent.partition(".")[0].removesuffix("[]") for sent in OPERATIONS[name].sends}

    def test_read_members_exist(self, name: str) -> None:
        """What is read are members of the answer."""
        shape = operation_model(name).output_shape
        assert [] == [read for read in OPERATIONS[name].reads if member(shape, read) is None]

    def test_values_exist(self, name: str) -> None:
        """Where the model lists a member's values, those that are compared with or sent are among them."""
        operation, model = OPERATIONS[name], operation_model(name)
        for path, values in operation.values.items():
            assert path in operation.reads or path in operation.sends
            shape = member(model.output_shape if path in operation.reads else model.input_shape, path)
            assert isinstance(shape, StringShape)
            assert set(values) <= set(shape.enum) or not shape.enum

    def test_missing_codes_exist(self, name: str) -> None:
        """An error that proves an absence is one that the operation is modelled to answer."""
        modelled = {
            shape.metadata.get("error", {}).get("code", shape.name) for shape in operation_model(name).error_shapes
        }
        assert set(OPERATIONS[name].missing) <= (
            modelled | S3_ABSENCES if name.startswith(("s3:", "s3control:")) else modelled
        )

    def test_token_pages(self, name: str) -> None:
        """A paged operation takes and gives its token; one that gives a token is paged."""
        operation, model = OPERATIONS[name], operation_model(name)
        tokens = {"NextToken", "nextToken", "Marker"} & set(model.output_shape.members if model.output_shape else ())
        if operation.token is None:
            assert set() == tokens or operation.writes or name in CAPABILITY_OPERATIONS
        else:
            assert {operation.token} == tokens
            assert member(model.input_shape, operation.token) is not None

    def test_permissions_belong_to_the_service(self, name: str) -> None:
        """IAM's name of the operation comes first, where it has one."""
        permissions = OPERATIONS[name].permissions
        assert not permissions or S3_PERMISSIONS.get(name, name) in permissions


def test_every_compared_enum_is_in_a_model() -> None:
    """At least the states that decide a verdict are held against a list of the model, not a free text."""
    modelled = {
        (name, path)
        for name, operation in OPERATIONS.items()
        for path in operation.values
        if getattr(member(operation_model(name).output_shape, path), "enum", None)
    }
    assert {
        ("kafka:DescribeClusterV2", "ClusterInfo.State"),
        ("kafka:DescribeTopic", "Status"),
        ("kms:DescribeKey", "KeyMetadata.KeyState"),
        ("kms:DescribeKey", "KeyMetadata.KeyManager"),
        ("kms:DescribeKey", "KeyMetadata.KeySpec"),
        ("kms:DescribeKey", "KeyMetadata.KeyUsage"),
        ("ecs:DescribeServices", "services[].deployments[].rolloutState"),
    } <= modelled


def test_permissions_of_keeps_order_and_repeats_none() -> None:
    """The permissions of several operations, each once."""
    assert (
        "kafka:DescribeTopic",
        "kafka-cluster:Connect",
        "kafka-cluster:DescribeTopic",
        "kafka-cluster:DescribeTopicDynamicConfiguration",
        "kms:DescribeKey",
    ) == permissions_of(["kafka:DescribeTopic", "kms:DescribeKey", "kafka:DescribeTopic"])


def test_permissions_of_refuses_an_unlisted_operation() -> None:
    """An operation that the table doesn't list has no permissions to give."""
    with pytest.raises(KeyError):
        permissions_of(["s3:GetObject"])


def test_no_check_reads_a_value_of_a_secret() -> None:
    """The observer proves without reading a secret."""
    reading = {"secretsmanager:GetSecretValue", "secretsmanager:BatchGetSecretValue", "kms:Decrypt"}
    assert [] == [check.id for check in catalogue().values() if reading & set(check.permissions)]


def called_methods() -> set[tuple[str, str]]:
    """Every (module, method) of a call on something named `client` or `…_client` outside the embedded platform."""
    found = set()
    for path in [*(PACKAGE / "adapters" / "aws").rglob("*.py"), *(PACKAGE / "targets").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
                continue
            owner = node.func.value
            name = owner.id if isinstance(owner, ast.Name) else owner.attr if isinstance(owner, ast.Attribute) else ""
            if isinstance(owner, ast.Call) and isinstance(owner.func, ast.Attribute):
                name = owner.func.attr
            if name.strip("_").split("_")[-1] in {"client", "ecs", "sts", "logs", "kafka", "iam"}:
                found.add((path.relative_to(PACKAGE).as_posix(), node.func.attr))
    return found


def test_every_call_of_an_sdk_is_in_the_table() -> None:
    """A client's method that is an operation of some listed service is one that the table lists."""
    from botocore import xform_name

    services = {name.partition(":")[0] for name in OPERATIONS} | {"sts", "logs", "iam"}
    known = {xform_name(operation) for service in services for operation in model_of(service).operation_names}
    listed = {xform_name(name.partition(":")[2]) for name in OPERATIONS}
    assert set() == {(path, method) for path, method in called_methods() if method in known - listed}


def test_operation_is_immutable() -> None:
    """The table can't be changed by who reads it."""
    with pytest.raises(AttributeError):
        Operation(permissions=()).writes = True  # type: ignore[misc]  # that it is refused is what is tested
