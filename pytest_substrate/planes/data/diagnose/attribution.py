"""Who refused a call, by which kind of policy: in the service's own words, else by the policies that may be read. Pure.

S3 says it within one account or organization ("User: … is not authorized to perform: … because no identity-based policy
allows …", since 2024). Where it does not, the policies that the observer can read are evaluated; what denies although
they allow is one of those that nobody here can see: of the organization, or of a VPC endpoint.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from pytest_substrate.model.aws.role import role_of
from pytest_substrate.model.data_transcript import CallSeen
from pytest_substrate.model.errors import BadInput
from pytest_substrate.model.facts import FactValue, admitted, line
from pytest_substrate.policy.decision import decide
from pytest_substrate.policy.document import Document
from pytest_substrate.policy.evaluate import Outcome, Policies, Source
from pytest_substrate.policy.request import make_request

if TYPE_CHECKING:
    from pytest_substrate.planes.data.denied import Denial

PERMISSIONS: Final[Mapping[str, str]] = {
    "ListObjectsV2": "s3:ListBucket",
    "HeadObject": "s3:GetObject",
    "GetObject": "s3:GetObject",
    "CreateMultipartUpload": "s3:PutObject",
    "UploadPart": "s3:PutObject",
    "PutObject": "s3:PutObject",
    "AbortMultipartUpload": "s3:AbortMultipartUpload",
    "DeleteObject": "s3:DeleteObject",
}
"""What each call needs first (Service Authorization Reference, "Amazon S3"); KMS comes after it."""

_KINDS: Final[Mapping[str, str]] = {
    "identity-based": "identity",
    "resource-based": "resource",
    "permissions boundary": "boundary",
    "session": "session",
    "service control": "scp",
    "resource control": "rcp",
    "VPC endpoint": "vpc-endpoint",
}
"""AWS's words for each kind of policy, and ours."""
NEVER_SEEN: Final = ("service control policies", "resource control policies", "the VPC endpoint's policy")
"""What denies and can't be read in the account itself."""


BUCKET_POLICY: Final = "the bucket's policy"
KEY_POLICY: Final = "the key's policy"
ROLE_POLICIES: Final = "the role's policies"
_OWN_POLICY: Final = "the resource's own policy"
_OTHERS: Final = "the policies of that principal"
_OF_SERVICE: Final[Mapping[str, str]] = {BUCKET_POLICY: "s3", KEY_POLICY: "kms"}
"""What decides of one service's actions alone."""
_WITH_POLICIES: Final = frozenset(
    (
        *("backup", "codeartifact", "dynamodb", "ecr", "elasticfilesystem", "es", "events", "execute-api", "glue"),
        *("kinesis", "lambda", "logs", "s3express", "s3tables", "secretsmanager", "sns", "sqs", "ssm", "states", "sts"),
    )
)
"""Services whose resources may have policies of their own ("AWS services that work with IAM"), S3 and KMS apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighed:
    """The policies of one role and one bucket, as far as they may be read; `unseen` names the others."""

    policies: Policies = field(default_factory=Policies)
    keys: Mapping[str, Document] = field(default_factory=dict)
    """The policy of each key, by its ARN."""
    unseen: tuple[str, ...] = ()
    condition_keys: tuple[str, ...] = ()
    """The condition keys that the bucket's policy asks for."""
    endpoint_conditions: tuple[str, ...] = ()
    """Its conditions on the VPC or the VPC endpoint that a request comes through, in words."""
    role: tuple[str, str] | None = None
    """Whose policies these are, by account and name; of another principal they say nothing. None is whoever asks."""
    buckets: Mapping[str, Document | None] | None = None
    """The policies of all buckets that could be read, None for one without, where it isn't known before which one was
    asked; where it is, its policy stands in `policies`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribution:
    """Who refused; `source` is one of those of `substrate denied` but `kms`, which names no kind of policy."""

    action: str
    resource: str
    principal: str | None = None
    effect: str = "unknown"
    source: str = "unknown"
    policy: str | None = None
    """The policy that decided, by its ARN or its name."""
    unseen: tuple[str, ...] = ()
    by_service: bool = False
    """Whether the service itself said so."""

    @property
    def reason(self) -> str:
        """Why, in half a sentence."""
        kinds = {name: kind for kind, name in _KINDS.items()}
        kind = kinds.get(self.source, self.source)
        policy = "" if self.source == "boundary" else " policy"
        by = f" ({self.policy})" if self.policy else ""
        if self.effect == "explicit":
            return f"an explicit deny in a {kind}{policy}{by}"
        if self.effect == "implicit":
            return f"no {kind}{policy} allows it"
        hidden = ", ".join(self.unseen)
        return f"what may be read would allow it; not seen: {hidden}" if hidden else "it can't be told by which policy"

    def facts(self) -> dict[str, FactValue]:
        """As facts of a record."""
        return {
            "action": self.action,
            "resource": admitted("resource", self.resource),
            "principal": None if self.principal is None else admitted("principal", self.principal),
            "effect": self.effect,
            "source": self.source,
            "policy": None if self.policy is None else line(self.policy),
            "unseen": admitted("unseen", self.unseen) if self.unseen else None,
        }


def attribute(call: CallSeen, bucket_arn: str, weighed: Weighed, caller: str | None) -> Attribution:
    """Who refused this call. `bucket_arn` is the bucket's or the access point's; `caller` the task's session."""
    said = _said(call, bucket_arn, weighed)
    asked = said or Attribution(
        action=PERMISSIONS.get(call.operation, f"s3:{call.operation}"), resource=_resource(call, bucket_arn)
    )
    return evaluate(asked, weighed, asked.principal or caller, prefix=call.target)


def _said(call: CallSeen, bucket_arn: str, weighed: Weighed) -> Attribution | None:
    from pytest_substrate.planes.data.denied import find_denials  # its patterns are no affair of other planes' runs

    found = next(iter(find_denials([call.message or ""])), None)
    if found is None or found.action is None:
        return None
    resource = _resource(call, bucket_arn)
    if found.action.startswith("kms:"):  # KMS may speak of "the resource associated with this ciphertext" alone
        resource = next(iter(weighed.keys), "*") if len(weighed.keys) == 1 else "*"
    return attribution_of(found, resource=resource)


def attribution_of(found: Denial, *, resource: str) -> Attribution:
    """What a message says; `resource` where it names none."""
    return Attribution(
        action=found.action or "unknown",
        resource=found.resource or resource,
        principal=found.principal,
        effect=found.effect.value,
        source="unknown" if found.source.value == "kms" else found.source.value,
        policy=found.policy,
        by_service=True,
    )


def _resource(call: CallSeen, bucket_arn: str) -> str:
    if PERMISSIONS.get(call.operation) == "s3:ListBucket":
        return bucket_arn
    inside = "/object/" if ":accesspoint/" in bucket_arn else "/"
    return f"{bucket_arn}{inside}{call.key}"


def _resource_policy(asked: Attribution, weighed: Weighed) -> tuple[Document | None, tuple[str, ...]]:
    """The policy of what was asked for, and what of it can't be seen."""
    service = asked.action.partition(":")[0].lower()
    if service == "kms" and not asked.resource.startswith("arn:"):
        return None, (KEY_POLICY,)  # which key it was, nobody said
    if service == "kms":
        known = weighed.keys.get(asked.resource)
        return known, () if known is not None or weighed.buckets is None else (KEY_POLICY,)
    if service == "s3":
        if weighed.buckets is None:
            return weighed.policies.resource, ()
        name = asked.resource.partition(":::")[2].partition("/")[0]
        return weighed.buckets.get(name), () if name in weighed.buckets else (BUCKET_POLICY,)
    return None, (_OWN_POLICY,) if service in _WITH_POLICIES and asked.resource != "*" else ()


def evaluate(asked: Attribution, weighed: Weighed, caller: str | None, *, prefix: str | None = None) -> Attribution:
    """The same refusal with the kind of policy that the readable ones tell, where the service did not say it.

    `prefix` is what a list was asked for. Where all that may be read would allow it, it names what may not be read.
    """
    if asked.source != "unknown":
        return asked
    resource, hidden = _resource_policy(asked, weighed)
    service = asked.action.partition(":")[0].lower()
    readable = (*(one for one in weighed.unseen if _OF_SERVICE.get(one, service) == service), *hidden)
    if caller is None or (weighed.role is not None and role_of(caller) != weighed.role):
        return replace(asked, unseen=(*readable, *(() if caller is None else (_OTHERS,)), *NEVER_SEEN))
    unseen = (*readable, *NEVER_SEEN)
    context = [("aws:SecureTransport", "true")]
    if asked.action == "s3:ListBucket" and prefix is not None:
        context.append(("s3:prefix", prefix))
    policies = replace(weighed.policies, resource=resource)
    try:
        request = make_request(principal=caller, action=asked.action, resource=asked.resource, context=context)
    except BadInput:  # what a log line calls a principal or a resource may be none
        return replace(asked, unseen=unseen)
    decision = decide(request, policies)
    asked = replace(asked, principal=caller)
    if decision.outcome is Outcome.EXPLICIT_DENY:
        return replace(asked, effect="explicit", source=decision.source.value, policy=decision.document)
    if decision.outcome is Outcome.IMPLICIT_DENY and not readable:  # what isn't seen might grant, or deny
        failed = Source.IDENTITY if decision.source is Source.NONE else decision.source
        return replace(asked, effect="implicit", source=failed.value)
    return replace(asked, unseen=unseen)
