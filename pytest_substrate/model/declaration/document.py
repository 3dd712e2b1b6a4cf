"""The whole declaration: environment, clusters, the release, and the exceptions that somebody answers for."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import AwareDatetime, BeforeValidator, ConfigDict, Field, WithJsonSchema

from pytest_substrate.model.declaration import shapes
from pytest_substrate.model.declaration.base import Maybe, Some, Table
from pytest_substrate.model.declaration.workloads import Artifact, Grant, Job, Service


class Observer(Table):
    """Who reads."""

    role: shapes.RoleArn = Field(
        description="the role that the observer assumes", examples=["arn:aws:iam::111122223333:role/substrate-observer"]
    )


class TargetTable(Table):
    """What the target guard would refuse undeclared."""

    proxy: shapes.Proxy | None = Field(
        default=None, description="the proxy on the way to AWS", examples=["http://proxy.internal:3128"]
    )
    ca_bundle: shapes.AbsolutePath | None = Field(
        default=None, description="the trust store for AWS", examples=["/etc/ssl/corporate.pem"]
    )


class Probe(Table):
    """How the probe travels."""

    log_group: shapes.LogGroup | None = Field(
        default=None,
        description="where it writes its transcript, instead of the service's own log group",
        examples=["/ecs/ingest"],
    )
    interpreter_image: shapes.PinnedImage | None = Field(
        default=None, description="Python for images that have none, pinned by digest"
    )


class Cluster(Table):
    """An MSK cluster."""

    arn: shapes.ClusterArn = Field(description="the cluster's ARN")
    auth: Literal["scram", "iam", "mtls"] = Field(description="how services authenticate", examples=["scram"])
    connectivity: Literal["vpc", "public", "multi-vpc"] = Field(
        default="vpc", description="on which endpoints services reach it", examples=["vpc"]
    )
    smoke_topic: shapes.Topic | None = Field(
        default=None, description="the only topic that a probe writes to", examples=["substrate.smoke"]
    )

    @property
    def name(self) -> str:
        """Its name in MSK."""
        return self.arn.split("/")[1]


class PlanGuard(Table):
    """The infrastructure plan that is judged before it is applied."""

    file: shapes.RelativePath = Field(
        description="its JSON, as `terraform show -json` writes it, from the declaration's folder on; a run may be "
        "given another by --substrate-plan",
        examples=["infrastructure/plan.json"],
    )


TOKEN_PROVIDERS: Final = ("github", "gitlab")
"""The providers that can be asked by name."""


class TokenPlace(Table):
    """Where a token lies: a variable, or a file."""

    env: shapes.Variable | None = Field(default=None, description="the variable that holds the token")
    file: shapes.AnyPath | None = Field(default=None, description="the file that holds it")


_PLACE_SCHEMA: Final = {
    "type": "object",
    "additionalProperties": False,
    "minProperties": 1,
    "maxProperties": 1,
    "properties": {"env": {"type": "string"}, "file": {"type": "string"}},
}
_TOKEN_SCHEMA: Final = {"oneOf": [{"enum": list(TOKEN_PROVIDERS)}, _PLACE_SCHEMA]}


class Token(TokenPlace):
    """Where the CI's token comes from: asked of a known provider, or found in a place."""

    provider: Literal["github", "gitlab"] | None = Field(default=None, description="the provider that is asked")


def _token(value: Any) -> Any:
    """A bare word names the provider; the word itself is never repeated, as it could be the token."""
    if not isinstance(value, str):
        if isinstance(value, Mapping) and "provider" in value:
            raise shapes.misshapen("has a key that it doesn't know", _TOKEN_MEND)
        return value
    if value not in TOKEN_PROVIDERS:
        raise shapes.misshapen("is not a place to get a token from", _TOKEN_MEND)
    return {"provider": value}


_TOKEN_MEND = 'write "github", "gitlab", { env = "VARIABLE" } or { file = "PATH" }'


class Release(Table):
    """How CI becomes the role that publishes."""

    provider: shapes.Provider = Field(description="the OIDC issuer", examples=["token.actions.githubusercontent.com"])
    audience: shapes.Audience = Field(description="the audience of the token", examples=["sts.amazonaws.com"])
    role: shapes.RoleName = Field(description="the role that CI assumes", examples=["ci-publish"])
    boundary: shapes.PolicyArn | None = Field(
        default=None,
        description="the permissions boundary that the role must have",
        examples=["arn:aws:iam::111122223333:policy/ci-boundary"],
    )
    token: Annotated[Token, BeforeValidator(_token), WithJsonSchema(_TOKEN_SCHEMA)] = Field(
        description="where the token comes from", examples=["github"]
    )
    wrong_audience_token: TokenPlace | None = Field(
        default=None,
        description="a token of the same issuer for another audience, where the provider can't be asked for one",
    )
    admit: Some[shapes.TokenSubject] = Field(
        description="the subjects that the role admits", examples=[["repo:acme/ingest:ref:refs/heads/main"]]
    )
    refuse: Maybe[shapes.TokenSubject] = Field(
        default=(),
        description="subjects that it refuses, beside the generated attack corpus",
        examples=[["repo:acme/ingest:pull_request"]],
    )


class NotApplicable(Table):
    """A check that says nothing about a subject, and why."""

    check: shapes.CheckId = Field(description="the check", examples=["PKG-080"])
    subject: shapes.SubjectName = Field(description="the subject", examples=["job/oracle"])
    reason: shapes.Words = Field(description="why it doesn't apply", examples=["a Go binary"])


class Waiver(Table):
    """A red check that somebody answers for until a day."""

    check: shapes.CheckId = Field(description="the check", examples=["REL-090"])
    subject: shapes.SubjectName = Field(description="the subject", examples=["artifact/ingest"])
    owner: shapes.Words = Field(description="who answers for it", examples=["platform"])
    ticket: shapes.Words = Field(description="where it is followed", examples=["PLAT-17"])
    reason: shapes.Words = Field(description="why it is borne")
    resources: Maybe[shapes.Words] = Field(
        default=(),
        description="of PKG-120: the addresses of the pending changes that are borne, and no others",
        examples=[["aws_secretsmanager_secret_version.kafka"]],
    )
    expires: AwareDatetime = Field(
        description="when it ends, with a time zone (TOML: without quotes)", examples=["2026-12-31T00:00:00Z"]
    )


class Ignored(Table):
    """An ECS service that runs beside the declared ones and is none of this declaration's."""

    ecs: shapes.EcsService = Field(description="ECS cluster / service", examples=["main/other"])
    reason: shapes.Words = Field(description="why it is none of this declaration's")


class Declaration(Table):
    """What must hold. Made by `parse_declaration` alone, which also checks what no single table can know."""

    model_config = ConfigDict(title="substrate.toml")

    schema_version: Literal[1] = Field(alias="schema", description="the version of this format", examples=[1])
    environment: shapes.Environment = Field(description="the environment's name", examples=["dev"])
    account: shapes.Account = Field(description="the AWS account", examples=["111122223333"])
    region: shapes.Region = Field(description="the AWS region", examples=["eu-west-2"])
    observer: Observer | None = Field(default=None, description="who reads; else the caller")
    target: TargetTable = Field(default_factory=TargetTable, description="what the target guard admits")
    probe: Probe = Field(default_factory=Probe, description="how the probe travels")
    cluster: Mapping[shapes.Name, Cluster] = Field(default_factory=dict, description="MSK clusters by name")
    artifact: Mapping[shapes.Name, Artifact] = Field(default_factory=dict, description="released images by name")
    service: Mapping[shapes.Name, Service] = Field(default_factory=dict, description="ECS services by name")
    job: Mapping[shapes.Name, Job] = Field(default_factory=dict, description="jobs by name")
    grant: Mapping[shapes.Name, Grant] = Field(default_factory=dict, description="S3 grants by name")
    release: Release | None = Field(default=None, description="how CI publishes")
    plan: PlanGuard | None = Field(default=None, description="the infrastructure plan that every run has to judge")
    not_applicable: Maybe[NotApplicable] = Field(default=(), description="checks that don't apply to a subject")
    waiver: Maybe[Waiver] = Field(default=(), description="red checks that somebody answers for")
    ignored: Maybe[Ignored] = Field(default=(), description="ECS services that are none of this declaration's")

    @staticmethod
    def digest(text: str) -> str:
        """`sha256:…` of the file's canonical bytes: UTF-8, without a byte order mark, lines ended by a line feed."""
        canonical = text.removeprefix("\ufeff").replace("\r\n", "\n")
        return "sha256:" + hashlib.sha256(canonical.encode()).hexdigest()
