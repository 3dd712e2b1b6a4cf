"""The names of `dev_min`: what the embedded platform is made of, as `fixtures/dev_min/substrate.toml` declares it."""

from __future__ import annotations

from typing import Final

ENVIRONMENT: Final = "dev"
ACCOUNT: Final = "111122223333"
REGION: Final = "eu-west-2"

CLUSTER: Final = "spine"
CLUSTER_UUID: Final = "4a1f8e52-6c0d-4b7e-9a35-2d9f6f0c7b11-2"
CLUSTER_ARN: Final = f"arn:aws:kafka:{REGION}:{ACCOUNT}:cluster/{CLUSTER}/{CLUSTER_UUID}"
TOPIC: Final = "events.raw"
SMOKE_TOPIC: Final = "substrate.smoke"
SMOKE_RETENTION_MS: Final = 600_000
GROUP: Final = "ingest"
PRINCIPAL: Final = "ingest"

SECRET: Final = "AmazonMSK_ingest"
KEY_ALIAS: Final = "alias/substrate-spine"

ECS_CLUSTER: Final = "main"
SERVICE: Final = "ingest"
CONTAINER: Final = "app"
REPOSITORY: Final = "acme/ingest"
TAG: Final = "1.0.0"
LABELS: Final = {"org.opencontainers.image.title": "ingest", "org.opencontainers.image.vendor": "acme"}
"""Of the service's image; its contract names the title."""
LOG_GROUP: Final = "/ecs/ingest"
RUNNING: Final = 2
SUBNETS: Final = ["subnet-0a1b2c3d4e5f60718", "subnet-1b2c3d4e5f607182a"]
SECURITY_GROUPS: Final = ["sg-0a1b2c3d4e5f60718"]

TASK_ROLE: Final = "ingest-task"
EXECUTION_ROLE: Final = "ingest-execution"
OBSERVER_ROLE: Final = "substrate-observer"
OPERATOR: Final = "operator"
"""The IAM user whose keys a run is given; all it may do is to become the observer."""

CI_ROLE: Final = "ci-publish"
"""The role that CI assumes with its token."""
CI_BOUNDARY: Final = "ci-boundary"
"""The policy that bounds it."""
CI_BOUNDARY_ARN: Final = f"arn:aws:iam::{ACCOUNT}:policy/{CI_BOUNDARY}"

CA_FILE: Final = "/etc/kafka/ca.pem"

JOB: Final = "oracle"
JOB_ROLE: Final = "oracle-task"
JOB_POLICY: Final = "oracle-data"
JOB_POLICY_ARN: Final = f"arn:aws:iam::{ACCOUNT}:policy/{JOB_POLICY}"
JOB_LOG_GROUP: Final = "/ecs/oracle"
BUCKET: Final = "acme-spine"
DATA_KEY_ALIAS: Final = "alias/substrate-data"
INPUTS: Final = "inputs/"
MANIFEST: Final = "inputs/manifest.json"
OUTPUTS: Final = "outputs/"
CANARY: Final = "private/canary"


def role_arn(name: str) -> str:
    """A role's ARN in the platform's account."""
    return f"arn:aws:iam::{ACCOUNT}:role/{name}"
