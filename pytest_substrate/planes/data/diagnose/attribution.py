"""Who refused a call, by which kind of policy: in the service's own words, else by the policies that may be read. Pure.

S3 says it within one account or organization ("User: … is not authorized to perform: … because no identity-based policy
allows …", since 2024). Where it does not, the policies that the observer can read are evaluated; what denies although
they allow is one of those that nobody here can see: of the organization, or of a VPC endpoint.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from pytest_substrate.model.data_transcript import CallSeen
from pytest_substrate.model.errors import BadInput
from pytest_substrate.model.facts import FactValue, admitted, line
from pytest_substrate.planes.data.denied import Denial, find_denials
from pytest_substrate.planes.data.denied import Source as DeniedBy
from pytest_substrate.policy.decision import decide
from pytest_substrate.policy.document import Document
from pytest_substrate.policy.evaluate import Outcome, Policies, Source
from pytest_substrate.policy.request import make_request

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighed:
    """The policies of one role and one bucket, as far as they may be read; `unseen` names the others."""

    policies: Policies = field(default_factory=Policies)
    keys: Mapping[str, Document] = field(default_factory=dict)
    """The policy of each key, by its ARN."""
    unseen: tuple[str, ...] = ()
    condition_keys: tuple[str, ...] = ()
    """The condition keys that the bucket's policy asks for."""


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
        }


def attribute(call: CallSeen, bucket_arn: str, weighed: Weighed, caller: str | None) -> Attribution:
    """Who refused this call. `bucket_arn` is the bucket's or the access point's; `caller` the task's session."""
    said = _said(call, bucket_arn, weighed)
    asked = said or Attribution(
        action=PERMISSIONS.get(call.operation, f"s3:{call.operation}"), resource=_resource(call, bucket_arn)
    )
    return evaluate(asked, weighed, asked.principal or caller, prefix=call.target)


def _said(call: CallSeen, bucket_arn: str, weighed: Weighed) -> Attribution | None:
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
        source="unknown" if found.source is DeniedBy.KMS else found.source.value,
        policy=found.policy,
        by_service=True,
    )


def _resource(call: CallSeen, bucket_arn: str) -> str:
    if PERMISSIONS.get(call.operation) == "s3:ListBucket":
        return bucket_arn
    inside = "/object/" if ":accesspoint/" in bucket_arn else "/"
    return f"{bucket_arn}{inside}{call.key}"


def evaluate(asked: Attribution, weighed: Weighed, caller: str | None, *, prefix: str | None = None) -> Attribution:
    """The same refusal with the kind of policy that the readable ones tell, where the service did not say it.

    `prefix` is what a list was asked for. Where all that may be read would allow it, it names what may not be read.
    """
    if asked.source != "unknown":
        return asked
    unseen = (*weighed.unseen, *NEVER_SEEN)
    if caller is None:
        return replace(asked, unseen=unseen)
    context = [("aws:SecureTransport", "true")]
    if asked.action == "s3:ListBucket" and prefix is not None:
        context.append(("s3:prefix", prefix))
    policies = weighed.policies
    if asked.action.startswith("kms:"):
        policies = replace(policies, resource=weighed.keys.get(asked.resource))
    try:
        request = make_request(principal=caller, action=asked.action, resource=asked.resource, context=context)
    except BadInput:  # what a log line calls a principal or a resource may be none
        return replace(asked, unseen=unseen)
    decision = decide(request, policies)
    asked = replace(asked, principal=caller)
    if decision.outcome is Outcome.EXPLICIT_DENY:
        return replace(asked, effect="explicit", source=decision.source.value, policy=decision.document)
    if decision.outcome is Outcome.IMPLICIT_DENY:
        failed = Source.IDENTITY if decision.source is Source.NONE else decision.source
        return replace(asked, effect="implicit", source=failed.value)
    return replace(asked, unseen=unseen)
