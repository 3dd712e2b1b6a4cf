"""The decisions that AWS' documentation states, case by case: who decides, and what is undecided."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import pytest

from pytest_substrate.policy.decision import Decision, decide
from pytest_substrate.policy.document import Document, PolicyKind, parse_policy
from pytest_substrate.policy.evaluate import Policies
from pytest_substrate.policy.request import make_request

A, B = "111122223333", "444455556666"
SESSION = f"arn:aws:sts::{A}:assumed-role/ingest-task/4f0c2a"
ROLE = f"arn:aws:iam::{A}:role/ingest-task"
ANN = f"arn:aws:iam::{A}:user/ann"
FED = f"arn:aws:sts::{A}:federated-user/ann"
ROOT = f"arn:aws:iam::{A}:root"
OBJECT = "arn:aws:s3:::oracle-data/in/day1.csv"
SECRET = f"arn:aws:secretsmanager:eu-west-2:{A}:secret:AmazonMSK_ingest-a1b2c3"
FOREIGN = f"arn:aws:secretsmanager:eu-west-2:{B}:secret:AmazonMSK_ingest-a1b2c3"
KEY = f"arn:aws:kms:eu-west-2:{A}:key/0f1e2d3c-0000-4000-8000-00000000000a"
FOREIGN_KEY = KEY.replace(A, B)
GET = "secretsmanager:GetSecretValue"


def stated(effect: str, action: Any = "*", resource: Any = "*", **more: Any) -> dict[str, Any]:
    """A statement; `None` leaves Action or Resource out."""
    elements = {"Effect": effect, "Action": action, "Resource": resource, **more}
    return {key: value for key, value in elements.items() if value is not None}


def allow(action: Any = "*", resource: Any = "*", **more: Any) -> dict[str, Any]:
    """An Allow."""
    return stated("Allow", action, resource, **more)


def deny(action: Any = "*", resource: Any = "*", **more: Any) -> dict[str, Any]:
    """A Deny."""
    return stated("Deny", action, resource, **more)


def when(operator: str, **tests: Any) -> dict[str, Any]:
    """A Condition: `aws_SourceIp` stands for `aws:SourceIp`."""
    return {"Condition": {operator: {key.replace("_", ":", 1): value for key, value in tests.items()}}}


NOTHING = allow("sqs:ReceiveMessage", f"arn:aws:sqs:eu-west-2:{A}:jobs")
EVERYTHING = allow()


@dataclass(frozen=True)
class Case:
    """A request under policies; each policy is a list of statements, `scps` a list of these."""

    expected: str
    """Outcome, a space, the sources that may be named (`a|b`)."""
    identity: list[dict[str, Any]] = field(default_factory=lambda: [NOTHING])
    resource_policy: list[dict[str, Any]] | None = None
    boundary: list[dict[str, Any]] | None = None
    session: list[dict[str, Any]] | None = None
    scps: list[list[dict[str, Any]]] = field(default_factory=list)
    rcps: list[list[dict[str, Any]]] = field(default_factory=list)
    principal: str = SESSION
    action: str = GET
    resource: str = SECRET
    context: dict[str, Any] = field(default_factory=dict)
    version: str | None = "2012-10-17"


def document(statements: list[dict[str, Any]], kind: PolicyKind, version: str | None = "2012-10-17") -> Document:
    """The document of these statements."""
    head = {} if version is None else {"Version": version}
    return parse_policy(json.dumps({**head, "Statement": statements}), name=f"{kind}.json", kind=kind)


def judge(case: Case) -> Decision:
    """The decision of a case."""
    pairs = [
        (key, value)
        for key, values in case.context.items()
        for value in (values if isinstance(values, list) else [values])
    ]
    request = make_request(principal=case.principal, action=case.action, resource=case.resource, context=pairs)
    trust = case.action == "sts:AssumeRole"

    def one(statements: list[dict[str, Any]] | None, kind: PolicyKind) -> Document | None:
        return None if statements is None else document(statements, kind)

    session = one(case.session, PolicyKind.SESSION)
    policies = Policies(
        identity=(document(case.identity, PolicyKind.IDENTITY, case.version),),
        boundary=one(case.boundary, PolicyKind.BOUNDARY),
        scps=tuple(document(level, PolicyKind.SCP) for level in case.scps),
        rcps=tuple(document(level, PolicyKind.RCP) for level in case.rcps),
        session=None if session is None else (session,),
        resource=one(case.resource_policy, PolicyKind.TRUST if trust else PolicyKind.RESOURCE),
    )
    return decide(request, policies)


def check(case: Case) -> None:
    """The outcome, one of the sources, and a reason in one line."""
    outcome, _, sources = case.expected.partition(" ")
    decision = judge(case)
    assert outcome == decision.outcome.value, decision
    assert not sources or decision.source.value in sources.split("|"), decision
    assert decision.reason
    assert "\n" not in decision.reason


def to(principal: Any, *, effect: str = "Allow", action: Any = GET, **more: Any) -> dict[str, Any]:
    """A resource policy's statement."""
    return stated(effect, action, "*", Principal=principal, **more)


def aws(*names: str) -> dict[str, Any]:
    """A principal of AWS."""
    return {"AWS": list(names)}


IDENTITY = {
    "an explicit deny wins": Case(
        "explicit-deny identity", [allow(), deny("s3:*")], action="s3:GetObject", resource=OBJECT
    ),
    "whatever the order": Case(
        "explicit-deny identity", [deny("s3:*"), allow()], action="s3:GetObject", resource=OBJECT
    ),
    "silence denies": Case("implicit-deny none|identity", [allow("ec2:*")]),
    "actions have no letter case": Case("allow identity", [allow("SecretsManager:getsecret*")]),
    "a ? in an action": Case("allow identity", [allow("secretsmanager:GetSecretValu?")]),
    "* is not every service's": Case("implicit-deny none|identity", [allow("secretsmanager:Put*")]),
    "NotAction allows the rest": Case("allow identity", [allow(None, NotAction="iam:*")]),
    "NotAction does not allow what it names": Case(
        "implicit-deny", [allow(None, NotAction=["iam:*", "secretsmanager:*"])]
    ),
    "NotResource allows the rest": Case("allow identity", [allow(resource=None, NotResource="arn:aws:s3:::x")]),
    "NotResource spares": Case("allow identity", [allow(), deny(resource=None, NotResource=[SECRET])]),
    "NotResource denies the rest": Case(
        "explicit-deny identity", [allow(), deny(resource=None, NotResource="arn:aws:s3:::x")]
    ),
    "resources have letter case": Case("implicit-deny", [allow(GET, SECRET.replace("Amazon", "amazon"))]),
    "* spans slashes": Case(
        "allow", [allow("s3:*", "arn:aws:s3:::oracle-data/*.csv")], action="s3:GetObject", resource=OBJECT
    ),
    "* may be empty": Case("allow", [allow("s3:*", f"{OBJECT}*")], action="s3:GetObject", resource=OBJECT),
    "the bucket is not its objects": Case(
        "implicit-deny", [allow("s3:*", "arn:aws:s3:::oracle-data")], action="s3:GetObject", resource=OBJECT
    ),
    "the objects are not the bucket": Case(
        "implicit-deny",
        [allow("s3:*", "arn:aws:s3:::oracle-data/*")],
        action="s3:ListBucket",
        resource="arn:aws:s3:::oracle-data",
    ),
    "a * that ends a field spans colons": Case("allow", [allow(GET, "arn:aws:secretsmanager:*:secret:*")]),
    "a * that ends no field does not": Case("implicit-deny", [allow(GET, "arn:aws:secretsmanager:eu*2c3:x:y:z")]),
    "an incomplete ARN is completed": Case("allow", [allow(GET, "arn:aws:secretsmanager")]),
    "an incomplete ARN of another service": Case("implicit-deny", [allow(GET, "arn:aws:s3")]),
    "any account and region": Case("allow", [allow(GET, "arn:aws:secretsmanager:*:*:secret:*")]),
    "an action without a resource": Case(
        "allow", [allow("ecr:GetAuthorizationToken")], action="ecr:GetAuthorizationToken", resource="*"
    ),
    "an ARN does not mean *": Case(
        "implicit-deny", [allow("s3:ListAllMyBuckets", "arn:aws:s3:::*")], action="s3:ListAllMyBuckets", resource="*"
    ),
    "a variable of a user": Case(
        "allow",
        [allow(GET, "arn:aws:secretsmanager:*:*:secret:${aws:username}-*")],
        principal=ANN,
        resource=SECRET.replace("AmazonMSK_ingest", "ann"),
    ),
    "a variable without a value in NotResource": Case(
        "explicit-deny identity", [allow(), deny(resource=None, NotResource="arn:aws:s3:::${aws:username}")]
    ),
    "a default": Case(
        "allow",
        [allow("s3:*", "arn:aws:s3:::oracle-${aws:PrincipalTag/team, 'data'}/*")],
        action="s3:GetObject",
        resource=OBJECT,
    ),
    "a default is not for a tag that is there": Case(
        "implicit-deny",
        [allow("s3:*", "arn:aws:s3:::oracle-${aws:PrincipalTag/team, 'data'}/*")],
        action="s3:GetObject",
        resource=OBJECT,
        context={"aws:PrincipalTag/team": "web"},
    ),
    "no variables without a version": Case(
        "implicit-deny",
        [allow("s3:*", "arn:aws:s3:::${aws:username}/*")],
        version=None,
        principal=ANN,
        action="s3:GetObject",
        resource="arn:aws:s3:::ann/1",
    ),
    "a variable that isn't known": Case(
        "undecided identity",
        [allow("s3:*", "arn:aws:s3:::oracle-data/${aws:userid}/*")],
        action="s3:GetObject",
        resource="arn:aws:s3:::oracle-data/x/1",
    ),
    "a variable that isn't known, but can't fit": Case(
        "implicit-deny", [allow("s3:*", "arn:aws:s3:::other/${aws:userid}/*")], action="s3:GetObject", resource=OBJECT
    ),
    "a federated user's id follows": Case(
        "allow",
        [allow("s3:*", "arn:aws:s3:::d/${aws:userid}/*")],
        principal=FED,
        session=[EVERYTHING],
        action="s3:GetObject",
        resource=f"arn:aws:s3:::d/{A}:ann/1",
    ),
    "the PrincipalArn of a session is the role's": Case("allow", [allow(**when("ArnEquals", aws_PrincipalArn=ROLE))]),
    "it is not the session's": Case("implicit-deny", [allow(**when("ArnEquals", aws_PrincipalArn=SESSION))]),
    "the type of a session": Case("allow", [allow(**when("StringEquals", aws_PrincipalType="AssumedRole"))]),
    "the account": Case("allow", [allow(**when("StringEquals", aws_PrincipalAccount=A))]),
    "the resource's account": Case("allow", [allow(**when("StringEquals", aws_ResourceAccount=A))]),
    "no username of a role": Case("allow", [allow(**when("StringNotEquals", aws_username="ann"))]),
    "temporary credentials have a time of issue": Case(
        "implicit-deny", [allow(**when("Null", aws_TokenIssueTime="true"))]
    ),
    "a user's need not": Case("allow", [allow(**when("Null", aws_TokenIssueTime="true"))], principal=ANN),
    "MFA that isn't told": Case(
        "implicit-deny", [allow(**when("Bool", aws_MultiFactorAuthPresent="true"))], principal=ANN
    ),
    "MFA, recommended form": Case(
        "explicit-deny identity",
        [allow(), deny(**when("BoolIfExists", aws_MultiFactorAuthPresent="false"))],
        principal=ANN,
    ),
}

LIMITS = {
    "a boundary does not grant": Case("implicit-deny none|identity", boundary=[EVERYTHING]),
    "a boundary limits": Case("implicit-deny boundary", [EVERYTHING], boundary=[NOTHING]),
    "a boundary denies": Case("explicit-deny boundary", [EVERYTHING], boundary=[EVERYTHING, deny(GET)]),
    "an SCP does not grant": Case("implicit-deny none|identity", scps=[[EVERYTHING]]),
    "every level must allow": Case("implicit-deny scp", [EVERYTHING], scps=[[EVERYTHING], [NOTHING]]),
    "a level that only denies allows nothing": Case("implicit-deny scp", [EVERYTHING], scps=[[deny("iam:*")]]),
    "a level denies": Case("explicit-deny scp", [EVERYTHING], scps=[[EVERYTHING], [EVERYTHING, deny(GET)]]),
    "all levels allow": Case("allow identity", [EVERYTHING], scps=[[EVERYTHING], [allow("secretsmanager:*")]]),
    "an SCP may have a resource": Case("allow identity", [EVERYTHING], scps=[[allow(GET, SECRET)]]),
    "an SCP limits the root": Case("implicit-deny scp", principal=ROOT, scps=[[NOTHING]]),
    "an SCP limits a grant of the resource": Case("implicit-deny scp", resource_policy=[to("*")], scps=[[NOTHING]]),
    "no SCP limits a service-linked role": Case(
        "allow identity",
        [EVERYTHING],
        scps=[[deny()]],
        principal=f"arn:aws:sts::{A}:assumed-role/AWSServiceRoleForECS/x",
    ),
    "an RCP denies": Case("explicit-deny rcp", [EVERYTHING], rcps=[[to("*", effect="Deny")]]),
    "an RCP grants nothing": Case("implicit-deny none|identity", rcps=[[to("*", action="*")]]),
    "an RCP that denies another action": Case(
        "allow identity", [EVERYTHING], rcps=[[to("*", effect="Deny", action="s3:*")]]
    ),
    "a session policy limits": Case("implicit-deny session", [EVERYTHING], session=[NOTHING]),
    "a session policy does not grant": Case("implicit-deny none|identity", session=[EVERYTHING]),
    "a session policy denies": Case("explicit-deny session", [EVERYTHING], session=[EVERYTHING, deny(GET)]),
    "a federated user without a session policy": Case("implicit-deny session", [EVERYTHING], principal=FED),
    "a federated user with one": Case("allow identity", [EVERYTHING], principal=FED, session=[allow(GET)]),
    "the root has full access": Case("allow none|identity", principal=ROOT),
    "the root may be denied by a resource": Case(
        "explicit-deny resource", principal=ROOT, resource_policy=[to(aws(A), effect="Deny")]
    ),
}

DIRECT = {"user": (ANN, ANN), "session": (SESSION, SESSION), "federated": (FED, FED), "everyone": (SESSION, "*")}
RESOURCE = {
    "a grant to the role": Case("allow resource", resource_policy=[to(aws(ROLE))]),
    "to a role of another name": Case("implicit-deny", resource_policy=[to(aws(f"{ROLE}-2"))]),
    "to a role of another account": Case("implicit-deny", resource_policy=[to(aws(ROLE.replace(A, B)))]),
    "to the role with its path": Case(
        "allow resource", resource_policy=[to(aws(f"arn:aws:iam::{A}:role/team/ingest-task"))]
    ),
    "to another path, where the path is told": Case(
        "implicit-deny",
        resource_policy=[to(aws(f"arn:aws:iam::{A}:role/team/ingest-task"))],
        context={"aws:PrincipalArn": f"arn:aws:iam::{A}:role/web/ingest-task"},
    ),
    "to the role, boundary silent": Case("implicit-deny boundary", resource_policy=[to(aws(ROLE))], boundary=[NOTHING]),
    "to the role, session silent": Case("implicit-deny session", resource_policy=[to(aws(ROLE))], session=[NOTHING]),
    "to the role, both allow": Case(
        "allow resource", resource_policy=[to(aws(ROLE))], boundary=[EVERYTHING], session=[allow(GET)]
    ),
    "to another session": Case("implicit-deny", resource_policy=[to(aws(f"{SESSION}x"))]),
    "to a session, of a role whose session isn't told": Case(
        "undecided", resource_policy=[to(aws(SESSION))], principal=ROLE
    ),
    "to the account": Case("implicit-deny none|identity", resource_policy=[to(aws(A))]),
    "to the account, and the identity": Case("allow identity", [allow(GET)], resource_policy=[to(aws(ROOT))]),
    "a deny to the account": Case(
        "explicit-deny resource", [EVERYTHING], resource_policy=[to(aws(ROOT), effect="Deny")]
    ),
    "a deny to the role": Case("explicit-deny resource", [EVERYTHING], resource_policy=[to(aws(ROLE), effect="Deny")]),
    "a deny to another": Case("allow identity", [EVERYTHING], resource_policy=[to(aws(ANN), effect="Deny")]),
    "everyone, by PrincipalArn": Case(
        "allow resource",
        resource_policy=[to("*", **when("ArnLike", aws_PrincipalArn=f"arn:aws:iam::{A}:role/ingest-*"))],
        boundary=[NOTHING],
        session=[NOTHING],
    ),
    "everyone, by another PrincipalArn": Case(
        "implicit-deny", resource_policy=[to("*", **when("ArnEquals", aws_PrincipalArn=ANN))]
    ),
    "a user's name has letter case": Case(
        "implicit-deny", resource_policy=[to(aws(ANN))], principal=ANN.replace("ann", "Ann")
    ),
    "a canonical user is an account": Case("implicit-deny", resource_policy=[to({"CanonicalUser": "79a59df9"})]),
    "a canonical user may be denied": Case(
        "undecided resource", [EVERYTHING], resource_policy=[to({"CanonicalUser": "79a59df9"}, effect="Deny")]
    ),
    "a unique id of a role": Case("undecided resource", resource_policy=[to(aws("AROAEXAMPLEEXAMPLE01"))]),
    "a unique id of a user is no role's": Case("implicit-deny", resource_policy=[to(aws("AIDAEXAMPLEEXAMPLE01"))]),
    "the user behind a federated session": Case(
        "undecided resource", resource_policy=[to(aws(ANN))], principal=FED, session=[EVERYTHING]
    ),
    "a federated provider": Case(
        "implicit-deny", resource_policy=[to({"Federated": "cognito-identity.amazonaws.com"})]
    ),
    "another action": Case("implicit-deny", resource_policy=[to(aws(ROLE), action="secretsmanager:Describe*")]),
    "NotPrincipal with Allow": Case("allow resource", resource_policy=[stated("Allow", GET, NotPrincipal=aws(ANN))]),
    "NotPrincipal with Allow, named": Case(
        "implicit-deny", resource_policy=[stated("Allow", GET, NotPrincipal=aws(SESSION))]
    ),
    "NotPrincipal spares session, role and account": Case(
        "allow identity", [EVERYTHING], resource_policy=[deny(GET, NotPrincipal=aws(SESSION, ROLE, ROOT))]
    ),
    "NotPrincipal of the session alone": Case(
        "undecided", [EVERYTHING], resource_policy=[deny(GET, NotPrincipal=aws(SESSION))]
    ),
    "NotPrincipal of another": Case(
        "explicit-deny resource", [EVERYTHING], resource_policy=[deny(GET, NotPrincipal=aws(ANN, ROOT))]
    ),
    "NotPrincipal of the account": Case(
        "explicit-deny resource", [EVERYTHING], resource_policy=[deny(GET, NotPrincipal=aws(ROOT))]
    ),
    "NotPrincipal of a user alone": Case(
        "undecided", [EVERYTHING], principal=ANN, resource_policy=[deny(GET, NotPrincipal=aws(ANN))]
    ),
    "NotPrincipal and a boundary": Case(
        "explicit-deny resource",
        [EVERYTHING],
        principal=ANN,
        boundary=[EVERYTHING],
        resource_policy=[deny(GET, NotPrincipal=aws(ANN, ROOT))],
    ),
}

CROSS = {
    "both allow": Case("allow identity|resource", [allow(GET)], resource_policy=[to(aws(A))], resource=FOREIGN),
    "both allow, by role": Case(
        "allow identity|resource", [allow(GET)], resource_policy=[to(aws(ROLE))], resource=FOREIGN
    ),
    "the resource alone": Case("implicit-deny identity", resource_policy=[to(aws(SESSION))], resource=FOREIGN),
    "everyone is not enough": Case("implicit-deny identity", resource_policy=[to("*")], resource=FOREIGN),
    "the identity alone": Case("implicit-deny resource|none", [allow(GET)], resource=FOREIGN),
    "neither": Case("implicit-deny none", resource=FOREIGN),
    "boundary silent": Case(
        "implicit-deny boundary", [allow(GET)], boundary=[NOTHING], resource_policy=[to(aws(SESSION))], resource=FOREIGN
    ),
    "session silent": Case(
        "implicit-deny session", [allow(GET)], session=[NOTHING], resource_policy=[to(aws(SESSION))], resource=FOREIGN
    ),
    "SCP silent": Case(
        "implicit-deny scp", [allow(GET)], scps=[[NOTHING]], resource_policy=[to(aws(A))], resource=FOREIGN
    ),
    "denied by the resource": Case(
        "explicit-deny resource", [allow(GET)], resource_policy=[to(aws(A)), to("*", effect="Deny")], resource=FOREIGN
    ),
    "a root needs the resource": Case("implicit-deny resource", principal=ROOT, resource=FOREIGN),
    "a root with the resource": Case("allow", principal=ROOT, resource_policy=[to(aws(A))], resource=FOREIGN),
    "a bucket's account, told": Case(
        "implicit-deny resource|none",
        [allow("s3:*")],
        action="s3:GetObject",
        resource=OBJECT,
        context={"aws:ResourceAccount": B},
    ),
    "a bucket's account, not told": Case("allow identity", [allow("s3:*")], action="s3:GetObject", resource=OBJECT),
    "a canonical user": Case(
        "undecided", [allow(GET)], resource_policy=[to({"CanonicalUser": "79a5"})], resource=FOREIGN
    ),
}

DECRYPT = allow("kms:Decrypt", KEY)
KMS = {
    "a key without a policy of its own": Case("implicit-deny resource", [DECRYPT]),
    "the key's policy leaves it to the account": Case("allow identity", [DECRYPT], [to(aws(ROOT), action="kms:*")]),
    "and the identity is silent": Case("implicit-deny identity", resource_policy=[to(aws(ROOT), action="kms:*")]),
    "the key's policy names another": Case("implicit-deny resource", [DECRYPT], [to(aws(ANN), action="kms:*")]),
    "the key's policy names the role": Case("allow resource", resource_policy=[to(aws(ROLE), action="kms:Decrypt")]),
    "the role, boundary silent": Case(
        "implicit-deny boundary", resource_policy=[to(aws(ROLE), action="kms:*")], boundary=[NOTHING]
    ),
    "the root needs the key's policy": Case(
        "implicit-deny resource", principal=ROOT, resource_policy=[to(aws(ANN), action="kms:*")]
    ),
    "the account, by a condition that fails": Case(
        "implicit-deny resource",
        [DECRYPT],
        [to(aws(ROOT), action="kms:*", **when("StringEquals", kms_ViaService="s3.eu-west-2.amazonaws.com"))],
    ),
    "the account, by a condition that holds": Case(
        "allow identity",
        [DECRYPT],
        [to(aws(ROOT), action="kms:*", **when("StringEquals", kms_ViaService="s3.eu-west-2.amazonaws.com"))],
        context={"kms:ViaService": "s3.eu-west-2.amazonaws.com"},
    ),
    "the caller's account follows": Case(
        "allow identity", [DECRYPT], [to(aws(ROOT), action="kms:*", **when("StringEquals", kms_CallerAccount=A))]
    ),
    "the encryption context": Case(
        "implicit-deny",
        [allow("kms:Decrypt", KEY, Condition={"StringEquals": {"kms:EncryptionContext:app": "x"}})],
        [to(aws(ROOT), action="kms:*")],
    ),
}
KMS = {name: Case(**{**vars(case), "action": "kms:Decrypt", "resource": KEY}) for name, case in KMS.items()}
KMS |= {
    "across accounts": Case(
        "allow",
        [allow("kms:Decrypt", FOREIGN_KEY)],
        [to(aws(A), action="kms:*")],
        action="kms:Decrypt",
        resource=FOREIGN_KEY,
    ),
    "across accounts, by role, identity silent": Case(
        "implicit-deny identity", [NOTHING], [to(aws(ROLE), action="kms:*")], action="kms:Decrypt", resource=FOREIGN_KEY
    ),
    "no key, no key policy": Case("allow identity", [allow("kms:ListKeys")], action="kms:ListKeys", resource="*"),
}

ADMIN = f"arn:aws:iam::{A}:role/admin"
ASSUME = allow("sts:AssumeRole", ADMIN)


def trusts(principal: Any) -> list[dict[str, Any]]:
    """A trust policy."""
    return [stated("Allow", "sts:AssumeRole", None, Principal=principal)]


TRUST = {
    "without its trust policy": Case("implicit-deny resource", [ASSUME]),
    "trusts the account": Case("allow identity", [ASSUME], trusts(aws(A))),
    "trusts the account, identity silent": Case("implicit-deny identity", [NOTHING], trusts(aws(A))),
    "trusts the role itself": Case("allow resource", [NOTHING], trusts(aws(ROLE))),
    "trusts another": Case("implicit-deny resource", [ASSUME], trusts(aws(ANN))),
    "trusts a service": Case("implicit-deny resource", [ASSUME], trusts({"Service": "ecs-tasks.amazonaws.com"})),
}
TRUST = {name: Case(**{**vars(case), "action": "sts:AssumeRole", "resource": ADMIN}) for name, case in TRUST.items()}

IP = {"aws_SourceIp": "203.0.113.0/24"}
TLS = {"aws_SecureTransport": "false"}
UNKNOWN = {
    "an address that isn't told": Case("undecided identity", [allow(**when("IpAddress", **IP))]),
    "denied by an address that isn't told": Case("undecided identity", [allow(), deny(**when("NotIpAddress", **IP))]),
    "an address that is told": Case(
        "allow", [allow(**when("IpAddress", **IP))], context={"aws:SourceIp": "203.0.113.9"}
    ),
    "not told, but nothing grants": Case("implicit-deny none|identity", [NOTHING, deny(**when("NotIpAddress", **IP))]),
    "not told, but denied anyway": Case("explicit-deny", [allow(), deny(), deny(**when("NotIpAddress", **IP))]),
    "not told, but allowed anyway": Case("allow identity", [allow(), allow(**when("IpAddress", **IP))]),
    "not told, but the boundary is silent": Case(
        "implicit-deny boundary", [allow(**when("IpAddress", **IP))], boundary=[NOTHING]
    ),
    "not told, of another action": Case("allow", [allow(), deny("iam:*", **when("NotIpAddress", **IP))]),
    "through an endpoint there is no address": Case(
        "explicit-deny", [allow(), deny(**when("NotIpAddress", **IP))], context={"aws:SourceVpce": "vpce-1a2b3c4d"}
    ),
    "TLS that isn't told": Case(
        "undecided resource", [allow()], resource_policy=[to("*", effect="Deny", **when("Bool", **TLS))]
    ),
    "TLS or not": Case("allow", [allow(**when("Bool", **TLS)), allow(**when("Bool", aws_SecureTransport="true"))]),
    "TLS or not, one denied": Case(
        "undecided", [allow(**when("Bool", **TLS)), deny(**when("Bool", aws_SecureTransport="true"))]
    ),
    "denied with TLS and without": Case(
        "explicit-deny",
        [allow(), deny(**when("Bool", **TLS)), deny(**when("Bool", aws_SecureTransport="true"))],
    ),
    "any user agent": Case("allow", [allow(**when("StringLike", aws_UserAgent="*"))]),
    "any region but one": Case("undecided", [allow(**when("StringNotEquals", aws_RequestedRegion="us-east-1"))]),
    "a time is before or after": Case(
        "allow",
        [
            allow(**when("DateLessThan", aws_CurrentTime="2026-01-01")),
            allow(**when("DateGreaterThanEquals", aws_CurrentTime="2026-01-01")),
        ],
    ),
    "a time is before or after, not at": Case(
        "undecided",
        [
            allow(**when("DateLessThan", aws_CurrentTime="2026-01-01")),
            allow(**when("DateGreaterThan", aws_CurrentTime="2026-01-01")),
        ],
    ),
    "addresses all told apart": Case(
        "allow",
        [
            allow(**when("IpAddress", aws_SourceIp="10.0.0.0/8")),
            allow(**when("NotIpAddress", aws_SourceIp="10.0.0.0/8")),
        ],
    ),
    "a key that AWS does not list": Case(
        "undecided identity", [allow(**when("StringEquals", aws_PrincipalShoeSize="44"))]
    ),
    "a service's key that AWS does not list": Case("undecided", [allow(**when("StringEquals", s3_shoe="44"))]),
    "unless it is told": Case("allow", [allow(**when("StringEquals", s3_shoe="44"))], context={"S3:Shoe": "44"}),
    "an unknown key under IfExists": Case("undecided", [allow(**when("StringEqualsIfExists", s3_shoe="44"))]),
    "an unknown operator": Case("undecided identity", [allow(**when("StringMatches", aws_PrincipalTag="44"))]),
    "an unknown operator in a deny": Case("undecided", [allow(), deny(**when("StringMatches", aws_username="44"))]),
    "an unknown operator beside a condition that fails": Case(
        "implicit-deny",
        [allow(Condition={"StringMatches": {"aws:x": "1"}, "StringEquals": {"aws:PrincipalAccount": B}})],
    ),
    "a tag that isn't told is absent": Case(
        "implicit-deny", [allow(**when("StringEquals", **{"aws_PrincipalTag/team": "x"}))]
    ),
    "an organization that isn't told is absent": Case(
        "implicit-deny", [allow(**when("StringEquals", aws_PrincipalOrgID="o-1"))]
    ),
    "a service's key that isn't told is absent": Case(
        "implicit-deny", [allow(**when("StringEquals", **{"s3_x-amz-acl": "private"}))]
    ),
    "several values without a set operator": Case(
        "undecided", [allow(**when("StringEquals", aws_TagKeys="a"))], context={"aws:TagKeys": ["a", "b"]}
    ),
}

CASES = {
    f"{group}: {name}": case
    for group, cases in {
        "identity": IDENTITY,
        "limits": LIMITS,
        "resource": RESOURCE,
        "cross": CROSS,
        "kms": KMS,
        "trust": TRUST,
        "unknown": UNKNOWN,
    }.items()
    for name, case in cases.items()
}


@pytest.mark.parametrize("name", CASES)
def test_a_case_of_the_documentation(name: str) -> None:
    """The decision and its source are those that AWS documents."""
    check(CASES[name])


@pytest.mark.parametrize("kind", DIRECT)
@pytest.mark.parametrize("limit", ["identity", "boundary", "session"])
def test_a_grant_to_the_principal_itself_passes_implicit_denies(kind: str, limit: str) -> None:
    """As the table "Resource-based policies and implicit denies in other policy types" has it."""
    principal, named = DIRECT[kind]
    limits: dict[str, Any] = {} if limit == "identity" else {limit: [NOTHING]}
    grant = to(named if named == "*" else aws(named))
    check(Case("allow resource", principal=principal, resource_policy=[grant], **limits))


@pytest.mark.parametrize("kind", DIRECT)
def test_but_no_explicit_deny(kind: str) -> None:
    """A deny in any policy overrides it."""
    principal, named = DIRECT[kind]
    grant = to(named if named == "*" else aws(named))
    for source, limits in [
        ("identity", {"identity": [deny(GET)]}),
        ("boundary", {"boundary": [deny(GET)]}),
        ("session", {"session": [deny(GET)]}),
        ("scp", {"scps": [[EVERYTHING, deny(GET)]]}),
        ("rcp", {"rcps": [[to("*", effect="Deny")]]}),
    ]:
        check(Case(f"explicit-deny {source}", principal=principal, resource_policy=[grant], **limits))  # type: ignore[arg-type]  # one of these, by name


def test_the_statement_is_named() -> None:
    """The index counts in its own document, and the reason names both."""
    decision = judge(Case("", [NOTHING, allow(GET), deny("secretsmanager:*", Sid="NoSecrets")]))
    assert (2, "identity.json") == (decision.statement, decision.document)
    assert "statement 2 (NoSecrets) of identity.json denies secretsmanager:GetSecretValue" == decision.reason


def test_a_near_miss_is_told() -> None:
    """What would allow but for a condition is the first thing to look at."""
    decision = judge(Case("", [allow(**when("StringEquals", aws_PrincipalAccount=B))]))
    assert decision.reason.endswith("statement 0 of identity.json would, but its conditions do not hold")
    for case in (
        Case("", [allow(GET)], scps=[[allow("*")], [allow("ec2:*")]]),
        Case("", [NOTHING], resource_policy=[allow(GET, Principal={"AWS": A})]),
    ):
        assert "conditions" not in judge(case).reason


def test_what_is_not_known_is_told() -> None:
    """An undecided answer names the key to give."""
    decision = judge(Case("", [allow(**when("IpAddress", **IP))]))
    assert "aws:SourceIp" in decision.reason
