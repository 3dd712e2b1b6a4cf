"""The next command of a refusal: the one statement that is missing, or where the one that denies stands. Pure.

The statement is the smallest that allows what the declaration asks for: its action, and the declared object or prefix.
"""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass
from typing import Any, Final

from pytest_substrate.planes.data.diagnose.attribution import Attribution

POLICY_NAME: Final = "substrate-mend"
_LIST: Final = "s3:ListBucket"
_WILD: Final = re.compile(r"[*?]")
_NAMING: Final = ("resource", "vpc-endpoint")
"""Kinds of policies whose statements name a principal."""
_FILTERS: Final = {"scp": "SERVICE_CONTROL_POLICY", "rcp": "RESOURCE_CONTROL_POLICY"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """What a mend is about: the role, the bucket, the declared object or prefix."""

    role: str
    bucket: str
    bucket_arn: str
    target: str
    """The declared prefix where it ends in `/`; anything else is what was asked for, and the refusal names it."""
    account: str
    region: str
    prefixes: tuple[str, ...] = ()
    """What may be listed, by the declaration."""


def statement_for(found: Attribution, where: Where) -> dict[str, Any] | None:
    """The smallest Allow; None where only a wildcard could tell on what.

    The one star that it may hold is that of a declared prefix, behind which a workload writes keys of its own choice.
    """
    made: dict[str, Any] = {"Effect": "Allow", "Action": found.action, "Resource": found.resource}
    if found.action.startswith("s3:") and where.target.endswith("/") and found.action != _LIST:
        inside = "/object/" if ":accesspoint/" in where.bucket_arn else "/"
        return {**made, "Resource": f"{where.bucket_arn}{inside}{where.target}*"}
    if not found.resource.startswith("arn:") or _WILD.search(found.resource + found.action):
        return None
    if found.action == _LIST and where.prefixes:
        prefixes = where.prefixes[0] if len(where.prefixes) == 1 else list(where.prefixes)
        made["Condition"] = {"StringEquals": {"s3:prefix": prefixes}}
    return made


def missing_statement(found: Attribution, where: Where) -> str | None:
    """That statement as JSON, in the form of the kind of policy that lacks it; None where a policy denies."""
    statement = statement_for(found, where) if found.effect == "implicit" else None
    if statement is None:
        return None
    if found.source in _NAMING:
        partition = where.bucket_arn.split(":")[1]
        whom = {"AWS": f"arn:{partition}:iam::{where.account}:role/{where.role}"}
        statement = {"Effect": "Allow", "Principal": whom, **statement}
        if found.action.startswith("sts:AssumeRole") and found.source == "resource":
            del statement["Resource"]  # a trust policy has none
    return _compact(statement)


def _compact(document: dict[str, Any]) -> str:
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False)


def mend(found: Attribution, where: Where) -> str:
    """A whole command: the missing statement, or a look at the policy that decided."""
    role = shlex.quote(where.role)
    if found.source == "boundary":
        return f"aws iam get-role --role-name {role} --query Role.PermissionsBoundary"
    if found.source == "resource":
        return _resource_policy(found, where)
    if found.source == "identity":
        statement = None if found.effect == "explicit" else statement_for(found, where)
        return _denying(found, role) if statement is None else _allow(statement, role)
    return _elsewhere(found, where)


def _allow(statement: dict[str, Any], role: str) -> str:
    document = _compact({"Version": "2012-10-17", "Statement": [statement]})
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
