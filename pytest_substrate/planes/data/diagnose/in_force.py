"""Since when a role's present permissions are in force, as far as AWS dates them, and their digest. Pure.

IAM dates the versions of managed policies, and nothing else: neither an inline policy, nor an attachment, nor a bucket
policy, nor a key's. A key that has the policy that KMS gives a new one has had it since it was made, by all that can be
told. For the rest it is the ledger that knows since when the digest has been what it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from pytest_substrate.model.aws.instant import Instant
from pytest_substrate.model.aws.storage import BucketState, KeyPolicy
from pytest_substrate.model.ci import RolePolicies
from pytest_substrate.model.observation import Missing, Unobserved
from pytest_substrate.model.policy_digest import canonical, digest_of

_BEHIND: Final = "the bucket behind "


@dataclass(frozen=True, slots=True, kw_only=True)
class Permissions:
    """All that decides what a role may do with its buckets, by the name of each."""

    policies: RolePolicies | Missing | Unobserved
    buckets: Mapping[str, BucketState | Missing | Unobserved]
    keys: Mapping[str, KeyPolicy | Missing | Unobserved]


@dataclass(frozen=True, slots=True, kw_only=True)
class InForce:
    """`since` is the newest date that AWS gives; `undated` names what has none."""

    digest: str
    since: Instant | None
    undated: tuple[str, ...]


def in_force(found: Permissions) -> InForce | Missing | Unobserved:
    """The permissions' digest and dates, else what of them can't be read."""
    if not isinstance(found.policies, RolePolicies):
        return found.policies
    hashed: list[tuple[str, Any]] = []
    dates: list[Instant] = []
    undated: list[str] = []
    bounding = [found.policies.boundary] if found.policies.boundary else []
    for policy in (*found.policies.policies, *bounding):
        hashed.append((policy.name, canonical(policy.document)))
        if policy.created is None:
            undated.append(f"the inline policy {policy.name}")
        else:
            dates.append(policy.created)
    hashed.append(("boundary", bounding[0].name if bounding else None))
    for name, bucket in sorted(found.buckets.items()):
        of_bucket = _of_bucket(name, bucket)
        if isinstance(of_bucket, Missing | Unobserved):
            return of_bucket
        hashed += of_bucket.items()
        undated += (f"the policy of {what}" for what in of_bucket if not what.startswith(_BEHIND))
    for name, key in sorted(found.keys.items()):
        if not isinstance(key, KeyPolicy):
            return key
        hashed.append((f"key {name}", canonical(key.document)))
        if key.created is not None and _is_a_new_keys(key.document):
            dates.append(key.created)
        else:
            undated.append(f"the policy of key {name}")
    return InForce(
        digest=digest_of(hashed),
        since=max(dates, key=lambda one: one.at, default=None),
        undated=tuple(undated),
    )


def _of_bucket(name: str, bucket: BucketState | Missing | Unobserved) -> dict[str, Any] | Missing | Unobserved:
    """What decides of a bucket, by its name in the digest; of an access point its own policy and which bucket it is."""
    if not isinstance(bucket, BucketState):
        return bucket
    decides: dict[str, Any] = {} if bucket.point is None else {f"{_BEHIND}{name}": bucket.name}
    of_point = [] if bucket.point is None else [(f"access point {name}", bucket.point.policy)]
    for what, policy in (*of_point, (f"bucket {name}", bucket.policy)):
        if isinstance(policy, Unobserved):
            return policy
        if isinstance(policy, str):
            decides[what] = canonical(policy)
    return decides


def _is_a_new_keys(document: str) -> bool:
    """Whether it is what KMS gives a key that is made without one: the account's root may do everything."""
    parsed = canonical(document)
    statements = parsed.get("Statement") if isinstance(parsed, dict) else None
    if isinstance(statements, dict):
        statements = [statements]
    if not isinstance(statements, list) or len(statements) != 1 or not isinstance(statements[0], dict):
        return False
    only = statements[0]
    principal = only.get("Principal")
    named = principal.get("AWS") if isinstance(principal, dict) else None
    return (
        only.get("Effect") == "Allow"
        and isinstance(named, str)
        and named.endswith(":root")
        and only.get("Action") == "kms:*"
        and "Condition" not in only
    )
