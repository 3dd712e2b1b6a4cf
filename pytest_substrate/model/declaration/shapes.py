"""The texts that a declaration may hold, each with its pattern, what is wrong with another text, and the mend.

A shape judges the form of one value and nothing else: no reference, no agreement between two keys, and no look at AWS.
Its pattern is also the `pattern` of the JSON Schema, so it keeps to what ECMA regular expressions know as well.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Any, TypeAlias

from packaging.requirements import InvalidRequirement, Requirement
from pydantic import AfterValidator, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import PydanticCustomError, core_schema

SHAPE_ERROR = "shape"
"""The type of every error raised here; its context holds `problem` and `mend`, never the value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """A text that matches `pattern` whole; else `problem` and `mend` are what a person reads."""

    pattern: str
    problem: str
    mend: str

    def checked(self, value: str) -> str:
        """The value itself, or the error that never repeats it."""
        if re.fullmatch(self.pattern, value, re.ASCII) is None:
            raise misshapen(self.problem, self.mend)
        return value

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        """Pydantic's own text check first, then the pattern."""
        return core_schema.no_info_after_validator_function(self.checked, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """The pattern, anchored: JSON Schema searches where this class matches the whole."""
        return {**handler(schema), "pattern": f"^(?:{self.pattern})$"}


def misshapen(problem: str, mend: str) -> PydanticCustomError:
    """An error whose text is ours alone, so that no input can appear in it."""
    return PydanticCustomError(SHAPE_ERROR, "{problem}", {"problem": problem, "mend": mend})


def _requirement(value: str) -> str:
    try:
        requirement = Requirement(value)
    except InvalidRequirement:
        raise misshapen(
            "is not a PEP 508 requirement", 'write a name and versions, such as "kafka-python>=2.2"'
        ) from None
    if requirement.url is not None:
        raise misshapen("is a requirement with a URL", "name the distribution and its versions alone")
    return value


_UUID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_PARTITION = "arn:aws(?:-[a-z]+)*"
_ACCESS_POINT = _PARTITION + ":s3:[a-z0-9-]+:[0-9]{12}:accesspoint/[a-z0-9][a-z0-9-]{1,48}[a-z0-9]"

Name: TypeAlias = Annotated[
    str,
    Shape(
        pattern="[A-Za-z0-9][A-Za-z0-9._-]{0,63}",
        problem="is not a name",
        mend="use up to 64 letters, digits, dots, underscores and hyphens, a letter or digit first",
    ),
]
"""A name that the declaration gives: of a cluster, a service, a job, an artifact, a grant."""

Environment: TypeAlias = Annotated[
    str,
    Shape(
        pattern="[A-Za-z0-9][A-Za-z0-9_-]{0,63}",
        problem="is not the name of an environment",
        mend='use letters, digits, underscores and hyphens, such as "dev"',
    ),
]

Account: TypeAlias = Annotated[
    str,
    Shape(pattern="[0-9]{12}", problem="is not an AWS account", mend='write its 12 digits in quotes, "111122223333"'),
]

Region: TypeAlias = Annotated[
    str,
    Shape(
        pattern="[a-z]{2}(?:-[a-z]+)+-[0-9]{1,2}",
        problem="is not an AWS region",
        mend='write its code, such as "eu-west-2"',
    ),
]

RoleArn: TypeAlias = Annotated[
    str,
    Shape(
        pattern=_PARTITION + ":iam::[0-9]{12}:role/(?:[\\x21-\\x7e]+/)?[A-Za-z0-9_+=,.@-]{1,64}",
        problem="is not the ARN of an IAM role",
        mend='write "arn:aws:iam::ACCOUNT:role/NAME" (a role, not a session of it)',
    ),
]

RoleName: TypeAlias = Annotated[
    str,
    Shape(
        pattern="[A-Za-z0-9_+=,.@-]{1,64}",
        problem="is not the name of an IAM role",
        mend="write the role's name alone, without its ARN or path",
    ),
]

PolicyArn: TypeAlias = Annotated[
    str,
    Shape(
        pattern=_PARTITION + ":iam::(?:[0-9]{12}|aws):policy/(?:[\\x21-\\x7e]+/)?[A-Za-z0-9_+=,.@-]{1,128}",
        problem="is not the ARN of a managed policy",
        mend='write "arn:aws:iam::ACCOUNT:policy/NAME"',
    ),
]

ClusterArn: TypeAlias = Annotated[
    str,
    Shape(
        pattern=_PARTITION + ":kafka:[a-z0-9-]+:[0-9]{12}:cluster/[A-Za-z0-9][A-Za-z0-9-]{0,63}/" + _UUID + "-s?[0-9]+",
        problem="is not the ARN of an MSK cluster",
        mend='write "arn:aws:kafka:REGION:ACCOUNT:cluster/NAME/UUID-N", as `aws kafka list-clusters-v2` prints it',
    ),
]

EcsService: TypeAlias = Annotated[
    str,
    Shape(
        pattern="[A-Za-z0-9_-]{1,255}/[A-Za-z0-9_-]{1,255}",
        problem="is not an ECS service",
        mend='write the ECS cluster and the service, "CLUSTER/SERVICE"',
    ),
]

EcsName: TypeAlias = Annotated[
    str,
    Shape(
        pattern="[A-Za-z0-9_-]{1,255}",
        problem="is not an ECS name",
        mend="write the name alone: letters, digits, underscores and hyphens, without an ARN or a revision",
    ),
]

Variable: TypeAlias = Annotated[
    str,
    Shape(
        pattern="[A-Za-z_][A-Za-z0-9_]{0,254}",
        problem="is not the name of an environment variable",
        mend="write the variable's name, never its value",
    ),
]

SecretName: TypeAlias = Annotated[
    str,
    Shape(
        pattern="[A-Za-z0-9/_+=.@-]{1,512}",
        problem="is not the name of a secret",
        mend='write the name in Secrets Manager, such as "AmazonMSK_ingest", without its ARN and never its value',
    ),
]

Principal: TypeAlias = Annotated[
    str,
    Shape(
        pattern="[A-Za-z0-9._@+=-]{1,128}",
        problem="is not the name of a Kafka principal",
        mend="write the user's name, without `User:`",
    ),
]

Topic: TypeAlias = Annotated[
    str,
    Shape(
        pattern="(?!\\.{1,2}$)[A-Za-z0-9._-]{1,249}",
        problem="is not the name of a Kafka topic",
        mend="use up to 249 letters, digits, dots, underscores and hyphens; no pattern and no wildcard",
    ),
]

Group: TypeAlias = Annotated[
    str,
    Shape(
        pattern="(?!.*\\*)[\\x21-\\x7e]{1,255}",
        problem="is not the name of a consumer group",
        mend="write the group's whole name; no wildcard",
    ),
]

Distribution: TypeAlias = Annotated[
    str,
    Shape(
        pattern="[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?",
        problem="is not the name of a distribution",
        mend='write the client library as its index names it, such as "kafka-python"',
    ),
]

ReleaseNumber: TypeAlias = Annotated[
    str,
    Shape(
        pattern="[0-9]+(?:\\.[0-9]+){1,3}", problem="is not a version of the protocol", mend='write "2.6.0", in quotes'
    ),
]

PythonVersion: TypeAlias = Annotated[
    str,
    Shape(pattern="3\\.[0-9]{1,2}", problem="is not a version of Python", mend='write major and minor, "3.11"'),
]

AbsolutePath: TypeAlias = Annotated[
    str,
    Shape(
        pattern="/(?!.*(?:^|/)\\.\\.(?:/|$))[\\x21-\\x7e]{1,1023}",
        problem="is not an absolute path",
        mend="write the whole path, from / on and without `..`",
    ),
]

RelativePath: TypeAlias = Annotated[
    str,
    Shape(
        pattern="(?!/)(?!.*(?:^|/)\\.\\.(?:/|$))[\\x21-\\x7e]{1,1023}",
        problem="is not a path inside the project",
        mend="write it relative to the declaration's folder, without `..`",
    ),
]

AnyPath: TypeAlias = Annotated[
    str,
    Shape(pattern="[\\x21-\\x7e]{1,1024}", problem="is not a path", mend="write a path without blanks"),
]

Repository: TypeAlias = Annotated[
    str,
    Shape(
        pattern="(?:[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*/)*[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*",
        problem="is not the name of a repository",
        mend='write its name in the registry, such as "acme/ingest", without host, tag or digest',
    ),
]

PinnedImage: TypeAlias = Annotated[
    str,
    Shape(
        pattern="[a-z0-9][a-z0-9./:_-]*@sha256:[0-9a-f]{64}",
        problem="is not an image pinned by digest",
        mend='write "HOST/REPOSITORY@sha256:…" with all 64 digits',
    ),
]

LogGroup: TypeAlias = Annotated[
    str,
    Shape(
        pattern="[A-Za-z0-9._/#-]{1,512}",
        problem="is not the name of a log group",
        mend='write its name, such as "/ecs/ingest", without its ARN',
    ),
]

Proxy: TypeAlias = Annotated[
    str,
    Shape(
        pattern="https?://[A-Za-z0-9.\\[\\]:-]+/?",
        problem="is not the URL of a proxy",
        mend='write "http://HOST:PORT", without a user or a password',
    ),
]

Bucket: TypeAlias = Annotated[
    str,
    Shape(
        pattern=f"[a-z0-9][a-z0-9.-]{{1,61}}[a-z0-9]|{_ACCESS_POINT}",
        problem="is not the name of a bucket",
        mend="write the bucket's name alone, without s3://, or the whole ARN of an access point",
    ),
]

ObjectKey: TypeAlias = Annotated[
    str,
    Shape(
        pattern="(?!/)[^*?\\x00-\\x1f\\x7f]{1,1024}",
        problem="is neither an object nor a prefix",
        mend="write a key, or a prefix that ends in `/`; no leading `/` and no wildcard",
    ),
]

ObjectVersion: TypeAlias = Annotated[
    str,
    Shape(
        pattern="[\\x21-\\x7e]{1,1024}",
        problem="is not a version of an object",
        mend="write the version's id, as S3 gave it",
    ),
]

ETag: TypeAlias = Annotated[
    str,
    Shape(
        pattern="[0-9a-f]{32}(?:-[0-9]{1,5})?",
        problem="is not an ETag",
        mend="write its hexadecimal digits, without quotes around them",
    ),
]

Subnet: TypeAlias = Annotated[
    str,
    Shape(pattern="subnet-[0-9a-f]{8,17}", problem="is not the id of a subnet", mend='write "subnet-…"'),
]

SecurityGroup: TypeAlias = Annotated[
    str,
    Shape(pattern="sg-[0-9a-f]{8,17}", problem="is not the id of a security group", mend='write "sg-…"'),
]

Provider: TypeAlias = Annotated[
    str,
    Shape(
        pattern="[a-z0-9-]+(?:\\.[a-z0-9-]+)+(?::[0-9]+)?(?:/[A-Za-z0-9._~/-]+)?",
        problem="is not an OIDC provider",
        mend='write the issuer without https://, such as "token.actions.githubusercontent.com"',
    ),
]

CertificateIssuer: TypeAlias = Annotated[
    str,
    Shape(
        pattern="https://[A-Za-z0-9.-]+(?::[0-9]+)?(?:/[A-Za-z0-9._~/-]*)?",
        problem="is not the issuer that a certificate names",
        mend='write its URL, such as "https://token.actions.githubusercontent.com"',
    ),
]

CertificateIdentity: TypeAlias = Annotated[
    str,
    Shape(
        pattern="(?:https://)?[^*?\\s]{1,1000}",
        problem="is not the identity that a certificate names",
        mend="write the URI of the workflow (with @ and its reference, or without for every one) or an address; "
        "no wildcard",
    ),
]

TokenSubject: TypeAlias = Annotated[
    str,
    Shape(
        pattern="[^*?\\s]{1,1024}",
        problem="is not the subject of a token",
        mend="write one whole `sub`, as the provider issues it; no wildcard",
    ),
]

CheckId: TypeAlias = Annotated[
    str,
    Shape(
        pattern="[A-Z]{3}-[0-9]{3}",
        problem="is not the id of a check",
        mend='write one id, such as "MSG-160"; no wildcard (`substrate checks` lists them)',
    ),
]

SubjectName: TypeAlias = Annotated[
    str,
    Shape(
        pattern="[a-z-]+/[A-Za-z0-9._+=,@-]+(?:/topic/[A-Za-z0-9._-]+)?",
        problem="is not a subject",
        mend='write one subject, such as "service/ingest"; no wildcard (`substrate checks` lists them)',
    ),
]

Words: TypeAlias = Annotated[
    str,
    Shape(
        pattern="(?=.*[^\\s])[^\\x00-\\x1f\\x7f]{1,300}",
        problem="is not one line of words",
        mend="say it in 1 to 300 characters, on one line",
    ),
]

Audience: TypeAlias = Annotated[
    str,
    Shape(
        pattern="[\\x21-\\x7e]{1,255}",
        problem="is not an audience",
        mend='write the `aud`, such as "sts.amazonaws.com"',
    ),
]

Module: TypeAlias = Annotated[
    str,
    Shape(
        pattern="[A-Za-z_][A-Za-z0-9_]*(?:\\.[A-Za-z_][A-Za-z0-9_]*)*",
        problem="is not the name of a module",
        mend='write what is imported, such as "kafka" or "acme.ingest"',
    ),
]

PackageRequirement: TypeAlias = Annotated[str, AfterValidator(_requirement)]
"""A PEP 508 requirement without a URL."""
