"""The data side of `dev_min`: a bucket under a customer's key, its objects, and the job that reads and writes them.

It needs only the cloud and the service's image, and so is built, and the job run once, while the brokers start.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any, Final

from pytest_substrate.embedded.platform import names, roles
from pytest_substrate.embedded.platform.platform import wait_until

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_substrate.embedded.platform.platform import Platform

PARTS: Final[Mapping[str, int]] = {"inputs/part-0001.json": 19, "inputs/part-0002.json": 23}
_RUN_S: Final = 20.0


def build_data(platform: Platform, image_digest: str) -> None:
    """Key, bucket, objects, role with its policy, log group, the job's task definition, and its first run."""
    key_arn = make_key(platform)
    make_bucket(platform, key_arn)
    make_role(platform, key_arn)
    platform.client("logs").create_log_group(logGroupName=names.JOB_LOG_GROUP)
    platform.client("ecs").register_task_definition(**job_definition(image_digest))
    run_again(platform)


def _await_next_second() -> None:
    """IAM dates a policy by whole seconds: only in the next one is it certain that a run came after it."""
    time.sleep(1 - time.time() % 1)


def make_key(platform: Platform) -> str:
    """The customer's key that the bucket encrypts with; its ARN."""
    kms = platform.client("kms")
    arn = kms.create_key(Description="the objects of acme-spine")["KeyMetadata"]["Arn"]
    kms.create_alias(AliasName=names.DATA_KEY_ALIAS, TargetKeyId=arn)
    return str(arn)


def make_bucket(platform: Platform, key_arn: str, *, region: str = names.REGION) -> None:
    """The bucket, encrypted by default with the key and a bucket key, and every object of it."""
    s3 = platform.client("s3")
    s3.create_bucket(Bucket=names.BUCKET, CreateBucketConfiguration={"LocationConstraint": region})
    rule = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key_arn}
    s3.put_bucket_encryption(
        Bucket=names.BUCKET,
        ServerSideEncryptionConfiguration={
            "Rules": [{"ApplyServerSideEncryptionByDefault": rule, "BucketKeyEnabled": True}]
        },
    )
    put_objects(platform)


def put_objects(platform: Platform) -> None:
    """The job's inputs under the bucket's key, and the canary of what must stay closed to it."""
    s3 = platform.client("s3")
    s3.put_object(Bucket=names.BUCKET, Key=names.MANIFEST, Body=json.dumps({"parts": list(PARTS)}).encode())
    for key, value in PARTS.items():
        s3.put_object(Bucket=names.BUCKET, Key=key, Body=json.dumps({"value": value}).encode())
    # under S3's own key, so that nobody needs a grant on the customer's to see that it is there
    s3.put_object(Bucket=names.BUCKET, Key=names.CANARY, Body=b"closed", ServerSideEncryption="AES256")


def make_role(platform: Platform, key_arn: str) -> None:
    """The job's role, whose permissions are one customer-managed policy: IAM dates its versions."""
    roles.make_role(platform, names.JOB_ROLE, trust=roles.of_tasks(), policy=None)
    iam = platform.client("iam")
    iam.create_policy(PolicyName=names.JOB_POLICY, PolicyDocument=json.dumps(job_policy(key_arn)))
    iam.attach_role_policy(RoleName=names.JOB_ROLE, PolicyArn=names.JOB_POLICY_ARN)


def job_policy(key_arn: str) -> roles.Policy:
    """What the job needs and no more."""
    bucket = f"arn:aws:s3:::{names.BUCKET}"
    listing = roles.statement(["s3:ListBucket"], [bucket])
    listing["Condition"] = {"StringLike": {"s3:prefix": [names.INPUTS, f"{names.INPUTS}*"]}}
    return roles.allow(
        [
            listing,
            roles.statement(["s3:GetObject"], [f"{bucket}/{names.INPUTS}*"]),
            roles.statement(["s3:PutObject", "s3:AbortMultipartUpload"], [f"{bucket}/{names.OUTPUTS}*"]),
            roles.statement(["kms:Decrypt", "kms:GenerateDataKey"], [key_arn]),
        ]
    )


def job_definition(image_digest: str) -> dict[str, Any]:
    """The job's task definition, as RegisterTaskDefinition takes it."""
    image = f"{names.ACCOUNT}.dkr.ecr.{names.REGION}.amazonaws.com/{names.REPOSITORY}@{image_digest}"
    return {
        "family": names.JOB,
        "taskRoleArn": names.role_arn(names.JOB_ROLE),
        "executionRoleArn": names.role_arn(names.EXECUTION_ROLE),
        "networkMode": "awsvpc",
        "requiresCompatibilities": ["FARGATE"],
        "cpu": "256",
        "memory": "512",
        "containerDefinitions": [
            {
                "name": names.CONTAINER,
                "image": image,
                "essential": True,
                "entryPoint": ["python", "-m", "oracle"],
                "environment": [
                    {"name": "ORACLE_BUCKET", "value": names.BUCKET},
                    {"name": "ORACLE_MANIFEST", "value": names.MANIFEST},
                    {"name": "ORACLE_INPUTS", "value": names.INPUTS},
                    {"name": "ORACLE_OUTPUTS", "value": names.OUTPUTS},
                ],
                "logConfiguration": {
                    "logDriver": "awslogs",
                    "options": {
                        "awslogs-group": names.JOB_LOG_GROUP,
                        "awslogs-region": names.REGION,
                        "awslogs-stream-prefix": names.JOB,
                    },
                },
            }
        ],
    }


def run_job(
    platform: Platform, *, definition: str = names.JOB, environment: Mapping[str, str] | None = None, **overrides: Any
) -> str:
    """Start the job as its scheduler does, with variables of one run; the task's ARN."""
    variables = [{"name": name, "value": value} for name, value in (environment or {}).items()]
    container: dict[str, Any] = {"name": names.CONTAINER} | ({"environment": variables} if variables else {})
    answer = platform.client("ecs").run_task(
        cluster=names.ECS_CLUSTER,
        taskDefinition=definition,
        launchType="FARGATE",
        networkConfiguration=network(),
        overrides={"containerOverrides": [container], **overrides},
    )
    if not answer["tasks"]:
        raise RuntimeError(f"the job was not started: {answer['failures']}")
    return str(answer["tasks"][0]["taskArn"])


def network() -> dict[str, Any]:
    """Where the job's task is attached."""
    return {"awsvpcConfiguration": {"subnets": names.SUBNETS, "securityGroups": names.SECURITY_GROUPS}}


def await_run(platform: Platform, task: str) -> Mapping[str, Any]:
    """The task, once it has ended, whatever it came to."""
    ecs = platform.client("ecs")
    seen: dict[str, Any] = {}

    def ended() -> bool:
        seen.update(ecs.describe_tasks(cluster=names.ECS_CLUSTER, tasks=[task])["tasks"][0])
        return bool(seen["lastStatus"] == "STOPPED")

    wait_until(ended, what=f"the end of job {names.JOB}", deadline_s=_RUN_S, every_s=0.1)
    return seen


def run_again(platform: Platform) -> None:
    """The job as it is, once more, until it has ended; certainly after whatever was permitted before."""
    _await_next_second()
    await_run(platform, run_job(platform))


def key_arn(platform: Platform) -> str:
    """The ARN of the customer's key that the bucket encrypts with."""
    return str(platform.client("kms").describe_key(KeyId=names.DATA_KEY_ALIAS)["KeyMetadata"]["Arn"])


def empty_bucket(platform: Platform, region: str = names.REGION) -> None:
    """Delete every object and then the bucket, which lies in that region."""
    s3 = platform.client("s3", region)
    for one in s3.list_objects_v2(Bucket=names.BUCKET).get("Contents", []):
        s3.delete_object(Bucket=names.BUCKET, Key=one["Key"])
    s3.delete_bucket(Bucket=names.BUCKET)
