"""What could be read of a role's permissions, as policies to attribute a refusal by; what couldn't is named. Pure."""

from __future__ import annotations

from typing import Final

from pytest_substrate.model.aws.storage import BucketState, KeyPolicy
from pytest_substrate.model.ci import RolePolicies
from pytest_substrate.model.errors import BadInput
from pytest_substrate.model.observation import Missing, Unobserved
from pytest_substrate.planes.data.diagnose.attribution import BUCKET_POLICY, KEY_POLICY, ROLE_POLICIES, Weighed
from pytest_substrate.planes.data.diagnose.in_force import Permissions
from pytest_substrate.policy.document import Document, PolicyKind, parse_policy
from pytest_substrate.policy.evaluate import Policies

_OF_AN_ENDPOINT: Final = frozenset(
    ("aws:sourcevpc", "aws:sourcevpce", "aws:sourcevpcarn", "aws:vpcsourceip", "aws:vpceaccount", "aws:vpceorgid")
)


def weigh(found: Permissions, *, role: tuple[str, str], bucket: str | None) -> Weighed:
    """The permissions of `role` (account and name). `bucket` is the one that is asked, where that is known before."""
    unseen: list[str] = []

    def read(text: str, kind: PolicyKind, name: str, otherwise: str) -> Document | None:
        try:
            return parse_policy(text, name=name, kind=kind)
        except BadInput:
            unseen.append(otherwise)
            return None

    identity: list[Document] = []
    boundary: Document | None = None
    if isinstance(found.policies, RolePolicies):
        parsed = (read(one.document, PolicyKind.IDENTITY, one.name, one.name) for one in found.policies.policies)
        identity = [one for one in parsed if one is not None]
        limit = found.policies.boundary
        boundary = None if limit is None else read(limit.document, PolicyKind.BOUNDARY, limit.name, limit.name)
    else:
        unseen.append(ROLE_POLICIES)
    keys: dict[str, Document] = {}
    for key in found.keys.values():
        text = key.document if isinstance(key, KeyPolicy) else ""
        document = read(text, PolicyKind.RESOURCE, f"the policy of {getattr(key, 'arn', 'the key')}", KEY_POLICY)
        if isinstance(key, KeyPolicy) and document is not None:
            keys[key.arn] = document
    buckets = {
        name: None if policy is None else read(policy, PolicyKind.RESOURCE, f"the policy of {name}", BUCKET_POLICY)
        for name, state in found.buckets.items()
        if not isinstance(policy := _policy_of(state), Unobserved)
    }
    if bucket is not None and bucket not in buckets:
        unseen.append(BUCKET_POLICY)
    resource = None if bucket is None else buckets.get(bucket)
    conditions = [one for item in resource.statements for one in item.conditions] if resource else []
    return Weighed(
        policies=Policies(identity=tuple(identity), boundary=boundary, resource=resource),
        keys=keys,
        unseen=tuple(dict.fromkeys(unseen)),
        condition_keys=tuple(dict.fromkeys(one.key for one in conditions)),
        endpoint_conditions=tuple(
            f"{one.operator} {one.key} {', '.join(one.values)}"
            for one in conditions
            if one.key.lower() in _OF_AN_ENDPOINT
        ),
        role=role,
        buckets=buckets if bucket is None else None,
    )


def _policy_of(state: BucketState | Missing | Unobserved) -> str | Unobserved | None:
    """The bucket's policy, None where it has none. One behind an access point doesn't decide alone."""
    if not isinstance(state, BucketState) or state.point is not None:
        return Unobserved(reason="not-asked")
    return None if isinstance(state.policy, Missing) else state.policy
