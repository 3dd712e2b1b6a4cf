"""The next command of a refusal: the one statement that is missing, or where the one that denies stands. Pure.

The statement is the smallest that allows what the declaration asks for: its action, and the declared object or prefix.
"""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from typing import Any, Final

from pytest_substrate.planes.data.diagnose.attribution import Attribution

POLICY_NAME: Final = "substrate-mend"
_FILTERS: Final = {"scp": "SERVICE_CONTROL_POLICY", "rcp": "RESOURCE_CONTROL_POLICY"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """What a mend is about: the role, the bucket, the declared object or prefix."""

    role: str
    bucket: str
    bucket_arn: str
    target: str
    account: str
    region: str


def statement_for(found: Attribution, where: Where) -> dict[str, Any]:
    """The smallest Allow."""
    if found.action.startswith("kms:"):
        return {"Effect": "Allow", "Action": found.action, "Resource": found.resource}
    if found.action == "s3:ListBucket":
        prefix = {"StringLike": {"s3:prefix": f"{where.target}*" if where.target.endswith("/") else where.target}}
        return {"Effect": "Allow", "Action": found.action, "Resource": where.bucket_arn, "Condition": prefix}
    inside = "/object/" if ":accesspoint/" in where.bucket_arn else "/"
    key = f"{where.target}*" if where.target.endswith("/") else where.target
    return {"Effect": "Allow", "Action": found.action, "Resource": f"{where.bucket_arn}{inside}{key}"}


def mend(found: Attribution, where: Where) -> str:
    """A whole command: the missing statement, or a look at the policy that decided."""
    role = shlex.quote(where.role)
    if found.source == "boundary":
        return f"aws iam get-role --role-name {role} --query Role.PermissionsBoundary"
    if found.source == "resource":
        return _resource_policy(found, where)
    if found.source == "identity":
        return _denying(found, role) if found.effect == "explicit" else _allow(found, where, role)
    return _elsewhere(found, where)


def _allow(found: Attribution, where: Where, role: str) -> str:
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement_for(found, where)]}, separators=(",", ":"))
    named = f"--role-name {role} --policy-name {POLICY_NAME}"
    return f"aws iam put-role-policy {named} --policy-document {shlex.quote(document)}"


def _denying(found: Attribution, role: str) -> str:
    """Where the statement stands that denies."""
    policy = found.policy or ""
    if policy.startswith("arn:"):
        return f"aws iam get-policy --policy-arn {shlex.quote(policy)}"
    if policy:
        return f"aws iam get-role-policy --role-name {role} --policy-name {shlex.quote(policy)}"
    return f"aws iam list-attached-role-policies --role-name {role}"


def _resource_policy(found: Attribution, where: Where) -> str:
    if found.action.startswith("kms:"):
        key = shlex.quote(found.resource)
        return f"aws kms get-key-policy --key-id {key} --policy-name default --region {where.region} --output text"
    return f"aws s3api get-bucket-policy --bucket {shlex.quote(where.bucket)} --query Policy --output text"


def _elsewhere(found: Attribution, where: Where) -> str:
    """What the account's owner has to look at, as this observer can't."""
    if found.source in _FILTERS:
        kind = _FILTERS[found.source]
        return f"aws organizations list-policies-for-target --target-id {where.account} --filter {kind}"
    if found.source == "vpc-endpoint":
        named = f"Name=service-name,Values=com.amazonaws.{where.region}.s3"
        return f"aws ec2 describe-vpc-endpoints --filters {named} --region {where.region}"
    source = shlex.quote(f"arn:aws:iam::{where.account}:role/{where.role}")
    asked = f"--action-names {found.action} --resource-arns {shlex.quote(found.resource)}"
    return f"aws iam simulate-principal-policy --policy-source-arn {source} {asked}"
