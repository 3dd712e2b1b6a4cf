"""Who makes a request, as its ARN tells: kind of principal, account, names, and the condition keys that follow.

Source: "Principal key values" in "Policy variables", and "AWS global condition context keys" (IAM User Guide). The ARN
of a role session does not hold the role's path; names of roles are unique in an account whatever their path.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeAlias

from pytest_substrate.model.errors import BadInput
from pytest_substrate.policy.context import Missing

_FORM: Final = re.compile(
    r"arn:(?P<partition>aws[a-z-]*):(?:iam::(?P<iam>\d{12}):(?P<entity>root|user/\S+|role/\S+)"
    r"|sts::(?P<sts>\d{12}):(?P<session>assumed-role/[^/\s]+/[^/\s]+|federated-user/\S+))"
)
_SERVICE_LINKED: Final = "AWSServiceRoleFor"

Derived: TypeAlias = tuple[str, ...] | Missing


class Kind(StrEnum):
    """As `aws:PrincipalType` names it."""

    USER = "User"
    ROLE = "AssumedRole"
    FEDERATED = "FederatedUser"
    ROOT = "Account"


@dataclass(frozen=True, slots=True, kw_only=True)
class Requester:
    """A principal. A role without a `session` is any session of it."""

    arn: str
    kind: Kind
    partition: str
    account: str
    name: str
    """The name without its path; of the root `root`."""
    path: str | None
    """Of a user or a role, such as `/` or `/team/`; None where the ARN does not tell."""
    session: str | None

    @property
    def entity_arn(self) -> str:
        """What `aws:PrincipalArn` holds: for a session the role's ARN, taken as having no path where none is known."""
        if self.kind is not Kind.ROLE:
            return self.arn
        return f"arn:{self.partition}:iam::{self.account}:role{self.path or '/'}{self.name}"

    @property
    def is_service_linked(self) -> bool:
        """Whether it is a service-linked role, which no policy of AWS Organizations limits."""
        return self.kind is Kind.ROLE and self.name.startswith(_SERVICE_LINKED)

    @property
    def is_temporary(self) -> bool:
        """Whether its credentials are temporary for certain."""
        return self.kind in (Kind.ROLE, Kind.FEDERATED)

    def keys(self) -> dict[str, Derived]:
        """The condition keys that follow, in lower case."""
        user_id: Derived = Missing.UNKNOWN_VALUE
        if self.kind is Kind.ROOT:
            user_id = (self.account,)
        elif self.kind is Kind.FEDERATED:
            user_id = (f"{self.account}:{self.name}",)
        return {
            "aws:principalarn": (self.entity_arn,),
            "aws:principalaccount": (self.account,),
            "aws:principaltype": (self.kind.value,),
            "aws:principalisawsservice": ("false",),
            "aws:userid": user_id,
            "aws:username": (self.name,) if self.kind is Kind.USER else Missing.ABSENT,
            "aws:tokenissuetime": Missing.UNKNOWN_VALUE if self.is_temporary else Missing.ABSENT,
            "kms:calleraccount": (self.account,),
        }


def requester_of(arn: str, *, where: str = "--principal") -> Requester:
    """The principal with that ARN; BadInput for what makes no requests (a group, a pattern, a policy)."""
    found = _FORM.fullmatch(arn)
    if found is None or "*" in arn or "?" in arn:
        raise BadInput(
            where,
            "is not the ARN of a principal",
            "write the ARN of a user, a role, a session (arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION) or a root",
        )
    partition = found["partition"]
    if found["sts"] is not None:
        kind, _, names = found["session"].partition("/")
        name, _, session = names.partition("/")
        if kind == "federated-user":
            return Requester(
                arn=arn,
                kind=Kind.FEDERATED,
                partition=partition,
                account=found["sts"],
                name=names,
                path=None,
                session=None,
            )
        return Requester(
            arn=arn, kind=Kind.ROLE, partition=partition, account=found["sts"], name=name, path=None, session=session
        )
    kind, _, rest = found["entity"].partition("/")
    path, _, name = f"/{rest}".rpartition("/")
    kinds = {"user": Kind.USER, "role": Kind.ROLE, "root": Kind.ROOT}
    return Requester(
        arn=arn,
        kind=kinds[kind],
        partition=partition,
        account=found["iam"],
        name=name or "root",
        path=f"{path}/" if rest else None,
        session=None,
    )
