"""What runs and what it is made of: artifacts, services with their messaging, jobs, and the grants they hold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from pytest_substrate.model.declaration import shapes
from pytest_substrate.model.declaration.base import Maybe, Some, Table

Operation: TypeAlias = Literal["describe", "read", "write"]


class Contract(Table):
    """What an image must hold. An empty list is an error where a check of a workload would judge by it."""

    distributions: Maybe[shapes.PackageRequirement] = Field(
        default=(), description="PEP 508 requirements that the image satisfies", examples=[["kafka-python>=2.2"]]
    )
    lock: shapes.RelativePath | None = Field(
        default=None,
        description="a lock file whose packages the image holds: pylock.toml, uv.lock, poetry.lock, or requirements "
        "with hashes (….txt); from the folder of the declaration or of the contract on",
        examples=["pylock.toml"],
    )
    imports: Maybe[shapes.Module] = Field(
        default=(), description="modules that resolve to files in the image", examples=[["kafka", "ingest"]]
    )
    imports_at: Literal["task"] | None = Field(
        default=None,
        description="where the imports are tried as well, beside being looked for in the image's files: in a task",
        examples=["task"],
    )
    python: shapes.PythonVersion | None = Field(
        default=None, description="the Python that the image runs", examples=["3.11"]
    )
    labels: Mapping[shapes.Words, shapes.Words] = Field(
        default_factory=dict, description="labels that the image carries, with their values"
    )


class Attestation(Table):
    """What the signatures of an artifact's provenance are verified with, and where it lies beside the registry."""

    key: shapes.RelativePath | None = Field(
        default=None, description="the public key that signs it (PEM)", examples=["release/attestations.pub"]
    )
    root: shapes.RelativePath | None = Field(
        default=None,
        description="the authorities at which the chain of a bundle's certificate ends (PEM)",
        examples=["release/fulcio.pem"],
    )
    issuer: shapes.CertificateIssuer | None = Field(
        default=None,
        description="with root: the OIDC issuer in the certificate",
        examples=["https://token.actions.githubusercontent.com"],
    )
    identity: shapes.CertificateIdentity | None = Field(
        default=None,
        description="with root: the workflow that the certificate is for, with or without @ and a reference",
        examples=["https://github.com/acme/ingest/.github/workflows/release.yml@refs/heads/main"],
    )
    bundle: shapes.RelativePath | None = Field(
        default=None,
        description="a file with the attestation's bundle, or one a line",
        examples=["release/ingest.sigstore.json"],
    )


class Artifact(Table):
    """An image as it was released."""

    repository: shapes.Repository = Field(
        description="the image's repository in the registry", examples=["acme/ingest"]
    )
    record: shapes.RelativePath | None = Field(
        default=None,
        description="the release record: commit, build, digest, platform",
        examples=["release/ingest.json"],
    )
    attestation: Attestation | None = Field(
        default=None, description="what the signatures of its provenance are verified with"
    )
    contract: Contract = Field(default_factory=Contract, description="what the image must hold")


class Credential(Table):
    """The secret that a service authenticates with, and how it reaches the process: one JSON, or two variables."""

    secret: shapes.SecretName = Field(description="the secret's name in Secrets Manager", examples=["AmazonMSK_ingest"])
    principal: shapes.Principal = Field(description="the Kafka user that the secret is for", examples=["ingest"])
    env: shapes.Variable | None = Field(
        default=None, description="the variable that receives the secret's JSON", examples=["KAFKA_CREDENTIAL"]
    )
    username_env: shapes.Variable | None = Field(
        default=None, description="the variable that receives the user's name", examples=["KAFKA_USERNAME"]
    )
    password_env: shapes.Variable | None = Field(
        default=None, description="the variable that receives the password", examples=["KAFKA_PASSWORD"]
    )


class ClientSettings(Table):
    """The settings of the runtime's own client, each given here or taken from the variable that its `…_env` names."""

    api_version: shapes.ReleaseNumber | None = Field(default=None, examples=["2.6.0"])
    api_version_env: shapes.Variable | None = Field(default=None, examples=["KAFKA_API_VERSION"])
    ca_file: shapes.AbsolutePath | None = Field(default=None, examples=["/etc/kafka/ca.pem"])
    ca_file_env: shapes.Variable | None = Field(default=None, examples=["KAFKA_CA_FILE"])
    cert_file: shapes.AbsolutePath | None = Field(default=None, examples=["/etc/kafka/client.pem"])
    cert_file_env: shapes.Variable | None = Field(default=None, examples=["KAFKA_CERT_FILE"])
    key_file: shapes.AbsolutePath | None = Field(default=None, examples=["/etc/kafka/client.key"])
    key_file_env: shapes.Variable | None = Field(default=None, examples=["KAFKA_KEY_FILE"])


class Client(Table):
    """The client library that the image ships."""

    name: shapes.Distribution = Field(description="the client library's distribution", examples=["kafka-python"])
    settings: ClientSettings = Field(default_factory=ClientSettings, description="how the service configures it")


class Messaging(Table):
    """How a service uses a cluster."""

    cluster: shapes.Name = Field(description="a declared cluster", examples=["spine"])
    bootstrap_env: shapes.Variable = Field(
        description="the variable that holds the bootstrap servers", examples=["KAFKA_BOOTSTRAP_SERVERS"]
    )
    credential: Credential | None = Field(
        default=None,
        description="the SCRAM credential",
        examples=[{"secret": "AmazonMSK_ingest", "env": "KAFKA_CREDENTIAL", "principal": "ingest"}],
    )
    client: Client = Field(description="the client that the image ships", examples=[{"name": "kafka-python"}])
    topics: Annotated[Mapping[shapes.Topic, Some[Operation]], Field(min_length=1)] = Field(
        description="each topic with the operations that the service needs on it",
        examples=[{"events.raw": ["describe", "write"]}],
    )
    group: shapes.Group | None = Field(default=None, description="the service's consumer group", examples=["ingest"])


class Service(Table):
    """An ECS service."""

    ecs: shapes.EcsService = Field(description="ECS cluster / service", examples=["main/ingest"])
    container: shapes.EcsName = Field(description="the container that does the work", examples=["app"])
    artifact: shapes.Name = Field(description="the declared artifact that it runs", examples=["ingest"])
    task_role: shapes.RoleName = Field(description="the role of its tasks", examples=["ingest-task"])
    min_running: int = Field(default=1, ge=0, description="how many tasks run at least; 0 only where none may run")
    steady_minutes: int = Field(
        default=0,
        ge=0,
        le=10_080,
        description="for how many minutes the newest deployment and every running task have to stand",
        examples=[15],
    )
    messaging: Messaging | None = Field(default=None, description="how it uses a cluster")

    @property
    def ecs_cluster(self) -> str:
        """The name of the ECS cluster that it runs in."""
        return self.ecs.partition("/")[0]

    @property
    def ecs_service(self) -> str:
        """Its name in ECS."""
        return self.ecs.partition("/")[2]


class Network(Table):
    """Where a job's task is attached."""

    subnets: Some[shapes.Subnet] = Field(description="the subnets", examples=[["subnet-0a1b2c3d4e5f60718"]])
    security_groups: Some[shapes.SecurityGroup] = Field(
        description="the security groups", examples=[["sg-0a1b2c3d4e5f60718"]]
    )


class Rerun(Table):
    """That DAT-070 starts the job itself, and how long it waits for the end of it."""

    deadline_s: int = Field(
        default=900, ge=10, le=3600, description="the seconds from RunTask to the job's end, after which it is stopped"
    )


class Job(Table):
    """A task that is started, does its work and ends."""

    task_definition: shapes.EcsName = Field(description="the family of its task definition", examples=["oracle"])
    ecs_cluster: shapes.EcsName = Field(description="the ECS cluster that it runs in", examples=["main"])
    container: shapes.EcsName = Field(description="the container that does the work", examples=["app"])
    artifact: shapes.Name = Field(description="the declared artifact that it runs", examples=["ingest"])
    task_role: shapes.RoleName = Field(description="the role of its tasks", examples=["oracle-task"])
    network: Network = Field(description="where its task is attached")
    event_log: shapes.LogGroup | None = Field(
        default=None,
        description="the log group to which an EventBridge rule sends the ECS cluster's task state changes: runs that "
        "ECS no longer remembers are read there",
        examples=["/aws/events/ecs"],
    )
    rerun: Rerun | None = Field(
        default=None,
        description="run the job as part of the check, as its task definition is now; it must be safe to run twice",
        examples=[{"deadline_s": 900}],
    )


class Pin(Table):
    """Which content of an object is meant: a version of it, or what has this ETag."""

    version: shapes.ObjectVersion | None = Field(default=None, description="the object's version")
    etag: shapes.ETag | None = Field(default=None, description="the object's ETag, sent as If-Match")


class Grant(Table):
    """What a workload may do in a bucket, and what must stay closed to it. A prefix ends in `/`, an object does not."""

    workload: Annotated[
        str,
        shapes.Shape(
            pattern="(?:service|job)/[A-Za-z0-9][A-Za-z0-9._-]{0,63}",
            problem="is not a workload",
            mend='write "service/NAME" or "job/NAME"',
        ),
    ] = Field(description="a declared service or job", examples=["job/oracle"])
    bucket: shapes.Bucket = Field(
        description="the bucket, or the ARN of an access point to it", examples=["acme-spine"]
    )
    read: Maybe[shapes.ObjectKey] = Field(
        default=(),
        description="objects that it reads, prefixes that it lists",
        examples=[["inputs/manifest.json", "inputs/"]],
    )
    write: Maybe[shapes.ObjectKey] = Field(default=(), description="where it writes", examples=[["outputs/"]])
    closed: Maybe[shapes.ObjectKey] = Field(
        default=(), description="what must stay closed to it", examples=[["private/canary"]]
    )
    write_proof: Literal["upload", "roundtrip"] = Field(
        default="upload",
        description="how a write is proven: an upload that is aborted, or write, read back and delete",
    )
    pinned: Mapping[shapes.ObjectKey, Pin] = Field(
        default_factory=dict, description="of objects that it reads, which content is meant"
    )
    endpoint: Literal["regional", "dualstack", "fips", "fips-dualstack"] | None = Field(
        default=None,
        description="the kind of S3 endpoint that the workload asks; else as its own AWS_USE_… variables say",
    )
    addressing: Literal["virtual", "path"] = Field(
        default="virtual", description="whether the bucket's name is in the host or in the path"
    )
